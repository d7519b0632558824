// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxLine is the longest journal line, in bytes, without its line end.
const MaxLine = 8 << 20

// ErrLine reports an event that has no journal line, or a line that is no event.
var ErrLine = errors.New("bad journal line")

// lineVersion is the "v" of a journal line.
const lineVersion = 1

// AppendLine appends the journal line of e, without a line end: the format of
// docs/format.md, "Journal line". Absent values are left out; what is not
// UTF-8 is U+FFFD; times are UTC, truncated to microseconds. Visit and Index
// are no part of it. Keys of Extra stand last, in order, but for those that
// have a field. An event without type, with a time outside the years 1 to
// 9999, or longer than MaxLine is ErrLine.
func (e Event) AppendLine(dst []byte) ([]byte, error) {
	w := lineWriter{b: dst}
	start := len(dst)
	if e.Type.isNone() {
		return nil, fmt.Errorf("event of type %q: %w", e.Type, ErrLine)
	}
	w.b = append(w.b, `{"v":1`...)
	w.str("type", string(e.Type))
	w.time("at", e.At)
	w.time("after", e.After)
	w.time("by", e.By)
	w.flag("clock_disputed", e.Disputed)
	w.str("figure", e.Figure)
	w.str("source", e.Source)
	w.str("door", e.Door)
	w.str("parser", e.Parser)
	w.account(e.Account)
	w.statement(e)
	w.judgement(e)
	w.takedown(e.Takedown)
	w.erasure(e.Erasure)
	w.kept(e.Media)
	if len(e.Captures) > 0 {
		w.key("captures")
		w.list(len(e.Captures), func(i int) { w.capture(e.Captures[i]) })
	}
	if e.Prev != -1 {
		w.num("prev", e.Prev)
	}
	w.str("salt", e.Salt)
	for _, k := range slices.Sorted(maps.Keys(e.Extra)) {
		if !isLineKey(k) {
			w.extra(k, e.Extra[k])
		}
	}
	w.b = append(w.b, '}')
	if n := len(w.b) - start; n > MaxLine && w.err == nil {
		w.err = fmt.Errorf("%d bytes, at most %d: %w", n, MaxLine, ErrLine)
	}
	if w.err != nil {
		return nil, fmt.Errorf("event %s of %s: %w", e.Type, e.Source, w.err)
	}
	return w.b, nil
}

// isLineKey reports whether a key of a journal line has a field of its own.
func isLineKey(key string) bool {
	switch key {
	case "v", "type", "at", "after", "by", "clock_disputed", "figure", "source", "door", "parser", "account",
		"statement", "native_id", "ref", "url", "aliases", "order", "version", "content", "published_at", "precision",
		"changed", "engagement", "grade", "provenance", "look", "state", "code", "reason", "gap", "run", "platform",
		"observed", "takedown", "erasure", "media_kept", "captures", "prev", "salt":
		return true
	}
	return false
}

// lineKeys are the keys of lines and of what stands in them, by themselves:
// the reader takes its strings from here.
var lineKeys = func() map[string]string {
	keys := map[string]string{}
	for k := range strings.FieldsSeq(`v type at after by clock_disputed figure source door parser account statement native_id
		ref url aliases order version content published_at precision changed engagement grade provenance look state code reason
		gap run platform observed captures prev salt id handle name moved_to open since note from until visits base range
		except seen unread asked checks read live gone unclear to from_in to_in object offset length sha256 status likes reposts replies views quotes html lang links
		media poll published quote_of reply_to repost_of spoiler text title alt categories
		takedown case ground decided erasure leaves records objects key also
		media_kept size width height missing expires kind`) {
		keys[k] = k
	}
	return keys
}()

// lineWriter writes the members of one line. A member follows something in
// its object unless the object was just opened.
type lineWriter struct {
	b   []byte
	err error
}

func (w *lineWriter) key(k string) {
	if c := w.b[len(w.b)-1]; c != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(append(append(w.b, '"'), k...), '"', ':')
}

func (w *lineWriter) str(k, v string) {
	if v != "" {
		w.key(k)
		w.b = appendString(w.b, v)
	}
}

func (w *lineWriter) strs(k string, v []string) {
	if len(v) > 0 {
		w.key(k)
		w.b = appendStrings(w.b, v)
	}
}

func (w *lineWriter) num(k string, v int64) {
	w.key(k)
	w.int(v)
}

func (w *lineWriter) int(v int64) { w.b = strconv.AppendInt(w.b, v, 10) }

func (w *lineWriter) flag(k string, v bool) {
	if v {
		w.key(k)
		w.b = append(w.b, "true"...)
	}
}

func (w *lineWriter) time(k string, t time.Time) {
	if t.IsZero() {
		return
	}
	t = t.UTC().Truncate(time.Microsecond)
	if y := t.Year(); (y < 1 || y > 9999) && w.err == nil {
		w.err = fmt.Errorf("%s: year %d: %w", k, y, ErrLine)
	}
	w.key(k)
	w.b = append(t.AppendFormat(append(w.b, '"'), "2006-01-02T15:04:05.999999Z"), '"')
}

