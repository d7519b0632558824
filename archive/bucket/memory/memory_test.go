// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"errors"
	"testing"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/buckettest"
	"onrecord/archive/bucket/memory"
)

func TestBucket(t *testing.T) {
	buckettest.Run(t, func(*testing.T) bucket.Bucket { return new(memory.Bucket) })
}

func BenchmarkBucket(b *testing.B) {
	buckettest.Benchmarks(b, func(*testing.B) bucket.Bucket { return new(memory.Bucket) })
}

// TestCloneGoesItsOwnWay checks both directions, and that bytes handed out are
// not shared with the bucket.
func TestCloneGoesItsOwnWay(t *testing.T) {
	var a memory.Bucket
	tag, err := a.Swap(t.Context(), "r", bucket.Absent(), []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	b := a.Clone()
	if _, err := a.Swap(t.Context(), "r", bucket.Matches(tag), []byte("two")); err != nil {
		t.Fatal(err)
	}
	if err := b.Create(t.Context(), "o", bucket.Bytes([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Open(t.Context(), "o", 0, -1); !errors.Is(err, bucket.ErrNotExist) {
		t.Errorf("a has b's object: %v", err)
	}
	body, same, err := b.Load(t.Context(), "r")
	if err != nil || string(body) != "one" || same != tag {
		t.Errorf("b's register is %q with %v, %v", body, same, err)
	}
	body[0] = 'X'
	if body, _, _ := b.Load(t.Context(), "r"); string(body) != "one" {
		t.Errorf("the caller changed the register to %q", body)
	}
}

// TestObjectNeverSwapped checks that a tag of an object does not help.
func TestObjectNeverSwapped(t *testing.T) {
	var b memory.Bucket
	if err := b.Create(t.Context(), "o", bucket.Bytes([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	_, tag, err := b.Load(t.Context(), "o")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Swap(t.Context(), "o", bucket.Matches(tag), []byte("y")); !errors.Is(err, bucket.ErrKey) {
		t.Errorf("Swap over an object: %v, want ErrKey", err)
	}
}

func TestDamage(t *testing.T) {
	var b memory.Bucket
	if err := b.Create(t.Context(), "d/o", bucket.Bytes([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	if !b.Damage("d/o", func(p []byte) []byte { return append(p, 'y') }) {
		t.Fatal("the key is not there")
	}
	if got, err := bucket.ReadAll(t.Context(), &b, "d/o", 10); err != nil || string(got) != "xy" {
		t.Errorf("object is %q, %v", got, err)
	}
	b.Damage("d/o", func([]byte) []byte { return nil })
	if err := b.Create(t.Context(), "d", bucket.Bytes(nil)); err != nil {
		t.Errorf("the removed key is still in the way: %v", err)
	}
	if b.Damage("none", func(p []byte) []byte { return p }) {
		t.Error("damaged what is not there")
	}
}
