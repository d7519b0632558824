// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"bytes"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"onrecord"
	"onrecord/crawler"
)

// A Trace finds what shows one statement, or tells which it is: in captures, in
// journal lines and in the states of sources. It looks for the statement as
// doors read it, and beside that for its ids, addresses and wordings as text,
// so that a page that no door understands is found, too. It finds rather too
// much than too little.
type Trace struct {
	platform string
	ids      map[onrecord.StatementID]bool // its own and its aliases'
	names    []string                      // native ids, addresses
	locals   []string                      // ids that stand alone, such as the last part of an address
	order    string                        // its key in ranges
	versions []string
	texts    [][]byte // wordings, as they may be written
	limits   crawler.Limits
}

// minLocal is the shortest id that is looked for by itself: a shorter one is
// found in everything.
const minLocal = 5

// minText is the shortest wording that is looked for, in bytes.
const minText = 12

// NewTrace returns the trace of a statement with its wordings.
func NewTrace(platform string, k onrecord.Known, wordings []onrecord.Version, l crawler.Limits) *Trace {
	t := &Trace{platform: platform, ids: map[onrecord.StatementID]bool{k.Statement: true}, order: k.Order, limits: l}
	name := func(s string) {
		if len(s) < minLocal || slices.Contains(t.names, s) {
			return
		}
		t.names = append(t.names, s)
		_, rest, ok := strings.Cut(s, "://")
		if rest = strings.TrimSuffix(rest, "/"); ok && len(rest) >= minLocal { // without its scheme
			t.names = append(t.names, rest)
		}
		if ok { // as it stands in a query
			t.names = append(t.names, url.QueryEscape(s))
		}
	}
	name(k.NativeID)
	name(k.URL)
	for _, a := range k.Aliases {
		name(a)
		t.ids[onrecord.NewStatementID(platform, a)] = true
	}
	for _, s := range []string{k.ID, k.Order} {
		if len(s) >= minLocal && !slices.Contains(t.locals, s) {
			t.locals = append(t.locals, s)
		}
	}
	for _, v := range wordings {
		t.versions = append(t.versions, string(v.ID))
		for _, s := range []string{v.Content.Text, v.Content.Title, v.Content.Spoiler} {
			t.text(s)
		}
	}
	return t
}

// text adds a wording as text, HTML and JSON write it.
func (t *Trace) text(s string) {
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		if len(line) < minText {
			continue
		}
		forms := []string{line, html.EscapeString(line), asJSON(line), escapedJSON(line)}
		slices.Sort(forms)
		for _, f := range slices.Compact(forms) {
			t.texts = append(t.texts, []byte(f))
		}
	}
}

// asJSON is s as a JSON string has it, without quotes.
func asJSON(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(s) != nil {
		return s
	}
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), `"`), `"`)
}

// escapedJSON is s as writers that keep to ASCII have it.
func escapedJSON(s string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	unit := func(u rune) {
		b.WriteString(`\u`)
		for shift := 12; shift >= 0; shift -= 4 {
			b.WriteByte(hex[u>>shift&15])
		}
	}
	for _, r := range asJSON(s) {
		switch {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case r > 0xffff:
			unit(0xd800 + (r-0x10000)>>10)
			unit(0xdc00 + (r-0x10000)&0x3ff)
		default:
			unit(r)
		}
	}
	return b.String()
}

// Is reports whether id is that of the statement, or of an alias.
func (t *Trace) Is(id onrecord.StatementID) bool { return t.ids[id] }

// Alias adds ids under which the statement may be observed, too.
func (t *Trace) Alias(ids ...onrecord.StatementID) {
	for _, id := range ids {
		t.ids[id] = true
	}
}

