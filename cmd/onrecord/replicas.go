// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/ledger"
	"onrecord/config"
)

// How the serving process fills replicas.
const (
	replicaEvery   = 2 * time.Second  // between two looks at the checkpoint
	replicaStale   = time.Minute      // between two looks at a replica for which there is nothing new
	replicaPause   = time.Minute      // the longest wait after a failure
	replicaMissing = 10 * time.Minute // between two looks at what lacks objects, or is damaged
	replicaLook    = 3 * time.Second  // for the checkpoints of all replicas, at the start
)

// replicas are the replicas that the configuration names.
type replicas struct {
	list []*replica
}

// A replica is one of them, and how it fares.
type replica struct {
	store config.Store
	index int // in storage.replicas, from 1
	h     *house

	proven atomic.Bool // the store does what a replica needs, as this process found

	mu     sync.Mutex
	to     *archive.Replica   // guarded by mu; nil until the store has been opened
	size   int64              // of its checkpoint; -1 unknown; guarded by mu
	seenAt time.Time          // when that was read or written; guarded by mu
	since  time.Time          // since when it is behind; guarded by mu
	failed error              // of the last attempt; guarded by mu
	fork   *archive.ForkError // it was made an archive of its own; guarded by mu
	last   archive.Copied     // guarded by mu
	tried  time.Time          // when what is missing was last tried; guarded by mu
	told   map[string]bool    // what the archive lacks, as it was told last; guarded by mu
}

// newReplicas makes ready the configured replicas, and opens none.
func (h *house) newReplicas() *replicas {
	rs := &replicas{}
	for i, s := range h.cfg.Storage.Replicas {
		rs.list = append(rs.list, h.newReplica(s, i+1))
	}
	return rs
}

func (h *house) newReplica(s config.Store, index int) *replica {
	return &replica{store: s, index: index, h: h, size: -1}
}

// name is how messages name the replica: its address without what follows the
// path.
func (r *replica) name() string {
	u, err := url.Parse(r.store.URL)
	if err != nil {
		return r.store.URL
	}
	u.RawQuery, u.User = "", nil
	return u.String()
}

// kind is what strangers are told of where the replica is.
func (r *replica) kind() string {
	if isS3(r.store.URL) {
		return "s3"
	}
	return "folder"
}

// open opens the replica's store. A replica on a disk that has failed, or that
// does not answer, is tried again.
func (r *replica) open(ctx context.Context) (*archive.Replica, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.to == nil {
		b, err := r.h.env.openBucket(ctx, r.store)
		if err != nil {
			return nil, err
		}
		r.to = r.h.archive.Replica(b)
	}
	return r.to, nil
}

// prove refuses a store that would let two who fill a replica, or one that was
// adopted, overwrite each other. It asks once in the life of a process.
func (r *replica) prove(ctx context.Context) error {
	if r.proven.Load() {
		return nil
	}
	if err := r.h.env.checkStore(ctx, r.store, r.h.cfg.StateDir, false); err != nil {
		return err
	}
	r.proven.Store(true)
	return nil
}

// look reads the replica's checkpoint, and whether it is a replica still.
func (r *replica) look(ctx context.Context) error {
	var c ledger.Checkpoint
	to, err := r.open(ctx)
	if err == nil {
		c, err = to.Checkpoint(ctx)
		if no := to.Check(ctx); errors.Is(no, archive.ErrReplica) || err == nil {
			err = no
		}
	}
	if err != nil {
		c.Size = -1
	}
	r.note(c.Size, err)
	return err
}

// note keeps what an attempt has shown.
func (r *replica) note(size int64, err error) {
	now := r.h.env.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = err
	if f, ok := errors.AsType[*archive.ForkError](err); ok {
		r.fork = f // for as long as this process runs: it does not grow back
	}
	if size >= 0 {
		r.size, r.seenAt = size, now
	}
}

