// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// ErrIncomplete reports a replica that lacks objects, or has damaged ones.
var ErrIncomplete = errors.New("the replica is not whole")

// AdoptOptions say how a replica becomes an archive.
type AdoptOptions struct {
	Verifier note.Verifier // the key of the archive, from outside the bucket; nil: the one in onrecord.json is believed
	Signer   note.Signer   // the new log key, which must be durable before
	Public   string        // its note verifier key
	Old      note.Signer   // the old log key, where it is at hand; nil: it is lost
	StateDir string        // of the new machine, empty
	Reason   string        // why, in words that everybody may read
	Partial  bool          // adopt a replica that is not whole, too
	Quick    bool          // look at the length of its objects alone, and not at their bytes

	NoActs bool // of the visits that are lost none was an act of the operator that is not made again

	Now      func() time.Time
	Progress func(done, total int64) // leaves; may be nil
}

// A KnownSource is a source as the ledger knows it.
type KnownSource struct {
	Source, Figure string
	Account        onrecord.AccountRef // as its last events name it
}

// An Adopted says what became of a replica.
type Adopted struct {
	Meta    Meta
	Before  ledger.Checkpoint // the last one of the old archive that the replica has
	Old     string            // note verifier key that signed it
	Index   int64             // ledger index of archive.adopted
	Last    time.Time         // when the last visit of the old archive was begun, UTC
	Known   []KnownSource     // the sources whose states were rebuilt, by figure, then id
	Lacking []Finding         // what it does not have, where Partial allows it
	// GaveUp are the lines that are lost and that the event gives up, Unsettled those
	// that it does not, because they may be of acts of the operator.
	GaveUp, Unsettled []onrecord.Lines
	Left              []onrecord.Lines // more lost lines than one event gives up
	Again             bool             // an adoption that was interrupted has been finished
}

// An adoption is one run of Adopt.
type adoption struct {
	b   bucket.Bucket
	o   AdoptOptions
	out Adopted
}

// Adopt makes a replica the archive (record.md 6): its ledger goes on with the
// event archive.adopted, which brings a new log key, signed by the old one where
// that is at hand; the states of the sources are rebuilt from the ledger. What
// the old archive has recorded and not replicated is not in it. It goes on where
// an adoption with the same key was interrupted. ErrReplica says that the bucket
// has a head of its own: it is no replica, or was adopted. ErrIncomplete says
// that objects are missing; they are in the report.
func Adopt(ctx context.Context, b bucket.Bucket, o AdoptOptions) (Adopted, error) {
	d := &adoption{b: b, o: o}
	if o.Signer == nil || o.Public == "" || o.StateDir == "" || o.Now == nil {
		return d.out, errors.New("adopt needs a new log key, a state folder and a clock")
	}
	err := d.run(ctx)
	if err != nil {
		err = fmt.Errorf("adopt: %w", err)
	}
	return d.out, err
}

func (d *adoption) run(ctx context.Context) error {
	if err := os.MkdirAll(d.o.StateDir, 0o700); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	options := Options{Verifier: d.o.Verifier, Now: d.o.Now}
	a, err := OpenReplica(ctx, d.b, options)
	if errors.Is(err, ErrReplica) {
		return d.resume(ctx)
	}
	if err != nil {
		return err
	}
	d.out.Meta = a.meta
	if d.out.Before, err = a.Checkpoint(ctx); err != nil {
		return err
	}
	if d.out.Before.Size < 2 {
		return fmt.Errorf("%w: nothing was ever replicated to it", ErrIncomplete)
	}
	if err := d.whole(ctx, a); err != nil {
		return err
	}
	if err := d.commit(ctx, a); err != nil {
		return err
	}
	return d.settle(ctx)
}

// whole checks that everything is there that the ledger names.
func (d *adoption) whole(ctx context.Context, a *Archive) (err error) {
	if d.out.Lacking, d.out.Last, err = a.Present(ctx, d.o.Quick, d.o.Progress); err != nil {
		return err
	}
	if n := len(d.out.Lacking); n > 0 && !d.o.Partial {
		return fmt.Errorf("%w: %d missing or damaged, the first is %s", ErrIncomplete, n, d.out.Lacking[0])
	}
	if len(of(d.out.Lacking, KindJournal)) == 0 {
		return nil
	}
	d.out.GaveUp, d.out.Unsettled, err = a.allLost(ctx, d.out.Before.Size)
	if err == nil && d.o.NoActs {
		d.out.GaveUp, d.out.Unsettled = append(d.out.GaveUp, d.out.Unsettled...), nil
	}
	if _, d.out.Left = onrecord.GiveUp(d.out.GaveUp); len(d.out.Left) > 0 {
		d.out.GaveUp = slices.DeleteFunc(d.out.GaveUp, func(l onrecord.Lines) bool { return l.From >= d.out.Left[0].From })
	}
	return err
}

