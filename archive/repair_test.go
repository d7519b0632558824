// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
	"onrecord/internal/repotest"
)

// isRegister reports whether a register lies under key.
func isRegister(key string) bool {
	return key == ledger.HeadKey || key == ledger.CheckpointKey || key == "replica.json" || strings.HasPrefix(key, "state/")
}

// bucketOf makes a bucket of contents.
func bucketOf(t testing.TB, objects map[string][]byte) *memory.Bucket {
	t.Helper()
	var out memory.Bucket
	for key, body := range objects {
		if isRegister(key) {
			if _, err := out.Swap(t.Context(), key, bucket.Absent(), body); err != nil {
				t.Fatal(err)
			}
			continue
		}
		put(t, &out, key, body)
	}
	return &out
}

// An injury is what happens to one object.
type injury struct {
	name string
	do   func(objects map[string][]byte, key, other string)
}

func injuries() []injury {
	flip := func(at int) injury {
		return injury{fmt.Sprintf("flip at %d", at), func(o map[string][]byte, key, _ string) {
			if len(o[key]) > 0 {
				o[key] = flipped(o[key], at)
			}
		}}
	}
	return []injury{
		flip(0), flip(41), flip(1 << 20),
		{"truncated", func(o map[string][]byte, key, _ string) { o[key] = o[key][:len(o[key])/2] }},
		{"emptied", func(o map[string][]byte, key, _ string) { o[key] = nil }},
		{"deleted", func(o map[string][]byte, key, _ string) { delete(o, key) }},
		{"swapped", func(o map[string][]byte, key, other string) { o[key], o[other] = o[other], o[key] }},
	}
}

// kinds sorts the keys of an archive by what they hold, less those that follow
// each other closely.
func kinds(objects map[string][]byte) map[string][]string {
	out := map[string][]string{}
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		kind, _, _ := strings.Cut(key, "/")
		if kind == "log" {
			kind = strings.Join(strings.SplitN(key, "/", 4)[:min(3, strings.Count(key, "/")+1)], "/")
		}
		if key != "state/archive.json" {
			out[kind] = append(out[kind], key)
		}
	}
	for kind, keys := range out {
		if n := len(keys); n > 4 {
			out[kind] = []string{keys[0], keys[n/3], keys[n-2], keys[n-1]}
		}
	}
	return out
}

func isView(key string) bool { return strings.HasPrefix(key, "views/") }

