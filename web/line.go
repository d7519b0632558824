// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"onrecord"
)

// A stateLine says what is known of a statement's fate. It stands before the
// text, and it never says more than was seen: windows, not instants.
type stateLine struct {
	Kind  string   // the state, for the style sheet: live, deleted …
	Label string   // one or two words
	Lines []string // whole sentences
}

// line words the state of s.
func (w wording) line(s onrecord.Statement) stateLine {
	l := stateLine{Kind: string(s.State), Label: w.state(s.State)}
	switch {
	case reported(s):
		l.Kind, l.Label = "reported", w.f("state.reported")
	case s.State == onrecord.StateLive && s.LastSeen.IsZero() && (s.Provenance == onrecord.Imported || s.Provenance == onrecord.Mirrored):
		l.Kind = string(s.Provenance)
		l.Label = w.f("state." + l.Kind)
	}
	l.Lines = append(l.Lines, w.fate(s))
	if s.Edited && s.State != onrecord.StateWithheld {
		l.Lines = append(l.Lines, w.edited(s))
		if l.Kind == string(onrecord.StateLive) {
			l.Kind, l.Label = "edited", w.f("state.edited")
		}
	}
	switch s.Provenance {
	case onrecord.Imported, onrecord.Mirrored:
		key := "line.provenance." + string(s.Provenance)
		if ownCollection(s) {
			key = "line.provenance.own"
		}
		l.Lines = append(l.Lines, w.f(key))
	}
	host := host(s)
	for i, sentence := range l.Lines {
		if host == "" || !strings.HasPrefix(sentence, host) {
			l.Lines[i] = capital(sentence)
		}
	}
	return l
}

// ownCollection reports whether s is from a mailbox or from an export of a
// messenger: what the operator received, not what others collected. The only
// imports of those platforms are of such files.
func ownCollection(s onrecord.Statement) bool {
	return s.Provenance == onrecord.Imported && (s.Platform == "email" || s.Platform == "telegram")
}

// reported tells a deletion that only others reported from one that was seen.
func reported(s onrecord.Statement) bool {
	return s.State == onrecord.StateDeleted && (s.Grade == onrecord.GradeD0 || s.Grade == "" && s.Reported != "")
}

// capital begins a sentence that may begin with a word such as "the website";
// names keep their own spelling.
func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// host names the website that a statement is from: the handle of its account,
// else the host of the original. It is empty for other platforms, which have
// names of their own, where nothing names it, and where nothing may.
func host(s onrecord.Statement) string {
	if s.Platform != "website" || s.State == onrecord.StateWithheld {
		return ""
	}
	if handle := plain(s.Account.Handle); handle != "" {
		return handle
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return ""
	}
	return plain(u.Host)
}

// place names where s was said.
func (w wording) place(s onrecord.Statement) string {
	return cmp.Or(host(s), w.platform(s.Platform))
}

// fate words the present state of s.
func (w wording) fate(s onrecord.Statement) string {
	platform := w.place(s)
	between := w.between(s.StateWindow)
	switch s.State {
	case onrecord.StateLive:
		if s.LastSeen.IsZero() {
			return w.f("line.live_unseen")
		}
		return w.f("line.live", "when", w.instant(s.LastSeen), "ago", w.ago(s.LastSeen))
	case onrecord.StateDeleted:
		return w.deleted(s, between)
	case onrecord.StateGoneWithAccount:
		key := "line.gone_with_account"
		if !s.WasThere() {
			key = "line.gone_unknown"
		}
		return w.f(key, "between", between, "platform", platform, "account", w.account(s.AccountState))
	case onrecord.StatePlatformOffline:
		return w.f("line.platform_offline", "platform", platform, "since", w.since(s))
	case onrecord.StateRestored:
		return w.f("line.restored", "between", between)
	case onrecord.StateUnconfirmed:
		return w.f("line.unconfirmed", "since", w.since(s))
	case onrecord.StateWithheld:
		return w.f("line.withheld", "index", number(s.LastIndex))
	}
	return w.f("line.other", "state", w.state(s.State))
}

func (w wording) deleted(s onrecord.Statement, between string) string {
	if reported(s) {
		by := plain(s.Reported)
		if by == "" {
			by = w.f("line.somebody")
		}
		return w.f("line.reported", "by", by, "between", between)
	}
	parts := []string{w.f("line.deleted", "between", between, "online", w.online(s))}
	if s.Grade != "" {
		parts = append(parts, w.grade(s.Grade))
	}
	return strings.Join(append(parts, w.f("line.ours")), " ")
}

// since words the last moment at which s was surely there.
func (w wording) since(s onrecord.Statement) string {
	switch {
	case !s.LastSeen.IsZero():
		return w.instant(s.LastSeen)
	case !s.StateWindow.After.IsZero():
		return w.instant(s.StateWindow.After)
	case !s.StateWindow.By.IsZero():
		return w.instant(s.StateWindow.By)
	}
	return w.f("time.unknown")
}

func (w wording) edited(s onrecord.Statement) string {
	if s.EditWindow.By.IsZero() {
		return w.n("line.edited_sometime", int64(s.Versions))
	}
	return w.n("line.edited", int64(s.Versions), "between", w.between(s.EditWindow))
}
