// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/change"
)

var update = flag.Bool("update", false, "write what happened into the stories, to be read before it is kept")

func TestStories(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < 40 {
		t.Fatalf("%d stories (%v), want at least 40", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			s, err := readStory(path)
			if err != nil {
				t.Fatal(err)
			}
			newTeller(s).run(t)
		})
	}
}

// A teller runs a story.
type teller struct {
	*story
	w     *world
	texts map[onrecord.VersionID]string
	told  []string // since the last "then"
	last  change.Result
	now   time.Time
	got   map[int][]string // by line of section
}

func newTeller(s *story) *teller {
	return &teller{story: s, w: newWorld(s.visit.Platform), texts: make(map[onrecord.VersionID]string), got: make(map[int][]string)}
}

func (s *teller) run(t *testing.T) {
	for _, p := range s.parts {
		if err := s.part(t, p); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.told) > 0 && !*update {
		t.Errorf("%s: events that no section tells:\n%s", s.path, strings.Join(s.told, "\n"))
	}
	if *update {
		s.rewrite(t, s.got)
	}
	s.w.checkOrder(t, rand.New(rand.NewPCG(1, uint64(len(s.w.events)))), 5)
}

func (s *teller) part(t *testing.T, p part) error {
	switch p.kind {
	case "visit":
		v, err := s.readVisit(p)
		if err != nil {
			return err
		}
		s.visitNow(v)
	case "operator":
		return s.operator(p)
	case "then":
		s.compare(t, p, s.told)
		s.told = nil
	case "known":
		var got []string
		for i, line := range p.lines {
			l, err := s.knownLine(line)
			if err != nil {
				return fmt.Errorf("%s:%d: %w", s.path, p.line+1+i, err)
			}
			got = append(got, l...)
		}
		s.compare(t, p, got)
	default:
		return fmt.Errorf("%s:%d: unknown section %q", s.path, p.line, p.kind)
	}
	return nil
}

func (s *teller) visitNow(v change.Visit) {
	for _, seen := range v.Seen {
		for _, o := range seen.Items {
			s.texts[o.Content.Version()] = o.Content.Text
		}
	}
	s.last, s.now = s.w.visit(v), v.Ended
	for _, e := range s.last.Events {
		if e.Type != onrecord.SourceLooked || s.runs {
			s.told = append(s.told, tell(e))
		}
	}
}

// operator commits an act of the operator: thawed, identified, paused …
func (s *teller) operator(p part) error {
	if len(p.args) != 3 {
		return fmt.Errorf("%s:%d: want: operator TIME SOURCE ACT", s.path, p.line)
	}
	at, err := instant(p.args[0])
	if err != nil {
		return fmt.Errorf("%s:%d: %w", s.path, p.line, err)
	}
	types := map[string]onrecord.EventType{
		"thawed": onrecord.SourceThawed, "identified": onrecord.AccountIdentified,
		"withheld": onrecord.StatementWithheld, "erased": onrecord.StatementErased,
		"paused": onrecord.SourceGap, "resumed": onrecord.SourceGap,
	}
	typ, ok := types[p.args[2]]
	if !ok {
		return fmt.Errorf("%s:%d: unknown act %q", s.path, p.line, p.args[2])
	}
	e := onrecord.Event{
		Type: typ, At: at, By: at, Source: p.args[1], Provenance: onrecord.Captured,
		Account: onrecord.AccountRef{Platform: s.w.account.Platform, ID: s.w.account.ID, Handle: s.w.account.Handle},
		State:   s.w.account.State,
	}
	if typ == onrecord.SourceGap {
		e.Gap = &onrecord.Gap{Reason: onrecord.GapPaused, Open: p.args[2] == "paused", Since: at}
	}
	if len(p.lines) > 0 {
		e.NativeID = strings.TrimSpace(p.lines[0])
		e.Statement = onrecord.NewStatementID(s.w.platform, e.NativeID)
	}
	s.w.commit([]onrecord.Event{e})
	return nil
}

// knownLine words what is known of what a line names first.
func (s *teller) knownLine(line string) ([]string, error) {
	name, _, _ := strings.Cut(line, " ")
	switch name {
	case "":
		return nil, fmt.Errorf("empty line")
	case "account":
		return []string{fmt.Sprintf("account %s handle %s", s.w.account.State, s.w.account.Handle)}, nil
	case "result":
		out := "result"
		for _, w := range []struct {
			ok   bool
			word string
		}{
			{s.last.Quiet(), "quiet"}, {s.last.Good, "good"}, {s.last.Keep, "keep"}, {s.last.Stopped, "stopped"},
			{s.last.Probe, "probe"}, {s.last.Frozen != nil, "frozen"}, {s.last.Failing != nil, "failing"},
		} {
			if w.ok {
				out += " " + w.word
			}
		}
		return []string{out}, nil
	case "due":
		var due []string
		for _, d := range s.last.Due {
			due = append(due, d.NativeID+" at "+clock(d.At, s.now))
		}
		return []string{"due " + strings.Join(append(due, "end"), ", ")}, nil
	}
	return []string{s.w.tellKnown(name, s.texts, s.now)}, nil
}

func (s *teller) compare(t *testing.T, p part, got []string) {
	t.Helper()
	s.got[p.line] = got
	want := slices.DeleteFunc(slices.Clone(p.lines), func(l string) bool { return strings.TrimSpace(l) == "" })
	if diff := gocmp.Diff(want, got); !*update && (len(want)+len(got) > 0) && diff != "" {
		t.Errorf("%s:%d: %s (-want +got):\n%s", s.path, p.line, p.kind, diff)
	}
}
