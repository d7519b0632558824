// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package spool_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/archive/spool"
	"onrecord/archive/warc"
)

var day = time.Date(2026, 11, 22, 23, 59, 0, 123456000, time.UTC)

func visit(t testing.TB, n int) onrecord.VisitID {
	t.Helper()
	id, err := onrecord.NewVisitID(day.Add(time.Duration(n)*time.Minute), bytes.NewReader(make([]byte, 10)))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func meta(t testing.TB, n int) spool.Meta {
	t.Helper()
	return spool.Meta{
		Visit: visit(t, n), Source: "press", Platform: "website", AccountID: "jane.example",
		Door: "feed", Parser: "feed/1", Started: day, Tick: day.Add(-time.Second),
		StateTag: "tag", From: 41, Predecessor: visit(t, 100), LateOf: visit(t, 200),
		Provenance: onrecord.Captured, Extra: json.RawMessage(`{"figure":"jane-example"}`),
	}
}

func open(t testing.TB, dir string, edit func(*spool.Options)) *spool.Dir {
	t.Helper()
	o := spool.Options{Software: "onrecord/test", Operator: "Example e.V.", Rand: rand.NewChaCha8([32]byte{1})}
	if edit != nil {
		edit(&o)
	}
	d, err := spool.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func create(t testing.TB, d *spool.Dir, m spool.Meta) *spool.Spool {
	t.Helper()
	s, err := d.Create(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func exchange(n int) onrecord.Exchange {
	return onrecord.Exchange{
		URL: "https://jane.example/" + strings.Repeat("a", n), At: day, Done: day.Add(time.Second), Method: "GET", Status: 200,
		Request:  []byte("GET / HTTP/1.1\r\nHost: jane.example\r\n\r\n"),
		Response: []byte("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"),
		Payload:  []byte("<p>" + strings.Repeat("Jane said. ", n+1)), IP: "192.0.2.7", Note: []byte(`{"kind":"page"}`),
	}
}

// revisits are exchanges whose payloads the WARC only refers to.
func revisits() []onrecord.Exchange {
	same := exchange(3)
	sum := sha256.Sum256(same.Payload)
	same.Prior = &onrecord.Prior{URL: same.URL, At: day.Add(-time.Hour), Digest: hex.EncodeToString(sum[:])}
	unchanged := exchange(4)
	unchanged.Status, unchanged.Response, unchanged.Payload = 304, []byte("HTTP/1.1 304 Not Modified\r\n\r\n"), nil
	unchanged.Prior = &onrecord.Prior{URL: unchanged.URL, At: day.Add(-time.Hour), Digest: hex.EncodeToString(sum[:])}
	chatty := unchanged
	chatty.Payload = []byte("a 304 with a body")
	failed := onrecord.Exchange{URL: "https://jane.example/b", At: day, Method: "GET", Failure: "dns: no such host"}
	return []onrecord.Exchange{same, unchanged, chatty, failed}
}

func record(t testing.TB, s *spool.Spool, xs ...onrecord.Exchange) []onrecord.CaptureRef {
	t.Helper()
	var refs []onrecord.CaptureRef
	for _, x := range xs {
		ref, err := s.Record(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, ref)
	}
	return refs
}

func take(t testing.TB, d *spool.Dir) (out []*spool.Spool, errs []error) {
	t.Helper()
	for s, err := range d.Take(t.Context(), nil) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		t.Cleanup(func() { _ = s.Close() })
		out = append(out, s)
	}
	return out, errs
}

func takeOne(t testing.TB, d *spool.Dir) *spool.Spool {
	t.Helper()
	got, errs := take(t, d)
	if len(got) != 1 || len(errs) != 0 {
		t.Fatalf("took %d spools, errors %v", len(got), errs)
	}
	return got[0]
}

func entries(t testing.TB, s *spool.Spool) (xs []onrecord.Exchange, refs []onrecord.CaptureRef) {
	t.Helper()
	for e, err := range s.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		xs = append(xs, e.Exchange)
		refs = append(refs, e.Ref)
	}
	return xs, refs
}

var emptyIsNil = cmp.Comparer(func(a, b []byte) bool { return bytes.Equal(a, b) })

func content(t testing.TB, s *spool.Spool) []byte {
	t.Helper()
	body, ok, err := s.WARC()
	if err != nil || !ok {
		t.Fatalf("WARC: %v, %v", ok, err)
	}
	r, err := body.Open()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	if int64(len(b)) != body.Size || sha256.Sum256(b) != body.SHA256 {
		t.Fatalf("body of %d bytes is not what it promises (%d bytes)", len(b), body.Size)
	}
	return b
}

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	want := append([]onrecord.Exchange{exchange(1), exchange(2)}, revisits()...)
	d := open(t, dir, nil)
	s := create(t, d, meta(t, 0))
	refs := record(t, s, want...)
	if err := s.Put("journal", []byte("line\n")); err != nil {
		t.Fatal(err)
	}
	if got, errs := take(t, d); len(got) > 0 || len(errs) > 0 {
		t.Fatalf("took a spool that is held: %v, %v", got, errs)
	}
	live, _ := entries(t, s)
	whole := content(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = takeOne(t, open(t, dir, nil))
	if diff := cmp.Diff(meta(t, 0), s.Meta()); diff != "" {
		t.Errorf("meta:\n%s", diff)
	}
	got, gotRefs := entries(t, s)
	if diff := cmp.Diff(want, got, emptyIsNil); diff != "" {
		t.Errorf("exchanges (-recorded +read):\n%s", diff)
	}
	if diff := cmp.Diff(live, got, emptyIsNil); diff != "" {
		t.Errorf("exchanges (-live +restarted):\n%s", diff)
	}
	if diff := cmp.Diff(refs, gotRefs); diff != "" {
		t.Errorf("references:\n%s", diff)
	}
	if b, err := s.Get("journal"); err != nil || string(b) != "line\n" {
		t.Errorf("put file: %q, %v", b, err)
	}
	if s.Cut() != 0 {
		t.Errorf("cut %d bytes of a whole spool", s.Cut())
	}
	if !bytes.Equal(content(t, s), whole) {
		t.Error("WARC has changed")
	}

	// It goes on where it stopped.
	more := record(t, s, exchange(5))
	if more[0].Offset != int64(len(whole)) {
		t.Errorf("goes on at %d, want %d", more[0].Offset, len(whole))
	}
	b := content(t, s)
	if rec, err := warc.ReadAt(bytes.NewReader(b), more[0], warc.ReaderOptions{}); err != nil || rec.URL() != exchange(5).URL {
		t.Errorf("reference leads to %v, %v", rec, err)
	}
	if err := s.Remove(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestObject(t *testing.T) {
	s := create(t, open(t, t.TempDir(), nil), meta(t, 0))
	want := "captures/2026/11/22/" + visit(t, 0).String() + ".warc.gz"
	if got := record(t, s, exchange(1))[0].Object; got != want || s.Object() != want {
		t.Errorf("object %q, want %q", got, want)
	}
	// The date is that of the ULID, not of the start.
	s = create(t, open(t, t.TempDir(), nil), meta(t, 1))
	if want := "captures/2026/11/23/" + visit(t, 1).String() + ".warc.gz"; s.Object() != want {
		t.Errorf("object %q, want %q", s.Object(), want)
	}
}

func TestNothingRecorded(t *testing.T) {
	dir := t.TempDir()
	s := create(t, open(t, dir, nil), meta(t, 0))
	for range 2 {
		if _, ok, err := s.WARC(); ok || err != nil {
			t.Errorf("WARC: %v, %v", ok, err)
		}
		if xs, _ := entries(t, s); len(xs) > 0 {
			t.Errorf("entries: %v", xs)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = takeOne(t, open(t, dir, nil))
	}
}

func TestRefusedExchange(t *testing.T) {
	s := create(t, open(t, t.TempDir(), nil), meta(t, 0))
	bad := exchange(1)
	bad.URL = "two\nlines"
	if _, err := s.Record(t.Context(), bad); !errors.Is(err, warc.ErrExchange) {
		t.Errorf("err = %v", err)
	}
	record(t, s, exchange(1))
	if xs, _ := entries(t, s); len(xs) != 1 {
		t.Errorf("%d entries", len(xs))
	}
}

func TestOldestFirst(t *testing.T) {
	d := open(t, t.TempDir(), nil)
	for _, n := range []int{2, 0, 1} {
		if err := create(t, d, meta(t, n)).Close(); err != nil {
			t.Fatal(err)
		}
	}
	got, errs := take(t, d)
	if len(got) != 3 || len(errs) > 0 {
		t.Fatalf("took %d, %v", len(got), errs)
	}
	for i, s := range got {
		if s.Meta().Visit != visit(t, i) {
			t.Errorf("spool %d is of visit %s", i, s.Meta().Visit)
		}
	}
}

func TestCreate(t *testing.T) {
	d := open(t, t.TempDir(), nil)
	s := create(t, d, meta(t, 0))
	if _, err := d.Create(t.Context(), meta(t, 0)); !errors.Is(err, spool.ErrExists) {
		t.Errorf("the same visit again: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Create(t.Context(), meta(t, 0)); !errors.Is(err, spool.ErrExists) {
		t.Errorf("the same visit after a restart: %v", err)
	}
	if _, err := d.Create(t.Context(), spool.Meta{}); err == nil {
		t.Error("a spool of no visit")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Create(ctx, meta(t, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
	if got, errs := take(t, d); len(got) != 1 || len(errs) > 0 {
		t.Errorf("took %d, %v", len(got), errs)
	}
}

func TestLimit(t *testing.T) {
	dir := t.TempDir()
	limit := func(o *spool.Options) { o.Limit = 4000 }
	d := open(t, dir, limit)
	s := create(t, d, meta(t, 0))
	for range 4 {
		record(t, s, exchange(10)) // a visit that has begun goes on above the limit
	}
	if _, err := d.Create(t.Context(), meta(t, 1)); !errors.Is(err, spool.ErrFull) {
		t.Fatalf("err = %v", err)
	}
	if _, err := open(t, dir, limit).Create(t.Context(), meta(t, 1)); !errors.Is(err, spool.ErrFull) {
		t.Errorf("another process: %v", err)
	}
	if err := s.Remove(); err != nil {
		t.Fatal(err)
	}
	create(t, d, meta(t, 1))
}

func TestFiles(t *testing.T) {
	s := create(t, open(t, t.TempDir(), nil), meta(t, 0))
	for _, name := range []string{"", ".", "..", ".a", "a/b", "A", "a1", "meta.json", "index.ndjson", "payloads", "a~", strings.Repeat("a", 65)} {
		if err := s.Put(name, nil); !errors.Is(err, spool.ErrName) {
			t.Errorf("put %q: %v", name, err)
		}
		if _, err := s.Get(name); !errors.Is(err, spool.ErrName) {
			t.Errorf("get %q: %v", name, err)
		}
	}
	if _, err := s.Get("plan"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("get what is not there: %v", err)
	}
	for _, want := range []string{"first", "", "third"} {
		if err := s.Put("a.b", []byte(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get("a.b"); err != nil || string(got) != want {
			t.Errorf("got %q, %v", got, err)
		}
	}
	m := meta(t, 0)
	m.StateTag, m.From = "", 99
	if err := s.SetMeta(m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, s.Meta()); diff != "" {
		t.Error(diff)
	}
	if err := s.SetMeta(meta(t, 1)); err == nil {
		t.Error("a spool changed its visit")
	}
}

func TestClosed(t *testing.T) {
	for name, end := range map[string]func(*spool.Spool) error{"close": (*spool.Spool).Close, "remove": (*spool.Spool).Remove} {
		t.Run(name, func(t *testing.T) {
			s := create(t, open(t, t.TempDir(), nil), meta(t, 0))
			record(t, s, exchange(1))
			if err := end(s); err != nil {
				t.Fatal(err)
			}
			_, recorded := s.Record(t.Context(), exchange(1))
			_, _, body := s.WARC()
			_, got := s.Get("plan")
			var read error
			for _, err := range s.Entries(t.Context()) {
				read = err
			}
			for i, err := range []error{recorded, body, got, read, s.Put("plan", nil), s.SetMeta(meta(t, 0)), s.Remove()} {
				if !errors.Is(err, spool.ErrClosed) {
					t.Errorf("call %d: %v", i, err)
				}
			}
			if err := s.Close(); err != nil {
				t.Errorf("close again: %v", err)
			}
		})
	}
}

// TestTogether lets many goroutines record into one spool, and others take.
func TestTogether(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir, nil)
	s := create(t, d, meta(t, 0))
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 5 {
				if _, err := s.Record(t.Context(), exchange(g*10+i)); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 5 {
				for _, err := range s.Entries(t.Context()) {
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
		wg.Go(func() {
			for i := range 5 {
				other, err := d.Create(t.Context(), meta(t, 1+g*5+i))
				if err != nil {
					t.Error(err)
					return
				}
				if err := other.Remove(); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 5 {
				for got, err := range d.Take(t.Context(), nil) {
					t.Errorf("took %v, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
	if xs, _ := entries(t, s); len(xs) != 20 {
		t.Errorf("%d entries, want 20", len(xs))
	}
	left, err := filepath.Glob(filepath.Join(dir, "*-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
