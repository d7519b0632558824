// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"maps"
	"slices"
	"testing"

	"onrecord"
)

// TestVeilsFollow: what withheld statements are found by is kept from visit to
// visit, and made again of those of which more is known or that are new; who is
// shown again is not looked for any more, and nobody else's are.
func TestVeilsFollow(t *testing.T) {
	jane, john := onrecord.AccountRef{Platform: "mastodon", ID: "100", Handle: "jane"}, onrecord.AccountRef{Platform: "mastodon", ID: "200"}
	words := map[onrecord.StatementID][]onrecord.Version{}
	var asked []onrecord.StatementID
	i := &Ingester{Veils: new(Veils), Wordings: func(_ context.Context, id onrecord.StatementID) ([]onrecord.Version, error) {
		asked = append(asked, id)
		return words[id], nil
	}}
	says := func(k onrecord.Known, text string) onrecord.Known {
		c := onrecord.Content{Type: "post", Text: text}
		words[k.Statement] = append(words[k.Statement], onrecord.Version{ID: c.Version(), Content: c})
		k.Versions = append(slices.Clone(k.Versions), c.Version())
		return k
	}
	a, b := says(onrecord.NewKnown("aaaaaaaaaaaaaaaa"), "The first of their words"), says(onrecord.NewKnown("bbbbbbbbbbbbbbbb"), "The second of their words")
	empty := onrecord.NewKnown("cccccccccccccccc") // its line is lost
	empty.Versions, words[empty.Statement] = []onrecord.VersionID{"0123456789ab"}, []onrecord.Version{{ID: "0123456789ab"}}
	const page = "<p>The first of their words</p><p>The second of their words</p><p>The third of their words</p>"
	for _, step := range []struct {
		name     string
		account  onrecord.AccountRef
		withheld []onrecord.Known
		found    []onrecord.StatementID
		asked    []onrecord.StatementID
	}{
		{"at first", jane, []onrecord.Known{a}, []onrecord.StatementID{a.Statement}, []onrecord.StatementID{a.Statement}},
		{"another account", john, []onrecord.Known{b}, []onrecord.StatementID{b.Statement}, []onrecord.StatementID{b.Statement}},
		{"again", jane, []onrecord.Known{a}, []onrecord.StatementID{a.Statement}, nil},
		{"one more", jane, []onrecord.Known{a, b}, []onrecord.StatementID{a.Statement, b.Statement}, []onrecord.StatementID{b.Statement}},
		{"another instead", jane, []onrecord.Known{b}, []onrecord.StatementID{b.Statement}, nil},
		{"none", jane, nil, nil, nil},
		{"its words are lost", jane, []onrecord.Known{empty}, nil, []onrecord.StatementID{empty.Statement}},
		{"are still", jane, []onrecord.Known{empty}, nil, []onrecord.StatementID{empty.Statement}},
		{"edited", jane, []onrecord.Known{empty}, []onrecord.StatementID{empty.Statement}, []onrecord.StatementID{empty.Statement}},
	} {
		asked = nil
		withheld := make(map[onrecord.StatementID]onrecord.Known)
		for _, k := range step.withheld {
			if step.name == "edited" {
				k = says(k, "The third of their words")
			}
			withheld[k.Statement] = k
		}
		all, err := i.traces(t.Context(), step.account, withheld)
		if err != nil {
			t.Fatal(err)
		}
		var found []onrecord.StatementID
		if all != nil {
			found = slices.Sorted(maps.Keys(all.within(onrecord.Exchange{}, []byte(page))))
		}
		if !slices.Equal(found, step.found) || !slices.Equal(asked, step.asked) {
			t.Errorf("%s: found %q, want %q; asked for %q, want %q", step.name, found, step.found, asked, step.asked)
		}
	}
}
