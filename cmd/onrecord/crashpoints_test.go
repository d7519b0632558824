// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"onrecord/archive/files"
	"onrecord/archive/files/filestest"
	"onrecord/internal/repotest"
)

// crashEvery is which share of the crash points make test tries.
const crashEvery = 7

// TestCrashPoints makes every fsync, rename and link of an ingest of 200
// statements a crash point, in four ways: the process dies before it or after
// it, it is refused, or it is carried out and an error reported. After each, a
// new process starts; docs/crash.md says what it must find. What a death leaves on the disk
// is, in turn, all that was written, what was synced, and something between.
//
// A point is run alone with its name:
//
//	ONRECORD_LONG=1 go test ./cmd/onrecord -run 'TestCrashPoints/^137-lied$'
func TestCrashPoints(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	long := os.Getenv("ONRECORD_LONG") != ""
	s := newCrashStory(t)
	ops := s.points(t)
	tried := 0
	for i, op := range ops {
		for j, how := range []filestest.How{filestest.Before, filestest.After, filestest.Refused, filestest.Lied} {
			if !long && (4*i+j)%crashEvery != 0 {
				continue
			}
			t.Run(fmt.Sprintf("%d-%s", op.N, how), func(t *testing.T) {
				struck, err := s.round(t, filestest.Options{Counts: crashKinds(), At: op.N, How: how})
				if err != nil {
					t.Errorf("%s, %s (%+v): %v", struck, how, keepOf(filestest.Options{At: op.N}), err)
				}
			})
			tried++
		}
	}
	t.Logf("%d operations, %d points, %d tried", len(ops), 4*len(ops), tried)
}

// points plays the ingest unharmed and returns its operations.
func (s *crashStory) points(t *testing.T) []filestest.Op {
	t.Helper()
	dir := filepath.Join(fastDir(t), "unharmed")
	if err := s.founded.Copy(dir, filestest.Keep{All: true}); err != nil {
		t.Fatal(err)
	}
	m, err := filestest.New(dir, filestest.Options{Counts: crashKinds()})
	if err != nil {
		t.Fatal(err)
	}
	clock := start()
	c, err := s.open(t, dir, clock, files.Seam{Wrap: m.Wrap(filepath.Join(dir, "bucket"))}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	defer c.house.close()
	acks, kept := s.play(t.Context(), c)
	if len(acks) != crashVisits || len(kept) != crashVisits {
		t.Fatalf("%d visits of %d were acknowledged, and %d captures", len(acks), crashVisits, len(kept))
	}
	ops := m.Ops()
	after := filepath.Join(fastDir(t), "after")
	if err := m.Copy(after, filestest.Keep{}); err != nil {
		t.Fatal(err)
	}
	if err := s.again(t, after, clock.now(), acks, kept); err != nil {
		t.Fatalf("without a crash: %v", err)
	}
	return ops
}
