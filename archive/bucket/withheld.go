// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package bucket

import "fmt"

// A WithheldError reports bytes that a public mirror does not show: the archive
// has them and withholds them (record.md 5). Ranges outside Spans are shown.
type WithheldError struct {
	Key  string
	Case string // number of the case
	Size int64  // of the whole object, in bytes; 0 where it was not said
	// Spans are the parts that are withheld, by offset; none where that was not
	// said.
	Spans []Span
}

// A Span is a part of an object, in bytes.
type Span struct{ Offset, Length int64 }

// Error implements error.
func (e *WithheldError) Error() string { return fmt.Sprintf("%s is withheld, case %q", e.Key, e.Case) }
