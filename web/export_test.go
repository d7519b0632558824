// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"maps"
	"slices"
	"strings"

	"onrecord/search"
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

// Segments cuts a text as pages do, and says where its links lead.
func Segments(text string, marks []search.Span) (pieces, links []string) {
	for _, s := range segments(text, marks) {
		pieces = append(pieces, s.Text)
		if s.Href != "" {
			links = append(links, s.Href)
		}
	}
	return pieces, links
}

// ProblemTypes are the last parts of the addresses of all problem types.
func ProblemTypes() []string { return slices.Sorted(maps.Keys(problemStatus)) }
