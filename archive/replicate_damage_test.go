// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// one returns the n-th key below a folder.
func one(t *testing.T, b bucket.Bucket, folder string, n int) string {
	t.Helper()
	for info, err := range b.List(t.Context(), folder, "") {
		if err != nil {
			t.Fatal(err)
		}
		if n--; n < 0 {
			return info.Key
		}
	}
	t.Fatalf("no %s", folder)
	return ""
}

func flip(p []byte) []byte {
	p = slices.Clone(p)
	p[len(p)/2] ^= 1
	return p
}

func gone([]byte) []byte { return nil }

// TestReplicaDamageIsToldAgain damages old objects of a replica. Whoever compares
// everything finds them; from then on every run names them until they are right.
func TestReplicaDamageIsToldAgain(t *testing.T) {
	t.Parallel()
	w, b, a, dir := filled(t, 300)
	var to memory.Bucket
	copyTo := func(a *archive.Archive, o archive.ReplicateOptions) (archive.Copied, error) {
		t.Helper()
		return a.Replica(&to).Replicate(t.Context(), o)
	}
	if _, err := copyTo(a, archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{one(t, &to, "captures/", 5), one(t, &to, "journal/", 7), "log/tile/0/000", "log/tile/entries/001"} {
		if !to.Damage(key, flip) {
			t.Fatalf("no %s", key)
		}
		if done, err := copyTo(a, archive.ReplicateOptions{}); err != nil || len(done.There) > 0 {
			t.Fatalf("%s: nobody has looked yet: %v, %v", key, done.There, err)
		}
		done, err := copyTo(a, archive.ReplicateOptions{All: true})
		if len(done.There) != 1 || done.There[0].Object != key || (err != nil) != strings.HasPrefix(key, "log/") {
			t.Fatalf("%s: compared: %v, %v", key, done.There, err)
		}
		more(t, w, a, int(done.Size), int(done.Size)+1) // others go on
		for _, o := range []archive.ReplicateOptions{{}, {Quick: true}, {}} {
			again := w.open(t, b, dir, 3) // another process
			done, err = copyTo(again, o)
			if strings.HasPrefix(key, "log/") && errors.Is(err, ledger.ErrTampered) {
				err = nil // it does not publish on tiles that lead nowhere
			}
			if err != nil || len(done.There) != 1 || done.There[0].Object != key {
				t.Errorf("%s: again, %+v: %v, %v", key, o, done.There, err)
			}
		}
		if keys, err := a.Replica(&to).Damaged(t.Context()); err != nil || !slices.Equal(keys, []string{key}) {
			t.Errorf("%s: noted %v, %v", key, keys, err)
		}
		to.Damage(key, gone)
		if done, err = copyTo(a, archive.ReplicateOptions{}); err != nil || len(done.There) > 0 {
			t.Errorf("%s: put again: %v, %v", key, done.There, err)
		}
		if keys, err := a.Replica(&to).Damaged(t.Context()); err != nil || len(keys) > 0 {
			t.Errorf("%s: still noted: %v, %v", key, keys, err)
		}
		sameAs(t, b, &to)
	}
	wholeReplica(t, w, &to)
}

// TestReplicaQuick does not read what is known to be damaged.
func TestReplicaQuick(t *testing.T) {
	t.Parallel()
	_, _, a, _ := filled(t, 10)
	var to memory.Bucket
	if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	key := one(t, &to, "captures/", 3)
	to.Damage(key, flip)
	if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{All: true}); err != nil {
		t.Fatal(err)
	}
	watched := fault.New(&to, fault.Options{Before: func(_ context.Context, c fault.Call) error {
		if c.Key == key {
			t.Errorf("%s of %s", c.Op, c.Key)
		}
		return nil
	}})
	done, err := a.Replica(watched).Replicate(t.Context(), archive.ReplicateOptions{Quick: true})
	if err != nil || len(done.There) != 1 || done.There[0].Object != key {
		t.Errorf("%v, %v", done.There, err)
	}
}

// TestReplicaThatNamesOtherObjects: what a stranger writes into the register of a
// replica makes nobody copy a state, or the head, there.
func TestReplicaThatNamesOtherObjects(t *testing.T) {
	t.Parallel()
	_, b, a, _ := filled(t, 300)
	var to memory.Bucket
	if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	state, tile := one(t, b, "state/", 0), "log/tile/0/000"
	to.Damage(tile, gone)
	body, tag, err := to.Load(t.Context(), "replica.json")
	cond := bucket.Matches(tag)
	if errors.Is(err, bucket.ErrNotExist) {
		cond, err = bucket.Absent(), nil
		body = []byte(`{"v":1}`)
	}
	if err != nil {
		t.Fatal(err)
	}
	var note map[string]any
	if err := json.Unmarshal(body, &note); err != nil {
		t.Fatal(err)
	}
	var harms []map[string]any
	for _, key := range []string{state, "log/head", "../x", "log/tile/../head", tile} {
		harms = append(harms, map[string]any{"object": key, "visit": -1})
	}
	note["damaged"], note["missing"] = harms, []int64{-7}
	if body, err = json.Marshal(note); err != nil {
		t.Fatal(err)
	}
	if _, err := to.Swap(t.Context(), "replica.json", cond, body); err != nil {
		t.Fatal(err)
	}
	if done, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil || len(done.There) > 0 {
		t.Errorf("%v, %v", done.There, err)
	}
	for key, want := range map[string]bool{state: false, "log/head": false, tile: true} {
		if _, err := bucket.ReadAll(t.Context(), &to, key, 1<<20); (err == nil) != want {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestReplicateAllNamesWhatTheArchiveLacks loses objects of the archive that the
// replica has.
func TestReplicateAllNamesWhatTheArchiveLacks(t *testing.T) {
	t.Parallel()
	_, b, a, _ := filled(t, 20)
	var to memory.Bucket
	if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	lost := []string{one(t, b, "captures/", 4), one(t, b, "journal/", 9), one(t, b, "captures/", 15)}
	b.Damage(lost[0], gone)
	b.Damage(lost[1], gone)
	b.Damage(lost[2], func(p []byte) []byte { return p[:len(p)-1] })
	to.Damage(one(t, b, "captures/", 12), gone) // and this the replica has lost
	done, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{All: true})
	var named []string
	for _, f := range done.Here {
		named = append(named, f.Object)
		if !strings.Contains(f.Reason, "the replica has it") {
			t.Errorf("%s", f)
		}
	}
	slices.Sort(named)
	slices.Sort(lost)
	if err != nil || !slices.Equal(named, lost) || done.Missing != 0 || len(done.There) != 0 || done.Objects != 1 {
		t.Errorf("named %v, want %v: %+v, %v", named, lost, done, err)
	}
}
