// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"strings"
	"time"

	"onrecord"
	"onrecord/search"
)

// understood says in words what a search asked for: the line that lets a
// reader see a misreading at once.
func (w wording) understood(q query) string {
	var parts []string
	for _, c := range q.parsed.Clauses() {
		parts = append(parts, w.clause(c))
	}
	or := func(key string, values []string, name func(string) string) {
		if len(values) == 0 {
			return
		}
		names := make([]string, len(values))
		for i, v := range values {
			names[i] = name(v)
		}
		parts = append(parts, w.f(key, "value", strings.Join(names, w.f("word.or"))))
	}
	or("understood.figure", q.Figures, func(v string) string { return v })
	or("understood.platform", q.Platforms, w.platform)
	or("understood.state", q.States, func(v string) string { return w.state(onrecord.State(v)) })
	or("understood.type", q.Types, w.kind)
	if !q.since.IsZero() {
		parts = append(parts, w.f("understood.since", "value", w.bound(q.since)))
	}
	if !q.until.IsZero() {
		parts = append(parts, w.f("understood.until", "value", w.bound(q.until)))
	}
	if len(parts) == 0 {
		parts = append(parts, w.f("understood.everything"))
	}
	switch q.Sort {
	case search.Oldest, search.Relevance:
		parts = append(parts, w.f("understood.sort."+string(q.Sort)))
	}
	return strings.Join(parts, w.f("understood.join"))
}

func (w wording) clause(c search.Clause) string {
	key, value := "understood."+string(c.Kind), c.Value
	switch c.Kind {
	case search.KindPlatform:
		value = w.platform(c.Value)
	case search.KindIs:
		key, value = "understood.is", w.f("understood.is."+c.Value)
	case search.KindSince, search.KindUntil:
		value = w.bound(c.Time)
	}
	if c.Not {
		key += ".not"
	}
	return w.f(key, "value", plain(value))
}

// bound words an instant that was asked for, to the second only where that
// matters.
func (w wording) bound(t time.Time) string {
	t = t.In(w.zone)
	text := w.day(t)
	if t.Second() != 0 {
		return text + ", " + t.Format("15:04:05 ") + w.zoneName(t)
	}
	return text + ", " + t.Format("15:04 ") + w.zoneName(t)
}
