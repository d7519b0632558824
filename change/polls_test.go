// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change_test

import (
	"archive/tar"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"onrecord"
	"onrecord/change"
	"onrecord/internal/repotest"
)

// A poll is one version of a file that was appended to about hourly.
type poll struct {
	at   time.Time
	rows [][]string // without the header; nil where the file did not exist
	ok   bool
}

// readPolls reads the polls of an account, in order.
func readPolls(t *testing.T, dir string) []poll {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "files.tar.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f, zstd.WithDecoderMaxWindow(128<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := make(map[string][][]string)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, ".csv") {
			continue
		}
		rows, err := csv.NewReader(r).ReadAll()
		if err != nil || len(rows) == 0 {
			t.Fatalf("%s: %d rows, %v", h.Name, len(rows), err)
		}
		files[strings.TrimSuffix(filepath.Base(h.Name), ".csv")] = rows[1:]
	}
	index, err := os.ReadFile(filepath.Join(dir, "index.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var out []poll
	for line := range strings.Lines(string(index)) {
		f := strings.Split(line, "\t")
		at, err := time.Parse("20060102T150405Z", f[1])
		if err != nil {
			continue // the header
		}
		rows, ok := files[f[1]+"_"+f[0][:8]]
		out = append(out, poll{at, rows, ok})
	}
	slices.SortStableFunc(out, func(a, b poll) int { return a.at.Compare(b.at) })
	return out
}

// visit is the poll as a visit through a door that does not promise to show
// everything.
func (p poll) visit(t *testing.T) change.Visit {
	v := change.Visit{
		Source: "polls", Figure: "figure", Platform: "x", AccountID: "1", Door: "csv", Kind: "file", Parser: "csv/1",
		Can: onrecord.Capabilities{AccountStates: true}, Started: p.at, Ended: p.at, Outcome: onrecord.OutcomeOK,
	}
	s := onrecord.Seen{At: p.at, Kind: "page", Outcome: onrecord.OutcomeOK}
	if !p.ok {
		v.Outcome, s.Outcome = onrecord.OutcomeGone, onrecord.OutcomeGone
	}
	for _, row := range p.rows {
		published, err := time.Parse(time.DateTime, row[6])
		if err != nil {
			t.Fatal(err)
		}
		s.Account.State = onrecord.AccountLive
		s.Items = append(s.Items, onrecord.Observation{
			Ref: onrecord.Ref{NativeID: row[1]}, Order: row[1], State: onrecord.ItemLive,
			Published: published, Precision: onrecord.PrecisionSecond,
			Content: onrecord.Content{Type: "post", Text: row[3], Published: row[6]},
		})
	}
	v.Seen = append(v.Seen, s)
	return v
}

// TestRealPolls replays 436 polls of one account over nine weeks, with a file
// that shrinks, is deleted and comes back on the first day, and the account's
// suspension after the last. The golden names ids, types and windows only, and
// says why each line is there.
func TestRealPolls(t *testing.T) {
	polls := readPolls(t, repotest.Data(t, "twitter/trump-2020-polls"))
	w := newWorld("x")
	var out bytes.Buffer
	count := make(map[onrecord.EventType]int)
	tellAll := func(res change.Result, before poll) {
		for _, e := range res.Events {
			count[e.Type]++
			if e.Type != onrecord.SourceLooked {
				fmt.Fprintf(&out, "%s %s %s: %s\n", e.Type, e.NativeID, e.Window(), explain(e, before))
			}
		}
	}
	shown := make(map[string]bool)
	var before poll
	for _, p := range polls {
		v := p.visit(t)
		res := w.visit(v)
		now := make(map[string]bool)
		for _, row := range p.rows {
			now[row[1]] = true
		}
		missing := slices.Collect(maps.Keys(shown))
		missing = slices.DeleteFunc(missing, func(id string) bool { return now[id] })
		if len(missing) > 0 {
			fmt.Fprintf(&out, "no event for %d of %d statements that the poll of %s does not show: the file is not known to be complete\n",
				len(missing), len(shown), p.at.Format(time.RFC3339))
		}
		tellAll(res, before)
		if p.ok {
			shown, before = now, p
		}
	}
	ban := poll{at: time.Date(2021, 1, 8, 23, 30, 0, 0, time.UTC), ok: true}.visit(t)
	ban.Seen[0].Account = onrecord.AccountObservation{State: onrecord.AccountSuspended, Code: "Account suspended"}
	tellAll(w.visit(ban), before)

	for typ, want := range map[onrecord.EventType]int{
		onrecord.StatementDeleted: 0, onrecord.StatementLooked: 0, onrecord.StatementCreated: 807,
		onrecord.AccountWasSuspended: 1, onrecord.AccountIdentified: 1, onrecord.SourceGap: 2, onrecord.SourceFrozen: 0,
	} {
		if count[typ] != want {
			t.Errorf("%d events %s, want %d", count[typ], typ, want)
		}
	}
	for _, k := range w.statements {
		if k.State != onrecord.StateLive || k.StateUnder(w.account.State, false) != onrecord.StateGoneWithAccount {
			t.Errorf("%s is %s, and %s under a suspended account", k.NativeID, k.State, k.StateUnder(w.account.State, false))
		}
	}
	golden(t, "testdata/polls.golden", out.Bytes())
}

// explain says why an event is there.
func explain(e onrecord.Event, before poll) string {
	switch e.Type {
	case onrecord.StatementCreated:
		switch {
		case before.at.IsZero():
			return "shown by the first poll"
		case e.PublishedAt.After(before.at):
			return "first shown now; claims to be newer than the poll before"
		default:
			return "first shown now; claims to be older than the poll before, which did not show it"
		}
	case onrecord.SourceGap:
		if e.Gap.Open {
			return "the file was not there"
		}
		return "the file is back"
	case onrecord.AccountIdentified:
		return "first good visit"
	case onrecord.AccountWasSuspended:
		return "one event of the account, since the last poll that showed it live"
	}
	return "unexplained"
}

// golden compares got with a file, or writes it.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
