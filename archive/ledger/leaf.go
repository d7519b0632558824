// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"encoding/binary"

	"onrecord"
)

// LeafSize is the length of a leaf, in bytes.
const LeafSize = 16 + 4 + 32

// AbandonedLine is the line number of the leaf that abandons a visit; its hash
// is all zero and no journal line belongs to it (record.md 1.6).
const AbandonedLine = 1<<32 - 1

// A Leaf commits to one line of the journal: no text, handle or URL.
type Leaf struct {
	Visit onrecord.VisitID
	Line  uint32   // line 0 is the visit line
	Hash  [32]byte // SHA-256 of the line's bytes without its newline
}

// Bytes returns the 52 bytes of l: visit, line (big-endian), hash.
func (l Leaf) Bytes() [LeafSize]byte {
	var b [LeafSize]byte
	copy(b[:16], l.Visit[:])
	binary.BigEndian.PutUint32(b[16:20], l.Line)
	copy(b[20:], l.Hash[:])
	return b
}

// LeafFrom is the inverse of Leaf.Bytes.
func LeafFrom(b [LeafSize]byte) Leaf {
	l := Leaf{Visit: onrecord.VisitID(b[:16]), Line: binary.BigEndian.Uint32(b[16:20])}
	copy(l.Hash[:], b[20:])
	return l
}
