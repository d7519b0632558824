// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mastodon

import (
	"encoding/json"
	"time"
)

// A cursor says where the last visit began: what an account's statuses are
// asked for by, the newest status, and the newest edit.
type cursor struct {
	Account  string    `json:"a"`           // the account's local id
	Newest   string    `json:"n,omitempty"` // local id of the newest status seen
	NewestAt time.Time `json:"t,omitzero"`  // and when it was published, by its own claim
	Edited   time.Time `json:"e,omitzero"`  // newest edited_at seen: histories of later ones are read
}

// parseCursor returns what Target.Cursor holds; nothing where it is not one of
// this door.
func parseCursor(s string) cursor {
	var c cursor
	if json.Unmarshal([]byte(s), &c) != nil || !isLocalID(c.Account) || c.Newest != "" && !isLocalID(c.Newest) {
		return cursor{}
	}
	return c
}

func (c cursor) encode() string { return encode(c) }

// A state is what a request for a page carries.
type state struct {
	Account string    `json:"a"`
	Max     string    `json:"m,omitempty"` // only statuses before this one
	Stop    string    `json:"s,omitempty"` // the cursor on arrival: what is older is known
	StopAt  time.Time `json:"t,omitzero"`
}

func parseState(s string) (state, bool) {
	var st state
	err := json.Unmarshal([]byte(s), &st)
	return st, err == nil && isLocalID(st.Account) && (st.Max == "" || isLocalID(st.Max))
}

func (s state) encode() string { return encode(s) }

// A subject is what a request for a history carries: what a status says of
// itself and its history does not repeat.
type subject struct {
	Type      string    `json:"k"`
	Account   string    `json:"a"`           // local id
	Published string    `json:"p,omitempty"` // as given
	Lang      string    `json:"l,omitempty"`
	ReplyTo   string    `json:"r,omitempty"`
	QuoteOf   string    `json:"q,omitempty"`
	Order     string    `json:"o,omitempty"`
	Edited    time.Time `json:"e,omitzero"`
}

func parseSubject(s string) (subject, bool) {
	var v subject
	err := json.Unmarshal([]byte(s), &v)
	return v, err == nil && v.Type != ""
}

func (s subject) encode() string { return encode(s) }

// encode returns v as JSON. The types above hold nothing that JSON can't.
func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
