// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// An intruder can write to the bucket, and has no key. The head and the states
// are sealed with a plain hash, so what it appends is signed by the owner's next
// commit.
type intruder struct {
	visit   onrecord.VisitID
	segment []byte
	leaves  []ledger.Leaf
	event   onrecord.Event
}

// intrude forges a visit of the built-in source that erases the secret. change
// may make the event another one.
func intrude(t testing.TB, w *world, a *archive.Archive, change func(*onrecord.Event)) intruder {
	t.Helper()
	var e onrecord.Erasure
	for _, entry := range walk(t, a) {
		if entry.Event.Statement == secretID && entry.Event.Type == onrecord.StatementCreated {
			e.Leaves = append(e.Leaves, entry.Index)
			for _, c := range entry.Event.Captures {
				e.Records = append(e.Records, onrecord.Span{Object: c.Object, Offset: c.Offset, Length: c.Length})
			}
		}
	}
	plan, err := a.PlanErasure(t.Context(), e, "T-1")
	if err != nil {
		t.Fatal(err)
	}
	x := intruder{event: onrecord.Event{
		Type: onrecord.StatementErased, At: w.now(), By: w.now(), Source: archive.BuiltIn, Platform: archive.BuiltIn, Prev: -1, Index: -1,
		Figure: "jane-example", Account: onrecord.AccountRef{Platform: "website", ID: "jane.example"}, Statement: secretID, Provenance: onrecord.Captured,
		Takedown: &onrecord.Takedown{Case: "T-1", Ground: onrecord.GroundLaw, Reason: "x"}, Erasure: &plan,
	}}
	if change != nil {
		change(&x.event)
	}
	if x.visit, err = onrecord.NewVisitID(w.now(), seeded(77)); err != nil {
		t.Fatal(err)
	}
	h := archive.VisitHeader{Visit: x.visit, Source: archive.BuiltIn, Base: 0, Started: w.now(), Ended: w.now(), Outcome: onrecord.OutcomeOK}
	if x.segment, x.leaves, err = archive.BuildLeaves(h, []onrecord.Event{x.event}, seeded(78)); err != nil {
		t.Fatal(err)
	}
	return x
}

// commit puts the forged visit into the bucket and its leaves into the head. It
// returns the ledger index of the event. Swapping the head needs no key: the
// ledger's own hands do it here, with one that signs nothing.
func (x intruder) commit(t testing.TB, w *world, b bucket.Bucket) int64 {
	t.Helper()
	put(t, b, archive.JournalKey(x.visit), x.segment)
	l, err := ledger.New(b, ledger.Options{
		Origin: origin, Verifier: w.verifier(t), Signer: w.signer, Trust: true, Mark: filepath.Join(t.TempDir(), "mark"), Rand: seeded(79),
	})
	if err != nil {
		t.Fatal(err)
	}
	h, tag, err := l.Head(t.Context())
	if err == nil {
		err = l.Publish(t.Context(), h)
	}
	if err == nil {
		_, _, err = l.Append(t.Context(), h, tag, x.leaves)
	}
	if err != nil {
		t.Fatal(err)
	}
	return h.Size + 1
}