// commit puts the visit of archive.adopted and makes the head that has it.
func (d *adoption) commit(ctx context.Context, a *Archive) error {
	ring, err := a.Keys(ctx)
	if err != nil {
		return err
	}
	in := ring.InForce()
	if d.out.Old = in.Public; d.out.Old == "" {
		d.out.Old = a.meta.PublicKey
	}
	at := d.out.Before
	old := d.o.Old
	if old != nil && (old.Name() != in.Verifier.Name() || old.KeyHash() != in.Verifier.KeyHash()) {
		return fmt.Errorf("%w: the old key that is given is %s+%08x, the ledger was signed by %s+%08x", ErrKey, old.Name(), old.KeyHash(), in.Verifier.Name(), in.Verifier.KeyHash())
	}
	signed, err := ledger.SignRotation(ledger.RotationText{Number: len(ring.Links()) + 1, Old: d.out.Old, New: d.o.Public, At: at.Tree}, old, d.o.Signer)
	if err != nil {
		return err
	}
	fresh, err := note.NewVerifier(d.o.Public)
	if err != nil {
		return fmt.Errorf("new log key: %w", err)
	}
	s, err := d.segment(a, at, signed)
	if err != nil {
		return err
	}
	if err := d.b.Create(ctx, journalKey(s.header.Visit), bucket.Bytes(s.bytes)); err != nil {
		return outOfReach(fmt.Errorf("put %s: %w", journalKey(s.header.Visit), err))
	}
	d.out.Index = at.Size + 1
	change := ledger.Rotation{Index: d.out.Index, Note: signed}
	if _, err := a.ledger.On(d.b).Adopt(ctx, at, s.leaves(), change, fresh); err != nil {
		return outOfReach(err)
	}
	return nil
}

// segment makes the journal segment of the adoption.
func (d *adoption) segment(a *Archive, at ledger.Checkpoint, signed string) (*segment, error) {
	now := a.now()
	id, err := onrecord.NewVisitID(now, a.rand)
	if err != nil {
		return nil, err
	}
	extra, _ := onrecord.GiveUp(d.out.GaveUp)
	extra = maps.Collect(maps.All(extra))
	extra[keyRotation] = signed
	e := onrecord.Event{
		Type: onrecord.ArchiveAdopted, At: now, By: now, Source: BuiltIn, Platform: BuiltIn, Prev: -1, Index: -1,
		Reason: d.o.Reason, Code: d.o.Signer.Name(), Provenance: onrecord.Captured,
		Extra: extra,
	}
	if e.GivesAnyUp() {
		words, _ := e.NoteLost()
		if signed, err = ledger.SignGivenUp(d.o.Signer, ledger.GivenUpText{Sum: sha256.Sum256([]byte(words))}); err != nil {
			return nil, err
		}
		e = e.WithLostNote(signed)
	}
	h := VisitHeader{Visit: id, Source: BuiltIn, Base: at.Size - 1, Started: now, Ended: now, Outcome: onrecord.OutcomeOK}
	return a.code.build(h, []onrecord.Event{e}, a.rand)
}

// resume goes on with an adoption that was interrupted behind its commit point.
func (d *adoption) resume(ctx context.Context) error {
	fresh, err := note.NewVerifier(d.o.Public)
	if err != nil {
		return fmt.Errorf("new log key: %w", err)
	}
	meta, err := readMeta(ctx, d.b)
	if err != nil {
		return err
	}
	l, err := ledger.New(d.b, ledger.Options{Origin: fresh.Name(), Verifier: fresh})
	if err != nil {
		return err
	}
	head, _, err := l.Head(ctx)
	if err != nil {
		return outOfReach(err)
	}
	ring, err := l.KeysOf(head)
	if err != nil || len(head.Keys) == 0 || ring.InForce().Public != d.o.Public || head.Keys[len(head.Keys)-1].Index < head.From() {
		return fmt.Errorf("%w: it has a %s, so it is an archive that grows by itself", ErrReplica, ledger.HeadKey)
	}
	if err := l.PublishKeys(ctx, head); err != nil {
		return outOfReach(err)
	}
	begun := ring.InForce().Begun
	d.out.Meta, d.out.Again, d.out.Old, d.out.Index = meta, true, begun.Old, ring.InForce().Since
	d.out.Before.Tree = begun.At
	return d.settle(ctx)
}

// settle opens the archive with its new key, publishes the head and writes the
// states.
func (d *adoption) settle(ctx context.Context) error {
	fresh, err := note.NewVerifier(d.o.Public)
	if err != nil {
		return err
	}
	a, err := Open(ctx, d.b, Options{Verifier: fresh, Signer: d.o.Signer, StateDir: d.o.StateDir, Trust: true, Now: d.o.Now})
	if err != nil {
		return err
	}
	if err := a.published(ctx); err != nil {
		return err
	}
	states, known, err := a.statesOf(ctx, d.out.Index+1)
	if err != nil {
		return err
	}
	d.out.Known = known
	for _, source := range slices.Sorted(maps.Keys(states)) {
		switch err := a.putState(ctx, states[source], bucket.Absent()); {
		case errors.Is(err, bucket.ErrConflict): // written before the interruption
		case err != nil:
			return err
		}
	}
	return d.mark(ctx, a)
}

// mark notes in the replica's own register that it is one no more.
func (d *adoption) mark(ctx context.Context, a *Archive) error {
	r := a.Replica(d.b)
	n, tag, err := r.note(ctx)
	if err != nil || n.Adopted {
		return err
	}
	next := n
	next.Adopted = true
	_, _, err = r.write(ctx, n, tag, next)
	return err
}

// MetaOf returns what the bucket is, and the origin of its log now, which is
// another than at first where the log was restarted. Nothing of it is checked.
func MetaOf(ctx context.Context, b bucket.Bucket) (m Meta, origin string, err error) {
	if m, err = readMeta(ctx, b); err != nil {
		return m, "", err
	}
	links, err := ledger.ReadRotations(ctx, b)
	if err != nil {
		return m, "", outOfReach(err)
	}
	origin = m.Origin
	for _, l := range links {
		if text, err := ledger.ParseRotation(l.Note); err == nil {
			origin, _, _ = strings.Cut(text.New, "+")
		}
	}
	return m, origin, nil
}
