// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// replicaPatience is how long doctor waits for all replicas.
const replicaPatience = 20 * time.Second

// replicas looks at each replica: whether it answers, is one of this archive, and
// how far it is.
func (d *doctor) replicas(ctx context.Context, h *house, serving bool) {
	point, err := h.archive.Checkpoint(ctx)
	if err != nil {
		return // told with the ledger
	}
	ctx, cancel := context.WithTimeout(ctx, replicaPatience)
	defer cancel()
	for _, r := range h.copies.list {
		d.replica(ctx, h, r, point, serving)
	}
}

func (d *doctor) replica(ctx context.Context, h *house, r *replica, point ledger.Checkpoint, serving bool) {
	const area = "replica"
	err := r.look(ctx)
	do := "onrecord replicate"
	if serving {
		do = "onrecord serve tries again by itself; its log says why it can't, if it can't"
	}
	fork, forked := errors.AsType[*archive.ForkError](err)
	switch {
	case forked:
		d.fail(area, forkHint(fork), "%s: %v", r.name(), err)
	case errors.Is(err, archive.ErrReplica) && h.archive.Meta().Created.IsZero():
		d.warn(area, "look again once onrecord.json is put back", "%s can't be compared: the archive has lost its onrecord.json", r.name())
	case errors.Is(err, archive.ErrReplica):
		d.fail(area, "name another place under storage.replicas", "%s: %v", r.name(), err)
	case errors.Is(err, ledger.ErrCheckpoint):
		d.fail(area, "look at it: is it of this archive? onrecord replicate --all", "%s: %v", r.name(), err)
	case err != nil && !errors.Is(err, bucket.ErrNotExist):
		_, hint := replicaStatus(err)
		if hint == spoolHint {
			hint = "nothing waits for it; onrecord serve tries again by itself"
		}
		d.fail(area, hint, "%s does not answer: %v", r.name(), err)
		return
	case r.size == 0:
		d.warn(area, do, "%s is empty", r.name())
	case r.size > point.Size:
		d.fail(area, "onrecord verify --repair brings back what the store has lost; keep a copy of the bucket first", "%s has %d entries, the archive %d", r.name(), r.size, point.Size)
	case r.size < point.Size:
		d.warn(area, do, "%s is %s", r.name(), behindWords(r.size, point.Size, time.Time{}, h.env.now()))
	default:
		d.ok(area, "%s has all %s", r.name(), count(int(r.size), "entry", "entries"))
	}
	d.replicaStore(ctx, h, r)
	if keys, err := r.damaged(ctx); err == nil && len(keys) > 0 {
		d.fail(area, damagedThere, "%s is damaged: %s", r.name(), someOf(keys))
	}
	if n, err := r.missing(ctx); err == nil && n > 0 {
		d.warn(area, "onrecord verify names them; put them back from another copy (verify --repair --from URL)", "%s lacks objects of %s, which the archive itself did not have", r.name(), count(n, "visit", "visits"))
	}
}

// missing returns of how many visits the replica lacks objects.
func (r *replica) missing(ctx context.Context) (int, error) {
	to, err := r.open(ctx)
	if err != nil {
		return 0, err
	}
	return to.Missing(ctx)
}

// damaged returns the objects of the replica that were damaged when they were
// last looked at.
func (r *replica) damaged(ctx context.Context) ([]string, error) {
	to, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	return to.Damaged(ctx)
}

// someOf names the first of a list.
func someOf(keys []string) string {
	const named = 3
	if len(keys) <= named {
		return strings.Join(keys, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(keys[:named], ", "), len(keys)-named)
}
