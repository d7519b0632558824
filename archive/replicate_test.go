// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// contents are the bytes under each key.
func contents(t testing.TB, b bucket.Bucket) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for info, err := range b.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		body, err := bucket.ReadAll(t.Context(), b, info.Key, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		out[info.Key] = body
	}
	return out
}

// inReplicas reports whether a replica is to hold what is under key.
func inReplicas(key string) bool {
	return !strings.HasPrefix(key, "state/") && !strings.HasPrefix(key, "views/") && key != ledger.HeadKey
}

// sameAs demands that a replica holds all that the archive has, byte for byte,
// and nothing else.
func sameAs(t testing.TB, main, replica bucket.Bucket) {
	t.Helper()
	want, got := contents(t, main), contents(t, replica)
	for key, body := range want {
		if !inReplicas(key) || strings.Contains(key, ".p/") {
			continue
		}
		if !bytes.Equal(got[key], body) {
			t.Errorf("the replica's %s has %d bytes, the archive's %d", key, len(got[key]), len(body))
		}
	}
	for key := range got {
		if _, ok := want[key]; key != "replica.json" && !strings.Contains(key, ".p/") && (!ok || !inReplicas(key)) {
			t.Errorf("the replica has %s", key)
		}
	}
}

// wholeReplica demands that everything in a replica is right.
func wholeReplica(t testing.TB, w *world, b bucket.Bucket) archive.Report {
	t.Helper()
	o := w.options("", 9)
	o.PublicKey, o.Verifier = "", worldKey(t, w)
	a, err := archive.OpenReplica(t.Context(), b, o)
	if err != nil {
		t.Fatal(err)
	}
	return verifiedOutside(t, a)
}

// filled is an archive of n visits.
func filled(t testing.TB, n int) (w *world, b *memory.Bucket, a *archive.Archive, dir string) {
	t.Helper()
	w, b, dir = newWorld(t), &memory.Bucket{}, fastDir(t)
	a = w.init(t, b, dir)
	more(t, w, a, 0, n)
	return w, b, a, dir
}

// more makes the visits [from, to).
func more(t testing.TB, w *world, a *archive.Archive, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if _, err := visit(t.Context(), w, a, fmt.Sprintf("press-%d", i%3), fmt.Sprintf("statement %d", i)); err != nil {
			t.Fatal(err)
		}
		w.wait(1e9)
	}
}

func TestReplicaFollows(t *testing.T) {
	t.Parallel()
	w, b, a, _ := filled(t, 300)
	var to memory.Bucket
	r := a.Replica(&to)
	got, err := r.Replicate(t.Context(), archive.ReplicateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Size != 602 || got.From != 0 || got.Visits != 301 || got.Objects != 601 || got.Missing != 0 {
		t.Errorf("first: %+v", got)
	}
	sameAs(t, b, &to)
	wholeReplica(t, w, &to)

	// What is new costs what is new: nothing that was copied is read again.
	more(t, w, a, 300, 303)
	var reads atomic.Int64
	counted := fault.New(&to, fault.Options{Before: func(_ context.Context, c fault.Call) error {
		if c.Op == fault.Open && (strings.HasPrefix(c.Key, "captures/") || strings.HasPrefix(c.Key, "journal/")) {
			reads.Add(1)
		}
		return nil
	}})
	if got, err = a.Replica(counted).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil || got.Visits != 3 || got.Objects != 6 || reads.Load() != 12 {
		t.Errorf("after 3 visits: %+v with %d reads of objects in the replica, %v", got, reads.Load(), err)
	}
	sameAs(t, b, &to)
	wholeReplica(t, w, &to)
	if got, err = r.Replicate(t.Context(), archive.ReplicateOptions{}); err != nil || got.Visits != 0 {
		t.Errorf("without news: %+v, %v", got, err)
	}
	if tree, ok := r.Seen(); !ok || tree.Size != 608 {
		t.Errorf("seen %+v", tree)
	}
}

// A filling that is cut off at any write goes on, and ends with the same bytes.
func TestReplicaGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	w, b, a, _ := filled(t, 12)
	for _, do := range []fault.Failure{fault.Refuse, fault.LoseReply} {
		for nth := 1; ; nth++ {
			var to memory.Bucket
			writes, cut := 0, false
			broken := fault.New(&to, fault.Options{
				Before: func(_ context.Context, c fault.Call) error {
					if c.Op.Writes() {
						if writes++; writes >= nth && (do == fault.Refuse || writes > nth) {
							cut = true
							return fault.ErrInjected
						}
					}
					return nil
				},
				After: func(_ context.Context, c fault.Call, err error) error {
					if do == fault.LoseReply && c.Op.Writes() && writes == nth {
						cut = true
						return fault.ErrInjected
					}
					return err
				},
			})
			_, err := a.Replica(broken).Replicate(t.Context(), archive.ReplicateOptions{Workers: 1})
			if cut != errors.Is(err, archive.ErrUnreachable) && !(cut && err == nil) { // pruning may fail
				t.Fatalf("cut off at write %d: %v", nth, err)
			}
			// Whatever is published at any moment is whole.
			if c, err := a.Replica(&to).Checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			} else if c.Size > 0 {
				wholeReplica(t, w, &to)
			}
			if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
				t.Fatalf("again after write %d: %v", nth, err)
			}
			sameAs(t, b, &to)
			if !cut {
				break
			}
		}
	}
}

