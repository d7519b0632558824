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

// percentile sorts took and returns one of its percentiles in microseconds.
func percentile(took []time.Duration, p int) float64 {
	slices.Sort(took)
	return float64(took[min(len(took)-1, len(took)*p/100)].Microseconds())
}

// percentiles reports p50 and p99 of how long each round took.
func percentiles(b *testing.B, name string, took []time.Duration) {
	b.Helper()
	b.ReportMetric(percentile(took, 50), name+"p50-us")
	b.ReportMetric(percentile(took, 99), name+"p99-us")
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
// to the head, the tiles, the checkpoint and the state; and, in turn with it,
// the bare puts of a visit with one event, so that both meet the same disk.
func commitMany(b *testing.B, n int) {
	ctx := b.Context()
	w, a, counted := benchArchive(b)
	bare := newBarePuts(b)
	var took, bareTook []time.Duration
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
		bareTook = append(bareTook, bare.round(b, i))
	}
	percentiles(b, "", took)
	percentiles(b, "bare-", bareTook)
	b.ReportMetric(percentile(took, 50)/percentile(bareTook, 50), "p50-ratio")
	b.ReportMetric(percentile(took, 99)/percentile(bareTook, 99), "p99-ratio")
	b.ReportMetric(float64(puts(counted)-before)/float64(len(took)), "puts/op")
}

func BenchmarkCommitOne(b *testing.B) { commitMany(b, 1) }

func BenchmarkCommitThousand(b *testing.B) { commitMany(b, 1000) }

// BenchmarkBarePuts times the bare puts alone.
func BenchmarkBarePuts(b *testing.B) {
	bare := newBarePuts(b)
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		took = append(took, bare.round(b, i))
	}
	percentiles(b, "", took)
	b.ReportMetric(float64(len(bare.objects)+len(bare.registers)+1), "puts/op")
}

// A barePuts writes what a commit of one event writes, durably and nothing
// else: 4 objects and 4 swaps of 3 registers in a folder, and 3 files of the
// spool and the mark, each synced with its folder. Sizes are those of a commit
// of one event.
type barePuts struct {
	folder    *disk.Bucket
	local     string
	objects   map[string]int
	registers map[string]int
	tags      map[string]bucket.Tag
}

func newBarePuts(b *testing.B) *barePuts {
	b.Helper()
	folder, err := disk.Open(b.TempDir(), disk.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { folder.Close() })
	return &barePuts{
		folder: folder, local: b.TempDir(), tags: map[string]bucket.Tag{},
		objects:   map[string]int{"captures/%d": 900, "journal/%d": 1000, "tile/%d": 4096, "entries/%d": 6912},
		registers: map[string]int{"state/press": 1600, "log/head": 1200, "log/checkpoint": 250},
	}
}

// round makes the puts of one commit and returns how long they took.
func (p *barePuts) round(b *testing.B, i int) time.Duration {
	b.Helper()
	start := time.Now()
	for key, size := range p.objects {
		if err := p.folder.Create(b.Context(), fmt.Sprintf(key, i), bucket.Bytes(make([]byte, size))); err != nil {
			b.Fatal(err)
		}
	}
	for key := range p.registers {
		p.swap(b, key, i)
	}
	p.swap(b, "state/press", -i-1)
	for _, name := range []string{"plan", "done", "mark"} {
		putFile(b, filepath.Join(p.local, name), 1000)
	}
	return time.Since(start)
}

func (p *barePuts) swap(b *testing.B, key string, i int) {
	b.Helper()
	cond := bucket.Absent()
	if tag, ok := p.tags[key]; ok {
		cond = bucket.Matches(tag)
	}
	tag, err := p.folder.Swap(b.Context(), key, cond, append(make([]byte, p.registers[key]), fmt.Sprint(i)...))
	if err != nil {
		b.Fatal(err)
	}
	p.tags[key] = tag
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