// destroy replaces the objects as the forged event says: it is no secret how.
func (x intruder) destroy(t testing.TB, w *world, b *memory.Bucket) {
	t.Helper()
	// Erased for real in a copy that the owner would have made.
	mine := bucketOf(t, contents(t, b))
	owner := w.open(t, mine, fastDir(t), 81)
	if err := owner.Erase(t.Context(), order(t, w, owner)); err != nil {
		t.Fatal(err)
	}
	for _, o := range x.event.Erasure.Objects {
		body, err := bucket.ReadAll(t.Context(), mine, o.Key, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		b.Damage(o.Key, func([]byte) []byte { return body })
	}
}

// published is an archive with the secret in it, and a replica that has it all.
func published(t testing.TB) (w *world, b, replica *memory.Bucket, a *archive.Archive) {
	t.Helper()
	w, b, replica = newWorld(t), &memory.Bucket{}, &memory.Bucket{}
	a = w.init(t, b, fastDir(t))
	publish(t, w, a)
	w.wait(time.Second)
	more(t, w, a, 0, 2)
	if _, err := a.Replica(replica).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	return w, b, replica, a
}

// noteOf is the note that the owner has put into a true erasure of the secret.
func noteOf(t testing.TB, w *world, b *memory.Bucket, change func(*onrecord.Event)) string {
	t.Helper()
	a := w.open(t, bucketOf(t, contents(t, b)), fastDir(t), 90)
	x := intrude(t, w, a, change)
	v, err := a.Begin(t.Context(), archive.Source{Source: archive.BuiltIn, Platform: archive.BuiltIn}, "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	next := v.State()
	next.Source, next.Platform = archive.BuiltIn, archive.BuiltIn
	if _, err := v.Commit(t.Context(), archive.Draft{
		Outcome: onrecord.OutcomeOK, Started: w.now(), Ended: w.now(), Next: next, Events: []onrecord.Event{x.event},
	}); err != nil {
		t.Fatal(err)
	}
	red, err := a.Redactions(t.Context())
	if err != nil || len(red.Erasures()) != 1 {
		t.Fatalf("the owner's erasure: %v, %v", red.Erasures(), err)
	}
	return red.Erasures()[0].Erasure.Note
}

// TestUnsignedErasure: what erases in the head, and in the signed ledger after
// the owner's next commit, is followed by nobody unless a key has signed it.
func TestUnsignedErasure(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, w *world, b *memory.Bucket) func(*onrecord.Event){
		"without a note": func(*testing.T, *world, *memory.Bucket) func(*onrecord.Event) { return nil },
		"another key's": func(t *testing.T, _ *world, b *memory.Bucket) func(*onrecord.Event) {
			thief := newWorld(t)
			k := nextKey(t, origin, 9)
			thief.public, thief.signer = k.Public, k.Signer
			return func(e *onrecord.Event) { e.Erasure.Note = signedBy(t, thief, *e) }
		},
		"of another statement": func(t *testing.T, w *world, b *memory.Bucket) func(*onrecord.Event) {
			n := noteOf(t, w, b, func(e *onrecord.Event) { e.Statement = "5qmwp306h4y8cvth" })
			return func(e *onrecord.Event) { e.Erasure.Note = n }
		},
		"of another case": func(t *testing.T, w *world, b *memory.Bucket) func(*onrecord.Event) {
			n := noteOf(t, w, b, func(e *onrecord.Event) { e.Takedown.Case = "T-2" })
			return func(e *onrecord.Event) { e.Erasure.Note = n }
		},
		"of a smaller erasure": func(t *testing.T, w *world, b *memory.Bucket) func(*onrecord.Event) {
			n := noteOf(t, w, b, func(e *onrecord.Event) { e.Erasure.Leaves = nil })
			return func(e *onrecord.Event) { e.Erasure.Note = n }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, b, replica, a := published(t)
			x := intrude(t, w, a, change(t, w, b))
			index := x.commit(t, w, b)
			followedByNobody(t, w, b, replica, a, x, index)
			// The owner signs it unknowingly.
			w.wait(time.Second)
			more(t, w, a, 2, 4)
			followedByNobody(t, w, b, replica, a, x, index)
			x.destroy(t, w, b)
			foundOut(t, w, b, replica, x, index)
		})
	}
}