// look reads the checkpoints of all replicas at once, and waits a moment for
// them: what they have seen the ledger must extend (record.md 2).
func (rs *replicas) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, replicaLook)
	defer cancel()
	var wg sync.WaitGroup
	for _, r := range rs.list {
		wg.Go(func() { _ = r.look(ctx) }) // told by health
	}
	wg.Wait()
}

// sightings are what the replicas have seen of the ledger, as far as they
// answered: one that is away holds nobody up.
func (rs *replicas) sightings() []ledger.Sighting {
	if rs == nil {
		return nil
	}
	var list []ledger.Sighting
	for _, r := range rs.list {
		r.mu.Lock()
		to, fork := r.to, r.fork
		r.mu.Unlock()
		if fork != nil && fork.Signed {
			list = append(list, ledger.Sighting{By: "replica " + r.name(), Refused: fork.Error()})
			continue
		}
		if to == nil || fork != nil {
			continue
		}
		if t, ok := to.Seen(); ok {
			list = append(list, ledger.Sighting{By: "replica " + r.name(), Size: t.Size, Root: t.Root})
		}
	}
	return list
}

// keep fills all replicas until ctx ends.
func (rs *replicas) keep(ctx context.Context) {
	var wg sync.WaitGroup
	for _, r := range rs.list {
		wg.Go(func() { r.keep(ctx) })
	}
	wg.Wait()
}

