// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"onrecord/archive"
)

// scaled opens the archive that TestScaleArchive has made in ONRECORD_SCALE_DIR,
// by the configuration that ONRECORD_SCALE_CONFIG names there (default
// onrecord.yaml): one that has the same record in a store, for instance.
func scaled(b *testing.B) *house {
	b.Helper()
	dir := os.Getenv("ONRECORD_SCALE_DIR")
	if dir == "" {
		b.Skip("ONRECORD_SCALE_DIR names no folder with an archive")
	}
	s := newStop(nil, io.Discard)
	b.Cleanup(s.close)
	e := &env{io: stdio{out: io.Discard, err: io.Discard}, stop: s, now: time.Now}
	e.configPath = filepath.Join(dir, cmp.Or(os.Getenv("ONRECORD_SCALE_CONFIG"), "onrecord.yaml"))
	h, err := e.open(b.Context(), recordOnly)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = h.close() })
	return h
}

// perSecond reports n a second of wall time, and of CPU time.
func perSecond(b *testing.B, n int64, what string, began time.Duration) {
	b.Helper()
	all := float64(n) * float64(b.N)
	b.ReportMetric(all/b.Elapsed().Seconds(), what+"/s")
	b.ReportMetric(all/(cpuTime()-began).Seconds(), what+"/cpu-s")
}

// BenchmarkScaleRebuild makes the catalog of an archive anew.
func BenchmarkScaleRebuild(b *testing.B) {
	h := scaled(b)
	var size int64
	began := cpuTime()
	for b.Loop() {
		var err error
		if size, err = h.rebuild(b.Context(), h.catalogOptions(), nil); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, size, "lines", began)
}

// BenchmarkScaleWalk is what a rebuild reads.
func BenchmarkScaleWalk(b *testing.B) {
	h := scaled(b)
	var size int64
	began := cpuTime()
	for b.Loop() {
		size = 0
		for _, err := range h.archive.Walk(b.Context(), 0) {
			if err != nil {
				b.Fatal(err)
			}
			size++
		}
	}
	perSecond(b, size, "lines", began)
}

// BenchmarkScaleVerify verifies an archive.
func BenchmarkScaleVerify(b *testing.B) {
	h := scaled(b)
	var r archive.Report
	began := cpuTime()
	for b.Loop() {
		var err error
		if r, err = h.archive.Verify(b.Context(), archive.VerifyOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(r.Decoded)
	perSecond(b, r.Visits, "visits", began)
}
