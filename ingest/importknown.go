// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"onrecord"
	"onrecord/change"
)

// maxAhead is how many visits of an import the view may be behind.
const maxAhead = 2

// An importKnown is what an import knows: what the view has applied, and what the
// import itself has added since, which the view applies meanwhile. So each
// visit is judged on all of the ledger up to its base (record.md 1.2) without
// waiting for the view.
type importKnown struct {
	i       *Ingester
	s       Source
	account onrecord.KnownAccount
	source  onrecord.KnownSource
	loaded  bool
	next    int64       // ledger size up to which judgement knows
	added   []*addition // oldest first; the last is of the open visit

	follow chan int64
	done   chan struct{}
	stop   context.CancelFunc

	mu      sync.Mutex
	moved   chan struct{} // closed when applied or err change; guarded by mu
	applied int64         // guarded by mu
	err     error         // guarded by mu
}

// An addition is what one visit of the import has added, by statement.
type addition struct {
	size   int64 // of the ledger with it; -1 while it is not committed
	events []onrecord.Event
	of     map[onrecord.StatementID][]int // into events; by aliases, too
}

// newImportKnown begins with all that the record has of the account now.
func newImportKnown(ctx context.Context, i *Ingester, s Source) (*importKnown, error) {
	ctx, stop := context.WithCancel(ctx)
	k := &importKnown{i: i, s: s, follow: make(chan int64, maxAhead+1), done: make(chan struct{}), stop: stop, moved: make(chan struct{})}
	go k.run(ctx)
	return k, nil
}

// run keeps the view up with what is committed.
func (k *importKnown) run(ctx context.Context) {
	defer close(k.done)
	for size := range k.follow {
		for more := true; more; { // as far as it is by now
			select {
			case next, ok := <-k.follow:
				size, more = max(size, next), ok
			default:
				more = false
			}
		}
		applied, err := k.i.CatchUp(ctx, size)
		k.mu.Lock()
		k.applied, k.err = max(k.applied, applied), errors.Join(k.err, err)
		close(k.moved)
		k.moved = make(chan struct{})
		k.mu.Unlock()
		if err != nil {
			for range k.follow {
			}
		}
	}
}

// close ends the following.
func (k *importKnown) close() {
	k.stop()
	close(k.follow)
	<-k.done
}

// wait returns once the view has applied size.
func (k *importKnown) wait(ctx context.Context, size int64) (applied int64, err error) {
	for {
		k.mu.Lock()
		moved := k.moved
		applied, err = k.applied, k.err
		k.mu.Unlock()
		if err != nil || applied >= size {
			return applied, err
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return applied, ctx.Err()
		}
	}
}

// begin makes sure that all is known that judgement must know for a visit that
// begins after done, and returns its base: the view, and what the import has
// added, must together be the ledger without a hole.
func (k *importKnown) begin(ctx context.Context, account string, done onrecord.Done) (base int64, err error) {
	k.added = append(k.trimmed(), &addition{size: -1, of: make(map[onrecord.StatementID][]int)})
	least, err := k.i.least(ctx, k.s, account, done.Index)
	if err != nil {
		return 0, err
	}
	if least+1 <= k.next && k.next > 0 {
		return k.next - 1, nil
	}
	if k.next, err = k.i.CatchUp(ctx, least+1); err != nil {
		return 0, err
	}
	if err := k.i.whole(ctx, k.s, account); err != nil {
		return 0, err
	}
	k.loaded = false
	return k.next - 1, nil
}

// trimmed returns what was added and the view may not have.
func (k *importKnown) trimmed() []*addition {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.added) > 0 && k.added[0].size >= 0 && k.added[0].size <= k.applied {
		k.added = k.added[1:]
	}
	return k.added
}

// of returns what is known of what items show.
func (k *importKnown) of(ctx context.Context, account string, items []onrecord.Observation) (change.Known, error) {
	if !k.loaded || k.account.ID != account {
		if err := k.load(ctx, account); err != nil {
			return change.Known{}, err
		}
	}
	ids := shown(k.s.Platform, []onrecord.Seen{{Items: items}})
	added := k.trimmed() // before the view is asked: what it applies meanwhile is applied twice, which changes nothing
	known := change.Known{Account: k.account, Source: k.source}
	var err error
	if known.Statements, err = k.i.View.Known(ctx, k.s.Platform, account, ids); err != nil {
		return known, err
	}
	if known.Statements == nil {
		known.Statements = make(map[onrecord.StatementID]onrecord.Known)
	}
	for _, a := range added {
		for _, id := range ids {
			for _, n := range a.of[id] {
				e := a.events[n]
				s, ok := known.Statements[e.Statement]
				if !ok {
					s = onrecord.NewKnown(e.Statement)
				}
				s.Apply(e)
				known.Statements[e.Statement] = s
			}
		}
	}
	return known, nil
}

// load reads what is known of the account and the source.
func (k *importKnown) load(ctx context.Context, account string) (err error) {
	if k.account, err = k.i.Accounts.KnownAccount(ctx, k.s.Platform, account); err != nil {
		return err
	}
	if k.source, err = k.i.Accounts.KnownSource(ctx, k.s.ID); err != nil {
		return err
	}
	k.account.Platform, k.account.ID = k.s.Platform, account
	k.loaded = true
	for _, a := range k.added {
		k.learn(a.events)
	}
	return nil
}

// learn notes what events say of the account and the source.
func (k *importKnown) learn(events []onrecord.Event) {
	for _, e := range events {
		if e.Statement == "" {
			k.account.Apply(e)
			k.source.Apply(e)
		}
	}
}

// add notes events of the open visit.
func (k *importKnown) add(events []onrecord.Event) {
	a := k.added[len(k.added)-1]
	if len(a.events) > importLines/8 {
		a.events = slices.Grow(a.events, importLines-len(a.events)+1) // once, instead of again and again
	}
	for _, e := range events {
		n := len(a.events)
		a.events = append(a.events, e)
		if e.Statement == "" {
			continue
		}
		a.of[e.Statement] = append(a.of[e.Statement], n)
		for _, alias := range e.Aliases {
			id := onrecord.NewStatementID(k.s.Platform, alias)
			a.of[id] = append(a.of[id], n)
		}
	}
	k.learn(events)
}

// open returns the events of the open visit.
func (k *importKnown) open() []onrecord.Event {
	if n := len(k.added); n > 0 {
		return k.added[n-1].events
	}
	return nil
}

// drop forgets the open visit: it added nothing.
func (k *importKnown) drop() { k.added = k.added[:len(k.added)-1] }

// committed notes where the open visit is in the ledger, and has the view follow.
// It waits where the view is too far behind.
func (k *importKnown) committed(ctx context.Context, index int64) error {
	a := k.added[len(k.added)-1]
	for n := range a.events {
		a.events[n].Index = index + 1 + int64(n)
	}
	a.size = index + 1 + int64(len(a.events))
	if index == k.next { // nobody else's lines lie between
		k.next = a.size
	} else {
		k.next = 0
	}
	select {
	case k.follow <- a.size:
	case <-ctx.Done():
		return ctx.Err()
	}
	if n := len(k.added) - maxAhead; n >= 0 {
		_, err := k.wait(ctx, k.added[n].size)
		return err
	}
	return nil
}

// settle waits until the view has applied all that was added.
func (k *importKnown) settle(ctx context.Context) error {
	var size int64
	for _, a := range k.added {
		size = max(size, a.size)
	}
	if _, err := k.wait(ctx, size); err != nil {
		return err
	}
	return nil
}
