// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Replaced returns the files beside the catalog at path that are not its file:
// replaced ones that some process has not let go of yet, what a rebuild that was
// broken off left, and the file of one that runs.
func Replaced(path string) ([]string, error) {
	cur, err := current(path)
	if err != nil {
		return nil, err
	}
	list, err := rebuilt(path)
	if err != nil {
		return nil, err
	}
	var there []string
	for _, name := range append(list, path) {
		for _, end := range []string{"", "-wal", "-shm"} {
			_, err := os.Lstat(name + end)
			if err == nil && name != cur {
				there = append(there, name+end)
			} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
	}
	return there, nil
}

// RemoveReplaced removes what Replaced returns, also where a process has it
// open: that goes over to the current file with its next query. Where another
// process rebuilds, it is ErrLocked.
func RemoveReplaced(path string) error {
	lock, err := lockFile(path + ".rebuild.lock")
	if err != nil {
		return fmt.Errorf("catalog %s: remove replaced files: %w", path, err)
	}
	defer lock.Close()
	if err := removeOthers(path); err != nil {
		return fmt.Errorf("catalog %s: remove replaced files: %w", path, err)
	}
	return nil
}
