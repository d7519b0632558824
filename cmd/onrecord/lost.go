// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/s3"
	"onrecord/archive/ledger"
)

// What to do about a bucket that is not as it was.
const (
	repairHint = "onrecord verify --repair puts the archive right from a replica, and keeps the damaged bytes beside it; keep a copy of the bucket as it is before"
	metaHint   = "onrecord verify --repair puts onrecord.json back from a replica; so does your backup"
	adoptHint  = "is storage.url right? this machine has signed an archive; if its bucket is lost, onrecord adopt makes an archive of a replica"
)

// lost adds to an error of a bucket in which no archive is found what there must
// be, by what else lies in it and what this machine has signed: a machine that
// has an archive is never told to make a new one.
func (h *house) lost(ctx context.Context, b bucket.Bucket, err error) error {
	store, isStore := errors.AsType[*s3.Error](err)
	gone := isStore && store.Code == "NoSuchBucket"
	if !gone && !errors.Is(err, archive.ErrNoArchive) {
		return err
	}
	if !gone {
		for _, key := range []string{ledger.CheckpointKey, ledger.HeadKey} {
			if _, _, loadErr := b.Load(ctx, key); loadErr == nil {
				return &failure{status: exitMismatch, hint: metaHint, err: err}
			}
		}
	}
	if _, statErr := os.Stat(filepath.Join(h.cfg.StateDir, markFile)); statErr == nil {
		code, _ := status(err)
		return &failure{status: code, hint: adoptHint, err: err}
	}
	return err
}

// damage returns the exit status of an error of an archive that is not as it
// was signed, and what to do about it.
func damage(err error) (code int, hint string, ok bool) {
	for _, known := range []error{archive.ErrMismatch, ledger.ErrTampered, ledger.ErrCheckpoint, ledger.ErrRotation, bucket.ErrNotExist} {
		if errors.Is(err, known) {
			return exitMismatch, repairHint, true
		}
	}
	return exitFailed, "", false
}
