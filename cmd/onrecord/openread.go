// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"path/filepath"

	"onrecord/archive"
	"onrecord/catalog"
)

// openToRead opens the archive for reading. Where the store is away, what the
// catalog of this machine has will do.
func (e *env) openToRead(ctx context.Context) (*house, error) {
	e.patient = true
	h, err := e.open(ctx, reading)
	if code, _ := status(err); code != exitUnreachable && !errors.Is(err, archive.ErrNoArchive) || ctx.Err() != nil {
		return h, err
	}
	cfg, cerr := e.config()
	if cerr != nil || !catalog.Exists(filepath.Join(cfg.StateDir, "catalog.db")) {
		return nil, err
	}
	h = e.newHouse(cfg)
	if h.key, cerr = readLogKey(cfg.StateDir); cerr != nil {
		return nil, err
	}
	o := h.catalogOptions()
	o.ReadOnly = true
	if h.catalog, cerr = catalog.Open(ctx, h.catalogPath(), o); cerr != nil {
		return nil, err
	}
	have, _, cerr := h.catalog.Applied(ctx)
	if cerr != nil || have == 0 {
		return nil, errors.Join(err, h.close())
	}
	e.say("note: the storage is away, so this is what this machine knows, up to ledger no. %d: %v", have-1, err)
	return h, nil
}
