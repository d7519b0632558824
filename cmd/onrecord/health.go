// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"onrecord"
	"onrecord/archive/spool"
)

// health tells how this machine fares: its spool, how far ledger, checkpoint
// and catalog are, and the disk of the storage. A storage that does not answer
// is told, and is no error.
func (h *house) health(ctx context.Context) (onrecord.Health, error) {
	out := onrecord.Health{Storage: "folder", Ledger: -1}
	if isS3(h.cfg.Storage.URL) {
		out.Storage = "s3"
	}
	if err := h.files.Latch.Err(); err != nil {
		out.Stopped = err.Error()
	}
	out.Awaited = h.awaits() != nil
	if err := h.hold(); err != nil {
		out.Paused = err.Error()
	}
	waiting, kept, err := spoolOf(h.cfg.StateDir)
	if err != nil {
		return out, err
	}
	out.Spooled, out.Kept = len(waiting), kept
	for _, one := range waiting {
		if out.SpoolOldest.IsZero() || one.started.Before(out.SpoolOldest) {
			out.SpoolOldest = one.started
		}
	}
	if out.Applied, _, err = h.catalog.Applied(ctx); err != nil {
		return out, err
	}
	if out.Lost, err = h.catalog.Lost(ctx); err != nil {
		return out, err
	}
	head, err := h.archive.Head(ctx)
	if err == nil {
		out.Ledger = head.Size
		point, perr := h.archive.Checkpoint(ctx)
		out.Signed, err = point.Size, perr
	}
	if err != nil {
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		out.StorageDown = err.Error()
	}
	out.Replicas = h.copies.health(out.Signed)
	out.Witnesses = h.witnessHealth()
	if folder, err := bucketFolder(h.cfg.Storage.URL); err == nil {
		out.Free, out.Size, _ = space(folder) // 0 where it is not known
	}
	return out, nil
}

// A waitingVisit is a visit in the spool that is not recorded yet.
type waitingVisit struct {
	id      onrecord.VisitID
	source  string
	started time.Time
	damaged error
}

// spoolDone is the file of a spooled visit that says where it is recorded.
const spoolDone = "done"

// spoolOf lists the visits in the spool of a state directory that wait for the
// record, and counts those that are kept until the store has confirmed them. It
// takes no locks: visits that are under way are among those that wait.
func spoolOf(stateDir string) (waiting []waitingVisit, kept int, err error) {
	dir := filepath.Join(stateDir, "spool")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	d, err := spool.Open(dir, spool.Options{})
	if err != nil {
		return nil, 0, err
	}
	ids, err := d.Visits()
	if err != nil {
		return nil, 0, err
	}
	for _, id := range ids {
		if _, err := d.Read(id, spoolDone); err == nil {
			kept++
			continue
		}
		one := waitingVisit{id: id, started: id.Time()}
		m, err := d.MetaOf(id)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it has just gone
			continue
		case err != nil:
			one.damaged = fmt.Errorf("%s: %w", filepath.Join(dir, id.String()), err)
		default:
			one.source, one.started = m.Source, m.Started
		}
		waiting = append(waiting, one)
	}
	return waiting, kept, nil
}
