// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// A lastOf is what the ledger tells of a source.
type lastOf struct {
	last    VisitHeader // its last visit
	index   int64
	looked  VisitHeader // the last that looked at the platform: no import, not late
	at      int64       // index of looked; -1 for none
	good    VisitHeader // the last that was good
	goodAt  int64
	account onrecord.AccountRef // as its last event with one names it
	known   int64               // index of that visit; -1
	by      []visitAt           // visits that may name the account, the last ones
}

// A visitAt is a visit and where it begins.
type visitAt struct {
	visit onrecord.VisitID
	index int64
}

// tried is how many of a source's last visits are read for its account.
const tried = 64

// SourceStates rebuilds the states of all sources from the ledger: the last
// visit and its index, the last tick, the account (record.md 6). Cursors,
// validators and the runs that were not yet in the journal are lost: the next
// visit reads from the newest page to what the catalog knows.
func (a *Archive) SourceStates(ctx context.Context) (map[string]onrecord.SourceState, error) {
	head, err := a.Head(ctx)
	if err != nil {
		return nil, err
	}
	states, _, err := a.statesOf(ctx, head.Size)
	return states, err
}

func (a *Archive) statesOf(ctx context.Context, size int64) (map[string]onrecord.SourceState, []KnownSource, error) {
	found, err := a.lastVisits(ctx, size)
	if err != nil {
		return nil, nil, fmt.Errorf("states: %w", err)
	}
	out := map[string]onrecord.SourceState{}
	var known []KnownSource
	for source, l := range found {
		if err := a.accountOf(ctx, source, l); err != nil {
			return nil, nil, fmt.Errorf("states: source %s: %w", source, err)
		}
		out[source] = l.state(source)
		if source != BuiltIn {
			known = append(known, KnownSource{Source: source, Figure: l.last.Figure, Account: l.account})
		}
	}
	slices.SortFunc(known, func(x, y KnownSource) int {
		return cmp.Or(cmp.Compare(x.Figure, y.Figure), cmp.Compare(x.Source, y.Source))
	})
	return out, known, nil
}

// state makes the state of a source.
func (l *lastOf) state(source string) onrecord.SourceState {
	s := onrecord.SourceState{
		Source: source, Platform: l.account.Platform, AccountID: l.account.ID,
		Done: onrecord.Done{Visit: l.last.Visit, Index: l.index},
	}
	if source == BuiltIn {
		s.Platform, s.AccountID = BuiltIn, ""
	}
	if l.at >= 0 {
		s.LastTick, s.LastVisit, s.Outcome = l.looked.Started, l.looked.Ended, l.looked.Outcome
	}
	if l.goodAt >= 0 {
		s.LastGood = l.good.Ended
	}
	return s
}

