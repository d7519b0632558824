// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"slices"
	"sync"

	"onrecord"
)

// A Veils keeps from visit to visit what the withheld statements of an account are
// found by: to make it costs more with each of them. The zero Veils is ready, and
// is safe for concurrent use.
type Veils struct {
	mu sync.Mutex
	of map[onrecord.AccountRef]*traced // by platform and id
}

// A traced is the traces of the withheld statements of an account. It does not
// change.
type traced struct {
	by  map[onrecord.StatementID]trace
	all *needles
}

// A trace is one of a statement, and what it was made from. A wording never
// changes.
type trace struct {
	*Trace
	known onrecord.Known
	whole bool // all its wordings were known
}

// same reports whether t was made from what is known now.
func (t trace) same(k onrecord.Known) bool {
	return t.whole && t.known.Ref == k.Ref && t.known.Order == k.Order && slices.Equal(t.known.Aliases, k.Aliases) && slices.Equal(t.known.Versions, k.Versions)
}

// traces returns how the withheld statements of an account are found, which are
// all that there are; nil where there is none.
func (i *Ingester) traces(ctx context.Context, account onrecord.AccountRef, withheld map[onrecord.StatementID]onrecord.Known) (*needles, error) {
	account = onrecord.AccountRef{Platform: account.Platform, ID: account.ID}
	old := i.Veils.get(account)
	if len(withheld) == 0 {
		i.Veils.put(account, &traced{})
		return nil, nil
	}
	now, same := &traced{by: make(map[onrecord.StatementID]trace, len(withheld))}, old.all != nil && len(old.by) == len(withheld)
	for id, k := range withheld {
		t, ok := old.by[id]
		if !ok || !t.same(k) {
			var err error
			if t, err = i.trace(ctx, account.Platform, k); err != nil {
				return nil, err
			}
			same = false
		}
		now.by[id] = t
	}
	if same {
		return old.all, nil
	}
	list := make(map[onrecord.StatementID]*Trace, len(now.by))
	for id, t := range now.by {
		list[id] = t.Trace
	}
	now.all = newNeedles(list)
	i.Veils.put(account, now)
	return now.all, nil
}

func (v *Veils) get(account onrecord.AccountRef) *traced {
	if v == nil {
		return &traced{}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if t := v.of[account]; t != nil {
		return t
	}
	return &traced{}
}

func (v *Veils) put(account onrecord.AccountRef, t *traced) {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.of == nil {
		v.of = make(map[onrecord.AccountRef]*traced)
	}
	if v.of[account] = t; t.all == nil {
		delete(v.of, account)
	}
}

// trace makes the trace of a withheld statement.
func (i *Ingester) trace(ctx context.Context, platform string, k onrecord.Known) (trace, error) {
	wordings, err := i.wordings(ctx, k.Statement)
	if err != nil {
		return trace{}, err
	}
	t := trace{Trace: NewTrace(platform, k, wordings, i.Limits), whole: len(wordings) == len(k.Versions)}
	for _, w := range wordings {
		t.whole = t.whole && w.Content.Type != ""
	}
	t.known.Ref, t.known.Order, t.known.Aliases, t.known.Versions = k.Ref, k.Order, slices.Clone(k.Aliases), slices.Clone(k.Versions)
	return t, nil
}

// wordings returns the wordings of a statement, where they are known.
func (i *Ingester) wordings(ctx context.Context, id onrecord.StatementID) ([]onrecord.Version, error) {
	if i.Wordings == nil {
		return nil, nil
	}
	return i.Wordings(ctx, id)
}
