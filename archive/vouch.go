// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"onrecord"
	"onrecord/archive/ledger"
)

// Erasures are the only events by which bytes change that the ledger vouches
// for. Head and states are sealed with a plain hash, so whoever can write to the
// bucket can append to them, and the next checkpoint signs that. So each erasure
// is signed by itself, and one that is not orders nothing (record.md 5). The
// event that ends it is signed, too: who could forge that could have bytes served
// and kept that are still to be replaced. So is what gives lost lines up: who could
// forge that could delete the act that erases and have it taken for nothing.

// needsNote reports whether an event counts only where a key has signed it.
func needsNote(e onrecord.Event) bool {
	return e.Type == onrecord.StatementErased || e.Type == onrecord.ArchiveErasureDone || e.GivesAnyUp()
}

// checkNote returns nil if a key in the ring has signed an event that needs it;
// else ledger.ErrErasure.
func checkNote(r *ledger.Keyring, e onrecord.Event) error {
	if e.GivesAnyUp() {
		words, signed := e.NoteLost()
		return r.CheckGivenUp(signed, ledger.GivenUpText{Sum: sha256.Sum256([]byte(words))}, e.Index)
	}
	signed, sum, err := notedIn(e)
	if err != nil {
		return err
	}
	if e.Type == onrecord.StatementErased {
		return r.CheckErasure(signed, ledger.ErasureText{Case: e.Takedown.Case, Statement: string(e.Statement), Sum: sum}, e.Index)
	}
	replicas, err := replicasIn(e)
	if err != nil {
		return err
	}
	return r.CheckErasureDone(signed, ledger.ErasureDoneText{Case: e.Takedown.Case, Of: e.Prev, Sum: sum, Replicas: replicas}, e.Index)
}

// signedBy returns an event that needs a note and is to follow a head with one.
func (a *Archive) signedBy(head ledger.Head, e onrecord.Event) (onrecord.Event, error) {
	if e.GivesAnyUp() {
		words, _ := e.NoteLost()
		signed, err := a.ledger.SignGivenUp(head, ledger.GivenUpText{Sum: sha256.Sum256([]byte(words))})
		return e.WithLostNote(signed), err
	}
	_, sum, err := notedIn(e)
	if err != nil {
		return e, err
	}
	var erasure onrecord.Erasure
	if e.Erasure != nil {
		erasure = *e.Erasure
	}
	if e.Type == onrecord.StatementErased {
		erasure.Note, err = a.ledger.SignErasure(head, ledger.ErasureText{Case: e.Takedown.Case, Statement: string(e.Statement), Sum: sum})
	} else {
		var replicas []string
		if replicas, err = replicasIn(e); err != nil {
			return e, err
		}
		erasure.Note, err = a.ledger.SignErasureDone(head, ledger.ErasureDoneText{Case: e.Takedown.Case, Of: e.Prev, Sum: sum, Replicas: replicas})
	}
	e.Erasure = &erasure
	return e, err
}

// notedIn returns the note of an event, and the sum of what it is about.
func notedIn(e onrecord.Event) (signed string, sum [32]byte, err error) {
	switch {
	case e.Takedown == nil, e.Erasure == nil && e.Type == onrecord.StatementErased:
		return "", sum, fmt.Errorf("%w: it has no erasure", ledger.ErrErasure)
	case e.Erasure == nil:
		return "", sha256.Sum256(onrecord.Erasure{}.Canonical()), nil
	}
	return e.Erasure.Note, sha256.Sum256(e.Erasure.Canonical()), nil
}

// replicasIn returns the replicas that archive.erasure_done names.
func replicasIn(e onrecord.Event) (names []string, err error) {
	list, ok := e.Extra["replicas"].([]any)
	if !ok && e.Extra["replicas"] != nil {
		return nil, fmt.Errorf("%w: its replicas are no list", ledger.ErrErasure)
	}
	for _, r := range list {
		name, ok := r.(string)
		if !ok {
			return nil, fmt.Errorf("%w: its replicas are no list of names", ledger.ErrErasure)
		}
		names = append(names, name)
	}
	return names, nil
}

// sign signs the events that need it, which are about to be committed. Where the
// key is changed before they are, the visit loses its fence.
func (a *Archive) sign(ctx context.Context, source string, events []onrecord.Event) ([]onrecord.Event, error) {
	signed := events
	for i, e := range events {
		if !needsNote(e) {
			continue
		}
		if source != BuiltIn {
			return nil, fmt.Errorf("%w: source %s does what the operator does: %s", ErrSource, source, e.Type)
		}
		head, err := a.Head(ctx)
		if err != nil {
			return nil, err
		}
		if e, err = a.signedBy(head, e); err != nil {
			return nil, err
		}
		if &signed[0] == &events[0] {
			signed = slices.Clone(events)
		}
		signed[i] = e
	}
	return signed, nil
}

// A voucher checks who has signed erasures. It reads the keys of the log when it
// meets the first one.
type voucher struct {
	a     *Archive
	rings []*ledger.Keyring
}

