// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/url"
	"strings"

	"onrecord"
)

// importPrefix begins the addresses of what was imported: the SHA-256 of the
// import follows, and the name of the file, or the number of what was taken of
// one (docs/format.md, "Captures in the bucket").
const importPrefix = "urn:onrecord:import:"

// importedFrom are the facts of where an import has st from: the newest of its
// captures that is a file. None for a statement that was captured here.
func (w wording) importedFrom(st onrecord.Statement, captures []onrecord.Evidence) []fact {
	if st.Provenance != onrecord.Imported {
		return nil
	}
	for i := len(captures) - 1; i >= 0; i-- {
		rest, ok := strings.CutPrefix(captures[i].URL, importPrefix)
		if !ok {
			continue
		}
		rest, part, inPart := strings.Cut(rest, "#")
		sum, name, _ := strings.Cut(rest, "/")
		if inPart { // the name of a file that is not published whole may say whose it is
			name = w.f("word.fact.import_part", "number", plain(part))
		} else if raw, err := url.PathUnescape(name); err == nil {
			name = raw
		}
		return []fact{
			{Name: w.f("word.fact.import"), Text: plain(name), Note: w.f("word.fact.dated", "when", w.instant(st.FirstSeen))},
			{Name: w.f("word.fact.import_sha256"), Text: plain(sum), Code: true},
		}
	}
	return nil
}

// evidenceOf says what the captures of a statement are: exchanges with the
// platform (none), files that were imported (all), or some of both.
func evidenceOf(captures []onrecord.Evidence) (imported string) {
	files := 0
	for _, c := range captures {
		if strings.HasPrefix(c.URL, importPrefix) {
			files++
		}
	}
	switch files {
	case 0:
		return "none"
	case len(captures):
		return "all"
	}
	return "some"
}
