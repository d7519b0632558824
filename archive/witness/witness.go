// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package witness gathers cosignatures of the ledger's checkpoints: others, who
// keep no more than the last checkpoint that they saw, sign each new one after a
// proof that it extends that (C2SP tlog-witness, tlog-cosignature). Who finds
// their names under a checkpoint need not believe the archive that it shows
// everybody the same ledger.
//
// # What waits for what
//
// Nothing waits for a witness, but for one thing: before the first signature of
// a process each witness is asked, for a few seconds at most, what it has
// cosigned last. A witness that has seen more than the bucket shows, or another
// history, keeps the ledger from being signed (Known); one that does not answer
// does not. A Gatherer asks in the background, after each checkpoint, with
// back-off, and appends what it is given to the published checkpoint.
package witness

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"onrecord/archive/ledger"
)

// MaxWitnesses is the largest number of witnesses.
const MaxWitnesses = 16

// The times of a Gatherer.
const (
	firstWait = 5 * time.Second // of Known, for the witnesses' first answers
	apart     = 5 * time.Second // two rounds, so that a busy ledger asks no more often
	look      = time.Minute     // for checkpoints of other processes
	leastBack = time.Minute     // before a witness that failed is asked again
	mostBack  = time.Hour
)

// A Witness is one witness as configured.
type Witness struct {
	Key string // as the witness publishes it, "name+hash+key"
	URL string // submission prefix, without a slash at the end
}

// A Log is the ledger whose checkpoints are cosigned.
type Log interface {
	Checkpoint(ctx context.Context) (ledger.Checkpoint, error)
	Consistency(ctx context.Context, from int64, to ledger.Tree) ([][32]byte, error)
	AddSignatures(ctx context.Context, c ledger.Checkpoint, lines ...[]byte) (bool, error)
}

// Options configures a Gatherer.
type Options struct {
	Witnesses []Witness
	HTTP      Doer             // required; refuses private addresses, follows no redirect
	UserAgent string           // of the requests
	Now       func() time.Time // required
	Log       *slog.Logger     // nil: discarded
	// State is a file that keeps what each witness has cosigned, for who asks how
	// they fare, and for the next process. It may be lost. Empty: none.
	State string
}

// A Gatherer asks witnesses for cosignatures. It is safe for concurrent use.
type Gatherer struct {
	o    Options
	news chan struct{} // a checkpoint to ask for

	begun sync.Once
	asked chan struct{} // closed once each witness has been asked, or the time for that is over
	round chan struct{} // held by the one that asks

	mu      sync.Mutex
	log     Log       // guarded by mu
	members []*member // what changes in them is guarded by mu
}

// A member is one witness and how it fares.
type member struct {
	client client
	Status
	asked bool      // by this process
	has   int64     // size that it cosigned last, as far as is known; 0 if it is not
	back  time.Time // not asked before this
	step  time.Duration
}

// A Status is how a witness fares.
type Status struct {
	Name   string    `json:"name"`
	Key    string    `json:"key"`
	URL    string    `json:"url"`
	Origin string    `json:"origin,omitempty"`     // of the checkpoints that the rest is about
	Size   int64     `json:"size"`                 // of the last checkpoint that it has cosigned for us
	At     time.Time `json:"at,omitzero"`          // of that cosignature, by its clock
	Seen   int64     `json:"seen,omitempty"`       // the largest size that it says it has
	Other  bool      `json:"other,omitempty"`      // it says that it has another history, or more than the ledger had
	Err    string    `json:"error,omitempty"`      // why it has not cosigned the last one; empty if it has
	Since  time.Time `json:"error_since,omitzero"` // of the errors
}

// New returns a gatherer. It asks nobody before Run, Flush or Known.
func New(o Options) (*Gatherer, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if len(o.Witnesses) > MaxWitnesses {
		return nil, fmt.Errorf("witness: %d witnesses, at most %d", len(o.Witnesses), MaxWitnesses)
	}
	g := &Gatherer{o: o, news: make(chan struct{}, 1), asked: make(chan struct{}), round: make(chan struct{}, 1)}
	before := ReadState(o.State)
	for _, w := range o.Witnesses {
		v, err := NewVerifier(w.Key)
		if err != nil {
			return nil, fmt.Errorf("witness %s: key: %w", w.URL, err)
		}
		m := &member{client: client{do: o.HTTP, url: strings.TrimRight(w.URL, "/"), key: v, agent: o.UserAgent}}
		m.Status = Status{Name: v.Name(), Key: w.Key, URL: w.URL}
		if i := slices.IndexFunc(before, func(s Status) bool { return s.Key == w.Key && s.URL == w.URL }); i >= 0 {
			m.Status, m.has = before[i], before[i].Size
		}
		g.members = append(g.members, m)
	}
	return g, nil
}

// Of says whose checkpoints are cosigned. It is called once, before anything
// else: the ledger asks Known, so it is made after the gatherer.
func (g *Gatherer) Of(l Log) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.log = l
	for _, m := range g.members {
		m.client.prover = l
	}
}

// Published tells of a new checkpoint. It returns at once.
func (g *Gatherer) Published(ledger.Checkpoint) {
	select {
	case g.news <- struct{}{}:
	default: // one is asked for already, and the newest is what is asked for
	}
}

// Run asks the witnesses, at once and after each checkpoint, until ctx ends.
func (g *Gatherer) Run(ctx context.Context) {
	if len(g.members) == 0 {
		return
	}
	g.first(ctx)
	for {
		if err := g.ask(ctx); err != nil && ctx.Err() == nil {
			g.o.Log.WarnContext(ctx, "cosignatures could not be gathered", "err", err)
		}
		if !wait(ctx, apart, nil) || !wait(ctx, look, g.news) {
			return
		}
	}
}

// wait waits for d, or for news; false says that ctx has ended.
func wait(ctx context.Context, d time.Duration, news <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
	case <-news:
	}
	return true
}

// Flush asks the witnesses once more, if this process has written a checkpoint
// since it last asked: for a process that is about to end.
func (g *Gatherer) Flush(ctx context.Context) error {
	select {
	case <-g.news:
		return g.ask(ctx)
	default:
		return nil
	}
}

// Known returns what the witnesses say that they have seen, for
// ledger.Options.Known. The first call waits until each has been asked, for a
// few seconds at most.
func (g *Gatherer) Known(ctx context.Context) ([]ledger.Sighting, error) {
	g.mu.Lock()
	ready := g.log != nil
	g.mu.Unlock()
	if !ready {
		return nil, errors.New("witness: asked before it was told of the ledger")
	}
	if g.first(ctx); ctx.Err() != nil {
		return nil, ctx.Err()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []ledger.Sighting
	for _, m := range g.members {
		s := ledger.Sighting{By: fmt.Sprintf("witness %s at %s", m.Name, m.URL), Origin: m.Origin, Size: m.Seen}
		if m.Other {
			s.Refused = m.Err
		}
		if m.Seen > 0 || m.Other {
			list = append(list, s)
		}
	}
	return list, nil
}

// first waits until each witness has been asked for the first time, or the time
// for that is over.
func (g *Gatherer) first(ctx context.Context) {
	g.begun.Do(func() {
		go func() {
			defer close(g.asked)
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), firstWait)
			defer cancel()
			_ = g.ask(ctx) // what is learnt stands with each witness
		}()
	})
	select {
	case <-g.asked:
	case <-ctx.Done():
	}
}

// Status returns how each witness fares.
func (g *Gatherer) Status() []Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]Status, len(g.members))
	for i, m := range g.members {
		list[i] = m.Status
	}
	return list
}
