// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"onrecord/crawler/x"
)

// TestPrivateArchives reads archives that hold more than posts: what is kept as
// evidence is the posts, never the file.
func TestPrivateArchives(t *testing.T) {
	folder := archive(t)
	names := []string{"data/account.js", "data/direct-messages.js", "data/tweets.js"}
	open := fstest.MapFS{}
	for name, b := range folder {
		open[name] = &fstest.MapFile{Data: b}
	}
	table := map[string][]byte{"secret.txt": []byte("+10000000000"), "t.csv": fixture(t, "thetrumparchive.csv")}
	for name, c := range map[string]struct {
		fsys fstest.MapFS
		want []string
	}{
		"folder":      {open, []string{"From my archive", "Part two"}},
		"zip":         {fstest.MapFS{"a.zip": {Data: zipped(t, names, folder)}}, []string{"From my archive"}},
		"other files": {fstest.MapFS{"a.zip": {Data: zipped(t, []string{"secret.txt", "t.csv"}, table)}}, []string{"Regretted", "In another zone"}},
		"answers":     {fstest.MapFS{"a.zip": {Data: zipped(t, []string{"secret.txt", "v2.json"}, map[string][]byte{"v2.json": fixture(t, "v2.json")})}}, []string{"From Jean, whole"}},
	} {
		t.Run(name, func(t *testing.T) {
			var kept strings.Builder
			for b, err := range x.NewTwitter().Import(t.Context(), c.fsys, jane()) {
				if err != nil {
					t.Fatal(err)
				}
				if b.Kept == nil {
					t.Errorf("%s would be published whole", b.File)
				}
				kept.Write(b.Kept)
			}
			for _, private := range []string{"+10000000000", "jane@jane.example", "dmConversation"} {
				if strings.Contains(kept.String(), private) {
					t.Errorf("kept: %s", private)
				}
			}
			for _, w := range c.want {
				if !strings.Contains(kept.String(), w) {
					t.Errorf("%q is not kept:\n%s", w, kept.String())
				}
			}
		})
	}
	for b, err := range x.NewTwitter().Import(t.Context(), fstest.MapFS{"a.zip": {Data: zipped(t, []string{"t.csv"}, table)}}, jane()) {
		if err != nil || b.Kept != nil {
			t.Errorf("an archive of nothing but posts: kept %d bytes, %v", len(b.Kept), err)
		}
	}
}