// lastVisits reads the visit line of every visit.
func (a *Archive) lastVisits(ctx context.Context, size int64) (map[string]*lastOf, error) {
	var mu sync.Mutex
	found := map[string]*lastOf{}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(headReaders)
	index := int64(0)
	for leaf, err := range a.ledger.Leaves(ctx, 0, size) {
		if err != nil {
			return nil, errors.Join(outOfReach(fmt.Errorf("leaf %d: %w", index, err)), g.Wait())
		}
		at := index
		index++
		if leaf.Line != 0 {
			continue
		}
		g.Go(func() error {
			h, err := a.headerOf(gctx, leaf)
			if err != nil || h.Source == "" {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			l := found[h.Source]
			if l == nil {
				l = &lastOf{index: -1, at: -1, goodAt: -1, known: -1}
				found[h.Source] = l
			}
			l.note(h, at)
			return nil
		})
		if gctx.Err() != nil {
			break
		}
	}
	return found, g.Wait()
}

// note takes in a visit, in any order.
func (l *lastOf) note(h VisitHeader, at int64) {
	h.Objects = nil
	if at > l.index {
		l.last, l.index = h, at
	}
	looks := h.Provenance != onrecord.Imported && h.LateOf.IsZero()
	if looks && at > l.at {
		l.looked, l.at = h, at
	}
	if looks && h.Outcome == onrecord.OutcomeOK && at > l.goodAt {
		l.good, l.goodAt = h, at
	}
	l.by = append(l.by, visitAt{h.Visit, at})
	if len(l.by) > 2*tried {
		slices.SortFunc(l.by, func(x, y visitAt) int { return cmp.Compare(y.index, x.index) })
		l.by = l.by[:tried]
	}
}

// headerOf returns the visit line of a leaf's visit, if its bytes are those of
// the leaf; the zero header where they are lost or others, which verify names.
func (a *Archive) headerOf(ctx context.Context, leaf ledger.Leaf) (VisitHeader, error) {
	line, err := a.visitLine(ctx, leaf.Visit)
	if err == nil {
		h, err := parseHeader(leaf.Visit, line)
		if err != nil || sha256.Sum256(line) != leaf.Hash {
			return VisitHeader{}, nil
		}
		return h, nil
	}
	if err = outOfReach(fmt.Errorf("%s: %w", journalKey(leaf.Visit), err)); isAnswer(err) && ctx.Err() == nil {
		return VisitHeader{}, nil
	}
	return VisitHeader{}, err
}

// accountOf finds the account of a source in the lines of its last visits.
func (a *Archive) accountOf(ctx context.Context, source string, l *lastOf) error {
	if source == BuiltIn {
		return nil
	}
	slices.SortFunc(l.by, func(x, y visitAt) int { return cmp.Compare(y.index, x.index) })
	for _, v := range l.by[:min(len(l.by), tried)] {
		s, err := a.segment(ctx, v.visit)
		if err != nil {
			if isAnswer(err) && ctx.Err() == nil {
				continue
			}
			return err
		}
		for i := len(s.lines) - 1; i > 0; i-- {
			e, err := onrecord.ParseEvent(s.lines[i].text)
			if err != nil || e.Account.ID == "" || e.Account.Platform == "" || e.Source != source {
				continue
			}
			leaf, err := a.leaf(ctx, v.index+int64(i))
			if err != nil {
				return err
			}
			if leaf == (ledger.Leaf{Visit: v.visit, Line: uint32(i), Hash: sha256.Sum256(s.lines[i].text)}) {
				l.account = e.Account
				return nil
			}
		}
	}
	return nil
}

// states writes the registers that findings name anew, from the ledger. A visit
// that was pending in one is finished by the machine that has its spool, as one
// that was overtaken.
func (r *repair) states(ctx context.Context, findings []Finding) error {
	wrong := of(findings, KindState)
	if len(wrong) == 0 {
		return nil
	}
	states, _, err := r.a.statesOf(ctx, r.tree.Size)
	if err != nil {
		if !isAnswer(err) || ctx.Err() != nil {
			return err
		}
		r.leave(wrong, err.Error())
		return nil
	}
	for _, f := range wrong {
		source, ok := sourceOf(f.Object)
		state, there := states[source]
		if !ok || !there {
			r.leave([]Finding{f}, "no visit of it is in the ledger")
			continue
		}
		cond, err := r.present(ctx, f.Object)
		if err != nil {
			return err
		}
		if err := r.a.putState(ctx, state, cond); err != nil {
			if !isAnswer(err) || ctx.Err() != nil {
				return err
			}
			r.leave([]Finding{f}, err.Error())
			continue
		}
		r.done.Mended = append(r.done.Mended, Mended{Kind: KindState, Object: f.Object})
	}
	return nil
}

// putState writes the register of a source anew. Its counter, which only grows,
// goes on from the microseconds since 1970: no register was swapped that often.
func (a *Archive) putState(ctx context.Context, s onrecord.SourceState, cond bucket.Condition) error {
	before := register{N: uint64(a.now().UnixMicro())}
	body, _, err := a.body(before, register{SourceState: s, By: s.Done.Visit})
	if err != nil {
		return err
	}
	if _, err := a.b.Swap(ctx, stateKey(s.Source), cond, body); err != nil {
		return outOfReach(fmt.Errorf("%s: %w", stateKey(s.Source), err))
	}
	return nil
}
