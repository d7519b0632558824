// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package thumbnail

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Prune removes from the directory of a Maker what was made of files that are
// not kept any more: of each, keep is asked with its SHA-256 in lower-case hex.
// The names go with it, also of files of which there was no picture. It may run
// beside a Maker of any process; one that was just at work on such a file may
// put its picture afterwards. A directory that is not there is empty.
func Prune(dir string, keep func(sha256 string) (bool, error)) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("thumbnail: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if len(name) < 64 || !isDigest(name[:64]) {
			continue
		}
		kept, err := keep(name[:64])
		if err != nil {
			return err
		}
		if kept {
			continue
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("thumbnail: %w", err)
		}
	}
	return nil
}