func (w *lineWriter) list(n int, element func(i int)) {
	w.b = append(w.b, '[')
	for i := range n {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		element(i)
	}
	w.b = append(w.b, ']')
}

func (w *lineWriter) extra(k string, v any) {
	if w.err != nil {
		return
	}
	w.b = append(appendString(append(w.b, ','), k), ':')
	b, err := appendAny(w.b, v)
	if err != nil {
		w.err = fmt.Errorf("key %.60q: %w", k, err)
		return
	}
	w.b = b
}

func (w *lineWriter) account(a AccountRef) {
	if a == (AccountRef{}) {
		return
	}
	w.key("account")
	w.b = append(w.b, '{')
	w.str("platform", a.Platform)
	w.str("id", a.ID)
	w.str("handle", a.Handle)
	w.str("name", a.Name)
	w.b = append(w.b, '}')
}

// statement writes what belongs to a statement.
func (w *lineWriter) statement(e Event) {
	w.str("statement", string(e.Statement))
	w.str("native_id", e.NativeID)
	w.str("ref", e.LocalID)
	w.str("url", e.URL)
	w.strs("aliases", e.Aliases)
	w.str("order", e.Order)
	w.str("version", string(e.Version))
	if e.Content != nil {
		w.key("content")
		w.b = e.Content.appendJSON(w.b, true)
	}
	w.time("published_at", e.PublishedAt)
	w.str("precision", string(e.Precision))
	w.time("changed", e.Changed)
	if len(e.Engagement) > 0 {
		w.key("engagement")
		w.b = append(w.b, '{')
		for i, k := range slices.Sorted(maps.Keys(e.Engagement)) {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			w.b = strconv.AppendInt(append(appendString(w.b, k), ':'), e.Engagement[k], 10)
		}
		w.b = append(w.b, '}')
	}
}

// judgement writes what was found, and on which account, source or platform.
func (w *lineWriter) judgement(e Event) {
	w.str("grade", string(e.Grade))
	w.str("provenance", string(e.Provenance))
	w.str("look", string(e.Look))
	w.str("state", string(e.State))
	w.str("code", e.Code)
	w.str("reason", e.Reason)
	if g := e.Gap; g != nil {
		w.key("gap")
		w.b = append(w.b, '{')
		w.str("reason", g.Reason)
		w.flag("open", g.Open)
		w.time("since", g.Since)
		w.str("note", g.Note)
		w.b = append(w.b, '}')
	}
	if e.Run != nil {
		w.run(*e.Run)
	}
	w.str("platform", e.Platform)
	if o := e.Observed; o != nil {
		w.key("observed")
		w.b = append(w.b, '{')
		w.str("state", string(o.State))
		w.str("id", o.ID)
		w.str("handle", o.Handle)
		w.str("name", o.Name)
		w.str("moved_to", o.MovedTo)
		w.str("code", o.Code)
		w.b = append(w.b, '}')
	}
}

func (w *lineWriter) run(r Run) {
	w.key("run")
	w.b = append(w.b, '{')
	w.str("door", r.Door)
	w.str("parser", r.Parser)
	w.time("from", r.From)
	w.time("until", r.Until)
	w.num("visits", int64(r.Visits))
	w.num("base", r.Base)
	if !r.Range.IsZero() {
		w.key("range")
		w.b = append(w.b, '{')
		w.str("from", r.Range.From)
		w.str("to", r.Range.To)
		w.flag("from_in", r.Range.FromIn)
		w.flag("to_in", r.Range.ToIn)
		w.b = append(w.b, '}')
	}
	for _, l := range []struct {
		key string
		ids []StatementID
	}{{"except", r.Except}, {"seen", r.Seen}, {"unread", r.Unread}} {
		w.ids(l.key, l.ids)
	}
	if len(r.Asked) > 0 {
		w.key("asked")
		w.list(len(r.Asked), func(i int) { w.asked(r.Asked[i]) })
	}
	w.flag("checks", r.Checks)
	w.str("account", string(r.Account))
	w.str("provenance", string(r.Provenance))
	w.b = append(w.b, '}')
}

func (w *lineWriter) asked(a Asked) {
	w.b = append(w.b, '{')
	w.time("at", a.At)
	w.ids("read", a.Read)
	w.ids("live", a.Live)
	w.ids("gone", a.Gone)
	w.ids("unclear", a.Unclear)
	w.b = append(w.b, '}')
}

func (w *lineWriter) ids(key string, ids []StatementID) {
	if len(ids) == 0 {
		return
	}
	w.key(key)
	w.list(len(ids), func(i int) { w.b = appendString(w.b, string(ids[i])) })
}

func (w *lineWriter) capture(c CaptureRef) {
	w.b = append(w.b, '{')
	w.str("object", c.Object)
	w.num("offset", c.Offset)
	w.num("length", c.Length)
	w.str("sha256", c.SHA256)
	w.str("url", c.URL)
	w.time("at", c.At)
	if c.Status != 0 {
		w.num("status", int64(c.Status))
	}
	w.b = append(w.b, '}')
}
