// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"strings"
	"syscall"

	"onrecord/archive"
)

// replicaStore tells what is known of what a replica's S3 store does with
// conditional writes: with --write what it does now.
func (d *doctor) replicaStore(ctx context.Context, h *house, r *replica) {
	if !isS3(r.store.URL) {
		return
	}
	if d.write {
		if err := h.env.checkStore(ctx, r.store, h.cfg.StateDir, true); err != nil {
			_, hint := replicaStatus(err)
			d.fail("replica", hint, "%s: %v", r.name(), err)
			return
		}
	}
	note, ok := readProbe(h.cfg.StateDir, r.store.URL)
	if !ok {
		d.warn("replica", "onrecord replicate and onrecord doctor --write find out", "what the store of %s does with conditional writes is not known", r.name())
	} else if err := note.Report.Refusal(); err != nil {
		_, hint := replicaStatus(err)
		d.fail("replica", hint, "%s: %v", r.name(), err)
	}
}

// replicaStatus is status of an error of a replica: its address and credentials
// stand elsewhere in the configuration, and no visit waits for it.
func replicaStatus(err error) (code int, hint string) {
	code, hint = status(err)
	fork, forked := errors.AsType[*archive.ForkError](err)
	switch {
	case forked:
		return exitMismatch, forkHint(fork)
	case errors.Is(err, archive.ErrReplica):
		return exitConfig, "name another place under storage.replicas"
	case errors.Is(err, syscall.ENOSPC):
		return code, "make room there, or name a larger place under storage.replicas: what is there already counts"
	}
	return code, strings.NewReplacer("storage.credentials", "storage.replicas.credentials", "storage.url", "storage.replicas.url").Replace(hint)
}
