// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"maps"
	"slices"
	"strings"
)

// InCode returns the keys of the catalogue that code asks for, not templates.
func InCode() ([]string, error) {
	t, err := parseTexts(english)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(t)), func(key string) bool {
		return !slices.ContainsFunc(inCode, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
	}), nil
}

// DiffWords returns the edits of a word diff as "=…", "-…" and "+…".
func DiffWords(old, new string) []string {
	var out []string
	for _, e := range diffWords(old, new) {
		out = append(out, string(e.Op)+e.Text)
	}
	return out
}
