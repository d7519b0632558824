// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package thumbnail_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onrecord/thumbnail"
)

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	kept, gone := strings.Repeat("0a", 32), strings.Repeat("0b", 32)
	for _, name := range []string{kept + ".jpg", gone + ".jpg", gone + ".jpg~", "README"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	away := errors.New("the catalog is away")
	if err := thumbnail.Prune(dir, func(string) (bool, error) { return false, away }); !errors.Is(err, away) {
		t.Errorf("%v", err)
	}
	if err := thumbnail.Prune(dir, func(sum string) (bool, error) { return sum == kept, nil }); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{kept + ".jpg", "README"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
	if err := thumbnail.Prune(filepath.Join(dir, "none"), nil); err != nil {
		t.Errorf("a directory that is not there: %v", err)
	}
}
