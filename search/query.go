// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package search

import (
	"strings"
	"time"
)

// The limits of a query, in bytes and in clauses.
const (
	MaxBytes = 1024
	MaxTerms = 64
)

// A Kind says what a Clause asks for.
type Kind string

// The kinds of clauses.
const (
	KindWord     Kind = "word"     // a whole word; several tokens of one word must stand side by side
	KindPrefix   Kind = "prefix"   // a word that begins so: tarif*
	KindPhrase   Kind = "phrase"   // words side by side: "losers and haters"
	KindFigure   Kind = "figure"   // figure:jane-example
	KindPlatform Kind = "platform" // platform:mastodon
	KindIs       Kind = "is"       // is:deleted
	KindSince    Kind = "since"    // from this instant on
	KindUntil    Kind = "until"    // up to this instant, not including it
)

// IsText reports whether clauses of kind k look into the text.
func (k Kind) IsText() bool { return k == KindWord || k == KindPrefix || k == KindPhrase }

// The values of is:. All but the last five are the states of a statement, one
// to one; is:live therefore leaves out what is:restored finds.
const (
	IsLive        = "live"        // StateLive
	IsDeleted     = "deleted"     // StateDeleted
	IsGone        = "gone"        // StateGoneWithAccount
	IsRestored    = "restored"    // StateRestored
	IsUnconfirmed = "unconfirmed" // StateUnconfirmed
	IsOffline     = "offline"     // StatePlatformOffline
	IsWithheld    = "withheld"    // StateWithheld; without it (or States) no withheld statement is found
	IsEdited      = "edited"      // at least one edit was seen, whatever the state
	IsImported    = "imported"    // provenance imported: never captured by this archive
	IsReply       = "reply"       // type reply
	IsRepost      = "repost"      // type repost
	IsQuote       = "quote"       // type quote
)

// A Clause is one condition of a query. Every clause must hold; one with Not
// must not.
type Clause struct {
	Kind Kind
	Not  bool
	// Value is what was asked for: a word or phrase as written, without
	// quotes, "*" and "-"; a slug, a platform, one of the values of is:; a
	// date as written.
	Value string
	// Tokens are the folded tokens of a text clause, in the form of the
	// index (see QueryTokens).
	Tokens []Token
	// Time is the instant of since and until, UTC.
	Time time.Time
	// Pos and Len say where the clause stands in the query, in bytes.
	Pos, Len int
}

// A Query is a parsed query. The zero Query asks for everything.
type Query struct {
	clauses  []Clause
	warnings []Warning
}

// Clauses returns the conditions in the order in which they were written: the
// material of the "Understood as" sentence.
func (q Query) Clauses() []Clause { return q.clauses }

// Warnings returns what the reader has to know of how the query was read.
func (q Query) Warnings() []Warning { return q.warnings }

// IsZero reports whether q asks for everything.
func (q Query) IsZero() bool { return len(q.clauses) == 0 }

// HasText reports whether some clause demands or excludes text.
func (q Query) HasText() bool {
	for _, c := range q.clauses {
		if c.Kind.IsText() {
			return true
		}
	}
	return false
}

// Words returns the demanded text as folded words, phrases joined by spaces,
// prefixes with "*": what a reader should see marked.
func (q Query) Words() []string {
	var words []string
	for _, c := range q.clauses {
		if c.Not || !c.Kind.IsText() {
			continue
		}
		var b strings.Builder
		for i, t := range c.Tokens {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(t.Text)
			if t.Prefix {
				b.WriteByte('*')
			}
		}
		words = append(words, b.String())
	}
	return words
}

// String prints q in its canonical form. Parsed again with the same options it
// gives the same clauses.
func (q Query) String() string {
	parts := make([]string, len(q.clauses))
	for i, c := range q.clauses {
		parts[i] = c.String()
	}
	return strings.Join(parts, " ")
}

// String prints c as it is written in a query.
func (c Clause) String() string {
	not := ""
	if c.Not {
		not = "-"
	}
	switch c.Kind {
	case KindWord:
		return not + c.Value
	case KindPrefix:
		return not + c.Value + "*"
	case KindPhrase:
		return not + `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(c.Value) + `"`
	}
	return not + string(c.Kind) + ":" + c.Value
}

// A Warning tells of something in the query that was read otherwise than its
// writer may have meant.
type Warning struct {
	Code     string // one of the Warn constants
	Pos, Len int    // where, in bytes
	Value    string // the words concerned, as written
	Message  string // an English sentence
}

// The codes of warnings.
const (
	WarnTextOperator  = "text-operator"  // word:value that is no operator was searched as text
	WarnNothing       = "not-searchable" // nothing in it is in the index: punctuation
	WarnContradiction = "contradiction"  // two clauses that no statement can meet together
	WarnFuture        = "future"         // since lies in the future
)
