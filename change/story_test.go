// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/change"
)

// A story is a file of testdata; its language is told in testdata/README.md.
type story struct {
	path  string
	parts []part
	doors map[string]door
	visit change.Visit // what all visits have in common
	runs  bool         // runs are told too
}

// A part is a section of a story: its header, its lines, and where it stands.
type part struct {
	kind  string // config, visit, operator, then, known
	args  []string
	line  int
	lines []string
}

type door struct {
	kind, parser string
	can          onrecord.Capabilities
}

var header = regexp.MustCompile(`^-- (.+) --$`)

// readStory parses a story strictly: what it does not know is an error that
// names file and line.
func readStory(path string) (*story, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &story{path: path, doors: make(map[string]door)}
	s.visit.Platform = "mastodon"
	comment := ""
	for i, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		if m := header.FindStringSubmatch(line); m != nil {
			f := strings.Fields(m[1])
			s.parts = append(s.parts, part{kind: f[0], args: f[1:], line: i + 1})
			continue
		}
		if len(s.parts) == 0 {
			comment += line + "\n"
			continue
		}
		p := &s.parts[len(s.parts)-1]
		p.lines = append(p.lines, line)
	}
	if n := len(regexp.MustCompile(`[.?!]["”)]?(\s|$)`).FindAllString(comment, -1)); n != 2 {
		return nil, fmt.Errorf("%s:1: the comment has %d sentences, want 2", path, n)
	}
	if len(s.parts) > 0 && s.parts[0].kind == "config" {
		for i, line := range s.parts[0].lines {
			if err := s.config(line); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, s.parts[0].line+1+i, err)
			}
		}
		s.parts = s.parts[1:]
	}
	return s, nil
}

func (s *story) config(line string) error {
	f, err := words(line)
	if err != nil || len(f) == 0 {
		return err
	}
	switch {
	case f[0] == "platform" && len(f) == 2:
		s.visit.Platform = f[1]
	case f[0] == "account" && len(f) == 2:
		s.visit.AccountID = f[1]
	case f[0] == "confirm" && len(f) == 2:
		s.visit.Config.ConfirmAfter, err = time.ParseDuration(f[1])
	case f[0] == "offline" && len(f) == 2:
		s.visit.Config.OfflineAfter, err = time.ParseDuration(f[1])
	case f[0] == "short" && len(f) == 1:
		s.visit.Config.AllowShortConfirm = true
	case f[0] == "runs" && len(f) == 1:
		s.runs = true
	case f[0] == "door" && len(f) >= 4:
		d := door{kind: f[2], parser: f[3]}
		for _, c := range f[4:] {
			flag, ok := map[string]*bool{
				"ranges": &d.can.CompleteRanges, "address": &d.can.OwnAddress, "states": &d.can.AccountStates,
				"edits": &d.can.EditSignal, "deletes": &d.can.DeletionSignal, "third": &d.can.ThirdParty,
			}[c]
			if !ok {
				return fmt.Errorf("unknown capability %q", c)
			}
			*flag = true
		}
		s.doors[f[1]] = d
	default:
		return fmt.Errorf("unknown setting %q", line)
	}
	return err
}

// words splits a line at spaces; a quoted word is one.
func words(line string) ([]string, error) {
	var out []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if line[0] == '"' {
			q, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, fmt.Errorf("bad quoted word in %q", line)
			}
			text, _ := strconv.Unquote(q)
			out, line = append(out, "\""+text), line[len(q):]
			continue
		}
		w, rest, _ := strings.Cut(line, " ")
		out, line = append(out, w), rest
	}
	return out, nil
}

func instant(s string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02T15:04Z", time.RFC3339Nano} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("bad time %q", s)
}

