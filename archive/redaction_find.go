// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"time"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// Acts of the operator are visits of the built-in source, and only those can
// erase. Which visits those are is not in the leaves, so each visit's first
// frame is read once: a process keeps what it found and reads on from there, and
// Options.Redactions names a file in which commands find what an earlier one
// found.

// headReaders is how many first frames are read at the same time.
const headReaders = 16

// A redactionMemo is what an archive knows of its erasures.
type redactionMemo struct {
	mu     sync.Mutex
	known  *Redactions // guarded by mu; replaced, never changed
	acts   []int64     // visit lines of the visits that erased or finished an erasure; guarded by mu
	unread []int64     // visit lines of visits that could not be read: nobody knows yet whether they erase; guarded by mu
	given  time.Time   // when those of unread that were given up were tried last; guarded by mu
	loaded bool        // the file was looked at; guarded by mu
	saved  int64       // size that the file has; guarded by mu
}

// Redactions returns what the erasures up to the head of the ledger order. It
// reads what came since the last call. A visit whose segment is lost or damaged
// is tried again by each call: until it is put right, what it may have erased is
// not in the answer, and is never noted as nothing: see Redactions.Known.
func (a *Archive) Redactions(ctx context.Context) (*Redactions, error) {
	head, err := a.Head(ctx)
	if err != nil {
		return nil, err
	}
	m := &a.redactions
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.loaded {
		if err := a.loadRedactions(ctx, head); err != nil {
			return nil, fmt.Errorf("erasures: %w", err)
		}
		m.loaded = true
	}
	if m.known != nil && m.known.size >= head.Size {
		if again, _ := m.due(a.now()); len(again) == 0 {
			return m.known, nil
		}
	}
	if err := a.noteActs(ctx, head.Size); err != nil {
		return nil, fmt.Errorf("erasures: %w", err)
	}
	a.saveRedactions(ctx, head)
	return m.known, nil
}

// givenUpEvery is how often visits are tried again that the operator has given up.
const givenUpEvery = time.Hour

// due returns which of the visits that could not be read are tried again now, and
// the others. The lock is held.
func (m *redactionMemo) due(now time.Time) (again, later []int64) {
	all := now.Sub(m.given).Abs() >= givenUpEvery
	for _, i := range m.unread {
		if len(again) < unreadTries && (all || !m.known.isGivenUp(i)) {
			again = append(again, i)
		} else {
			later = append(later, i)
		}
	}
	return again, later
}

// lookAgain has the next call of Redactions try all that could not be read: some of
// it is back.
func (m *redactionMemo) lookAgain() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.given = time.Time{}
}

// unreadTries is how many visits that could not be read are tried again by one
// call. Where more are lost than that, all of them have their turn.
const unreadTries = 256

// toldUnread is how many visits that can't be read are named in the log by one call.
const toldUnread = 5

// tellUnread tells the log of visits that can't be read, by their indexes.
func (a *Archive) tellUnread(ctx context.Context, list []int64) {
	const words = "a visit can't be read, so that nobody knows whether it erased anything: onrecord verify --repair, or onrecord missing"
	for i, index := range list {
		if i == toldUnread {
			a.log.WarnContext(ctx, "other visits can't be read either: onrecord missing names all that are lost", "others", len(list)-i)
			return
		}
		a.log.WarnContext(ctx, words, "index", index)
	}
}

// noteActs reads the acts up to size that are not known yet. The lock of
// a.redactions is held.
func (a *Archive) noteActs(ctx context.Context, size int64) error {
	m := &a.redactions
	r := m.known.clone()
	now := a.now()
	again, later := m.due(now)
	acts, still, err := a.actsOf(ctx, again)
	if err != nil {
		return err
	}
	late := len(acts) > 0 // they belong before what is known
	if r.size < size {
		fresh, damaged, err := a.actsBetween(ctx, r.size, size)
		if err != nil {
			return err
		}
		acts, still = append(acts, fresh...), append(still, damaged...)
	}
	kept := slices.Clone(m.acts)
	for _, index := range acts {
		erases, err := a.noteAct(ctx, r, index)
		_, hidden := errors.AsType[*bucket.WithheldError](err) // by a mirror, which may withhold no act
		switch {
		case err != nil && (hidden || isAnswer(err)) && ctx.Err() == nil:
			still = append(still, index)
		case err != nil:
			return err
		case erases:
			kept = append(kept, index)
		}
	}
	a.tellUnread(ctx, slices.DeleteFunc(slices.Clone(still), func(index int64) bool {
		return slices.Contains(again, index) || r.isGivenUp(index)
	}))
	if late {
		r = r.sorted()
		slices.Sort(kept)
	}
	if now.Sub(m.given).Abs() >= givenUpEvery {
		m.given = now
	}
	m.unread = slices.Concat(later, still)
	r.size, r.unread = max(r.size, size), slices.Sorted(slices.Values(m.unread))
	m.known, m.acts = r, kept
	return nil
}

// recalled returns what this process knows of erasures by now. A segment with
// tombstones was compared with all that there are before its lines are used.
func (a *Archive) recalled() *Redactions {
	a.redactions.mu.Lock()
	defer a.redactions.mu.Unlock()
	return a.redactions.known
}

// A first is the leaf of a visit line.
type first struct {
	index int64
	leaf  ledger.Leaf
}