// keep fills one replica: after each commit, and again after a failure, with
// growing pauses.
func (r *replica) keep(ctx context.Context) {
	wait := replicaEvery
	for ctx.Err() == nil {
		err := r.follow(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			wait = replicaEvery
		default:
			if wait == replicaEvery {
				r.tell(err)
			}
			wait = min(2*wait, replicaPause)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// tell logs why a replica does not follow.
func (r *replica) tell(err error) {
	fork, ok := errors.AsType[*archive.ForkError](err)
	switch {
	case !ok:
		r.h.log.Warn("a replica is behind", "replica", r.name(), "err", err)
	case fork.Signed:
		r.h.log.Error("a replica was made the archive: nothing more is recorded here, visits wait in the spool", "replica", r.name(), "err", err, "hint", forkHint(fork))
	default:
		r.h.log.Error("a replica was made an archive, or somebody who can write to it says so", "replica", r.name(), "err", err, "hint", forkHint(fork))
	}
}

// forkHint says what to do about a replica that was made an archive.
func forkHint(f *archive.ForkError) string {
	if f.Signed {
		return "stop this archive: the other one goes on, and two that do are two histories; only if it is given up, take it out of storage.replicas"
	}
	return "if you have adopted it, stop this archive now: two that go on are two histories; else change the credentials of that store, and name another place under storage.replicas"
}

// follow copies what is new.
func (r *replica) follow(ctx context.Context) error {
	point, err := r.h.archive.Checkpoint(ctx)
	if err != nil {
		return nil // the archive's own storage is away: that is told elsewhere
	}
	due, again := r.due(point.Size)
	if !due {
		if r.stale() {
			return r.look(ctx)
		}
		return nil
	}
	done, err := r.replicate(ctx, archive.ReplicateOptions{Quick: !again})
	for _, f := range r.news(done.Here) {
		r.h.log.Warn("the archive is damaged; this was not copied to the replica: onrecord verify --repair", "replica", r.name(), "finding", f.String())
	}
	for _, f := range done.There {
		if !again {
			break // said when it was last looked at
		}
		r.h.log.Warn("the replica is damaged; it was left alone", "replica", r.name(), "finding", f.String())
	}
	return err
}

// news returns the findings that were not told at the last attempt that had any:
// what nobody can repair any more is met by each.
func (r *replica) news(found []archive.Finding) (fresh []archive.Finding) {
	if len(found) == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := make(map[string]bool, len(found))
	for _, f := range found {
		now[f.String()] = true
		if !r.told[f.String()] {
			fresh = append(fresh, f)
		}
	}
	r.told = now
	return fresh
}

// stale reports whether nobody has looked at the replica for a while: it may have
// been made an archive.
func (r *replica) stale() bool {
	now := r.h.env.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	return now.Sub(r.seenAt) >= replicaStale
}

// due reports whether there is something to copy, and whether what is missing or
// damaged is to be looked at again: at the start, and then at times.
func (r *replica) due(size int64) (due, again bool) {
	now := r.h.env.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size < size && r.since.IsZero() {
		r.since = now
	}
	again = r.tried.IsZero() || (r.last.Missing > 0 || len(r.last.There) > 0) && now.Sub(r.tried) >= replicaMissing
	return again || r.size < size || r.failed != nil, again
}

// replicate copies, and notes how it went.
func (r *replica) replicate(ctx context.Context, o archive.ReplicateOptions) (archive.Copied, error) {
	to, err := r.open(ctx)
	if err == nil {
		err = r.prove(ctx)
	}
	if err != nil {
		r.note(-1, err)
		return archive.Copied{}, err
	}
	done, err := to.Replicate(ctx, o)
	size := done.Size
	if err != nil && size == 0 {
		size = -1
	}
	r.note(size, err)
	r.mu.Lock()
	if r.last = done; !o.Quick {
		r.tried = r.h.env.now()
	}
	if err == nil {
		r.since = time.Time{}
	}
	r.mu.Unlock()
	return done, err
}

// erased fills the replicas, and returns those that have carried out an erasure,
// or why one has not. The ledger, which everybody reads for ever, has them by
// number and kind: an address invites those who would have it gone.
func (rs *replicas) erased(ctx context.Context, o archive.Ordered) (names []string, why string) {
	for _, r := range rs.list {
		_, err := r.replicate(ctx, archive.ReplicateOptions{})
		if err == nil {
			var to *archive.Replica
			if to, err = r.open(ctx); err == nil {
				err = to.Erased(ctx, o)
			}
		}
		if err == nil {
			names = append(names, fmt.Sprintf("%d of %d (%s)", r.index, len(rs.list), r.kind()))
		} else if why == "" { // the others need not wait for it
			why = fmt.Sprintf("replica %s has not carried out the erasure of case %s yet; onrecord serve tries again: %v", r.name(), o.Takedown.Case, err)
		}
	}
	if why != "" {
		return nil, why
	}
	return names, ""
}

// health tells how the replicas fare against a ledger of a size.
func (rs *replicas) health(size int64) []onrecord.ReplicaHealth {
	if rs == nil {
		return nil
	}
	list := make([]onrecord.ReplicaHealth, len(rs.list))
	for i, r := range rs.list {
		r.mu.Lock()
		list[i] = onrecord.ReplicaHealth{
			Storage: r.kind(), Signed: r.size, Missing: r.last.Missing, SeenAt: r.seenAt, Damaged: len(r.last.There) > 0,
		}
		if r.size < size {
			list[i].BehindSince = r.since
		}
		if r.failed != nil && !errors.Is(r.failed, context.Canceled) {
			list[i].Trouble = r.failed.Error()
		}
		r.mu.Unlock()
	}
	return list
}

// find returns the configured replica at an address, or makes one of it.
func (rs *replicas) find(h *house, address string) *replica {
	for _, r := range rs.list {
		if r.store.URL == address || r.name() == address {
			return r
		}
	}
	return h.newReplica(config.Store{URL: address}, 0)
}

// behind words how far a replica is behind.
func behindWords(size, of int64, since, now time.Time) string {
	if size < 0 {
		return "it is not known how far it is"
	}
	words := fmt.Sprintf("%s behind", count(int(of-size), "entry", "entries"))
	if !since.IsZero() {
		words += ", for " + cmp.Or(now.Sub(since).Round(time.Second), time.Second).String()
	}
	return words
}