// readVisit makes the visit of a section.
func (s *story) readVisit(p part) (v change.Visit, err error) {
	if len(p.args) < 3 {
		return v, fmt.Errorf("%s:%d: want time, source and outcome", s.path, p.line)
	}
	v = s.visit
	v.Figure = "jane-example"
	if v.Started, err = instant(p.args[0]); err != nil {
		return v, fmt.Errorf("%s:%d: %w", s.path, p.line, err)
	}
	v.Ended = v.Started
	source, name, ok := strings.Cut(p.args[1], "/")
	if !ok {
		name = "api"
	}
	d, ok := s.doors[name]
	if !ok {
		d = door{"api", "api/1", onrecord.Capabilities{CompleteRanges: true, OwnAddress: true, AccountStates: true, EditSignal: true}}
	}
	v.Source, v.Door, v.Kind, v.Parser, v.Can = source, name, d.kind, d.parser, d.can
	v.Outcome = onrecord.Outcome(p.args[2])
	if err := visitFlags(&v, p.args[3:]); err != nil {
		return v, fmt.Errorf("%s:%d: %w", s.path, p.line, err)
	}
	b := visitReader{v: &v}
	for i, line := range p.lines {
		if err := b.line(line); err != nil {
			return v, fmt.Errorf("%s:%d: %w", s.path, p.line+1+i, err)
		}
	}
	if len(v.Seen) == 0 && !v.AllFailed {
		b.page()
	}
	return v, nil
}

func visitFlags(v *change.Visit, args []string) (err error) {
	for i := 0; i < len(args) && err == nil; i++ {
		value := func() time.Duration {
			if i++; i >= len(args) {
				err = fmt.Errorf("%s needs a duration", args[i-1])
				return 0
			}
			var d time.Duration
			d, err = time.ParseDuration(args[i])
			return d
		}
		switch args[i] {
		case "late":
			v.Late = true
		case "imported", "mirrored":
			v.Provenance = onrecord.Provenance(args[i])
		case "unreachable":
			v.AllFailed, v.OtherAnswered = true, true
		case "alone":
			v.AllFailed = true
		case "backlog":
			v.LeftBacklog = true
		case "short":
			v.Short = "older pages were given up"
		case "checks":
			v.Checks = true
		case "of":
			if i++; i >= len(args) {
				return fmt.Errorf("of needs an account id")
			}
			v.AccountID = args[i]
		case "skew":
			v.Skew = value()
		case "took":
			v.Ended = v.Started.Add(value())
		default:
			err = fmt.Errorf("unknown word %q in the header of a visit", args[i])
		}
	}
	return err
}

// A visitReader fills a visit line by line.
type visitReader struct {
	v  *change.Visit
	at time.Time
}

// page returns the answer that lines speak of: the last page, or a first one.
func (b *visitReader) page() *onrecord.Seen {
	if n := len(b.v.Seen); n > 0 && b.v.Seen[n-1].Kind != "look" && b.v.Seen[n-1].Kind != "canary" {
		return &b.v.Seen[n-1]
	}
	return b.answer("page", b.v.Outcome)
}

func (b *visitReader) answer(kind string, o onrecord.Outcome) *onrecord.Seen {
	at := b.at
	if at.IsZero() {
		at = b.v.Started
	}
	b.v.Seen = append(b.v.Seen, onrecord.Seen{At: at, Kind: kind, Outcome: o})
	return &b.v.Seen[len(b.v.Seen)-1]
}

func (b *visitReader) line(line string) error {
	f, err := words(line)
	if err != nil || len(f) == 0 {
		return err
	}
	switch f[0] {
	case "account":
		return b.account(f[1:])
	case "range":
		return b.span(f[1:])
	case "page":
		if len(f) != 3 && (len(f) != 5 || f[3] != "about") {
			return fmt.Errorf("want: page KIND OUTCOME, and perhaps: about ID")
		}
		s := b.answer(f[1], onrecord.Outcome(f[2]))
		if len(f) == 5 {
			s.About = onrecord.Ref{NativeID: f[4]}
		}
		return nil
	case "at":
		if len(f) != 2 {
			return fmt.Errorf("want: at TIME")
		}
		b.at, err = instant(f[1])
		b.v.Ended = b.at
		return err
	case "look", "canary":
		return b.look(f)
	}
	o, err := item(f)
	if err != nil {
		return err
	}
	s := b.page()
	s.Items = append(s.Items, o)
	return nil
}

