// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"onrecord/archive/files"
)

// lockDir locks the folder at path for this open file (flock(2)), without
// waiting. ErrLocked says that another has it, fs.ErrNotExist that the folder
// is not there, or no longer the one that was locked.
func lockDir(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	locked, err := files.TryLock(f)
	if err == nil && !locked {
		err = ErrLocked
	}
	if err == nil {
		err = still(f, path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// still reports with fs.ErrNotExist that path no longer leads to f: it was
// renamed or removed between open and lock.
func still(f *os.File, path string) error {
	have, err := f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !os.SameFile(have, there) {
		return fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return nil
}
