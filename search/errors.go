// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package search

import (
	"errors"
	"fmt"
)

// ErrCursor reports a cursor that this archive did not make, or made for
// another order of results.
var ErrCursor = errors.New("invalid cursor")

// The codes of a SyntaxError.
const (
	CodeTooLong         = "too-long"         // more than MaxBytes
	CodeTooManyTerms    = "too-many-terms"   // more than MaxTerms
	CodeEncoding        = "encoding"         // not UTF-8
	CodeUnterminated    = "unterminated"     // a phrase without its closing quote
	CodeUnknownOperator = "unknown-operator" // nearly a real one
	CodeNotYet          = "not-yet"          // an operator that this release does not have
	CodeMissingValue    = "missing-value"    // an operator, "-" or quotes with nothing behind or in them
	CodeUnknownValue    = "unknown-value"    // a value that the operator does not know
	CodeBadDate         = "bad-date"         // not one of the date forms, or no date of the calendar
	CodeShortPrefix     = "short-prefix"     // fewer than two characters before "*"
	CodeWildcard        = "wildcard"         // "*" elsewhere than at the end of a word
	CodeNothing         = "nothing"          // nothing in the query can be searched
)

// A SyntaxError says where and why a query was not understood. Nothing is
// guessed: where a repair is likely it is offered, never applied.
type SyntaxError struct {
	Pos, Len int    // the fault, in bytes of the query
	Code     string // one of the Code constants
	Message  string // an English clause, without a full stop
	// Suggestion is what could stand in place of the fault; HasSuggestion
	// tells an empty one, "leave it out", from none.
	Suggestion    string
	HasSuggestion bool
}

// Error returns the message with its position.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("query, byte %d: %s", e.Pos, e.Message)
}

// Repair returns q, the query that was parsed, with the suggestion in place of
// the fault. ok is false where there is no suggestion.
func (e *SyntaxError) Repair(q string) (repaired string, ok bool) {
	if !e.HasSuggestion || e.Pos+e.Len > len(q) {
		return "", false
	}
	return q[:e.Pos] + e.Suggestion + q[e.Pos+e.Len:], true
}