// whole is an archive in which there is one of everything: media, a change of
// the key, snapshots; and a replica of it.
func whole(t *testing.T) (w *world, b, to *memory.Bucket) {
	t.Helper()
	l := live(t, 70)
	w, b, to = l.w, l.b, &memory.Bucket{}
	dir := fastDir(t)
	next := nextKey(t, origin, 1)
	o := w.with(t, dir, 3, w.firstKey(), next)
	o.Trust = true // this machine has not seen the ledger before
	if _, err := opened(t, b, o).RotateKey(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	w.public, w.signer = next.Public, next.Signer
	a := opened(t, b, w.with(t, dir, 4, next))
	for i := range 70 {
		if _, err := visit(t.Context(), w, a, fmt.Sprintf("press-%d", i%3), fmt.Sprintf("after the change of the key %d", i)); err != nil {
			t.Fatal(err)
		}
		w.wait(1e9)
	}
	l.snapshots(t, a) // those before went with their key
	if _, err := a.Replica(to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	return w, b, to
}

// Every kind of object, damaged in every way, is put right byte for byte from one
// replica; what is good is not touched, nor is the replica (security.md T34).
func TestRepair(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	w, b, to := whole(t)
	good, copied := contents(t, b), contents(t, to)
	maps.DeleteFunc(good, func(key string, _ []byte) bool { // of smaller trees, which nobody reads any more
		return strings.Contains(key, ".p/") && copied[key] == nil
	})
	repaired := 0
	all := kinds(good)
	for _, kind := range []string{"captures", "journal", "log/checkpoint", "log/head", "log/keys/1", "log/tile/0", "log/tile/entries", "media", "onrecord.json", "state", "views"} {
		if len(all[kind]) == 0 {
			t.Fatalf("the archive has nothing of kind %s: %v", kind, all)
		}
	}
	for kind, keys := range all {
		for i, key := range keys {
			for _, d := range injuries() {
				other := keys[(i+1)%len(keys)]
				hurt := maps.Clone(good)
				d.do(hurt, key, other)
				if d.name == "swapped" && (key == other || bytes.Equal(good[key], good[other])) || d.name == "deleted" && kind == "views" {
					continue // the same, or nothing that must be there
				}
				where := fmt.Sprintf("%s: %s %s", kind, key, d.name)
				sick := bucketOf(t, hurt)
				repairAll(t, w, sick, to, where)
				repaired++
				after := contents(t, sick)
				for key, body := range good {
					if isView(key) && after[key] == nil {
						continue // it is made again
					}
					if !isRegister(key) && !bytes.Equal(after[key], body) {
						t.Fatalf("%s: %s is not as it was", where, key)
					}
				}
				for k := range after {
					aside, was := strings.CutPrefix(k, bucket.DamagedFolder)
					if was && !strings.HasPrefix(aside, key) && !strings.HasPrefix(aside, other) {
						t.Errorf("%s: %s was set aside", where, aside)
					}
				}
			}
		}
	}
	for key, body := range contents(t, to) {
		if !bytes.Equal(copied[key], body) {
			t.Errorf("%s of the replica has changed", key)
		}
	}
	t.Logf("%d damages repaired", repaired)
}

// repairAll repairs an archive from a copy, and demands that nothing is left.
func repairAll(t testing.TB, w *world, sick, from bucket.Bucket, where string) archive.Repaired {
	t.Helper()
	o := w.options("", 3)
	copies := []archive.RepairFrom{{Name: "replica", Bucket: from}}
	a, err := archive.Open(t.Context(), sick, o)
	if err != nil {
		o.Verifier = worldKey(t, w)
		if _, err := archive.RepairMeta(t.Context(), sick, copies, o); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		if a, err = archive.Open(t.Context(), sick, o); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		rep, err := a.Verify(t.Context(), archive.VerifyOptions{Workers: 1})
		if err != nil || len(rep.Findings) != 0 {
			t.Fatalf("%s: after onrecord.json was put back: %v, %v", where, rep.Findings, err)
		}
		return archive.Repaired{}
	}
	rep, err := a.Verify(t.Context(), archive.VerifyOptions{Workers: 1})
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	if len(rep.Findings) == 0 {
		t.Fatalf("%s: not found", where)
	}
	var all archive.Repaired
	for round := 0; len(rep.Findings) > 0 && round < 2; round++ {
		done, err := a.Repair(t.Context(), rep.Findings, copies)
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		if len(done.Left) > 0 || len(done.Refused) > 0 || len(done.Unfit) > 0 {
			t.Errorf("%s: left %v, %v, %v", where, done.Left, done.Refused, done.Unfit)
		}
		all.Mended = append(all.Mended, done.Mended...)
		if a, err = archive.Open(t.Context(), sick, o); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		if rep, err = a.Verify(t.Context(), archive.VerifyOptions{Workers: 1}); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
	}
	if len(rep.Findings) > 0 {
		t.Fatalf("%s: after the repair: %v\nmended %v", where, rep.Findings, all.Mended)
	}
	return all
}

func worldKey(t testing.TB, w *world) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(w.public)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A change of the log key that is damaged is put right, too, where the archive
// was opened to verify it.
func TestRepairOfAChangedKey(t *testing.T) {
	t.Parallel()
	w, b, to := whole(t)
	const key = "log/keys/1"
	good := contents(t, b)
	for _, d := range injuries() {
		hurt := maps.Clone(good)
		if d.do(hurt, key, "onrecord.json"); d.name == "swapped" {
			continue
		}
		sick := bucketOf(t, hurt)
		open := func() *archive.Archive {
			a, err := archive.OpenToVerify(t.Context(), sick, archive.Options{Now: w.now, Verifier: worldKey(t, w)})
			if err != nil {
				t.Fatalf("%s: %v", d.name, err)
			}
			return a
		}
		rep, err := open().Verify(t.Context(), archive.VerifyOptions{})
		if err != nil || len(rep.Findings) == 0 {
			t.Fatalf("%s: found %v, %v", d.name, rep.Findings, err)
		}
		done, err := open().Repair(t.Context(), rep.Findings, []archive.RepairFrom{{Name: "replica", Bucket: to}})
		if err != nil || len(done.Left)+len(done.Refused) > 0 || !bytes.Equal(contents(t, sick)[key], good[key]) {
			t.Errorf("%s: %+v, %v", d.name, done, err)
		}
		if rep, err = open().Verify(t.Context(), archive.VerifyOptions{}); err != nil || len(rep.Findings) > 0 {
			t.Errorf("%s: left %v, %v", d.name, rep.Findings, err)
		}
	}
}

// Many objects at once, and head and checkpoint among them.
func TestRepairOfARuin(t *testing.T) {
	t.Parallel()
	w, b, a, dir := filled(t, 60)
	var to memory.Bucket
	if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	hurt := contents(t, b)
	for i, key := range slices.Sorted(maps.Keys(hurt)) {
		switch {
		case key == "onrecord.json":
		case i%3 == 0:
			delete(hurt, key)
		case i%3 == 1:
			hurt[key] = flipped(hurt[key], i)
		}
	}
	sick := bucketOf(t, hurt)
	done := repairAll(t, w, sick, &to, "ruin")
	t.Logf("%d of %d put right", len(done.Mended), len(hurt))
	a = w.open(t, sick, dir, 4)
	more(t, w, a, 60, 63)
	verified(t, a)
}

// A store that lost the end of the ledger, spool and all, gets it back.
func TestRepairOfALostEnd(t *testing.T) {
	t.Parallel()
	w, b, a, dir := filled(t, 20)
	old := b.Clone()
	more(t, w, a, 20, 33)
	var to memory.Bucket
	if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	sick, err := archive.Open(t.Context(), old, w.options("", 3))
	if err != nil {
		t.Fatal(err)
	}
	done, err := sick.Repair(t.Context(), nil, []archive.RepairFrom{{Name: "replica", Bucket: &to}})
	if err != nil || len(done.Left) > 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	// The states are older than the ledger now: a second look finds them.
	repairAll(t, w, old, &to, "lost end")
	if n := len(texts(walk(t, w.open(t, old, "", 5)))); n != 33 {
		t.Errorf("%d statements, want 33", n)
	}
	a = w.open(t, old, dir, 6)
	more(t, w, a, 33, 35)
	verified(t, a)
}

// Copies that are damaged themselves, of another archive, or behind, do no harm.
func TestRepairFromBadCopies(t *testing.T) {
	t.Parallel()
	w, b, a, _ := filled(t, 20)
	var to memory.Bucket
	if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	good := contents(t, b)
	keys := kinds(good)
	capture, journal := keys["captures"][2], keys["journal"][1]
	damaged := contents(t, &to)
	damaged[capture], damaged[journal] = flipped(damaged[capture], 9), damaged[journal][:40]
	corrupt := bucketOf(t, damaged)
	w2 := newWorld(t)
	w2.wait(1e12)
	var stranger memory.Bucket
	w2.init(t, &stranger, fastDir(t))

	hurt := maps.Clone(good)
	hurt[capture] = flipped(hurt[capture], 70)
	delete(hurt, journal)
	sick := bucketOf(t, hurt)
	open := func() *archive.Archive { return w.open(t, sick, "", 3) }
	findings := func() []archive.Finding {
		rep, err := open().Verify(t.Context(), archive.VerifyOptions{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		return rep.Findings
	}
	bad := []archive.RepairFrom{{Name: "stranger", Bucket: &stranger}, {Name: "corrupt", Bucket: corrupt}, {Name: "empty", Bucket: &memory.Bucket{}}}
	before := contents(t, sick)
	done, err := open().Repair(t.Context(), findings(), bad)
	if err != nil || len(done.Mended) != 0 || len(done.Left) != 2 || len(done.Unfit) != 2 {
		t.Errorf("from bad copies: %+v, %v", done, err)
	}
	if after := contents(t, sick); !maps.EqualFunc(before, after, bytes.Equal) {
		t.Error("a bad copy has changed the archive")
	}
	done, err = open().Repair(t.Context(), findings(), append(bad, archive.RepairFrom{Name: "replica", Bucket: &to}))
	if err != nil || len(done.Mended) != 2 || len(done.Left) != 0 {
		t.Errorf("with a good one: %+v, %v", done, err)
	}
	if len(findings()) != 0 {
		t.Errorf("left: %v", findings())
	}
	// A healthy archive is not touched, whatever a copy holds and a finding says.
	before = contents(t, sick)
	lies := []archive.Finding{{Kind: archive.KindCapture, Object: capture, Offset: -1, Index: 5}, {Kind: archive.KindTile, Object: "log/tile/0/000.p/42", Offset: -1, Index: -1}}
	if done, err = open().Repair(t.Context(), lies, bad); err != nil || len(done.Mended) != 0 {
		t.Errorf("lies: %+v, %v", done, err)
	}
	if after := contents(t, sick); !maps.EqualFunc(before, after, bytes.Equal) {
		t.Error("a good archive was changed")
	}
	if _, err := archive.OpenReplica(t.Context(), sick, w.options("", 4)); !errors.Is(err, archive.ErrReplica) {
		t.Errorf("an archive opened as replica: %v", err)
	}
}
