// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/ledger"
	"onrecord/search"
)

// The shapes that --json prints. Their keys are those of the API where the API
// has them; times are RFC 3339 in UTC, absent ones null.

type statementJSON struct {
	ID          onrecord.StatementID `json:"id"`
	Figure      string               `json:"figure"`
	Platform    string               `json:"platform"`
	NativeID    string               `json:"native_id"`
	OriginalURL string               `json:"original_url"`
	Type        string               `json:"type"`
	PublishedAt *time.Time           `json:"published_at"`
	Title       string               `json:"title,omitempty"`
	Text        string               `json:"text"`
	State       onrecord.State       `json:"state"`
	Edited      bool                 `json:"edited"`
	Grade       onrecord.Grade       `json:"grade,omitempty"`
	After       *time.Time           `json:"after"`
	By          *time.Time           `json:"by"`
	FirstSeenAt *time.Time           `json:"first_seen_at"`
	LastSeenAt  *time.Time           `json:"last_seen_at"`
	Version     onrecord.VersionID   `json:"version"`
	Versions    int                  `json:"version_count"`
	LogIndex    int64                `json:"log_index"`
	Decisions   []decisionJSON       `json:"decisions,omitempty"` // why it is not shown
}

// A decisionJSON is a decision in force not to show a statement.
type decisionJSON struct {
	Case     string          `json:"case"`
	State    string          `json:"state"` // withheld or erased
	Ground   onrecord.Ground `json:"ground,omitempty"`
	Category string          `json:"category,omitempty"`
	Decided  *time.Time      `json:"decided"`
	LogIndex int64           `json:"log_index"`
}

func decisionsJSON(s onrecord.Statement) (list []decisionJSON) {
	for _, d := range inForce(s) {
		one := decisionJSON{d.Case, "withheld", d.Ground, d.Reason, orNull(d.Decided), d.Index}
		if d.Type == onrecord.StatementErased {
			one.State = "erased"
		}
		list = append(list, one)
	}
	return list
}

func asJSON(s onrecord.Statement) statementJSON {
	return statementJSON{
		ID: s.ID, Figure: s.Figure.Slug, Platform: s.Platform, NativeID: s.NativeID, OriginalURL: s.URL, Type: s.Type,
		PublishedAt: orNull(s.PublishedAt), Title: s.Content.Title, Text: s.Content.Text, State: s.State, Edited: s.Edited,
		Grade: s.Grade, After: orNull(s.StateWindow.After), By: orNull(s.StateWindow.By),
		FirstSeenAt: orNull(s.FirstSeen), LastSeenAt: orNull(s.LastSeen),
		Version: s.Version, Versions: s.Versions, LogIndex: s.LogIndex,
		Decisions: decisionsJSON(s),
	}
}

// orNull returns nil for the zero time.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

func searchJSON(q search.Query, res search.Results, found []onrecord.Statement) any {
	data := make([]statementJSON, len(found))
	for i, s := range found {
		data[i] = asJSON(s)
	}
	return map[string]any{
		"data": data,
		"meta": map[string]any{"total": res.Total, "total_exact": true, "query": q.String(), "next": res.Next},
	}
}

func showJSON(s onrecord.Statement, versions []onrecord.Version, captures []onrecord.Evidence) any {
	type version struct {
		ID         onrecord.VersionID `json:"version"`
		Title      string             `json:"title,omitempty"`
		Text       string             `json:"text"`
		After      *time.Time         `json:"after"`
		By         *time.Time         `json:"by"`
		LastSeenAt *time.Time         `json:"last_seen_at"`
		LogIndex   int64              `json:"log_index"`
	}
	vs := make([]version, len(versions))
	for i, v := range versions {
		vs[i] = version{v.ID, v.Content.Title, v.Content.Text, orNull(v.Window.After), orNull(v.Window.By), orNull(v.LastSeen), v.LogIndex}
	}
	if captures == nil {
		captures = []onrecord.Evidence{}
	}
	return struct {
		statementJSON
		VersionList []version           `json:"versions"`
		Captures    []onrecord.Evidence `json:"captures"`
	}{asJSON(s), vs, captures}
}

func verifyJSON(r archive.Report) map[string]any {
	return map[string]any{
		"size": r.Size, "root": r.Root, "unsigned": r.Unsigned, "visits": r.Visits, "lines": r.Lines, "objects": r.Objects,
		"records": r.Records, "bytes": r.Bytes, "decoded_bytes": r.Decoded, "states": r.States, "snapshots": r.Snapshots,
		"erased": r.Erased, "redacted": r.Redacted, "kept": r.Kept, "withheld": r.Withheld, "findings": findingsJSON(r.Findings),
		"keys": keysJSON(r.Keys),
	}
}

// A newKeyJSON is a key of the log that has taken the place of another.
type newKeyJSON struct {
	Key     string       `json:"key"`
	Since   int64        `json:"since"` // ledger index of the event
	Restart *restartJSON `json:"restart"`
}

// A restartJSON says what the ledger had before it was restarted.
type restartJSON struct {
	Before   string `json:"before"`    // origin
	At       int64  `json:"at"`        // entries that it went on from
	LastSize int64  `json:"last_size"` // entries that the old one is known to have had
}

// keysJSON returns the changes of the log key.
func keysJSON(keys []ledger.LogKey) []newKeyJSON {
	list := []newKeyJSON{}
	for _, k := range keys[min(1, len(keys)):] {
		one := newKeyJSON{Key: k.Public, Since: k.Since}
		if b := k.Begun; b.Restart() {
			one.Restart = &restartJSON{b.Before(), b.At.Size, b.Last.Size}
		}
		list = append(list, one)
	}
	return list
}

// asSyntax returns the syntax error in err, if there is one.
func asSyntax(err error) (*search.SyntaxError, bool) { return errors.AsType[*search.SyntaxError](err) }
