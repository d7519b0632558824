// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x_test

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/klauspost/compress/zstd"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/x"
	"onrecord/internal/repotest"
)

// A tally is what became of the records of a set.
type tally struct {
	records, items, gone int64
	ids                  map[string]bool
	refused              map[string]int
	states               map[onrecord.AccountState]int
	err                  error
}

func tallyOf(tb testing.TB, im *x.Importer, fsys fs.FS, target crawler.Target) tally {
	tb.Helper()
	c := tally{ids: map[string]bool{}, refused: map[string]int{}, states: map[onrecord.AccountState]int{}}
	for b, err := range im.Import(tb.Context(), fsys, target) {
		if err != nil {
			c.err = err
			return c
		}
		c.records += b.Records
		c.items += int64(len(b.Items))
		if b.Account.State != "" {
			c.states[b.Account.State]++
		}
		for _, o := range b.Items {
			c.ids[o.NativeID] = true
			if o.State == onrecord.ItemGone {
				c.gone++
			}
			if at := o.Published; !at.IsZero() && (at.Year() < 2006 || at.Year() > 2026) {
				tb.Errorf("%s: published %v", o.NativeID, at)
			}
		}
		for _, r := range b.Refused {
			c.refused[r.Reason]++
		}
	}
	return c
}

func (c tally) String() string {
	if c.err != nil {
		return "refused: " + c.err.Error()
	}
	s := fmt.Sprintf("%d records, %d items of %d statements", c.records, c.items, len(c.ids))
	if c.gone > 0 {
		s += fmt.Sprintf(" (%d items reported deleted)", c.gone)
	}
	for _, state := range slices.Sorted(maps.Keys(c.states)) {
		s += fmt.Sprintf(", account %s", state)
	}
	for _, reason := range slices.Sorted(maps.Keys(c.refused)) {
		s += fmt.Sprintf("; refused %d %s", c.refused[reason], reason)
	}
	return s
}

// accounts are whose posts the sets are of, by the platform's ids.
func accounts(tb testing.TB) map[string]crawler.Target {
	tb.Helper()
	list := map[string]crawler.Target{}
	for name, id := range map[string]string{
		"president": "25073877", "developers": "2244994945", "company": "34743251",
		"suspended": "2040364845615173632", "candidate": "1976143068", "tester": "727366726141239296",
	} {
		list[name] = crawler.Target{Platform: "x", AccountID: id}
	}
	president := list["president"]
	president.Handle = handleIn(tb, filepath.Join(repotest.Data(tb, "twitter/trump-v11-master"), "master_2009.json"))
	list["president"] = president
	return list
}

// handleIn returns the handle of the author of the first post in a file: some
// sets know their account by nothing else.
func handleIn(tb testing.TB, file string) string {
	tb.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	var posts []struct {
		User struct {
			Handle string `json:"screen_name"`
		} `json:"user"`
	}
	if err := json.Unmarshal(b, &posts); err != nil || len(posts) == 0 {
		tb.Fatalf("%s: %d posts, %v", file, len(posts), err)
	}
	return posts[0].User.Handle
}

// TestCorpora counts what becomes of every record of every set.
func TestCorpora(t *testing.T) {
	repotest.Large(t)
	repotest.Data(t, "twitter")
	accounts := accounts(t)
	var table strings.Builder
	for _, c := range []struct{ kind, set, account string }{
		{"twitter", "account-archive-fixtures/perkeep__perkeep", "tester"},
		{"twitter", "account-archive-fixtures/dogsheep__twitter-to-sqlite", "tester"},
		{"twitter", "french-candidates-2017", "candidate"},
		{"twitter", "graphql-org-timelines", "developers"},
		{"twitter", "graphql-status-and-errors", "company"},
		{"twitter", "graphql-status-and-errors", "suspended"},
		{"twitter", "status-page-html", "president"},
		{"twitter", "trump-2020", "president"},
		{"twitter", "trump-api-v2-fixtures", "president"},
		{"twitter", "trump-condensed", "president"},
		{"thetrumparchive", "trump-condensed", "president"},
		{"thetrumparchive", "trump-deleted-ids", "president"},
		{"twitter", "trump-v11-master", "president"},
	} {
		im := x.NewTwitter()
		if c.kind == "thetrumparchive" {
			im = x.NewTheTrumpArchive()
		}
		got := tallyOf(t, im, os.DirFS(filepath.Join(repotest.Data(t, "twitter"), c.set)), accounts[c.account])
		fmt.Fprintf(&table, "%s twitter/%s as %s: %s\n", c.kind, c.set, c.account, got)
	}
	polls := lastPoll(t)
	fmt.Fprintf(&table, "twitter twitter/trump-2020-polls, the last of them, as president: %s\n", tallyOf(t, x.NewTwitter(), polls, accounts["president"]))
	golden(t, "corpora", table.String())
}

// lastPoll returns the last version of a table that grew by the hour.
func lastPoll(t *testing.T) fs.FS {
	t.Helper()
	f, err := os.Open(filepath.Join(repotest.Data(t, "twitter/trump-2020-polls"), "files.tar.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f, zstd.WithDecoderMaxWindow(128<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var last string
	var data []byte
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return fstest.MapFS{"poll.csv": {Data: data}}
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg || h.Name < last {
			continue
		}
		last = h.Name
		if data, err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDistinct checks ids and texts of whole sets against a reading by other
// means: encoding/json is slower and known to be right.
func TestDistinct(t *testing.T) {
	dir := repotest.Data(t, "twitter/trump-condensed")
	target := accounts(t)["president"]
	got := map[string]onrecord.Observation{}
	for b, err := range x.NewTwitter().Import(t.Context(), os.DirFS(dir), target) {
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range b.Items {
			got[o.NativeID] = o
		}
	}
	want := byEncodingJSON(t, dir)
	if len(want) != len(got) || len(want) < 45_000 {
		t.Errorf("%d statements, want %d", len(got), len(want))
	}
	for id, p := range want {
		o := got[id]
		if p.text != o.Content.Text {
			t.Errorf("%s: text %q, want %q", id, o.Content.Text, p.text)
		}
		if !o.Published.Equal(p.at) {
			t.Errorf("%s: published %v, want %v", id, o.Published, p.at)
		}
		if by := x.IDTime(id); !by.IsZero() && by.Sub(p.at).Abs().Seconds() > 5 {
			t.Errorf("%s: its id says %v, its date %v", id, by, p.at)
		}
	}
}
