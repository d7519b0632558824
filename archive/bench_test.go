// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/disk"
	"onrecord/archive/bucket/fault"
)

// percentiles reports p50 and p99 of how long each round took.
func percentiles(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	at := func(p int) float64 { return float64(took[min(len(took)-1, len(took)*p/100)].Microseconds()) }
	b.ReportMetric(at(50), "p50-us")
	b.ReportMetric(at(99), "p99-us")
}

// benchArchive makes an archive in a folder, and counts its durable puts.
func benchArchive(b *testing.B) (*world, *archive.Archive, *fault.Bucket) {
	b.Helper()
	w := newWorld(b)
	folder, err := disk.Open(b.TempDir(), disk.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { folder.Close() })
	counted := fault.New(folder, fault.Options{})
	dir := b.TempDir()
	if err := archive.Init(b.Context(), counted, w.options(dir, 0)); err != nil {
		b.Fatal(err)
	}
	return w, w.open(b, counted, dir, 1), counted
}

// puts counts the calls that write.
func puts(f *fault.Bucket) (n int) {
	for _, c := range f.Calls() {
		if c.Op == fault.Create || c.Op == fault.Swap {
			n++
		}
	}
	return n
}

// commitMany times Commit of a visit with n events, from the spooled captures
// to the head, the tiles, the checkpoint and the state.
func commitMany(b *testing.B, n int) {
	ctx := b.Context()
	w, a, counted := benchArchive(b)
	var took []time.Duration
	before := puts(counted)
	for i := 0; b.Loop(); i++ {
		v, err := read(ctx, w, a, "press", fmt.Sprint("news ", i))
		if err != nil {
			b.Fatal(err)
		}
		d := archive.Draft{Outcome: onrecord.OutcomeOK, Started: w.now(), Ended: w.now(), Next: v.State(), KeepWARC: true}
		d.Next.Platform = "website"
		for j := range n {
			d.Events = append(d.Events, said("press", fmt.Sprint(i, j), fmt.Sprintf("What was said in statement %d of visit %d.", j, i)))
		}
		start := time.Now()
		if _, err := v.Commit(ctx, d); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	percentiles(b, took)
	b.ReportMetric(float64(puts(counted)-before)/float64(len(took)), "puts/op")
}

func BenchmarkCommitOne(b *testing.B) { commitMany(b, 1) }

func BenchmarkCommitThousand(b *testing.B) { commitMany(b, 1000) }

// BenchmarkBarePuts writes what a commit of one event writes, durably and
// nothing else: 4 objects and 4 swaps of 3 registers in a folder, and 3 files of the
// spool and the mark, each synced with its folder.
func BenchmarkBarePuts(b *testing.B) {
	ctx := b.Context()
	folder, err := disk.Open(b.TempDir(), disk.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer folder.Close()
	objects := map[string]int{"captures/%d": 900, "journal/%d": 1000, "tile/%d": 128, "entries/%d": 216}
	registers := map[string]int{"state/press": 1600, "log/head": 1200, "log/checkpoint": 250}
	tags := map[string]bucket.Tag{}
	swap := func(key string, i int) {
		cond := bucket.Absent()
		if tag, ok := tags[key]; ok {
			cond = bucket.Matches(tag)
		}
		tag, err := folder.Swap(ctx, key, cond, append(make([]byte, registers[key]), fmt.Sprint(i)...))
		if err != nil {
			b.Fatal(err)
		}
		tags[key] = tag
	}
	local := b.TempDir()
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		for key, size := range objects {
			if err := folder.Create(ctx, fmt.Sprintf(key, i), bucket.Bytes(make([]byte, size))); err != nil {
				b.Fatal(err)
			}
		}
		for key := range registers {
			swap(key, i)
		}
		swap("state/press", -i-1)
		for _, name := range []string{"plan", "done", "mark"} {
			putFile(b, filepath.Join(local, name), 1000)
		}
		took = append(took, time.Since(start))
	}
	percentiles(b, took)
	b.ReportMetric(float64(len(objects)+len(registers)+1), "puts/op")
}

// putFile writes a file as the spool does: temporary, synced, renamed, folder
// synced.
func putFile(b *testing.B, path string, size int) {
	b.Helper()
	f, err := os.Create(path + ".tmp")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := f.Write(make([]byte, size)); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		b.Fatal(err)
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		b.Fatal(err)
	}
}
