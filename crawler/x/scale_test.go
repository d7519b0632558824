// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"onrecord/crawler"
	"onrecord/crawler/x"
	"onrecord/internal/repotest"
)

// An endless file is made while it is read: head, then n records, then tail.
type endless struct {
	head, tail string
	record     func(i int) string
	n          int
}

// Open implements fs.FS.
func (e endless) Open(name string) (fs.File, error) {
	if name == "." {
		return fstest.MapFS{"dump": {}}.Open(name)
	}
	return &endlessFile{endless: e, rest: e.head}, nil
}

type endlessFile struct {
	endless
	rest string
	i    int
}

func (f *endlessFile) Read(p []byte) (int, error) {
	for f.rest == "" {
		switch {
		case f.i < f.n:
			f.rest = f.record(f.i)
		case f.i == f.n:
			f.rest = f.tail
		default:
			return 0, io.EOF
		}
		f.i++
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

func (f *endlessFile) Close() error               { return nil }
func (f *endlessFile) Stat() (fs.FileInfo, error) { return nil, errors.New("no stat") }

func condensed(n int) endless {
	return endless{head: "[", tail: "]", n: n, record: func(i int) string {
		comma := ","
		if i == 0 {
			comma = ""
		}
		return comma + `{"source":"Web","id_str":"` + strconv.Itoa(1_000_000_000_000_000_000+i) + `","text":"Statement ` + strconv.Itoa(i) +
			` of many \u2014 caf\u00e9","created_at":"Sun Mar 01 13:00:00 +0000 2026","retweet_count":3,"favorite_count":9,"is_retweet":false}`
	}}
}

func table(n int) endless {
	return endless{head: "id,text,isRetweet,isDeleted,device,favorites,retweets,date,isFlagged\n", n: n, record: func(i int) string {
		return strconv.Itoa(1_000_000_000_000_000_000+i) + `,"Statement, one of many",f,f,Web,1,2,2026-03-01 14:00:00,f` + "\n"
	}}
}

// peakOf returns the most heap that was in use while a file was read.
func peakOf(t *testing.T, im *x.Importer, fsys fs.FS, want int64) uint64 {
	t.Helper()
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	base, peak, records := m.HeapAlloc, uint64(0), int64(0)
	for b, err := range im.Import(t.Context(), fsys, jane()) {
		if err != nil {
			t.Fatal(err)
		}
		if records += b.Records; records%(20*crawler.MaxBatch) == 0 {
			runtime.GC()
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc-min(base, m.HeapAlloc))
		}
	}
	if records != want {
		t.Fatalf("%d records, want %d", records, want)
	}
	return peak
}

// TestMemoryIsFlat reads files of which the larger is ten times the smaller:
// what is held does not grow.
func TestMemoryIsFlat(t *testing.T) {
	const n = 20_000
	for name, make := range map[string]func(int) endless{"json": condensed, "csv": table} {
		t.Run(name, func(t *testing.T) {
			im := x.NewTheTrumpArchive()
			small, large := peakOf(t, im, make(n), n), peakOf(t, im, make(10*n), 10*n)
			t.Logf("%d records: %d KiB, %d records: %d KiB", n, small>>10, 10*n, large>>10)
			if large > small+small/4+1<<20 || large > 8<<20 {
				t.Errorf("%d KiB held of %d records, %d KiB of %d", small>>10, n, large>>10, 10*n)
			}
		})
	}
}

// TestRecordWithoutEnd reads records that never end: they are refused before
// they fill the memory.
func TestRecordWithoutEnd(t *testing.T) {
	for name, file := range map[string]endless{
		"string": {head: `[{"text":"`, n: 1 << 20, record: func(int) string { return strings.Repeat("x", 1<<10) }},
		"object": {head: `[`, n: 1 << 20, record: func(int) string { return strings.Repeat(`{"a":`, 100) }},
		"cell":   {head: "id,text\n1,\"", n: 1 << 20, record: func(int) string { return strings.Repeat("x", 1<<10) }},
	} {
		t.Run(name, func(t *testing.T) {
			var last error
			for _, err := range x.NewTwitter().Import(t.Context(), file, jane()) {
				last = err
			}
			if last == nil || !strings.Contains(last.Error(), "longer than 32 MiB") {
				t.Errorf("got %v", last)
			}
		})
	}
}

// TestBombs unpacks little that is much.
func TestBombs(t *testing.T) {
	repotest.Large(t)
	zeros := io.LimitReader(spaces{}, 256<<20)
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	m, err := w.Create("bomb.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(m, io.MultiReader(strings.NewReader("["), zeros)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range x.NewTwitter().Import(t.Context(), fstest.MapFS{"a.zip": {Data: buf.Bytes()}}, jane()) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "bomb") || !strings.Contains(last.Error(), "a.zip/bomb.json") {
		t.Errorf("a bomb: %v", last)
	}
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestLongLists reads a page of a timeline with more posts than a batch holds.
func TestLongLists(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"data":[`)
	const n = 1201
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"%d","author_id":"1234567890","text":"%d"}`, 1_000_000_000_000_000_000+i, i)
	}
	b.WriteString(`]}`)
	total := 0
	for batch, err := range x.NewTwitter().Import(t.Context(), fstest.MapFS{"a": {Data: []byte(b.String())}}, jane()) {
		if err != nil {
			t.Fatal(err)
		}
		total += len(batch.Items)
		if len(batch.Items) > crawler.MaxBatch {
			t.Errorf("a batch of %d", len(batch.Items))
		}
	}
	if total != n {
		t.Errorf("%d items, want %d", total, n)
	}
}

func bench(b *testing.B, im *x.Importer, fsys fs.FS, target crawler.Target, size int64) {
	b.SetBytes(size)
	b.ReportAllocs()
	began, items := time.Now(), 0
	for b.Loop() {
		for batch, err := range im.Import(b.Context(), fsys, target) {
			if err != nil {
				b.Fatal(err)
			}
			items += len(batch.Items)
		}
	}
	b.ReportMetric(float64(items)/time.Since(began).Seconds(), "statements/s")
}

// sizeOf returns the length of what a folder's files unpack to.
func sizeOf(b *testing.B, dir string) int64 {
	var size int64
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return size
}

// BenchmarkTwitterCondensed reads 57,706 real posts in their condensed form,
// three quarters of them packed.
func BenchmarkTwitterCondensed(b *testing.B) {
	dir := repotest.Data(b, "twitter/trump-condensed")
	bench(b, x.NewTwitter(), os.DirFS(dir), accounts(b)["president"], sizeOf(b, dir))
}

// BenchmarkTwitterV11 reads 36,374 real posts in full form, most of them packed.
func BenchmarkTwitterV11(b *testing.B) {
	dir := repotest.Data(b, "twitter/trump-v11-master")
	bench(b, x.NewTwitter(), os.DirFS(dir), accounts(b)["president"], sizeOf(b, dir))
}

// BenchmarkTheTrumpArchive reads 50,000 invented posts as a table.
func BenchmarkTheTrumpArchive(b *testing.B) {
	const n = 50_000
	size := int64(0)
	f := table(n)
	for i := range n {
		size += int64(len(f.record(i)))
	}
	bench(b, x.NewTheTrumpArchive(), f, jane(), size)
}

// TestNested: an answer that is nested deeper than any of X's is one refused
// record, in time that grows with its length and no faster.
func TestNested(t *testing.T) {
	const deep = 600_000
	record := `{"data":` + strings.Repeat(`{"user":`, deep) + `1` + strings.Repeat("}", deep) + "}\n"
	began := time.Now()
	var reasons []string
	for b, err := range x.NewTwitter().Import(t.Context(), fstest.MapFS{"a.json": {Data: []byte(record)}}, jane()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range b.Refused {
			reasons = append(reasons, f.Reason+": "+f.Detail)
		}
	}
	if len(reasons) != 1 || !strings.Contains(reasons[0], "nested deeper than") {
		t.Errorf("refused: %q", reasons)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %s for %d MB", took, len(record)>>20)
	}
}
