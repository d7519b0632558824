// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// Present checks that everything is there that the ledger names: each segment is
// compared with its leaves, each object with its SHA-256, or, where quick is set,
// with its length alone, and onrecord.json with the first event. last is when the
// last visit was begun, UTC. Findings are no error.
func (a *Archive) Present(ctx context.Context, quick bool, progress func(done, total int64)) (missing []Finding, last time.Time, err error) {
	c, err := a.Checkpoint(ctx)
	if err != nil {
		return nil, last, err
	}
	red, err := a.Redactions(ctx)
	if err != nil {
		return nil, last, err
	}
	p := &presence{a: a, red: red, quick: quick}
	if _, err := vouchedMeta(ctx, a); err != nil {
		if !isAnswer(err) || ctx.Err() != nil {
			return nil, last, outOfReach(err)
		}
		p.find(Finding{Kind: KindMeta, Object: metaKey, Offset: -1, Index: 1, Reason: err.Error()})
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(headReaders)
	var job visitLeaves
	check := func() {
		if len(job.leaves) == 0 || job.leaves[0].Line == ledger.AbandonedLine {
			return
		}
		if t := job.leaves[0].Visit.Time().UTC(); t.After(last) {
			last = t
		}
		one := job
		g.Go(func() error { return p.visit(gctx, one) })
	}
	at := int64(0)
	for leaf, err := range a.ledger.LeavesOf(ctx, c.Tree, 0, c.Size) {
		if err != nil {
			return nil, last, errors.Join(outOfReach(err), g.Wait())
		}
		if len(job.leaves) > 0 && job.leaves[0].Visit != leaf.Visit {
			check()
			job = visitLeaves{index: at}
		}
		job.leaves = append(job.leaves, leaf)
		at++
		if progress != nil && at%1024 == 0 {
			progress(at, c.Size)
		}
		if gctx.Err() != nil {
			break
		}
	}
	check()
	err = g.Wait()
	slices.SortFunc(p.found, func(x, y Finding) int { return int(min(max(x.Index-y.Index, -1), 1)) })
	return p.found, last, err
}

// A presence is one run of Present.
type presence struct {
	a     *Archive
	red   *Redactions
	quick bool

	mu    sync.Mutex
	found []Finding // guarded by mu
}

func (p *presence) find(f Finding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.found = append(p.found, f)
}

// visit checks one visit.
func (p *presence) visit(ctx context.Context, job visitLeaves) error {
	key := journalKey(job.leaves[0].Visit)
	body, err := bucket.ReadAll(ctx, p.a.b, key, MaxSegment)
	var s *segment
	if err == nil {
		s, err = checkSegment(p.a.code, p.red, job, key, body)
	}
	if err != nil {
		return p.judge(ctx, key, job.index, err)
	}
	for _, o := range s.header.Objects {
		if red, ok := p.red.Object(o.Key); ok {
			o = ObjectRef(red.Value)
		}
		if err := p.object(ctx, o); err != nil {
			if err := p.judge(ctx, o.Key, job.index, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// object checks one object.
func (p *presence) object(ctx context.Context, o ObjectRef) error {
	if !p.quick {
		return checkIn(ctx, p.a.b, o)
	}
	r, err := p.a.b.Open(ctx, o.Key, 0, -1)
	if err != nil {
		return err
	}
	if r.Size != o.Length {
		err = fmt.Errorf("%w: %d bytes, not %d", ErrMismatch, r.Size, o.Length)
	}
	return errors.Join(err, r.Close())
}

// judge turns an error into a finding, unless it says nothing of the bytes.
func (p *presence) judge(ctx context.Context, key string, index int64, err error) error {
	if err = outOfReach(err); !errors.Is(err, errErasing) && (!isAnswer(err) || ctx.Err() != nil) {
		return err
	}
	p.find(Finding{Kind: kindOf(key), Object: key, Offset: -1, Index: index, Reason: err.Error()})
	return nil
}
