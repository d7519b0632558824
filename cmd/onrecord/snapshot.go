// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"onrecord/archive"
	"onrecord/archive/ledger"
	"onrecord/catalog"
	"onrecord/ingest"
)

// A snapshot is made where at least so many lines, and a fifth of the ledger,
// came since the last.
const (
	snapshotLines = 4096
	snapshotShare = 5
	snapshotEvery = time.Hour // how often that is looked at
)

func newSnapshot(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Put a copy of the catalog into the bucket, from which other machines start",
		Long: `Copies the catalog into the bucket, compressed and with a note that is signed with
the key of the log. A machine that has no catalog takes the newest copy whose note
and bytes are right and which the ledger extends, and applies what came since.
"onrecord serve" makes one by itself whenever a fifth of the ledger is new. The
last two are kept. They are disposable: "onrecord rebuild" needs none.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return runSnapshot(cmd.Context(), e) },
	}
	addTrust(cmd, e)
	return cmd
}

func runSnapshot(ctx context.Context, e *env) error {
	h, err := e.open(ctx, writing)
	if err != nil {
		return err
	}
	defer h.close()
	s, err := h.snapshot(ctx)
	if err != nil {
		return err
	}
	out := struct {
		Key    string `json:"key"`
		Size   int64  `json:"size"`
		Length int64  `json:"length"`
		Plain  int64  `json:"plain"`
	}{s.Key(), s.Size, s.Length, s.Plain}
	return e.print(out, "%s: the catalog up to ledger no. %d, %d bytes of %d\n", s.Key(), s.Size-1, s.Length, s.Plain)
}

// snapshot puts a copy of the catalog as it is now.
func (h *house) snapshot(ctx context.Context) (archive.Snapshot, error) {
	dir, err := os.MkdirTemp(h.cfg.StateDir, "snapshot-")
	if err != nil {
		return archive.Snapshot{}, err
	}
	defer os.RemoveAll(dir)
	if err := errors.Join(h.holdsNone(ctx), h.mayCopy(ctx)); err != nil {
		return archive.Snapshot{}, err
	}
	path := filepath.Join(dir, "catalog.db")
	size, root, err := h.catalog.Snapshot(ctx, path)
	if err != nil {
		return archive.Snapshot{}, err
	}
	if err := h.holdsNone(ctx); err != nil { // applied while it was copied
		return archive.Snapshot{}, err
	}
	return h.archive.PutSnapshot(ctx, path, ledger.Tree{Size: size, Root: root}, catalog.Schema())
}

// holdsNone refuses a catalog in whose file what was erased may still be found.
func (h *house) holdsNone(ctx context.Context) error {
	holds, err := h.catalog.HoldsErased(ctx)
	if err == nil && holds {
		err = errors.New("the catalog is to be made anew first: it still holds what was erased")
	}
	return err
}

// keepSnapshots makes a snapshot whenever enough is new since the last.
func (h *house) keepSnapshots(ctx context.Context) {
	removeLeftovers(h.cfg.StateDir)
	for ctx.Err() == nil {
		due, err := h.snapshotDue(ctx)
		if err == nil && due {
			_, err = h.snapshot(ctx)
		}
		if err != nil && ctx.Err() == nil {
			h.log.Warn("no snapshot of the catalog; the next is tried in an hour", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(snapshotEvery):
		}
	}
}

// removeLeftovers removes what a process that died while it made a snapshot
// left. One that is being made meanwhile fails, and is made again: the one that
// serves calls it at its start, and whoever carries out an erasure.
func removeLeftovers(stateDir string) {
	left, err := filepath.Glob(filepath.Join(stateDir, "snapshot-*"))
	if err != nil {
		return
	}
	for _, dir := range left {
		os.RemoveAll(dir)
	}
}

// snapshotDue reports whether enough is new since the newest snapshot that this
// program can use.
func (h *house) snapshotDue(ctx context.Context) (bool, error) {
	have, _, err := h.catalog.Applied(ctx)
	if err != nil || have < snapshotLines || !h.roomForSnapshot() {
		return false, err
	}
	newest := int64(0)
	for s, err := range h.archive.Snapshots(ctx) {
		if errors.Is(err, archive.ErrUnreachable) {
			return false, err
		}
		if err == nil && s.Schema == catalog.Schema() {
			newest = s.Size
			break
		}
	}
	fresh := have - newest
	return fresh >= snapshotLines && fresh >= have/snapshotShare, nil
}

// roomForSnapshot reports whether the state directory has room for two copies of
// the catalog, the plain one and the packed, and for the visits beside them.
func (h *house) roomForSnapshot() bool {
	files, err := filepath.Glob(h.catalogPath() + "*")
	if err != nil {
		return false
	}
	need := int64(leastSpace)
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			need += 2 * info.Size()
		}
	}
	free, size, err := space(h.cfg.StateDir)
	return err != nil || size == 0 || free > need
}

// startFromSnapshot makes the catalog of a machine that has none from the newest
// snapshot that is right. It reports whether there was one. What is wrong with
// a snapshot is told, and the next one tried: nothing depends on them.
func (h *house) startFromSnapshot(ctx context.Context, o catalog.Options) bool {
	for s, err := range h.archive.Snapshots(ctx) {
		if err == nil && s.Schema != catalog.Schema() {
			continue
		}
		if err == nil {
			err = h.restore(ctx, o, s)
		}
		switch {
		case err == nil:
			h.env.say("the catalog starts from the snapshot at ledger no. %d", s.Size-1)
			return true
		case ctx.Err() != nil, errors.Is(err, archive.ErrUnreachable), errors.Is(err, catalog.ErrLocked):
			return false
		}
		h.env.say("note: a snapshot of the catalog is of no use, and is passed over: %v", err)
	}
	return false
}

// restore makes the catalog from a snapshot, and applies what came since.
func (h *house) restore(ctx context.Context, o catalog.Options, s archive.Snapshot) error {
	if err := h.archive.Extends(ctx, s.Size, s.Root); err != nil {
		return fmt.Errorf("%s: the ledger does not extend it: %w", s.Key(), err)
	}
	r, err := catalog.Restore(ctx, h.catalogPath(), o, s.Size, s.Root, func(w io.Writer) error {
		return h.archive.ReadSnapshot(ctx, s, w)
	})
	if err != nil {
		return err
	}
	if _, err := ingest.Follow(ctx, record{h.archive}, store{r.Catalog}, nil); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", s.Key(), err), r.Discard())
	}
	return r.Replace()
}
