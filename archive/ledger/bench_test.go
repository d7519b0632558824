// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"fmt"
	"testing"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/disk"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// BenchmarkAppend is Append and Publish of one and of a thousand leaves. The
// mark is a synced file in both cases; in memory it is all the I/O there is.
func BenchmarkAppend(b *testing.B) {
	for name, open := range map[string]func(b *testing.B) bucket.Bucket{
		"memory": func(*testing.B) bucket.Bucket { return new(memory.Bucket) },
		"disk": func(b *testing.B) bucket.Bucket {
			k, err := disk.Open(b.TempDir(), disk.Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = k.Close() })
			return k
		},
	} {
		for _, batch := range []int64{1, 1000} {
			b.Run(fmt.Sprintf("%s/%d", name, batch), func(b *testing.B) { benchAppend(b, open(b), batch) })
		}
	}
}

func benchAppend(b *testing.B, k bucket.Bucket, batch int64) {
	l := create(b, k, options(b))
	grow(b, l, 10_000, 2500)
	h, tag, err := l.Head(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	ls := leaves(0, batch)
	for b.Loop() {
		if h, tag, err = l.Append(b.Context(), h, tag, ls); err != nil {
			b.Fatal(err)
		}
		if err := l.Publish(b.Context(), h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProof(b *testing.B) {
	l := create(b, new(memory.Bucket), options(b))
	grow(b, l, 70_000, 4096)
	i := int64(0)
	for b.Loop() {
		if _, err := l.Proof(b.Context(), i%70_000); err != nil {
			b.Fatal(err)
		}
		i += 7919
	}
}

func BenchmarkCheckProof(b *testing.B) {
	o := options(b)
	l := create(b, new(memory.Bucket), o)
	grow(b, l, 70_000, 4096)
	proof, err := l.Proof(b.Context(), 4711)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := ledger.CheckProof(proof, leaf(4711), origin, o.Verifier); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLeaves(b *testing.B) {
	l := create(b, new(memory.Bucket), options(b))
	grow(b, l, 70_000, 4096)
	for b.Loop() {
		for _, err := range l.Leaves(b.Context(), 0, 70_000) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/70_000, "ns/leaf")
}

func BenchmarkVerify(b *testing.B) {
	l := create(b, new(memory.Bucket), options(b))
	grow(b, l, 70_000, 4096)
	for b.Loop() {
		if ps := problems(b, l); len(ps) > 0 {
			b.Fatal(ps)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/70_000, "ns/leaf")
}
