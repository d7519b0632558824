// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/s3"
	"onrecord/catalog"
)

// A process that serves may start while its S3 store does not answer, or while a
// disk is full: pages are answered from the catalog, and, without the store, by the
// copy of onrecord.json that is in the state directory. Nothing is written, and no visit made, until the store has
// answered and every check of a start has passed: it is the same archive, with
// the same key; its conditional writes are ones; and its ledger extends what
// this machine, the replicas and the witnesses have seen.
const (
	metaCopyFile  = "archive.json"  // in the state directory
	firstPatience = 5 * time.Second // for the first answer of the store
	arriveEvery   = 2 * time.Second // between two looks whether it answers
	refusedEvery  = time.Minute     // where it answers, and did not pass; and the longest where it asks to be left alone
)

// mayBeAway reports whether err is one that a serving process waits out: a store
// that does not answer, or a disk without room.
func (h *house) mayBeAway(err error) bool {
	switch {
	case err == nil || !h.env.serving:
		return false
	case isFull(err):
		return true
	}
	code, _ := status(err)
	return isS3(h.cfg.Storage.URL) && code == exitUnreachable
}

// isFull reports whether err says that a disk has no room.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || catalog.IsFull(err)
}

// awaits returns why nothing is written yet; nil once the store has passed.
func (h *house) awaits() error {
	if err := h.away.Load(); err != nil {
		return *err
	}
	return nil
}

// openArchive opens the archive in b; a serving process does so without the
// store, too, and is then away.
func (h *house) openArchive(ctx context.Context, b bucket.Bucket, o archive.Options, n need) (err error) {
	open := archive.Open
	if n == recordOnly {
		open = archive.OpenToVerify
	}
	first := ctx
	if (h.env.serving || h.env.patient) && isS3(h.cfg.Storage.URL) {
		var cancel context.CancelFunc
		first, cancel = context.WithTimeout(ctx, firstPatience)
		defer cancel()
	}
	h.archive, err = open(first, b, o)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("archive at %s: %w", h.cfg.Storage.URL, err)
	if !h.mayBeAway(err) || ctx.Err() != nil {
		return h.olderKey(h.lost(ctx, b, err))
	}
	var noCopy error
	if h.archive, noCopy = archive.OpenAway(b, o); noCopy != nil {
		return &failure{status: exitUnreachable, hint: "start it once with the storage: it then keeps what it needs to be started without", err: fmt.Errorf("%w; %w", err, noCopy)}
	}
	if !catalog.Exists(h.catalogPath()) {
		return &failure{status: exitUnreachable, hint: "start it once with the storage: the catalog is made from the record", err: fmt.Errorf("%w; and there is no catalog on this machine", err)}
	}
	away := err
	h.away.Store(&away)
	return nil
}

// arrive makes the checks that come before the first write. Where the store was
// away when the archive was opened, they begin with those of Open.
func (h *house) arrive(ctx context.Context, n need) error {
	where := func(err error) error { return fmt.Errorf("archive at %s: %w", h.cfg.Storage.URL, err) }
	if h.awaits() != nil {
		if err := h.archive.Confirm(ctx); err != nil {
			return h.olderKey(where(err))
		}
	}
	if isS3(h.cfg.Storage.URL) && !h.proven {
		if err := h.env.checkStore(ctx, h.cfg.Storage.Store, h.cfg.StateDir, h.env.serving); err != nil {
			return err
		}
		h.proven = true
	}
	h.witnesses.Of(h.archive)
	h.copies.look(ctx)
	if n != writing {
		return nil
	}
	if err := h.archive.Restore(ctx); err != nil {
		return where(err)
	}
	rotated, err := h.installKey(ctx)
	if err != nil {
		return where(err)
	}
	h.rotated = h.rotated || rotated
	return nil
}

// arriveOrWait is arrive at a start. A serving process whose store does not
// answer goes on without.
func (h *house) arriveOrWait(ctx context.Context, n need) error {
	if h.awaits() == nil {
		err := h.arrive(ctx, n)
		if !h.mayBeAway(err) || ctx.Err() != nil {
			return err
		}
		h.away.Store(&err)
	}
	what, when := "the storage does not answer", "when it does"
	if isFull(h.awaits()) {
		what, when = "a disk is full", "when there is room"
	}
	h.env.say("%s: pages are served from the catalog, and visits begin %s: %v", what, when, h.awaits())
	return nil
}

// arrival returns once the store has answered and passed; false says that ctx
// has ended. A store that answers and does not pass is told, once for each
// reason, and looked at again: meanwhile pages are served, and nothing else.
func (h *house) arrival(ctx context.Context) bool {
	passed := "the storage answers"
	if isFull(h.awaits()) {
		passed = "there is room on the disk again"
	}
	wait := arriveEvery
	for told := ""; h.awaits() != nil; {
		err := h.arrive(ctx, writing)
		switch {
		case ctx.Err() != nil:
			return false
		case err == nil:
			h.away.Store(nil)
			h.env.say("%s: visits begin", passed)
			if _, err := h.applyAll(ctx); err != nil && ctx.Err() == nil {
				h.log.Error("the catalog can't follow the ledger", "err", err)
			}
			return true
		case !h.mayBeAway(err):
			wait = refusedEvery
			if err.Error() != told {
				told = err.Error()
				_, hint := status(err)
				h.log.Error("the storage answers, and nothing is written to it", "err", err, "hint", hint)
			}
		case isBusy(err):
			wait = min(2*wait, refusedEvery)
		default:
			wait = arriveEvery
		}
		h.away.Store(&err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
	}
	return true
}

// isBusy reports whether a store answers, and asks to be left alone for a while.
func isBusy(err error) bool {
	e, ok := errors.AsType[*s3.Error](err)
	return ok && e.Err == nil
}

// errAway reports that the record is not looked at: the store was away when
// this process started, and has not passed since.
var errAway = errors.New("the storage has not been checked since this process started")
