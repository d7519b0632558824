// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"onrecord"
	"onrecord/archive/ledger"
	"onrecord/archive/spool"
)

// CheckMark proves that the ledger extends the high-water mark at path: what a
// signer of that machine has signed. A mark that is not there, or is of an origin
// that a restart has ended in knowledge of it, is nothing to be compared.
func (a *Archive) CheckMark(ctx context.Context, path string) error {
	origin, mark, ok, err := ledger.MarkAt(path)
	if err != nil || !ok || mark.Size == 0 {
		return err
	}
	head, err := a.Head(ctx)
	if err != nil {
		return err
	}
	keys, err := a.ledger.KeysOf(head)
	if err != nil {
		return err
	}
	if keys.InForce().Origin() == origin {
		return a.Extends(ctx, mark.Size, mark.Root)
	}
	for _, k := range keys.Keys() {
		if k.Begun.Restart() && k.Begun.Last.Size >= mark.Size && k.Begun.Before() == origin {
			return nil
		}
	}
	return fmt.Errorf("high-water mark %s: it is of %s, the ledger is %s: %w", path, origin, keys.InForce().Origin(), ledger.ErrRolledBack)
}

// withoutLost gives visits in the spool that a restart has lost a new name: they
// are judged and committed again, as late visits. It returns those of noted that
// are still committed ones.
func (a *Archive) withoutLost(ctx context.Context, head ledger.Head, noted []committedVisit) ([]committedVisit, error) {
	at := int64(-1)
	for _, link := range head.Keys {
		if text, err := ledger.ParseRotation(link.Note); err == nil && text.Restart() {
			at = text.At.Size
		}
	}
	if at < 0 {
		return noted, nil
	}
	var errs []error
	for _, n := range noted {
		if n.index < at {
			continue
		}
		err := a.renameIfLost(ctx, head, n, at)
		if errors.Is(err, spool.ErrLocked) || errors.Is(err, fs.ErrNotExist) {
			continue // another process has it in hand
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return a.committedVisits()
}

func (a *Archive) renameIfLost(ctx context.Context, head ledger.Head, n committedVisit, at int64) (err error) {
	s, err := a.spool.TakeVisit(n.spool)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	id, err := nameOf(s)
	if err != nil {
		return err
	}
	_, _, in, err := a.ledger.Contains(ctx, head, id, at)
	if err != nil || in {
		return outOfReach(err)
	}
	fresh, err := onrecord.NewVisitID(a.now(), a.rand)
	if err != nil {
		return err
	}
	b, err := json.Marshal(lateNote{Visit: fresh})
	if err != nil {
		return err
	}
	a.log.WarnContext(ctx, "a visit was lost with the end of the ledger; it is recorded again", "visit", id.String(), "as", fresh.String())
	return s.Put(lateFile, b)
}
