// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"onrecord"
)

// leastSpace is how much must be free on a disk for a visit to be begun, in
// bytes: what was captured can then still be committed and shown.
const leastSpace = 16 << 20

// hold says why no visit may be begun on this machine for now: a disk is almost
// full, or the spool has reached spool_limit. It passes by itself (ingest.Runner.Hold).
func (h *house) hold() error {
	places := []struct{ what, path string }{
		{"the spool", filepath.Join(h.cfg.StateDir, "spool")}, {"the catalog", h.cfg.StateDir},
	}
	if folder, err := bucketFolder(h.cfg.Storage.URL); err == nil {
		places = append(places, struct{ what, path string }{"the storage", folder})
	}
	var errs []error
	if err := h.awaits(); err != nil {
		errs = append(errs, fmt.Errorf("%w: visits begin by themselves when it passes: %w", errAway, err))
	}
	for _, p := range places {
		free, size, err := space(p.path)
		if err == nil && size > 0 && free < leastSpace {
			errs = append(errs, fmt.Errorf("the disk of %s, %s, has %s free of %s: visits go on by themselves at %s", p.what, p.path, bytesOf(free), bytesOf(size), bytesOf(leastSpace)))
		}
	}
	if err := h.archive.SpoolFull(); err != nil {
		err = fmt.Errorf("%w (spool_limit): visits go on by themselves when the storage has taken, and ten minutes later confirmed, what lies there", err)
		if onrecord.Missing(h.lostLines()) > 0 {
			err = fmt.Errorf("%w; visits that rest on lost lines leave it when those are back or given up: onrecord missing", err)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