// signedBy is the note that another key makes of an erasure.
func signedBy(t testing.TB, w *world, e onrecord.Event) string {
	t.Helper()
	b := &memory.Bucket{}
	a := w.init(t, b, fastDir(t))
	v, err := a.Begin(t.Context(), archive.Source{Source: archive.BuiltIn, Platform: archive.BuiltIn}, "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	next := v.State()
	next.Source, next.Platform = archive.BuiltIn, archive.BuiltIn
	if _, err := v.Commit(t.Context(), archive.Draft{
		Outcome: onrecord.OutcomeOK, Started: w.now(), Ended: w.now(), Next: next, Events: []onrecord.Event{e},
	}); err != nil {
		t.Fatal(err)
	}
	red, err := a.Redactions(t.Context())
	if err != nil || len(red.Erasures()) != 1 {
		t.Fatalf("the thief's own erasure: %v, %v", red.Erasures(), err)
	}
	return red.Erasures()[0].Erasure.Note
}

func followedByNobody(t *testing.T, w *world, b, replica *memory.Bucket, a *archive.Archive, x intruder, index int64) {
	t.Helper()
	before := contents(t, b)
	for _, a := range []*archive.Archive{a, w.open(t, b, fastDir(t), 40)} {
		red, err := a.Redactions(t.Context())
		if err != nil || !red.Empty() {
			t.Errorf("Redactions: %v, %v", red.Erasures(), err)
		}
		err = a.Erase(t.Context(), archive.Ordered{Index: index, Statement: secretID, Takedown: *x.event.Takedown, Erasure: *x.event.Erasure})
		if !errors.Is(err, archive.ErrMismatch) {
			t.Errorf("Erase: %v", err)
		}
		e := walk(t, a)[index]
		if e.Event.Type != onrecord.ErasureUnsigned || e.Event.Statement != "" || e.Event.Erasure != nil {
			t.Errorf("Walk hands out %+v", e.Event)
		}
	}
	if _, err := a.Replica(replica).Replicate(t.Context(), archive.ReplicateOptions{All: true}); err != nil {
		t.Errorf("Replicate: %v", err)
	}
	if len(holding(t, replica)) != 2 || len(holding(t, b)) != 2 {
		t.Errorf("the secret is in %q and %q", holding(t, b), holding(t, replica))
	}
	for key, body := range before {
		if now, err := bucket.ReadAll(t.Context(), b, key, 1<<20); !isRegister(key) && (err != nil || !bytes.Equal(now, body)) {
			t.Errorf("%s has changed: %v", key, err)
		}
	}
}

// foundOut: the bytes are gone; verify says so, the replica keeps them, and
// repair brings them back.
func foundOut(t *testing.T, w *world, b, replica *memory.Bucket, x intruder, index int64) {
	t.Helper()
	a := w.open(t, b, fastDir(t), 41)
	report, err := a.Verify(t.Context(), archive.VerifyOptions{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	unsigned := false
	for _, f := range report.Findings {
		named[f.Object] = true
		unsigned = unsigned || f.Index == index && f.Object == archive.JournalKey(x.visit) && strings.Contains(f.Reason, "an erasure that no key has signed")
	}
	for _, o := range x.event.Erasure.Objects {
		if !named[o.Key] {
			t.Errorf("verify does not find %s", o.Key)
		}
	}
	if !unsigned || report.Erased != 0 {
		t.Errorf("verify: unsigned %v, erased %d: %v", unsigned, report.Erased, report.Findings)
	}
	if _, err := a.Replica(replica).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Errorf("Replicate: %v", err)
	}
	if len(holding(t, replica)) != 2 {
		t.Errorf("the replica has the secret in %q", holding(t, replica))
	}
	if _, err := a.Repair(t.Context(), report.Findings, []archive.RepairFrom{{Name: "replica", Bucket: replica}}); err != nil {
		t.Fatal(err)
	}
	if keys := holding(t, b); len(keys) != 2 {
		t.Errorf("after repair the secret is in %q", keys)
	}
}

// TestCopiedErasure: the note of a true erasure orders nothing again: what has
// replaced the same objects since stays.
func TestCopiedErasure(t *testing.T) {
	t.Parallel()
	w, b, _, a := published(t)
	o := order(t, w, a)
	if err := a.Erase(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	w.wait(time.Second)
	x := intruder{event: onrecord.Event{
		Type: onrecord.StatementErased, At: w.now(), By: w.now(), Source: archive.BuiltIn, Prev: -1, Statement: secretID,
		Takedown: &o.Takedown, Erasure: &o.Erasure,
	}}
	var err error
	if x.visit, err = onrecord.NewVisitID(w.now(), seeded(77)); err != nil {
		t.Fatal(err)
	}
	h := archive.VisitHeader{Visit: x.visit, Source: archive.BuiltIn, Started: w.now(), Ended: w.now(), Outcome: onrecord.OutcomeOK}
	if x.segment, x.leaves, err = archive.BuildLeaves(h, []onrecord.Event{x.event}, seeded(78)); err != nil {
		t.Fatal(err)
	}
	x.commit(t, w, b)
	for _, a := range []*archive.Archive{a, w.open(t, b, fastDir(t), 40)} {
		red, err := a.Redactions(t.Context())
		if err != nil || len(red.Erasures()) != 1 || red.Erasures()[0].Index != o.Index {
			t.Errorf("Redactions: %v, %v", red.Erasures(), err)
		}
	}
}

// TestUnsignedPending: a register that says that an act of the operator is
// pending is finished by nobody else, unless what it erases is signed. It is
// abandoned at once: nobody can hold up the operator by it, whatever its time.
func TestUnsignedPending(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{0, 20 * time.Hour, 1000 * time.Hour, -time.Second} {
		signed := ahead < 0
		w, b, _, a := published(t)
		w.wait(ahead)
		n := ""
		if signed {
			n = noteOf(t, w, b, nil)
		}
		x := intrude(t, w, a, func(e *onrecord.Event) { e.Erasure.Note = n })
		put(t, b, archive.JournalKey(x.visit), x.segment)
		size, err := a.Size(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		pretend(t, b, x, size)
		w.wait(-ahead)
		next := func() error {
			v, err := w.open(t, b, fastDir(t), 42).Begin(t.Context(), archive.Source{Source: archive.BuiltIn, Platform: archive.BuiltIn}, "", "", nil)
			if err == nil {
				err = v.Drop(t.Context())
			}
			return err
		}
		if err := next(); err != nil {
			t.Errorf("signed %v, %s ahead: %v", signed, ahead, err)
		}
		red, err := a.Redactions(t.Context())
		if err != nil || red.Empty() == signed {
			t.Errorf("signed %v: %v, %v", signed, red.Erasures(), err)
		}
		verified(t, a)
	}
}

// pretend makes the forged visit pending.
func pretend(t testing.TB, b *memory.Bucket, x intruder, from int64) {
	t.Helper()
	key := "state/" + archive.BuiltIn + ".json"
	body, tag, err := b.Load(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	var reg map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&reg); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	delete(reg, "sum")
	before := map[string]any{}
	for k, v := range reg {
		if !slices.Contains([]string{"v", "n", "nonce", "by", "pending"}, k) {
			before[k] = v
		}
	}
	sum := bucket.Bytes(x.segment).SHA256
	reg["n"] = json.Number("7000")
	reg["pending"] = map[string]any{
		"visit": x.visit, "from": from, "next": before, "else": before,
		"objects": []archive.ObjectRef{{Key: archive.JournalKey(x.visit), Length: int64(len(x.segment)), SHA256: hex.EncodeToString(sum[:])}},
	}
	forged, err := json.Marshal(reg)
	if err == nil {
		_, err = b.Swap(context.Background(), key, bucket.Matches(tag), bucket.Seal(forged))
	}
	if err != nil {
		t.Fatal(err)
	}
}