// vouched returns nil if a key of the log has signed an event that needs it, else
// ErrErasure. Another error says that the keys can't be read.
func (v *voucher) vouched(ctx context.Context, e onrecord.Event) error {
	if err := v.read(ctx); err != nil {
		return err
	}
	err := ledger.ErrErasure
	for _, r := range v.rings {
		if err = checkNote(r, e); err == nil {
			return nil
		}
	}
	return err
}

// read reads the keys: those that the head has and those that are published.
// Whichever is damaged, the other does.
func (v *voucher) read(ctx context.Context) error {
	if len(v.rings) > 0 {
		return nil
	}
	var errs []error
	take := func(r *ledger.Keyring, err error) error {
		switch {
		case err == nil:
			v.rings = append(v.rings, r)
		case !isAnswer(err) || ctx.Err() != nil:
			return outOfReach(fmt.Errorf("keys of the log: %w", err))
		default:
			errs = append(errs, err)
		}
		return nil
	}
	head, _, err := v.a.ledger.Head(ctx)
	var ring *ledger.Keyring
	if err == nil {
		ring, err = v.a.ledger.KeysOf(head)
	}
	if err := take(ring, err); err != nil {
		return err
	}
	if err := take(v.a.ledger.Keys(ctx)); err != nil {
		return err
	}
	if len(v.rings) == 0 {
		return fmt.Errorf("keys of the log: %w", errors.Join(errs...))
	}
	return nil
}

// entry is Redactions.entry, and tells an erasure, or the end of one, that nobody
// has signed by its type: whoever reads the journal must not follow it. An event that
// gives lost lines up, and that nobody has signed, comes without them.
func (v *voucher) entry(ctx context.Context, r *Redactions, index int64, leaf ledger.Leaf, s *segment) (Entry, error) {
	e, err := r.entry(index, leaf, s)
	if err != nil || !needsNote(e.Event) {
		return e, err
	}
	err = v.vouched(ctx, e.Event)
	if errors.Is(err, ledger.ErrErasure) && e.Event.GivesAnyUp() {
		v.a.log.WarnContext(ctx, "lost lines are given up by an entry of the ledger that no key has signed, which gives up nothing: somebody else writes to the bucket",
			"index", index, "err", err)
		e.Event = e.Event.WithLostNote("")
		return e, nil
	}
	if errors.Is(err, ledger.ErrErasure) {
		v.a.log.WarnContext(ctx, "an erasure that no key has signed stands in the ledger, and is not followed: somebody else writes to the bucket",
			"index", index, "err", err)
		e.Event.Type, e.Event.Statement, e.Event.Erasure, e.Event.Takedown = onrecord.ErasureUnsigned, "", nil, nil
		err = nil
	}
	return e, err
}

// signedIn returns nil unless a visit of the operator that somebody else has
// planned erases something that no key has signed. The visit would begin at an
// index.
func (a *Archive) signedIn(ctx context.Context, s *segment, from int64) error {
	v := voucher{a: a}
	for i, line := range s.lines {
		if i == 0 {
			continue
		}
		e, err := onrecord.ParseEvent(line.text)
		if err != nil || !needsNote(e) {
			continue // a tombstone, or nothing that erases
		}
		e.Index = from + int64(i)
		if err := v.vouched(ctx, e); err != nil {
			if errors.Is(err, ledger.ErrErasure) {
				err = fmt.Errorf("%w: %w", ErrMismatch, err)
			}
			return fmt.Errorf("line %d: %w", i, err)
		}
	}
	return nil
}

// drop returns events without those that need a note of a key and have none, and
// tells of each of those.
func (v *voucher) drop(ctx context.Context, events []onrecord.Event, tell func(e onrecord.Event, why error)) ([]onrecord.Event, error) {
	kept := make([]onrecord.Event, 0, len(events))
	for _, e := range events {
		if needsNote(e) {
			err := v.vouched(ctx, e)
			if errors.Is(err, ledger.ErrErasure) {
				tell(e, err)
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		kept = append(kept, e)
	}
	return kept, nil
}

// vouch finds the erasures that no key has signed: they excuse nothing.
func (v *verification) vouch(ctx context.Context) (err error) {
	v.acts, err = v.vouchedFor(ctx, v.acts)
	return err
}

// vouchedFor returns those of acts that a key has signed; none where the keys
// themselves are damaged, which is a finding of its own.
func (v *verification) vouchedFor(ctx context.Context, acts []onrecord.Event) ([]onrecord.Event, error) {
	keys := voucher{a: v.a}
	acts, err := keys.drop(ctx, acts, func(e onrecord.Event, why error) {
		v.find(Finding{Kind: KindJournal, Object: journalKey(e.Visit), Offset: -1, Index: e.Index, Reason: why.Error()})
	})
	if err != nil && !isAnswer(err) || ctx.Err() != nil {
		return nil, outOfReach(err)
	}
	return acts, nil
}
