// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package buckettest holds the rules of bucket.Bucket as tests and benchmarks.
// Every implementation, decorator and fake runs them.
package buckettest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"onrecord/archive/bucket"
)

// Run checks the buckets that open returns. Each check gets a bucket of its
// own, which open must make empty and must clean up with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) bucket.Bucket) {
	for _, c := range []struct {
		name  string
		check func(t *testing.T, b bucket.Bucket)
	}{
		{"RoundTrip", roundTrip},
		{"AbsentIsNotExist", absentIsNotExist},
		{"NeverOverwrites", neverOverwrites},
		{"Ranges", ranges},
		{"LyingBody", lyingBody},
		{"BadKeys", badKeys},
		{"KeyBelowKey", keyBelowKey},
		{"RacingCreators", racingCreators},
		{"ReadYourWrite", readYourWrite},
		{"SwapConditions", swapConditions},
		{"RegisterTooLarge", registerTooLarge},
		{"RegistersAndObjects", registersAndObjects},
		{"RacingSwaps", racingSwaps},
		{"RacingFirstSwaps", racingFirstSwaps},
		{"LoadsDuringSwaps", loadsDuringSwaps},
		{"ListOrder", listOrder},
		{"ListAfterAndPrefix", listAfterAndPrefix},
		{"ListStop", listStop},
		{"Cancelled", cancelled},
		{"CancelledRead", cancelledRead},
		{"Prune", prune},
		{"Replace", replace},
		{"ReplaceKeys", replaceKeys},
		{"RacingReplaces", racingReplaces},
		{"Remove", remove},
		{"SetAside", setAside},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, open(t)) })
	}
}

// create stores body under key.
func create(t testing.TB, b bucket.Bucket, key, body string) {
	t.Helper()
	if err := b.Create(t.Context(), key, bucket.Bytes([]byte(body))); err != nil {
		t.Fatalf("Create(%s): %v", key, err)
	}
}

// read returns n bytes of an object from off.
func read(t testing.TB, b bucket.Bucket, key string, off, n int64) string {
	t.Helper()
	o, err := b.Open(t.Context(), key, off, n)
	if err != nil {
		t.Fatalf("Open(%s, %d, %d): %v", key, off, n, err)
	}
	body, err := io.ReadAll(o)
	if err := errors.Join(err, o.Close()); err != nil {
		t.Fatalf("read %s: %v", key, err)
	}
	return string(body)
}

// load returns a register and its tag.
func load(t testing.TB, b bucket.Bucket, key string) (string, bucket.Tag) {
	t.Helper()
	body, tag, err := b.Load(t.Context(), key)
	if err != nil {
		t.Fatalf("Load(%s): %v", key, err)
	}
	if tag.IsZero() {
		t.Fatalf("Load(%s): zero tag", key)
	}
	return string(body), tag
}

// wantErr checks that err is want.
func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// keys returns the keys of a listing.
func keys(t testing.TB, b bucket.Bucket, prefix, after string) []string {
	t.Helper()
	var ks []string
	for info, err := range b.List(t.Context(), prefix, after) {
		if err != nil {
			t.Fatalf("List(%q, %q): %v", prefix, after, err)
		}
		ks = append(ks, info.Key)
	}
	return ks
}

