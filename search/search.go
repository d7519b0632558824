// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package search is the query language and the protocol between those who ask
// (the website, the API, the command line) and those who answer (the catalog,
// later Meilisearch).
//
// A query that is not understood is an error with a position and, where there
// is one, a suggestion: an archive must not guess.
package search

import (
	"context"
	"time"

	"onrecord"
)

// Sort is the order of results.
type Sort string

// The orders. The zero Sort is Newest.
const (
	Newest    Sort = "newest"
	Oldest    Sort = "oldest"
	Relevance Sort = "relevance"
)

// A Request asks for a page of statements. The lists are alternatives within
// (OR), conditions between (AND), beside what Query demands.
type Request struct {
	Query     Query
	Figures   []string // slugs
	Accounts  []string // platform/stable-id
	Platforms []string
	States    []onrecord.State
	Types     []string
	Edited    *bool
	Since     time.Time // claimed time at or after; zero for none
	Until     time.Time // claimed time before; zero for none
	Sort      Sort
	Limit     int    // 1 to 200; 0 means 20
	Cursor    string // from Results.Next or Prev; empty for the first page
}

// A Hit is one statement found.
type Hit struct {
	ID onrecord.StatementID
	// Version is the newest wording that by itself meets what the query asks
	// of the text, where that is not the current one: the words were found in
	// an earlier wording. Empty where the current wording meets it, where the
	// query asks nothing of the text, and where no single wording meets it.
	Version onrecord.VersionID
}

// Results is a page of hits. Total is exact, whatever the page.
type Results struct {
	Total int64
	Hits  []Hit
	Sort  Sort   // the order they are in: Newest where too many match for Relevance
	Next  string // cursor of the next page; empty at the end
	Prev  string // cursor of the page before; empty at the start
}

// A Span marks bytes [Start, End) of a text.
type Span struct{ Start, End int }

// A Searcher answers requests. A cursor that it did not make, or made for
// another order, is ErrCursor.
//
// A statement is found by the words of every wording it had, so that what was
// edited away can be found; an excluded word excludes it in any of them.
// Withheld statements are found only where is:withheld or States asks for
// them, and never by words.
type Searcher interface {
	Search(ctx context.Context, r Request) (Results, error)
}
