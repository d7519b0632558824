// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"

	"onrecord/archive"
)

// repairRounds is how often what was repaired is verified and repaired again: a
// journal segment that was lost names what else is.
const repairRounds = 3

// repair puts right what a verification has found, from the replicas or from the
// copy at an address, and verifies again. It returns what is left then.
func (h *house) repair(ctx context.Context, rep archive.Report, from string, verify func(context.Context) (archive.Report, error)) (archive.Report, error) {
	copies, err := h.repairFrom(ctx, from)
	if err != nil {
		return rep, err
	}
	locks, err := newLocks(h.cfg.StateDir)
	if err != nil {
		return rep, err
	}
	unlock, err := locks.take("role", "repair")
	if err != nil {
		return rep, &failure{status: exitLocked, err: fmt.Errorf("another process repairs this archive: %w", err)}
	}
	defer unlock()
	for round := 0; round < repairRounds && len(rep.Findings) > 0; round++ {
		done, err := h.archive.Repair(ctx, rep.Findings, copies)
		h.sayRepaired(done)
		if err != nil {
			return rep, err
		}
		if len(done.Mended) == 0 {
			break
		}
		if rep, err = verify(ctx); err != nil {
			return rep, err
		}
	}
	return rep, nil
}

// repairFrom opens the copies from which the archive may be repaired.
func (h *house) repairFrom(ctx context.Context, from string) ([]archive.RepairFrom, error) {
	list := h.copies.list
	if from != "" {
		list = []*replica{h.copies.find(h, from)}
	}
	if len(list) == 0 {
		return nil, &failure{status: exitConfig, hint: "name one with --from URL", err: errors.New("the configuration names no replica to repair from")}
	}
	var copies []archive.RepairFrom
	var errs []error
	for _, r := range list {
		b, err := h.env.openBucket(ctx, r.store)
		if err != nil {
			errs = append(errs, fmt.Errorf("replica %s: %w", r.name(), err))
			continue
		}
		copies = append(copies, archive.RepairFrom{Name: r.name(), Bucket: b})
	}
	if len(copies) == 0 {
		return nil, errors.Join(errs...)
	}
	for _, err := range errs {
		h.env.say("note: %v", err)
	}
	return copies, nil
}

// sayRepaired tells what was put right and what was not.
func (h *house) sayRepaired(done archive.Repaired) {
	for _, m := range done.Mended {
		words := "made anew from the ledger"
		if m.From != "" {
			words = "put back from " + m.From
		}
		if m.Aside != "" {
			words += "; the damaged bytes are kept as " + m.Aside
		}
		if m.Removed && m.Aside != "" {
			words = "nothing needs it any more; its bytes are kept as " + m.Aside
		} else if m.Removed {
			words = "removed; onrecord serve makes the next one"
		}
		h.env.say("repaired %s %s: %s", m.Kind, m.Object, words)
	}
	for name, why := range done.Unfit {
		h.env.say("%s was not used: %s", name, why)
	}
	for _, f := range done.Left {
		h.env.say("not repaired: %s", findingLine(f))
	}
	for _, why := range done.Refused {
		h.env.say("not repaired: %s", why)
	}
}

// repairMeta puts back what opening the archive needs, where that is why it did
// not open, and opens it.
func (e *env) repairMeta(ctx context.Context, from string, why error) (*house, error) {
	if !errors.Is(why, archive.ErrNoArchive) && !errors.Is(why, archive.ErrMismatch) && !errors.Is(why, archive.ErrKey) {
		return nil, why
	}
	cfg, err := e.config()
	if err != nil {
		return nil, err
	}
	h := e.newHouse(cfg)
	h.copies = h.newReplicas()
	if h.key, err = readLogKey(cfg.StateDir); err != nil && e.given == nil {
		return nil, err
	}
	if e.given != nil {
		h.key.verifier = e.given
	}
	b, err := e.openBucket(ctx, cfg.Storage.Store)
	if err != nil {
		return nil, err
	}
	copies, err := h.repairFrom(ctx, from)
	if err != nil {
		return nil, errors.Join(why, err)
	}
	mended, err := archive.RepairMeta(ctx, b, copies, archive.Options{Verifier: h.key.verifier, Now: e.now, Log: h.log})
	if err != nil {
		return nil, errors.Join(why, err)
	}
	h.sayRepaired(archive.Repaired{Mended: mended})
	return e.openWith(ctx, cfg, recordOnly)
}
