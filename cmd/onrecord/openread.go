// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"onrecord/catalog"
	"onrecord/config"
)

// isAway reports whether err says that the store can't be looked at: it does not
// answer, or its folder is not there, as that of a disk that is not mounted.
func isAway(cfg *config.Config, err error) bool {
	if code, _ := status(err); code == exitUnreachable {
		return true
	}
	folder, ferr := bucketFolder(cfg.Storage.URL)
	if ferr != nil {
		return false
	}
	_, serr := os.Stat(folder)
	return errors.Is(serr, fs.ErrNotExist)
}

// openToRead opens the archive for reading. Where the store is away, what the
// catalog of this machine has will do.
func (e *env) openToRead(ctx context.Context) (*house, error) {
	e.patient = true
	h, err := e.open(ctx, reading)
	if err == nil || ctx.Err() != nil {
		return h, err
	}
	cfg, cerr := e.config()
	if cerr != nil || !isAway(cfg, err) || !catalog.Exists(filepath.Join(cfg.StateDir, "catalog.db")) {
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
	e.say("note: the storage can't be read, so this is what this machine has, up to ledger no. %d: %s", have-1, told(err))
	return h, nil
}