// actsBetween returns the indexes of the visit lines of the built-in source's
// visits in [from, to), and of those that can't be read.
func (a *Archive) actsBetween(ctx context.Context, from, to int64) (acts, unread []int64, err error) {
	return a.actsAmong(ctx, func(yield func(first, error) bool) {
		index := from
		for leaf, err := range a.ledger.Leaves(ctx, from, to) {
			if err != nil {
				err = outOfReach(fmt.Errorf("leaf %d: %w", index, err))
			}
			if (err != nil || leaf.Line == 0) && !yield(first{index, leaf}, err) {
				return
			}
			index++
		}
	})
}

// actsOf is actsBetween for the visit lines at indexes.
func (a *Archive) actsOf(ctx context.Context, indexes []int64) (acts, unread []int64, err error) {
	if len(indexes) == 0 {
		return nil, nil, nil
	}
	return a.actsAmong(ctx, func(yield func(first, error) bool) {
		for _, index := range indexes {
			leaf, err := a.leaf(ctx, index)
			if !yield(first{index, leaf}, err) {
				return
			}
		}
	})
}

// actsAmong returns which visit lines are of the built-in source, and which
// can't be read.
func (a *Archive) actsAmong(ctx context.Context, lines iter.Seq2[first, error]) (acts, unread []int64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs := make(chan first, 4*headReaders)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range headReaders {
		wg.Go(func() {
			for j := range jobs {
				source, ok, err := a.sourceOfVisit(ctx, j.leaf)
				if err != nil {
					cancel(err)
				}
				mu.Lock()
				switch {
				case err == nil && !ok:
					unread = append(unread, j.index)
				case source == BuiltIn:
					acts = append(acts, j.index)
				}
				mu.Unlock()
			}
		})
	}
	for j, err := range lines {
		if err != nil {
			cancel(err)
		}
		if ctx.Err() != nil {
			break
		}
		jobs <- j
	}
	close(jobs)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, nil, err
	}
	slices.Sort(acts)
	slices.Sort(unread)
	return acts, unread, nil
}

// sourceOfVisit returns whose visit a leaf is the first of: its visit line is
// one raw frame at the segment's beginning. ok is false where that is missing,
// or is not what the leaf commits to; verify names it.
func (a *Archive) sourceOfVisit(ctx context.Context, leaf ledger.Leaf) (source string, ok bool, err error) {
	line, err := a.visitLine(ctx, leaf.Visit)
	if err != nil {
		if ctx.Err() != nil {
			return "", false, context.Cause(ctx)
		}
		if _, hidden := errors.AsType[*bucket.WithheldError](err); hidden {
			return "", true, nil // by a mirror, which withholds no act
		}
		if isAnswer(err) {
			return "", false, nil
		}
		return "", false, outOfReach(fmt.Errorf("%s: %w", journalKey(leaf.Visit), err))
	}
	if sha256.Sum256(line) != leaf.Hash {
		return "", false, nil
	}
	// The built-in source's id stands in the line as it is; few other lines have it.
	if !bytes.Contains(line, []byte(`"`+BuiltIn+`"`)) {
		return "", true, nil
	}
	h, err := parseHeader(leaf.Visit, line)
	if err != nil {
		return "", true, nil // it is what was committed, and no act
	}
	return h.Source, true, nil
}

// visitLine reads the first line of a segment and no more.
func (a *Archive) visitLine(ctx context.Context, v onrecord.VisitID) ([]byte, error) {
	r, err := a.b.Open(ctx, journalKey(v), 0, -1)
	if w, ok := errors.AsType[*bucket.WithheldError](err); ok && len(w.Spans) > 0 && w.Spans[0].Offset > 0 {
		r, err = a.b.Open(ctx, journalKey(v), 0, w.Spans[0].Offset) // a mirror shows what comes before
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	head := make([]byte, rawHeader, 1<<10)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, readError(err)
	}
	n := binary.LittleEndian.Uint32(head[5:9])
	if n > maxRawBlock {
		return nil, fmt.Errorf("%w: %w", ErrMismatch, errFrame)
	}
	b := append(head, make([]byte, n)...)
	if _, err := io.ReadFull(r, b[rawHeader:]); err != nil {
		return nil, readError(err)
	}
	text, _, err := cutRawFrame(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	return oneLine(text)
}

// readError makes an answer of an object's early end.
func readError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	return err
}

// noteAct adds to r what the visit at index erases. It reports whether that is
// anything.
func (a *Archive) noteAct(ctx context.Context, r *Redactions, index int64) (erases bool, err error) {
	leaf, err := a.leaf(ctx, index)
	if err != nil {
		return false, err
	}
	s, err := a.readSegment(ctx, leaf.Visit) // of the built-in source nothing is erased
	if err != nil {
		return false, fmt.Errorf("index %d: %w", index, err)
	}
	var events []onrecord.Event // added together: a visit that is damaged is read again
	for at := index; at < index+int64(len(s.lines)); at++ {
		if leaf, err = a.leaf(ctx, at); err != nil {
			return false, err
		}
		e, err := entry(at, leaf, s)
		if err != nil {
			return false, err
		}
		if needsNote(e.Event) {
			events = append(events, e.Event)
		}
	}
	erases = len(events) > 0 // a key may be missing that comes to light later
	keys := voucher{a: a}
	if events, err = keys.drop(ctx, events, func(e onrecord.Event, why error) {
		a.log.WarnContext(ctx, "an erasure is not followed: onrecord verify", "index", e.Index, "err", why)
	}); err != nil {
		return false, err
	}
	for _, e := range events {
		r.add(e)
	}
	return erases, nil
}
