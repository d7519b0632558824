// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package buckettest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"onrecord/archive/bucket"
)

// eraser returns b as a bucket.Eraser that erases; the test is skipped where it
// is none.
func eraser(t *testing.T, b bucket.Bucket) bucket.Eraser {
	t.Helper()
	e, ok := b.(bucket.Eraser)
	if !ok {
		t.Skip("no bucket.Eraser")
	}
	if err := e.Erases(t.Context()); err != nil {
		t.Skipf("this store keeps what is replaced: %v", err)
	}
	return e
}

// replaceable are keys whose objects an erasure may replace.
var replaceable = []string{
	"captures/2026/03/01/v.warc.gz", "media/2026/03/01/v.warc", "journal/2026/03/01/v.ndjson.zst",
}

func replace(t *testing.T, b bucket.Bucket) {
	e := eraser(t, b)
	first, second := "first bytes", strings.Repeat("second", 1<<16)
	was := sha256.Sum256([]byte(first))
	for _, key := range replaceable {
		wantErr(t, "Replace what is not there", e.Replace(t.Context(), key, was, bucket.Bytes([]byte(second))), bucket.ErrNotExist)
		if got := keys(t, b, key, ""); len(got) != 0 {
			t.Fatalf("a refused Replace made %q", got)
		}
		create(t, b, key, first)
		wantErr(t, "Replace other bytes", e.Replace(t.Context(), key, sha256.Sum256(nil), bucket.Bytes([]byte(second))), bucket.ErrConflict)
		lying := bucket.Bytes([]byte(second))
		lying.SHA256 = was
		wantErr(t, "Replace by a body that lies", e.Replace(t.Context(), key, was, lying), bucket.ErrSum)
		if got := read(t, b, key, 0, -1); got != first {
			t.Fatalf("after refused calls: %.20q, want %q", got, first)
		}
		if err := e.Replace(t.Context(), key, was, bucket.Bytes([]byte(second))); err != nil {
			t.Fatalf("Replace(%s): %v", key, err)
		}
		if got := read(t, b, key, 0, -1); got != second {
			t.Fatalf("after Replace: %.20q, want %.20q", got, second)
		}
		wantErr(t, "Replace again", e.Replace(t.Context(), key, was, bucket.Bytes([]byte(second))), bucket.ErrConflict)
		wantErr(t, "Create what was replaced", b.Create(t.Context(), key, bucket.Bytes([]byte(first))), bucket.ErrExists)
		if got := keys(t, b, key, ""); len(got) != 1 {
			t.Errorf("listed after Replace: %q", got)
		}
		if err := e.Replace(t.Context(), key, sha256.Sum256([]byte(second)), bucket.Bytes(nil)); err != nil {
			t.Errorf("Replace by nothing: %v", err)
		}
		if got := read(t, b, key, 0, -1); got != "" {
			t.Errorf("after Replace by nothing: %.20q", got)
		}
		wantErr(t, "Remove "+key, e.Remove(t.Context(), key), bucket.ErrKey)
	}
	if got := keys(t, b, "", ""); len(got) != len(replaceable) {
		t.Errorf("Replace left %q", got)
	}
}

func replaceKeys(t *testing.T, b bucket.Bucket) {
	e := eraser(t, b)
	body := []byte("x")
	was := sha256.Sum256(body)
	for _, key := range []string{"onrecord.json", "log/tile/0/000", "log/tile/entries/000", "views/catalog/1.db.zst", "state", "captures", "", "captures/../x"} {
		wantErr(t, "Replace "+key, e.Replace(t.Context(), key, was, bucket.Bytes(body)), bucket.ErrKey)
	}
	for _, key := range []string{"log/head", "state/press.json"} {
		if _, err := b.Swap(t.Context(), key, bucket.Absent(), body); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"log/head", "state/press.json"} {
		wantErr(t, "Replace "+key, e.Replace(t.Context(), key, was, bucket.Bytes(body)), bucket.ErrKey)
	}
	for _, key := range []string{"log/head", "onrecord.json", replaceable[0], "state", ""} {
		wantErr(t, "Forget "+key, e.Forget(t.Context(), key), bucket.ErrKey)
	}
	for _, key := range []string{"state/press.json", "state/none.json"} {
		if err := e.Forget(t.Context(), key); err != nil {
			t.Errorf("Forget %s: %v", key, err)
		}
	}
	if now, _, err := b.Load(t.Context(), "state/press.json"); err != nil || !bytes.Equal(now, body) {
		t.Errorf("after Forget: %q, %v", now, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	create(t, b, replaceable[0], "x")
	wantErr(t, "cancelled Replace", e.Replace(ctx, replaceable[0], was, bucket.Bytes(nil)), context.Canceled)
	if got := read(t, b, replaceable[0], 0, -1); got != "x" {
		t.Errorf("after a cancelled Replace: %q", got)
	}
}

// racingReplaces: of many that replace the same bytes, one succeeds, and a
// reader sees one whole body or another.
func racingReplaces(t *testing.T, b bucket.Bucket) {
	e := eraser(t, b)
	const n = 8
	key := replaceable[0]
	create(t, b, key, "before")
	was := sha256.Sum256([]byte("before"))
	bodies := map[string]bool{"before": true}
	for i := range n {
		bodies[strings.Repeat(fmt.Sprint(i), 1<<12)] = true
	}
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			errs[i] = e.Replace(t.Context(), key, was, bucket.Bytes([]byte(strings.Repeat(fmt.Sprint(i), 1<<12))))
		})
		wg.Go(func() {
			if got := read(t, b, key, 0, -1); !bodies[got] {
				t.Errorf("read %d bytes that nobody wrote whole", len(got))
			}
		})
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		switch {
		case err == nil:
			won++
			if got := read(t, b, key, 0, 1); got != fmt.Sprint(i) {
				t.Errorf("Replace %d succeeded, the object is that of %s", i, got)
			}
		case !errors.Is(err, bucket.ErrConflict):
			t.Errorf("Replace %d: %v", i, err)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d succeeded, want 1", won, n)
	}
}

func remove(t *testing.T, b bucket.Bucket) {
	e := eraser(t, b)
	view, other := "views/catalog/000000000017.db.zst", "views/catalog/000000000018.db.zst"
	corpse := bucket.DamagedFolder + "captures/x/0123456789abcdef"
	for _, key := range []string{view, other, corpse, corpse + ".json", "captures/x", "onrecord.json"} {
		create(t, b, key, "body")
	}
	for _, key := range []string{"onrecord.json", "captures/x", "log/head", "views", "viewsx/y", "", "views/../onrecord.json", "damaged", "damagedx/y"} {
		wantErr(t, "Remove "+key, e.Remove(t.Context(), key), bucket.ErrKey)
	}
	for range 2 { // what is not there is no error
		for _, key := range []string{view, corpse + ".json", corpse} {
			if err := e.Remove(t.Context(), key); err != nil {
				t.Errorf("Remove: %v", err)
			}
		}
	}
	if got := strings.Join(keys(t, b, "", ""), " "); got != "captures/x onrecord.json "+other {
		t.Errorf("after Remove: %s", got)
	}
	create(t, b, view, "again")
	if got := read(t, b, view, 0, -1); got != "again" {
		t.Errorf("made again: %q", got)
	}
}
