// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"strings"
	"testing"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
)

// What repair has set aside is named with its age, and what an erasure names
// goes from there, too: in the archive, and in a replica that was one.
func TestCorpsesOfWhatIsErased(t *testing.T) {
	t.Parallel()
	w, b, dir := newWorld(t), &memory.Bucket{}, fastDir(t)
	a := w.init(t, b, dir)
	publish(t, w, a)
	more(t, w, a, 0, 2)
	var to memory.Bucket
	if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	var said onrecord.CaptureRef
	var journal string
	for _, e := range walk(t, a) {
		if e.Event.Statement == secretID {
			said, journal = e.Event.Captures[0], archive.JournalKey(e.Leaf.Visit)
		}
	}
	var other string // a capture that has nothing to do with it
	good := contents(t, b)
	for key := range good {
		if strings.HasPrefix(key, "captures/") && key != said.Object {
			other = key
		}
	}
	// The journal is hurt where the secret is not, and one capture lies where
	// another belongs: its bytes are set aside under a name that is not its own.
	hurt := contents(t, b)
	hurt[journal] = append(hurt[journal], 0)
	hurt[said.Object], hurt[other] = hurt[other], hurt[said.Object]
	sick := bucketOf(t, hurt)
	w.wait(3600e9)
	repairAll(t, w, sick, &to, "before the erasure")
	set := w.now()
	w.wait(3600e9)
	if n := len(contents(t, sick)) - len(good); n != 6 {
		t.Errorf("%d objects more than before, want 3 set aside with a note each", n)
	}
	a = w.open(t, sick, dir, 31)
	corpses, err := a.Corpses(t.Context())
	if err != nil || len(corpses) != 3 {
		t.Fatalf("%+v, %v", corpses, err)
	}
	for _, c := range corpses {
		if !c.At.Equal(set) || c.Object != said.Object && c.Object != other && c.Object != journal || c.Size != int64(len(hurt[c.Object])) {
			t.Errorf("%+v, set aside at %s", c, set)
		}
	}
	// One of a replica that was an archive before, and is of the same.
	for key, body := range contents(t, sick) {
		if strings.HasPrefix(key, bucket.DamagedFolder) {
			put(t, &to, key, body)
		}
	}
	o := order(t, w, a)
	if err := a.Erase(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if held := holding(t, sick); len(held) > 0 {
		t.Errorf("after the erasure the archive holds %v", held)
	}
	if corpses, err = a.Corpses(t.Context()); err != nil || len(corpses) != 0 {
		t.Errorf("left: %+v, %v", corpses, err)
	}
	r := a.Replica(&to)
	if err := r.Erased(t.Context(), o); err == nil {
		t.Error("a replica that was not filled since is said to have erased it")
	}
	if _, err := r.Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	if held := holding(t, &to); len(held) > 0 || r.Erased(t.Context(), o) != nil {
		t.Errorf("after the erasure the replica holds %v, %v", held, r.Erased(t.Context(), o))
	}
	verified(t, a)
}
