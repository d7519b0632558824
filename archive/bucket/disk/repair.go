// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"context"
	"errors"
	"fmt"
	"path"

	"onrecord/archive/bucket"
)

// SetAside implements bucket.Repairer: the file is renamed, under the lock that
// registers have, so that of two that repair one object one gets ErrConflict or
// ErrNotExist.
func (b *Bucket) SetAside(ctx context.Context, key string, was [32]byte) error {
	if err := bucket.CheckSetAside(key); err != nil {
		return err
	}
	if err := b.setAside(ctx, key, was); err != nil {
		return fmt.Errorf("set aside %s: %w", key, err)
	}
	return nil
}

func (b *Bucket) setAside(ctx context.Context, key string, was [32]byte) (err error) {
	if err := b.writable(ctx); err != nil {
		return err
	}
	release, err := b.lock(ctx, key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	// Whatever did the damage may have changed the mode, too: only bytes count.
	sum, err := b.sumOf(ctx, key)
	if err != nil {
		return err
	}
	if sum != was {
		return bucket.ErrConflict
	}
	aside := bucket.AsideKey(key, was)
	if err := b.mkdir(path.Dir(aside)); err != nil {
		return err
	}
	if err := b.disk.Rename(key, aside); err != nil {
		return err
	}
	return errors.Join(b.syncFolder(path.Dir(aside)), b.syncFolder(path.Dir(key)))
}