// Two processes that fill one replica do not disturb each other.
func TestReplicaOfTwoProcesses(t *testing.T) {
	t.Parallel()
	w, b, a, _ := filled(t, 40)
	var to memory.Bucket
	errs := make(chan error, 4)
	for range 4 {
		go func() {
			_, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{})
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	sameAs(t, b, &to)
	wholeReplica(t, w, &to)
}

func TestReplicaRefuses(t *testing.T) {
	t.Parallel()
	w, b, a, dir := filled(t, 3)
	replicate := func(a *archive.Archive, to bucket.Bucket) error {
		_, err := a.Replica(to).Replicate(t.Context(), archive.ReplicateOptions{})
		return err
	}
	t.Run("an archive", func(t *testing.T) {
		if err := replicate(a, b.Clone()); !errors.Is(err, archive.ErrReplica) {
			t.Errorf("error %v, want ErrReplica", err)
		}
	})
	t.Run("a bucket with something else in it", func(t *testing.T) {
		var to memory.Bucket
		if err := to.Create(t.Context(), "holiday.jpg", bucket.Bytes([]byte("x"))); err != nil {
			t.Fatal(err)
		}
		if err := replicate(a, &to); !errors.Is(err, archive.ErrReplica) || len(contents(t, &to)) != 1 {
			t.Errorf("error %v, want ErrReplica; %d objects", err, len(contents(t, &to)))
		}
	})
	t.Run("a replica of another archive", func(t *testing.T) {
		_, _, other, _ := filled(t, 1)
		var to memory.Bucket
		if err := replicate(other, &to); err != nil {
			t.Fatal(err)
		}
		w2 := newWorld(t)
		w2.wait(1e12)
		if err := replicate(w2.init(t, &memory.Bucket{}, fastDir(t)), &to); !errors.Is(err, archive.ErrReplica) {
			t.Errorf("error %v, want ErrReplica", err)
		}
	})
	t.Run("an archive that shows less or other than the replica has", func(t *testing.T) {
		old := b.Clone()
		var to memory.Bucket
		more(t, w, a, 3, 5)
		if err := replicate(a, &to); err != nil {
			t.Fatal(err)
		}
		before := contents(t, &to)
		back := w.open(t, old, "", 7)
		if err := replicate(back, &to); !errors.Is(err, ledger.ErrRolledBack) {
			t.Errorf("rolled back: error %v, want ErrRolledBack", err)
		}
		forked := w.open(t, old, fastDir(t), 8)
		more(t, w, forked, 10, 20)
		if err := replicate(forked, &to); !errors.Is(err, ledger.ErrTampered) {
			t.Errorf("forked: error %v, want ErrTampered", err)
		}
		if after := contents(t, &to); len(after) != len(before) {
			t.Errorf("%d objects after the refusals, %d before", len(after), len(before))
		}
	})
	_ = dir
}

// What is damaged in the archive is not copied, what is damaged in the replica
// not replaced; both are named, and all the rest is copied.
func TestReplicaOfDamage(t *testing.T) {
	t.Parallel()
	w, b, _, _ := filled(t, 20)
	var hurt []string
	for key := range contents(t, b) {
		if strings.HasPrefix(key, "captures/") || strings.HasPrefix(key, "journal/") {
			hurt = append(hurt, key)
		}
	}
	slices.Sort(hurt)
	capture, journal := hurt[4], hurt[len(hurt)-3]
	good := b.Clone()
	damaged := without(t, b, capture)
	put(t, damaged, capture, flipped(contents(t, good)[capture], 77))
	damaged = without(t, damaged, journal)
	var to memory.Bucket
	sick := w.open(t, damaged, "", 5)
	got, err := sick.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if named := objectsOf(got.Here); !slices.Equal(named, []string{capture, journal}) || got.Missing != 2 || got.Size != 42 {
		t.Errorf("named %v (%+v)", named, got)
	}
	here := contents(t, &to)
	if here[capture] != nil || here[journal] != nil {
		t.Error("damage was copied")
	}
	if got, err = sick.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil || got.Missing != 2 || len(got.Here) != 2 {
		t.Errorf("once more: %+v, %v", got, err)
	}
	// Nothing is forgotten: the next run that finds them whole puts them.
	healthy := w.open(t, good, "", 6)
	if got, err = healthy.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil || got.Missing != 0 {
		t.Errorf("from the whole archive: %+v, %v", got, err)
	}
	sameAs(t, good, &to)

	other := without(t, &to, capture)
	put(t, other, capture, []byte("something else"))
	got, err = healthy.Replica(other).Replicate(t.Context(), archive.ReplicateOptions{All: true})
	if named := objectsOf(got.There); err != nil || !slices.Equal(named, []string{capture}) {
		t.Errorf("damage in the replica: named %v, %v", named, err)
	}
	if string(contents(t, other)[capture]) != "something else" {
		t.Error("what was in the replica was replaced")
	}
}

// objectsOf returns the keys that findings name.
func objectsOf(list []archive.Finding) []string {
	var keys []string
	for _, f := range list {
		keys = append(keys, f.Object)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// flipped returns b with one bit changed.
func flipped(b []byte, at int) []byte {
	out := bytes.Clone(b)
	out[at%len(out)] ^= 1 << (at % 8)
	return out
}

// without returns a copy of b that lacks a key.
func without(t testing.TB, b *memory.Bucket, key string) *memory.Bucket {
	t.Helper()
	objects := contents(t, b)
	delete(objects, key)
	return bucketOf(t, objects)
}

func put(t testing.TB, b bucket.Bucket, key string, body []byte) {
	t.Helper()
	if err := b.Create(t.Context(), key, bucket.Bytes(body)); err != nil {
		t.Fatal(err)
	}
}

// A replica's confirmation frees the spool as a read-back does.
func TestReplicaFreesTheSpool(t *testing.T) {
	t.Parallel()
	w, _, a, _ := filled(t, 4)
	if n := archive.Spooled(t.Context(), a); n == 0 {
		t.Fatal("no spool is kept")
	}
	if _, err := a.Sweep(t.Context()); err != nil || archive.Spooled(t.Context(), a) == 0 {
		t.Fatalf("%d spools a moment after the commit, %v", archive.Spooled(t.Context(), a), err)
	}
	var to memory.Bucket
	if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := visit(t.Context(), w, a, "press-9", "after the copy"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Sweep(t.Context()); err != nil || archive.Spooled(t.Context(), a) != 1 {
		t.Errorf("%d spools after the replica has confirmed all but the last, %v", archive.Spooled(t.Context(), a), err)
	}
}
