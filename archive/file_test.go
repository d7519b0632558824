// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket/disk"
	"onrecord/archive/warc"
)

// pattern is a file of n bytes that is made while it is read and does not
// become smaller: it begins as a zip does.
type pattern struct {
	n, at int64
}

func (p *pattern) Read(b []byte) (int, error) {
	n := int(min(int64(len(b)), p.n-p.at))
	for i := range n {
		b[i] = "PK\x03\x04"[(p.at+int64(i))&3]
	}
	p.at += int64(n)
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func patternFile(n int64) onrecord.File {
	h := sha256.New()
	_, _ = io.Copy(h, &pattern{n: n})
	return onrecord.File{Size: n, SHA256: [32]byte(h.Sum(nil)), Open: func() (io.ReadCloser, error) { return io.NopCloser(&pattern{n: n}), nil }}
}

// A file larger than any record that is read into memory is recorded, committed,
// served and verified, and none of that holds it in memory. A file that is not
// what it was is refused, and the visit goes on.
func TestLargeFile(t *testing.T) {
	w, folder := newWorld(t), t.TempDir()
	b, err := disk.Open(folder, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	a := w.init(t, b, t.TempDir())
	v, err := a.Begin(t.Context(), press("dump"), "import-test", "test/1", nil)
	if err != nil {
		t.Fatal(err)
	}
	v.Defer()
	small := exchange(w, "kept")
	if _, err := v.Record(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	x := onrecord.Exchange{URL: "urn:onrecord:import:1/dump.zip", At: w.now(), Type: "application/zip"}
	other := patternFile(5000)
	other.Size = 4000
	if _, err := v.RecordFile(t.Context(), x, other); !errors.Is(err, warc.ErrExchange) {
		t.Fatalf("a file that has grown: %v", err)
	}
	const size = archive.MaxCapture + 3<<20
	f := patternFile(size)
	before := allocated()
	ref, err := v.RecordFile(t.Context(), x, f)
	if err != nil {
		t.Fatal(err)
	}
	e := onrecord.Event{
		Type: onrecord.StatementCreated, At: w.now(), By: w.now(), Statement: onrecord.NewStatementID("website", "https://jane.example/1"),
		NativeID: "https://jane.example/1", Account: onrecord.AccountRef{Platform: "website", ID: "jane.example"}, Source: "dump",
		Content: &onrecord.Content{Type: "article", Text: "One."}, Provenance: onrecord.Imported, Captures: []onrecord.CaptureRef{ref}, Index: -1, Prev: -1,
	}
	e.Version = e.Content.Version()
	next := v.State()
	next.Source, next.Platform = "dump", "website"
	done, err := v.Commit(t.Context(), archive.Draft{
		Base: 1, Outcome: onrecord.OutcomeOK, Started: w.now(), Ended: w.now(), Events: []onrecord.Event{e}, Next: next, KeepWARC: true, Provenance: onrecord.Imported,
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.OpenCapture(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, r); err != nil || n != ref.Length {
		t.Errorf("served %d of %d bytes: %v", n, ref.Length, err)
	}
	_ = r.Close()
	if _, err := a.Capture(t.Context(), ref); !errors.Is(err, archive.ErrTooLarge) {
		t.Errorf("read whole: %v", err)
	}
	if rep := verify(t, w, folder); len(rep.Findings) > 0 || rep.Records < 3 {
		t.Errorf("%d records, findings %+v", rep.Records, rep.Findings)
	}
	if n := allocated() - before; n > size/4 {
		t.Errorf("%d bytes allocated for a file of %d", n, size)
	}
	for got, err := range a.Walk(t.Context(), done.Index) {
		if err != nil || got.Visit.Provenance != onrecord.Imported {
			t.Errorf("visit line says %q: %v", got.Visit.Provenance, err)
		}
	}
	damage(t, filepath.Join(folder, ref.Object), ref.Offset+ref.Length/2)
	if r, err = a.OpenCapture(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, r); !errors.Is(err, archive.ErrMismatch) || n >= ref.Length {
		t.Errorf("a damaged record is served: %d of %d bytes, %v", n, ref.Length, err)
	}
	if rep := verify(t, w, folder); len(rep.Findings) == 0 {
		t.Error("a damaged file verifies")
	}
}

// allocated returns how many bytes were ever allocated.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// damage changes a byte of a file.
func damage(t *testing.T, path string, at int64) {
	t.Helper()
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{b[0] ^ 1}, at); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// What a process that dies has recorded of an import is cut, and its spool is
// none that anybody has to look at.
func TestDeferredSpoolOfADeadProcess(t *testing.T) {
	w, state := newWorld(t), t.TempDir()
	b, err := disk.Open(t.TempDir(), disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	a := w.init(t, b, state)
	v, err := a.Begin(t.Context(), press("dump"), "import-test", "test/1", nil)
	if err != nil {
		t.Fatal(err)
	}
	v.Defer()
	if _, err := v.RecordFile(t.Context(), onrecord.Exchange{URL: "urn:onrecord:import:1/dump.zip", At: w.now()}, patternFile(100_000)); err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil { // as the system does
		t.Fatal(err)
	}
	left := 0
	for v, err := range w.open(t, b, state, 2).Recover(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for range v.Entries(t.Context()) {
			t.Error("a capture that was never acknowledged is there")
		}
		left++
		if err := v.Drop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if left != 1 {
		t.Errorf("%d visits left, want 1", left)
	}
}
