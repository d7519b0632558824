// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/catalog"
	"onrecord/thumbnail"
)

// renewCatalog makes the catalog anew where its file still holds what was
// erased, and returns when the old file is gone: deleted rows would stay in its
// pages, in its write-ahead log and in its copies. Small pictures of erased
// attachments go with it. Before, it waits until the
// catalog knows of the erasures that are not done.
func (h *house) renewCatalog(ctx context.Context, red *archive.Redactions) error {
	var size int64
	for _, o := range red.Pending() {
		size = max(size, o.Index+1)
	}
	if size > 0 {
		if _, err := h.catchUp(ctx, size); err != nil {
			return fmt.Errorf("whether the catalog still holds what was erased can't be told yet: %w", err)
		}
	}
	holds, err := h.catalog.HoldsErased(ctx)
	if err != nil {
		return err
	}
	if holds {
		if size, err = h.rebuild(ctx, h.catalogOptions(), nil); err != nil {
			return fmt.Errorf("the catalog still holds what was erased: %w", err)
		}
		// Whoever applies goes over to the new file, and removes the old one.
		if _, err := h.catchUp(ctx, size); err != nil {
			return err
		}
	}
	if err := h.dropReplaced(ctx); err != nil || red.Empty() {
		return err
	}
	return h.dropThumbs(ctx)
}

// dropThumbs removes the small pictures of attachments that the catalog does not
// know any more. This machine may have made one since it last looked.
func (h *house) dropThumbs(ctx context.Context) error {
	return thumbnail.Prune(h.thumbDir(), func(sum string) (bool, error) {
		_, err := h.catalog.StoredMedia(ctx, sum)
		if errors.Is(err, onrecord.ErrNotFound) {
			return false, nil
		}
		return true, err
	})
}

// letGo is how long a process that has a replaced catalog open may take for the
// queries that run on it.
const letGo = 10 * time.Second

// dropReplaced returns when no file of the catalog is left but the current one.
func (h *house) dropReplaced(ctx context.Context) error {
	for began := time.Now(); ; {
		if err := h.catalog.Reopen(ctx); err != nil {
			return err
		}
		there, err := catalog.Replaced(h.catalogPath())
		if err != nil || len(there) == 0 {
			return err
		}
		if time.Since(began) > letGo {
			if err := catalog.RemoveReplaced(h.catalogPath()); err != nil {
				return fmt.Errorf("a catalog that was replaced may hold what was erased: %s: %w", strings.Join(there, ", "), err)
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