func roundTrip(t *testing.T, b bucket.Bucket) {
	large := strings.Repeat("0123456789abcdef", 1<<16)
	for key, body := range map[string]string{
		"plain": "body", "empty": "", "deep/er/and/deep.er/k_1-2": "x", "large": large, ".hidden/.name": "dot",
	} {
		create(t, b, key, body)
		o, err := b.Open(t.Context(), key, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(o)
		if err := errors.Join(err, o.Close()); err != nil || string(got) != body || o.Size != int64(len(body)) {
			t.Errorf("%s: %d bytes of %d, err %v; want %d", key, len(got), o.Size, err, len(body))
		}
	}
}

func absentIsNotExist(t *testing.T, b bucket.Bucket) {
	create(t, b, "a/b", "x")
	for _, key := range []string{"none", "a", "a/c", "a/b/c", "none/b"} {
		_, err := b.Open(t.Context(), key, 0, -1)
		wantErr(t, "Open "+key, err, bucket.ErrNotExist)
		_, _, err = b.Load(t.Context(), key)
		wantErr(t, "Load "+key, err, bucket.ErrNotExist)
	}
}

func neverOverwrites(t *testing.T, b bucket.Bucket) {
	create(t, b, "a/k", "first")
	for _, body := range []string{"second", "first", ""} {
		wantErr(t, "Create", b.Create(t.Context(), "a/k", bucket.Bytes([]byte(body))), bucket.ErrExists)
	}
	if got := read(t, b, "a/k", 0, -1); got != "first" {
		t.Errorf("object is %q after refused writes", got)
	}
}

func ranges(t *testing.T, b bucket.Bucket) {
	create(t, b, "k", "0123456789")
	for _, r := range []struct {
		off, n int64
		want   string
	}{
		{0, -1, "0123456789"}, {0, 10, "0123456789"}, {0, 1, "0"}, {3, 4, "3456"},
		{9, 1, "9"}, {9, -1, "9"}, {4, 0, ""}, {10, -1, ""}, {10, 0, ""},
	} {
		if got := read(t, b, "k", r.off, r.n); got != r.want {
			t.Errorf("range (%d, %d) is %q, want %q", r.off, r.n, got, r.want)
		}
		if o, err := b.Open(t.Context(), "k", r.off, r.n); err == nil {
			if o.Size != 10 {
				t.Errorf("range (%d, %d): Size %d, want that of the object", r.off, r.n, o.Size)
			}
			_ = o.Close()
		}
	}
	for _, r := range [][2]int64{{0, 11}, {5, 6}, {10, 1}, {11, 0}, {11, -1}, {-1, 2}, {-1, -1}, {1, 1<<63 - 1}, {1<<63 - 1, 1}} {
		o, err := b.Open(t.Context(), "k", r[0], r[1])
		wantErr(t, "Open outside", err, bucket.ErrRange)
		if err == nil {
			_ = o.Close()
		}
	}
}

// lyingBody checks that a Body which is not what it promises leaves nothing.
func lyingBody(t *testing.T, b bucket.Bucket) {
	broken := errors.New("broken disk")
	honest := bucket.Bytes([]byte("body"))
	with := func(change func(*bucket.Body)) bucket.Body {
		body := honest
		change(&body)
		return body
	}
	opens := func(r io.Reader) func() (io.ReadCloser, error) {
		return func() (io.ReadCloser, error) { return io.NopCloser(r), nil }
	}
	for name, c := range map[string]struct {
		body bucket.Body
		want error
	}{
		"too short":  {with(func(b *bucket.Body) { b.Size = 5 }), bucket.ErrSum},
		"too long":   {with(func(b *bucket.Body) { b.Size = 3 }), bucket.ErrSum},
		"other sum":  {with(func(b *bucket.Body) { b.SHA256[0] ^= 1 }), bucket.ErrSum},
		"no bytes":   {bucket.Body{}, bucket.ErrSum},
		"won't open": {with(func(b *bucket.Body) { b.Open = func() (io.ReadCloser, error) { return nil, broken } }), broken},
		"breaks off": {with(func(b *bucket.Body) {
			b.Open = opens(io.MultiReader(strings.NewReader("bo"), errReader{broken}))
		}), broken},
		"changed": {with(func(b *bucket.Body) { b.Open = opens(strings.NewReader("Body")) }), bucket.ErrSum},
	} {
		wantErr(t, name, b.Create(t.Context(), "lie/k", c.body), c.want)
		if ks := keys(t, b, "", ""); len(ks) != 0 {
			t.Fatalf("%s: left %v", name, ks)
		}
	}
	if err := b.Create(t.Context(), "lie/k", honest); err != nil {
		t.Errorf("honest body after the lies: %v", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func badKeys(t *testing.T, b bucket.Bucket) {
	long := strings.Repeat("a", bucket.MaxSegment)
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "a/./b", "a/../b", "../a", "A", "a b", "é", "a\x00b", "a\\b", "a+b", "a:b", "a*",
		long + "a", strings.Repeat(long+"/", 4) + long[:101],
	} {
		wantErr(t, "Create "+key, b.Create(t.Context(), key, bucket.Bytes(nil)), bucket.ErrKey)
		_, err := b.Open(t.Context(), key, 0, -1)
		wantErr(t, "Open "+key, err, bucket.ErrKey)
		_, _, err = b.Load(t.Context(), key)
		wantErr(t, "Load "+key, err, bucket.ErrKey)
		_, err = b.Swap(t.Context(), key, bucket.Absent(), nil)
		wantErr(t, "Swap "+key, err, bucket.ErrKey)
	}
	if ks := keys(t, b, "", ""); len(ks) != 0 {
		t.Errorf("refused keys left %v", ks)
	}
	for _, key := range []string{long, "b/" + strings.Repeat(long+"/", 4) + long[:98], "...", "a/..b", "-", "_"} {
		create(t, b, key, key)
		if got := read(t, b, key, 0, -1); got != key {
			t.Errorf("%.20s…: %d bytes, want %d", key, len(got), len(key))
		}
	}
}

// keyBelowKey breaks the rule that no key is the beginning of another: a
// bucket may refuse or store that, but the first object stays as it is.
func keyBelowKey(t *testing.T, b bucket.Bucket) {
	create(t, b, "a/b", "first")
	for _, key := range []string{"a", "a/b/c", "a/b/c/d"} {
		err := b.Create(t.Context(), key, bucket.Bytes([]byte("second")))
		if err == nil {
			continue
		}
		wantErr(t, "Create "+key, err, bucket.ErrKey)
		_, err = b.Swap(t.Context(), key, bucket.Absent(), []byte("second"))
		wantErr(t, "Swap "+key, err, bucket.ErrKey)
	}
	if got := read(t, b, "a/b", 0, -1); got != "first" {
		t.Errorf("object is %q", got)
	}
}

func readYourWrite(t *testing.T, b bucket.Bucket) {
	tag, err := b.Swap(t.Context(), "reg/r", bucket.Absent(), []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, next := range []string{"2", "", "three", strings.Repeat("x", 1<<16)} {
		tag, err = b.Swap(t.Context(), "reg/r", bucket.Matches(tag), []byte(next))
		if err != nil {
			t.Fatalf("swap with the tag of my own write: %v", err)
		}
		body, loaded := load(t, b, "reg/r")
		if body != next {
			t.Fatalf("register is %.10q, want %.10q", body, next)
		}
		if loaded != tag {
			t.Fatalf("Load gives tag %v, Swap gave %v", loaded, tag)
		}
		if got := bucket.NewTag(tag.String()); got != tag {
			t.Fatalf("a tag does not survive its spelling: %v", got)
		}
	}
}

func prune(t *testing.T, b bucket.Bucket) {
	p, ok := b.(bucket.Pruner)
	if !ok {
		t.Skip("no bucket.Pruner")
	}
	partial := []string{"log/tile/0/000.p/7", "log/tile/0/000.p/255", "log/tile/entries/x001/234.p/8"}
	kept := []string{"log/tile/0/000", "log/tile/0/001.p", "log/tile/0/002.p/256", "log/tile/0/002.p/x", "journal/a.p/3", "log/tile/.p", "log/tile/5"}
	for _, key := range append(partial, kept...) {
		create(t, b, key, "x")
	}
	for _, key := range partial {
		for range 2 {
			if err := p.Prune(t.Context(), key); err != nil {
				t.Errorf("Prune(%s): %v", key, err)
			}
		}
	}
	for _, key := range append(kept, "", "../x") {
		wantErr(t, "Prune "+key, p.Prune(t.Context(), key), bucket.ErrKey)
	}
	if got := keys(t, b, "", ""); len(got) != len(kept) {
		t.Errorf("after Prune: %q, want %d keys", got, len(kept))
	}
	create(t, b, partial[0], "again")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantErr(t, "cancelled Prune", p.Prune(ctx, partial[0]), context.Canceled)
	if got := read(t, b, partial[0], 0, -1); !bytes.Equal([]byte(got), []byte("again")) {
		t.Errorf("object is %q", got)
	}
}
