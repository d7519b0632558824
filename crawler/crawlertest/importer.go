// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawlertest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/crawler"
)

// An ImportSuite is an importer with files for it to read.
//
// What it holds an importer to: Import is a pure function of the files and the
// target, so that an import can be resumed; batches hold at most
// crawler.MaxBatch records and add up; native ids and times have the form they
// must have; no file is opened that is none of its business; a cut file keeps
// what came before the cut, and the error names the file.
type ImportSuite struct {
	Importer crawler.Importer
	Target   crawler.Target
	Fixtures []ImportFixture // at least one
}

// An ImportFixture is a folder as somebody might hand it to the importer.
type ImportFixture struct {
	Name  string
	Files map[string][]byte // by path

	IDs     []string       // native ids of the items, in order; nil means that any will do
	Records int64          // of all batches; 0 means that any will do
	Refused map[string]int // records by reason; nil means that any will do
	Closed  []string       // paths in Files that must never be opened
	Nothing bool           // there is nothing to read in it: Files is an error
	// Ends: the format's records and files have ends, so that a cut one can be
	// told from a whole one and must be an error.
	Ends bool
}

// RunImport runs the suite of importers.
func RunImport(t *testing.T, s ImportSuite) {
	t.Helper()
	if len(s.Fixtures) == 0 {
		t.Fatal("no fixtures")
	}
	t.Run("info", func(t *testing.T) {
		i := s.Importer.Info()
		if i.Kind == "" || i.Parser == "" {
			t.Errorf("Info() = %+v: kind and parser must be named", i)
		}
		if d := cmp.Diff(i, s.Importer.Info()); d != "" {
			t.Errorf("Info changes from call to call:\n%s", d)
		}
	})
	for _, f := range s.Fixtures {
		t.Run("files/"+f.Name, func(t *testing.T) { s.files(t, f) })
		if f.Nothing {
			continue
		}
		t.Run("import/"+f.Name, func(t *testing.T) { s.read(t, f) })
		t.Run("pure/"+f.Name, func(t *testing.T) { s.pure(t, f) })
		t.Run("stop/"+f.Name, func(t *testing.T) { s.stop(t, f) })
		t.Run("cut/"+f.Name, func(t *testing.T) { s.cut(t, f) })
	}
}

// fsys returns the fixture's files.
func (f ImportFixture) fsys() fstest.MapFS {
	m := fstest.MapFS{}
	for name, data := range f.Files {
		m[name] = &fstest.MapFile{Data: data, Mode: 0o444}
	}
	return m
}

// A watched file system notes what is opened.
type watched struct {
	fs.FS
	mu     sync.Mutex
	opened map[string]bool
}

// Open implements fs.FS.
func (w *watched) Open(name string) (fs.File, error) {
	w.mu.Lock()
	w.opened[name] = true
	w.mu.Unlock()
	return w.FS.Open(name)
}

