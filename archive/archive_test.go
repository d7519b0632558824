// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket/disk"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

func TestCommitAndWalkOnAFolder(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	b, err := disk.Open(t.TempDir(), disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	a := w.init(t, b, t.TempDir())
	first, err := visit(ctx, w, a, "press", "one")
	if err != nil {
		t.Fatal(err)
	}
	second, err := visit(ctx, w, a, "press", "two")
	if err != nil {
		t.Fatal(err)
	}
	if first.Index != 2 || second.Index != 4 {
		t.Errorf("visits at %d and %d, want 2 and 4", first.Index, second.Index)
	}
	entries := walk(t, a)
	if len(entries) != 6 || entries[1].Event.Type != onrecord.ArchiveCreated {
		t.Fatalf("%d entries, the second %s", len(entries), entries[1].Event.Type)
	}
	e := entries[5]
	if e.Event.Content.Text != "<feed>two</feed>" || e.Event.Visit != second.Visit || e.Event.Index != 5 || e.Visit.Figure != "jane-example" {
		t.Errorf("last entry is %+v", e)
	}
	record, err := a.Capture(ctx, e.Event.Captures[0])
	if err != nil || len(record) == 0 {
		t.Errorf("capture: %d bytes, %v", len(record), err)
	}
	st, err := a.State(ctx, "press")
	if err != nil || st.Done != second {
		t.Errorf("state is %+v, %v", st, err)
	}
	r := verified(t, a)
	if r.Size != 6 || r.Visits != 3 || r.Lines != 6 || r.Objects != 2 || r.Records == 0 || r.States != 2 {
		t.Errorf("report %+v", r)
	}
}

func TestQuietVisitSwapsOneRegister(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	b := &memory.Bucket{}
	a := w.init(t, b, t.TempDir())
	v, err := read(ctx, w, a, "press", "same as ever")
	if err != nil {
		t.Fatal(err)
	}
	next := v.State()
	next.Platform = "website"
	next.LastTick = w.now()
	next.Runs = []onrecord.Run{{Door: "feed", Parser: "feed/1", From: day, Until: day, Visits: 1}}
	if err := v.Quiet(ctx, next); err != nil {
		t.Fatal(err)
	}
	st, err := a.State(ctx, "press")
	if err != nil || !st.LastTick.Equal(day) || len(st.Runs) != 1 || st.Done.Index != -1 {
		t.Errorf("state %+v, %v", st, err)
	}
	if n := len(walk(t, a)); n != 2 {
		t.Errorf("%d entries, want those of init", n)
	}
	for v, err := range a.Recover(ctx) {
		t.Errorf("the spool still has %v, %v", v, err)
	}
	if err := v.Quiet(ctx, next); !errors.Is(err, archive.ErrEnded) {
		t.Errorf("a second end: %v", err)
	}
}

func TestOvertakenVisitIsLate(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	b := &memory.Bucket{}
	a := w.init(t, b, t.TempDir())
	other := w.open(t, b, t.TempDir(), 2)
	frozen, err := read(ctx, w, a, "press", "seen before it was deleted")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := visit(ctx, w, other, "press", "seen after"); err != nil {
		t.Fatal(err)
	}
	d, err := judge(ctx, w, frozen)
	if err != nil {
		t.Fatal(err)
	}
	_, err = frozen.Commit(ctx, d)
	late, ok := errors.AsType[*archive.LateError](err)
	if !ok {
		t.Fatalf("commit behind a lost fence: %v", err)
	}
	if of, ok := late.Visit.Late(); !ok || of != frozen.ID() || late.Visit.ID() == of {
		t.Errorf("late visit %s of %s, %t", late.Visit.ID(), of, ok)
	}
	if _, err := late.Visit.Record(ctx, exchange(w, "more")); !errors.Is(err, archive.ErrEnded) {
		t.Errorf("a late visit records: %v", err)
	}
	if _, err := commit(ctx, w, late.Visit); err != nil {
		t.Fatal(err)
	}
	entries := walk(t, a)
	last := entries[len(entries)-1]
	if last.Visit.LateOf != frozen.ID() || last.Event.Captures[0].Object != last.Visit.Objects[0].Key {
		t.Errorf("last visit %+v", last.Visit)
	}
	if n := texts(entries); n["<feed>seen before it was deleted</feed>"] != 1 || n["<feed>seen after</feed>"] != 1 {
		t.Errorf("in the record: %v", n)
	}
	verified(t, a)
}

func TestSourceKeepsItsAccount(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	a := w.init(t, &memory.Bucket{}, t.TempDir())
	if _, err := visit(ctx, w, a, "press", "one"); err != nil {
		t.Fatal(err)
	}
	for _, s := range []archive.Source{
		{Source: "press", Platform: "mastodon"},
		{Source: "press", Platform: "website", AccountID: "jean.example"},
		{Source: "Press", Platform: "website"},
		{Source: "", Platform: "website"},
	} {
		if _, err := a.Begin(ctx, s, "feed", "feed/1", nil); !errors.Is(err, archive.ErrSource) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func TestInitRefusesAnArchive(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	b := &memory.Bucket{}
	if _, err := archive.Open(ctx, b, w.options(t.TempDir(), 1)); !errors.Is(err, archive.ErrNoArchive) {
		t.Errorf("open of an empty bucket: %v", err)
	}
	w.init(t, b, t.TempDir())
	if err := archive.Init(ctx, b, w.options(t.TempDir(), 1)); !errors.Is(err, archive.ErrExists) {
		t.Errorf("second init: %v", err)
	}
	o := w.options(t.TempDir(), 1)
	o.Origin = "other.example/log"
	if _, err := archive.Open(ctx, b, o); !errors.Is(err, archive.ErrKey) {
		t.Errorf("another origin: %v", err)
	}
	_, public, err := note.GenerateKey(seeded(7), origin)
	if err != nil {
		t.Fatal(err)
	}
	o = w.options(t.TempDir(), 1)
	if o.Verifier, err = note.NewVerifier(public); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Open(ctx, b, o); !errors.Is(err, archive.ErrKey) {
		t.Errorf("another key: %v", err)
	}
}

func TestOpenForReading(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	b := &memory.Bucket{}
	if _, err := visit(ctx, w, w.init(t, b, t.TempDir()), "press", "one"); err != nil {
		t.Fatal(err)
	}
	a, err := archive.Open(ctx, b, archive.Options{Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(walk(t, a)); n != 4 {
		t.Errorf("%d entries", n)
	}
	verified(t, a)
	if _, err := a.Begin(ctx, press("press"), "feed", "feed/1", nil); !errors.Is(err, archive.ErrReadOnly) {
		t.Errorf("begin: %v", err)
	}
}

func TestProofFile(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	a := w.init(t, &memory.Bucket{}, t.TempDir())
	done, err := visit(ctx, w, a, "press", "one <b>bold</b> & more")
	if err != nil {
		t.Fatal(err)
	}
	key, err := note.NewVerifier(w.public)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := a.Proof(ctx, done.Index+1)
	if err != nil {
		t.Fatal(err)
	}
	indexes, c, err := archive.CheckProof(proof, origin, key)
	if err != nil || len(indexes) != 1 || indexes[0] != done.Index+1 || c.Size != 4 {
		t.Fatalf("indexes %v, checkpoint %d, %v", indexes, c.Size, err)
	}
	bad := bytes.Replace(proof, []byte("bold"), []byte("BOLD"), 1)
	if _, _, err := archive.CheckProof(bad, origin, key); err == nil {
		t.Error("a changed word passes")
	}
	f, err := a.ProofOf(ctx, true, done.Index, done.Index+1)
	if err != nil || len(f.Lines) != 2 || len(f.Records) != 1 {
		t.Fatalf("%d lines, %d records, %v", len(f.Lines), len(f.Records), err)
	}
	check := func(change func(*archive.ProofFile)) error {
		text, err := json.Marshal(f)
		var g archive.ProofFile
		if err == nil {
			err = json.Unmarshal(text, &g)
		}
		if err == nil {
			change(&g)
			text, err = json.Marshal(g)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = archive.CheckProof(text, origin, key)
		return err
	}
	if err := check(func(*archive.ProofFile) {}); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*archive.ProofFile){
		"another page":  func(g *archive.ProofFile) { g.Records[0].Ref.URL = "https://jane.example/other" },
		"another time":  func(g *archive.ProofFile) { g.Records[0].Ref.At = g.Records[0].Ref.At.Add(time.Hour) },
		"another place": func(g *archive.ProofFile) { g.Records[0].Ref.Offset++ },
		"other bytes":   func(g *archive.ProofFile) { g.Records[0].Bytes[20] ^= 1 },
	} {
		if err := check(change); !errors.Is(err, archive.ErrMismatch) {
			t.Errorf("a record of %s passes: %v", name, err)
		}
	}
}

// TestProofOfTwoHistories: an operator who signs two histories of the same size,
// and gives out a proof from each, is caught by who puts them together.
func TestProofOfTwoHistories(t *testing.T) {
	w := newWorld(t)
	b := &memory.Bucket{}
	w.init(t, b, fastDir(t))
	var both archive.ProofFile
	for n, text := range []string{"I said it", "I never said it"} {
		a := w.open(t, b.Clone(), fastDir(t), byte(40+n))
		done, err := visit(t.Context(), w, a, "press", text)
		var f archive.ProofFile
		if err == nil {
			f, err = a.ProofOf(t.Context(), false, done.Index+1)
		}
		if err != nil {
			t.Fatal(err)
		}
		f.Lines = append(both.Lines, f.Lines...)
		both = f
	}
	text, err := json.Marshal(both)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := archive.CheckProof(text, origin, w.verifier(t)); !errors.Is(err, archive.ErrMismatch) || !strings.Contains(err.Error(), "two histories") {
		t.Error(err)
	}
}

func TestExtends(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	b := &memory.Bucket{}
	a := w.init(t, b, t.TempDir())
	old := b.Clone()
	before, err := a.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := visit(ctx, w, a, "press", "one"); err != nil {
		t.Fatal(err)
	}
	after, err := a.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, tree := range []ledger.Tree{{Root: sha256.Sum256(nil)}, before.Tree, after.Tree} {
		if err := a.Extends(ctx, tree.Size, tree.Root); err != nil {
			t.Errorf("size %d: %v", tree.Size, err)
		}
	}
	if err := a.Extends(ctx, before.Size, after.Root); !errors.Is(err, ledger.ErrTampered) {
		t.Errorf("another root: %v", err)
	}
	if err := w.open(t, old, t.TempDir(), 2).Extends(ctx, after.Size, after.Root); !errors.Is(err, ledger.ErrRolledBack) {
		t.Errorf("rolled back: %v", err)
	}
}

func TestSpoolGoesAfterReadBack(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	a := w.init(t, &memory.Bucket{}, t.TempDir())
	if _, err := visit(ctx, w, a, "press", "one"); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		wait time.Duration
		left int
	}{{9 * time.Minute, 2}, {2 * time.Minute, 0}} {
		w.wait(step.wait)
		if _, err := a.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		if n := archive.Spooled(t.Context(), a); n != step.left {
			t.Errorf("%d spools after %s more, want %d", n, step.wait, step.left)
		}
	}
}
