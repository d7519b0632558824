// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"onrecord/catalog"
)

// TestOnlyAFullDiskIsReadStill: SQLite can't make a file beside the catalog's, and
// not for want of room. What the file holds without that nobody may rely on.
func TestOnlyAFullDiskIsReadStill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.db")
	o := catalog.Options{MACKey: key}
	c, err := catalog.Open(t.Context(), path, o)
	if err == nil {
		err = c.Close()
	}
	if err == nil {
		err = os.Mkdir(path+"-wal", 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err = catalog.Open(t.Context(), path, o)
	if err == nil {
		c.Close()
		t.Fatal("the catalog was opened")
	}
	if catalog.IsFull(err) || !errors.Is(err, catalog.ErrDisk) {
		t.Errorf("error %v", err)
	}
}