func (s ImportSuite) files(t *testing.T, f ImportFixture) {
	w := &watched{FS: f.fsys(), opened: map[string]bool{}}
	list, err := s.Importer.Files(w)
	if f.Nothing {
		if err == nil {
			t.Errorf("Files: %q, want an error", list)
		}
		for _, err := range s.Importer.Import(t.Context(), f.fsys(), s.Target) {
			if err == nil {
				t.Error("a batch of nothing")
			}
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Error("no files and no error")
	}
	again, err := s.Importer.Files(f.fsys())
	if d := cmp.Diff(list, again); d != "" || err != nil {
		t.Errorf("Files again: %v\n%s", err, d)
	}
	for _, name := range list {
		if _, ok := f.Files[name]; !ok {
			t.Errorf("Files names %q, which is not there", name)
		}
	}
	for range s.Importer.Import(t.Context(), w, s.Target) {
		continue
	}
	for _, name := range f.Closed {
		if w.opened[name] || slices.Contains(list, name) {
			t.Errorf("%s was opened", name)
		}
	}
}

// gathered is what an import has yielded.
type gathered struct {
	Batches []crawler.Batch
	Err     string
	err     error
}

func (s ImportSuite) gather(ctx context.Context, fsys fs.FS) gathered {
	var g gathered
	for b, err := range s.Importer.Import(ctx, fsys, s.Target) {
		if err != nil {
			g.Err, g.err = err.Error(), err
			continue
		}
		g.Batches = append(g.Batches, b)
	}
	return g
}

func (g gathered) items() []onrecord.Observation {
	var list []onrecord.Observation
	for _, b := range g.Batches {
		list = append(list, b.Items...)
	}
	return list
}

func (s ImportSuite) read(t *testing.T, f ImportFixture) {
	list, err := s.Importer.Files(f.fsys())
	if err != nil {
		t.Fatal(err)
	}
	g := s.gather(t.Context(), f.fsys())
	if g.err != nil {
		t.Fatal(g.err)
	}
	var ids []string
	var records int64
	refused := map[string]int{}
	for i, b := range g.Batches {
		s.batch(t, i, b, list)
		records += b.Records
		for _, r := range b.Refused {
			refused[r.Reason]++
		}
		for _, o := range b.Items {
			ids = append(ids, o.NativeID)
			item(t, s.Importer.Info().Can, o)
		}
	}
	if f.Records != 0 && records != f.Records {
		t.Errorf("%d records, want %d", records, f.Records)
	}
	if d := cmp.Diff(f.IDs, ids); f.IDs != nil && d != "" {
		t.Errorf("native ids (-want +got):\n%s", d)
	}
	if f.Refused != nil && !maps.Equal(f.Refused, refused) {
		t.Errorf("refused %v, want %v", refused, f.Refused)
	}
}

// batch checks what holds for each batch.
func (s ImportSuite) batch(t *testing.T, i int, b crawler.Batch, files []string) {
	t.Helper()
	if !slices.Contains(files, b.File) {
		t.Errorf("batch %d is of %q, which Files does not name", i, b.File)
	}
	if b.Records <= 0 || b.Records > crawler.MaxBatch {
		t.Errorf("batch %d stands for %d records, want 1 to %d", i, b.Records, crawler.MaxBatch)
	}
	if int64(len(b.Refused)) > b.Records {
		t.Errorf("batch %d refuses %d of %d records", i, len(b.Refused), b.Records)
	}
	if (b.Kept == nil) != (b.KeptType == "") {
		t.Errorf("batch %d keeps %d bytes of type %q", i, len(b.Kept), b.KeptType)
	}
	switch b.Account.State {
	case "", onrecord.AccountUnknown:
	default:
		if !s.Importer.Info().Can.AccountStates {
			t.Errorf("batch %d: account state %q from an importer that can't tell", i, b.Account.State)
		}
	}
	for _, r := range b.Refused {
		if r.File != b.File && !strings.HasPrefix(r.File, b.File+"/") {
			t.Errorf("batch %d of %s refuses a record of %q", i, b.File, r.File)
		}
		if r.Reason == "" || len(r.Reason) > 40 || strings.ContainsAny(r.Reason, "\n:0123456789") {
			t.Errorf("batch %d: reason %q is none of a few", i, r.Reason)
		}
		if r.Record <= 0 || r.Line < 0 {
			t.Errorf("batch %d: refused record %d on line %d", i, r.Record, r.Line)
		}
	}
}

// pure checks that Import yields the same again, also at the same time, and
// leaves the files alone.
func (s ImportSuite) pure(t *testing.T, f ImportFixture) {
	given := f.fsys()
	want := s.gather(t.Context(), given)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			got := s.gather(t.Context(), given)
			if d := cmp.Diff(want.Batches, got.Batches); d != "" || want.Err != got.Err {
				t.Errorf("Import again: %q, at first %q (-first +again):\n%s", got.Err, want.Err, d)
			}
		})
	}
	wg.Wait()
	for name, data := range f.Files {
		if !bytes.Equal(given[name].Data, data) {
			t.Errorf("Import changed %s", name)
		}
	}
}

// stop checks that an import ends when nobody wants more, and when its context does.
func (s ImportSuite) stop(t *testing.T, f ImportFixture) {
	for range s.Importer.Import(t.Context(), f.fsys(), s.Target) {
		break // to yield again now would panic
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if g := s.gather(ctx, f.fsys()); !errors.Is(g.err, context.Canceled) {
		t.Errorf("a cancelled import ends with %v", g.err)
	}
}

// cut reads the beginnings of each file, as an interrupted download leaves them.
func (s ImportSuite) cut(t *testing.T, f ImportFixture) {
	list, err := s.Importer.Files(f.fsys())
	if err != nil {
		t.Fatal(err)
	}
	whole := s.gather(t.Context(), f.fsys()).items()
	for _, name := range list {
		data := f.Files[name]
		step := max(1, len(data)/500)
		for n := 0; n < len(data); n += step {
			fsys := f.fsys()
			fsys[name] = &fstest.MapFile{Data: data[:n:n], Mode: 0o444}
			s.beginning(t, f, name, n, whole, s.gather(t.Context(), fsys))
			if t.Failed() {
				return
			}
		}
	}
}

// beginning checks what was read of the first n bytes of a file.
func (s ImportSuite) beginning(t *testing.T, f ImportFixture, name string, n int, whole []onrecord.Observation, g gathered) {
	t.Helper()
	items := g.items()
	if g.err != nil && len(f.Files) == 1 && len(items) > 0 && !strings.Contains(g.Err, name) {
		t.Errorf("%s cut to %d bytes: the error does not name it: %v", name, n, g.err)
	}
	tail := len(bytes.TrimSpace(f.Files[name][n:]))
	if f.Ends && g.err == nil && len(items) < len(whole) && tail > 0 && len(f.Files) == 1 {
		t.Errorf("%s cut to %d of %d bytes: %d of %d items and no error", name, n, len(f.Files[name]), len(items), len(whole))
	}
	if len(f.Files) > 1 {
		return
	}
	same := len(items)
	if !f.Ends {
		same-- // the last one may be cut
	}
	for i := range max(same, 0) {
		if i >= len(whole) || !cmp.Equal(items[i], whole[i]) {
			t.Errorf("%s cut to %d bytes: item %d is another than in the whole file", name, n, i)
			return
		}
	}
	for _, o := range items {
		if o.State == onrecord.ItemGone && !slices.ContainsFunc(whole, func(w onrecord.Observation) bool {
			return w.NativeID == o.NativeID && w.State == onrecord.ItemGone
		}) {
			t.Errorf("%s cut to %d bytes: %s is gone", name, n, o.NativeID)
		}
	}
}
