// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package buckettest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"onrecord/archive/bucket"
)

// Benchmarks measures durable puts of 4 KB and 64 KB, one after another and
// from many goroutines, a swap, a load and a ranged read.
func Benchmarks(b *testing.B, open func(b *testing.B) bucket.Bucket) {
	for _, size := range []int{4 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("Create/%dKB", size>>10), func(b *testing.B) { benchCreate(b, open(b), size) })
		b.Run(fmt.Sprintf("CreateParallel/%dKB", size>>10), func(b *testing.B) { benchCreateParallel(b, open(b), size) })
	}
	b.Run("Swap", func(b *testing.B) { benchSwap(b, open(b)) })
	b.Run("Load", func(b *testing.B) { benchLoad(b, open(b)) })
	b.Run("Range/64KB", func(b *testing.B) { benchRange(b, open(b)) })
}

func benchCreate(b *testing.B, k bucket.Bucket, size int) {
	body := bucket.Bytes(make([]byte, size))
	b.SetBytes(int64(size))
	n := 0
	for b.Loop() {
		if err := k.Create(b.Context(), fmt.Sprintf("bench/%02d/%08d", n%16, n), body); err != nil {
			b.Fatal(err)
		}
		n++
	}
}

func benchCreateParallel(b *testing.B, k bucket.Bucket, size int) {
	body := bucket.Bytes(make([]byte, size))
	b.SetBytes(int64(size))
	b.SetParallelism(8)
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			if err := k.Create(b.Context(), fmt.Sprintf("bench/%02d/%08d", i%16, i), body); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func benchSwap(b *testing.B, k bucket.Bucket) {
	body := make([]byte, 1<<10)
	tag, err := k.Swap(b.Context(), "bench/r", bucket.Absent(), body)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		body[0]++
		if tag, err = k.Swap(b.Context(), "bench/r", bucket.Matches(tag), body); err != nil {
			b.Fatal(err)
		}
	}
}

func benchLoad(b *testing.B, k bucket.Bucket) {
	if _, err := k.Swap(b.Context(), "bench/r", bucket.Absent(), make([]byte, 1<<10)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := k.Load(b.Context(), "bench/r"); err != nil {
			b.Fatal(err)
		}
	}
}

func benchRange(b *testing.B, k bucket.Bucket) {
	create(b, k, "bench/large", string(make([]byte, 4<<20)))
	body := bucket.Bytes(make([]byte, 64<<10))
	b.SetBytes(body.Size)
	for b.Loop() {
		if _, err := bucket.ReadRange(b.Context(), k, "bench/large", 1<<20, body.Size, body.Size, body.SHA256); err != nil {
			b.Fatal(err)
		}
	}
}
