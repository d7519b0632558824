// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"strings"
	"testing"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
)

// TestReplicaFollowsAChangedKey has a replica from before the log key was
// changed, once and twice: the machine trusts the new key alone.
func TestReplicaFollowsAChangedKey(t *testing.T) {
	t.Parallel()
	w, b, a, dir := filled(t, 3)
	var once, twice memory.Bucket
	for _, to := range []*memory.Bucket{&once, &twice} {
		if _, err := a.Replica(to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	keys := []archive.NewKey{w.firstKey(), nextKey(t, origin, 1), nextKey(t, origin, 2)}
	for i, to := range []*memory.Bucket{&once, &twice} {
		if _, err := a.RotateKey(t.Context(), keys[i+1]); err != nil {
			t.Fatal(err)
		}
		a = opened(t, b, w.with(t, dir, byte(3+i), keys[i+1]))
		r := a.Replica(to)
		if _, err := r.Checkpoint(t.Context()); err != nil {
			t.Errorf("replica %d: %v", i, err)
		}
		if _, err := r.Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
			t.Fatalf("replica %d: %v", i, err)
		}
		more(t, w, a, 10*i+10, 10*i+12)
		if _, err := r.Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
			t.Fatalf("replica %d, again: %v", i, err)
		}
		sameAs(t, b, to)
	}
	wholeReplica(t, w, &twice)
}

// TestRepairFromBeforeTheKeyWasChanged takes a lost object from a replica that
// was last filled under the key before.
func TestRepairFromBeforeTheKeyWasChanged(t *testing.T) {
	t.Parallel()
	w, b, a, dir := filled(t, 3)
	var to memory.Bucket
	if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	next := nextKey(t, origin, 1)
	if _, err := a.RotateKey(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	a = opened(t, b, w.with(t, dir, 3, next))
	key := firstUnder(t, b, "captures/")
	lost := drop(t, b, key)
	rep, err := a.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil || len(rep.Findings) == 0 {
		t.Fatalf("%v, %v", rep.Findings, err)
	}
	done, err := a.Repair(t.Context(), rep.Findings, []archive.RepairFrom{{Name: "old copy", Bucket: &to}})
	if err != nil || len(done.Unfit) != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if got, err := bucket.ReadAll(t.Context(), b, key, 1<<20); err != nil || string(got) != string(lost) {
		t.Errorf("%s is not back: %v", key, err)
	}
	verified(t, a)

	// And onrecord.json, without which the archive does not open.
	drop(t, b, "onrecord.json")
	mended, err := archive.RepairMeta(t.Context(), b, []archive.RepairFrom{{Name: "old copy", Bucket: &to}},
		archive.Options{Verifier: verifierOf(t, next.Public), Now: w.now})
	if err != nil || len(mended) != 1 {
		t.Errorf("%+v, %v", mended, err)
	}
	verified(t, opened(t, b, w.with(t, dir, 4, next)))
}

// firstUnder returns the first key below a folder.
func firstUnder(t testing.TB, b bucket.Bucket, folder string) string {
	t.Helper()
	for info, err := range b.List(t.Context(), folder, "") {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(info.Key, folder) {
			return info.Key
		}
	}
	t.Fatalf("nothing lies under %s", folder)
	return ""
}

// drop removes an object as a failing store would, and returns its bytes.
func drop(t testing.TB, b *memory.Bucket, key string) (was []byte) {
	t.Helper()
	if !b.Damage(key, func(body []byte) []byte { was = body; return nil }) {
		t.Fatalf("%s is not there", key)
	}
	return was
}