// Also returns the ids of the aliases, sorted.
func (t *Trace) Also(own onrecord.StatementID) []onrecord.StatementID {
	var list []onrecord.StatementID
	for id := range t.ids {
		if id != own {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

// Shows reports whether a capture shows the statement or names it. The door, if
// there is one, is that of the visit.
func (t *Trace) Shows(d crawler.Door, target crawler.Target, x onrecord.Exchange) bool {
	body, page, err := crawler.Reread(d, target, x, t.limits)
	if err == nil {
		for _, o := range page.Items {
			if t.native(o.NativeID) || slices.ContainsFunc(o.Aliases, t.native) {
				return true
			}
		}
	}
	return t.within(x, body)
}

// within reports whether a capture, whose answer without its content coding is
// body, holds anything of the statement as text.
func (t *Trace) within(x onrecord.Exchange, body []byte) bool {
	for _, b := range [][]byte{[]byte(x.URL), x.Request, x.Response, x.Note, body, x.Payload} {
		if t.in(b) {
			return true
		}
	}
	return x.Prior != nil && t.in([]byte(x.Prior.URL))
}

// decoded is the answer of a capture without its content coding.
func decoded(x onrecord.Exchange, l crawler.Limits) []byte {
	body, _, _ := crawler.Reread(nil, crawler.Target{}, x, l) // without a door there is no page
	return body
}

// native reports whether a native id is the statement's.
func (t *Trace) native(native string) bool {
	return native != "" && t.ids[onrecord.NewStatementID(t.platform, native)]
}

// in reports whether b holds anything of the statement.
func (t *Trace) in(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	for _, s := range t.names {
		if alone(b, s) || strings.Contains(s, "/") && alone(b, strings.ReplaceAll(s, "/", `\/`)) {
			return true
		}
	}
	return slices.ContainsFunc(t.locals, func(s string) bool { return alone(b, s) }) ||
		slices.ContainsFunc(t.texts, func(s []byte) bool { return bytes.Contains(b, s) })
}

// alone reports whether s stands in b and is not part of a longer word: the id
// 117 is not in 1170.
func alone(b []byte, s string) bool {
	for from := 0; ; {
		i := bytes.Index(b[from:], []byte(s))
		if i < 0 {
			return false
		}
		begin, end := from+i, from+i+len(s)
		if standsAlone(b, begin, end) {
			return true
		}
		from = begin + 1
	}
}

func standsAlone(b []byte, begin, end int) bool {
	return (begin == 0 || !wordByte(b[begin-1]) || !wordByte(b[begin])) && (end == len(b) || !wordByte(b[end]) || !wordByte(b[end-1]))
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// A Mention says what a journal line has of the statement.
type Mention int

// The mentions.
const (
	NoMention Mention = iota
	Names             // another statement's line names it, as what it answers, or beside it
	Tells             // it is about the statement, or all that it says can be spared
)

// Line says what the event of a line has of the statement. A line about it
// tells, and so does a run of visits whose bounds are its ids.
func (t *Trace) Line(e onrecord.Event, line []byte) Mention {
	if e.Statement != "" && t.ids[e.Statement] {
		return Tells
	}
	found := t.in(line) || slices.ContainsFunc(t.versions, func(v string) bool { return alone(line, v) })
	short := e.Run != nil && (t.bounds(e.Run.Range.From) || t.bounds(e.Run.Range.To))
	switch {
	case !found && !short:
		return NoMention
	case e.Type == onrecord.SourceLooked, e.Type == onrecord.SourceGap:
		return Tells
	}
	return Names
}

// bounds reports whether an order key is the statement's.
func (t *Trace) bounds(order string) bool { return order != "" && order == t.order }

// Forget removes from a state what names the statement: a door's cursor, its
// backlog, and runs of visits that are open; and all validators, which have the
// digests of pages that show it. What is lost is read or looked at again.
func (t *Trace) Forget(st *onrecord.SourceState) {
	for id, d := range st.Doors {
		if t.in([]byte(d.Cursor)) {
			d.Cursor = ""
		}
		d.Validators = nil
		d.Backlog = slices.DeleteFunc(d.Backlog, func(b onrecord.Backlog) bool { return t.inJSON(b) })
		st.Doors[id] = d
	}
	st.Runs = slices.DeleteFunc(st.Runs, func(r onrecord.Run) bool {
		return t.bounds(r.Range.From) || t.bounds(r.Range.To) || t.inJSON(r)
	})
}

// inJSON reports whether a value, written as JSON, holds anything of it.
func (t *Trace) inJSON(v any) bool {
	b, err := json.Marshal(v)
	return err == nil && t.in(b)
}
