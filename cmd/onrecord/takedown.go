// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"onrecord"
)

// checkCase refuses what can be no number of a case.
func checkCase(s string) error {
	if s == "" {
		return usagef("--case: the number of the case is needed, such as T-2026-014: it is what the public list shows")
	}
	if !onrecord.IsCase(s) {
		return usagef("--case %q: letters, digits, spaces and ._/#- only, at most 64", s)
	}
	return nil
}

// checkReason refuses what can't stand on a page.
func checkReason(s string) error {
	if strings.TrimSpace(s) == "" {
		return usagef("--reason: a category that readers may know is needed, such as \"personal data of a third party\"")
	}
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxNote || strings.ContainsAny(s, "\r\n") {
		return usagef("--reason: one line of at most %d characters", maxNote)
	}
	return nil
}

// statementNamed finds the statement that an id or an address names.
func (h *house) statementNamed(ctx context.Context, arg string) (onrecord.Statement, error) {
	ids, err := statementIDs(ctx, arg, h.catalog)
	if err != nil {
		return onrecord.Statement{}, err
	}
	for _, id := range ids {
		st, err := h.catalog.Statement(ctx, id)
		if !errors.Is(err, onrecord.ErrNotFound) {
			return st, err
		}
	}
	return onrecord.Statement{}, fmt.Errorf("the archive holds no statement %.300s", arg)
}

// takedownEvent makes the event of a decision about st. It never folds before
// decisions in force: where a clock was ahead, it takes their time.
func (h *house) takedownEvent(t onrecord.EventType, st onrecord.Statement, down onrecord.Takedown) *onrecord.Event {
	now := h.env.now().UTC().Truncate(time.Microsecond)
	e := onrecord.Event{
		Type: t, At: now, By: now, Figure: st.Figure.Slug, Account: onrecord.AccountRef{Platform: st.Platform, ID: st.Account.ID},
		Statement: st.ID, Provenance: onrecord.Captured, Takedown: &down, Index: -1, Prev: st.LastIndex,
	}
	for _, d := range inForce(st) {
		if d.Decided.After(e.At) {
			e.At, e.Disputed = d.Decided, true
		}
	}
	return &e
}

// ruling is takedownEvent for withholding and lifting. It never folds before the
// last decision of the same case either, be that one in force or not.
func (h *house) ruling(ctx context.Context, t onrecord.EventType, st onrecord.Statement, down onrecord.Takedown) (*onrecord.Event, error) {
	e := h.takedownEvent(t, st, down)
	k, err := h.knownOf(ctx, st)
	if err != nil {
		return nil, err
	}
	if at := k.Cases[down.Case].Mark.At; at.After(e.At) {
		e.At, e.Disputed = at, true
	}
	return e, nil
}

// knownOf returns what is known of a statement.
func (h *house) knownOf(ctx context.Context, st onrecord.Statement) (onrecord.Known, error) {
	known, err := h.catalog.Known(ctx, st.Platform, st.Account.ID, []onrecord.StatementID{st.ID})
	return known[st.ID], err
}

// inEffect returns an error unless a decision about st is in effect.
func (h *house) inEffect(ctx context.Context, st onrecord.Statement, t onrecord.EventType, number string) error {
	k, err := h.knownOf(ctx, st)
	if err != nil {
		return err
	}
	withheld := t == onrecord.StatementWithheld
	if k.Cases[number].Withheld == withheld && (k.Withheld || !withheld) || k.Erased {
		return nil
	}
	return fmt.Errorf("the decision about %s in case %s was recorded and is not in effect: a later one of the same case goes before it", st.ID, number)
}

// inForce returns the decisions because of which st is not shown, the gravest
// first.
func inForce(st onrecord.Statement) []onrecord.Decision {
	if st.Decision == nil {
		return nil
	}
	return append([]onrecord.Decision{*st.Decision}, st.Decision.Others...)
}

// casesOf names the cases of decisions.
func casesOf(list []onrecord.Decision) string {
	names := make([]string, len(list))
	for i, d := range list {
		names[i] = d.Case
	}
	return strings.Join(names, ", ")
}

// objectsIn counts the objects that spans lie in.
func objectsIn(spans []onrecord.Span) int {
	keys := map[string]bool{}
	for _, s := range spans {
		keys[s.Object] = true
	}
	return len(keys)
}

// entryList writes the entries of the ledger for people, shortened.
func entryList(indexes []int64) string {
	var b bytes.Buffer
	for n, i := range indexes {
		if n == 12 {
			fmt.Fprintf(&b, " and %d more", len(indexes)-n)
			break
		}
		if n > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, i)
	}
	return b.String()
}