func (b *visitReader) account(f []string) error {
	if len(f) == 0 {
		return fmt.Errorf("want: account STATE …")
	}
	a := &b.page().Account
	if f[0] != "unstated" {
		a.State = onrecord.AccountState(f[0])
	}
	for i := 1; i+1 < len(f); i += 2 {
		dst, ok := map[string]*string{"id": &a.ID, "handle": &a.Handle, "name": &a.Name, "code": &a.Code, "to": &a.MovedTo}[f[i]]
		if !ok {
			return fmt.Errorf("unknown word %q of an account", f[i])
		}
		*dst = strings.TrimPrefix(f[i+1], "\"")
	}
	if len(f)%2 == 0 {
		return fmt.Errorf("word %q of an account has no value", f[len(f)-1])
	}
	return nil
}

func (b *visitReader) span(f []string) error {
	from, to, ok := "", "", false
	if len(f) == 1 {
		from, to, ok = strings.Cut(f[0], "..")
	}
	if !ok {
		return fmt.Errorf("want: range FROM..TO, either left out where it is open")
	}
	b.page().Range = onrecord.Range{From: from, To: to, FromIn: true, ToIn: true}
	return nil
}

func (b *visitReader) look(f []string) error {
	if len(f) < 3 {
		return fmt.Errorf("want: %s ID STATE …", f[0])
	}
	s := b.answer(f[0], onrecord.OutcomeOK)
	s.About = onrecord.Ref{NativeID: f[1]}
	switch onrecord.Outcome(f[2]) {
	case onrecord.OutcomeBlocked, onrecord.OutcomeRateLimited, onrecord.OutcomeOutage, onrecord.OutcomeDrift, onrecord.OutcomeNotModified:
		s.Outcome = onrecord.Outcome(f[2])
		return nil
	}
	o, err := item(f[1:])
	s.Items = append(s.Items, o)
	return err
}

// item reads an observation: a native id, then its state or text, and more.
func item(f []string) (o onrecord.Observation, err error) {
	o.NativeID = f[0]
	if strings.HasPrefix(f[0], "\"") || len(f) < 2 {
		return o, fmt.Errorf("unknown line %q", strings.Join(f, " "))
	}
	if strings.Trim(f[0], "0123456789") == "" {
		o.Order = f[0]
	}
	for i := 1; i < len(f); i++ {
		next := func() string {
			if i++; i >= len(f) {
				err = fmt.Errorf("%q has no value", f[i-1])
				return ""
			}
			return f[i]
		}
		switch w := f[i]; {
		case strings.HasPrefix(w, "\""):
			o.Content = onrecord.Content{Type: "post", Text: w[1:]}
		case w == "live", w == "gone", w == "withheld", w == "unclear":
			o.State = onrecord.ItemState(w)
		case w == "partial":
			o.Partial = true
		case w == "signed":
			o.Signed = true
		case w == "dated":
			o.Dated = true
		case w == "code":
			o.Code = next()
		case w == "order":
			o.Order = next()
		case w == "url":
			o.URL = next()
		case w == "alias":
			o.Aliases = append(o.Aliases, next())
		case w == "changed":
			o.Changed, err = instant(next())
		case w == "published":
			o.Published, err = instant(next())
			o.Precision = onrecord.PrecisionMinute
		default:
			err = fmt.Errorf("unknown word %q", w)
		}
		if err != nil {
			return o, err
		}
	}
	return o, nil
}

// rewrite puts other lines into the sections of a story's file.
func (s *story) rewrite(t *testing.T, with map[int][]string) {
	t.Helper()
	data, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	skip := false
	for i, line := range strings.SplitAfter(string(data), "\n") {
		if header.MatchString(strings.TrimSuffix(line, "\n")) {
			out.WriteString(line)
			lines, ok := with[i+1]
			for _, l := range lines {
				out.WriteString(l + "\n")
			}
			skip = ok
			continue
		}
		if !skip {
			out.WriteString(line)
		}
	}
	if err := os.WriteFile(s.path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
