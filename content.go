// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

// A Content is one wording of a statement: what was said, without counters,
// avatars, previews or anything else that moves by itself. Text is plain text
// by PlainText, with "\n" line ends, otherwise untouched.
type Content struct {
	Type       string // post reply repost quote article email broadcast transcript profile
	Title      string
	Text       string
	Spoiler    string
	Lang       string   // the platform's own claim
	Published  string   // claimed, as given
	Categories []string // in any order; the record sorts them
	Links      []string // expanded targets, in order
	Media      []Media  // in order
	Poll       []string // options, in order
	ReplyTo    string   // native id
	RepostOf   string   // native id
	QuoteOf    string   // native id

	HTML string // as given, kept beside the record; never hashed, never shown as HTML
}

// A Media names one attachment: by the platform's media id, else by its URL
// without query.
type Media struct {
	ID  string `json:"id"`
	Alt string `json:"alt,omitempty"`
}
