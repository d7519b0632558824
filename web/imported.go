// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/url"
	"strings"

	"onrecord"
)

// importPrefix begins the addresses of what files were imported: the SHA-256 of
// the import and the path in it follow (docs/format.md, "Captures in the
// bucket").
const importPrefix = "urn:onrecord:import:"

// importedFrom are the facts of where an import has st from: the newest of its
// captures that is a file. None for a statement that was captured here.
func (w wording) importedFrom(st onrecord.Statement, captures []onrecord.Evidence) []fact {
	if st.Provenance != onrecord.Imported {
		return nil
	}
	for i := len(captures) - 1; i >= 0; i-- {
		sum, path, ok := strings.Cut(strings.TrimPrefix(captures[i].URL, importPrefix), "/")
		if !ok || !strings.HasPrefix(captures[i].URL, importPrefix) {
			continue
		}
		path, _, _ = strings.Cut(path, "#")
		if name, err := url.PathUnescape(path); err == nil {
			path = name
		}
		return []fact{
			{Name: w.f("word.fact.import"), Text: plain(path), Note: w.f("word.fact.dated", "when", w.instant(st.FirstSeen))},
			{Name: w.f("word.fact.import_sha256"), Text: plain(sum), Code: true},
		}
	}
	return nil
}
