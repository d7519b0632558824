// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"onrecord"
	"onrecord/archive/ledger"
)

// Tombstone returns what stands in place of a journal line that was erased,
// without its newline: docs/format.md, "Tombstone".
func Tombstone(number string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(struct {
		V    int                `json:"v"`
		Type onrecord.EventType `json:"type"`
		Case string             `json:"case"`
	}{1, onrecord.TombstoneLine, number}); err != nil { // a string always has a JSON
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// entry makes the entry of a leaf, which is a tombstone where r says so,
// whatever stands in the segment: the erasure may not have come that far.
func (r *Redactions) entry(index int64, leaf ledger.Leaf, s *segment) (Entry, error) {
	number, erased := r.Line(index)
	if !erased || leaf.Line == ledger.AbandonedLine || leaf.Line == 0 {
		return entry(index, leaf, s)
	}
	return Entry{Index: index, Leaf: leaf, Visit: s.header, Event: onrecord.Event{
		Type: onrecord.TombstoneLine, At: s.header.Ended, Visit: leaf.Visit, Index: index, Prev: -1,
		Takedown: &onrecord.Takedown{Case: number},
	}}, nil
}

// isRedacted reports whether b is what an erasure made of the object under key.
func (a *Archive) isRedacted(ctx context.Context, key string, b []byte) (bool, error) {
	r, err := a.Redactions(ctx)
	if err != nil {
		return false, err
	}
	o, ok := r.Object(key)
	if !ok {
		return false, nil
	}
	sum := sha256.Sum256(b)
	for _, v := range append(o.Before, o.Value) {
		if v.Length == int64(len(b)) && v.SHA256 == hex.EncodeToString(sum[:]) {
			return true, nil
		}
	}
	return false, nil
}

// redactSegment returns the bytes of a segment in which lines are tombstones:
// lines has the number of the case by that of the line. The first frame stays as it is, byte for
// byte, and so do all other lines.
func redactSegment(s *segment, lines map[uint32]string) ([]byte, error) {
	out := bytes.Clone(s.bytes[:s.lines[0].length])
	for i, l := range s.lines[1:] {
		if number, ok := lines[uint32(i+1)]; ok {
			out = appendRawFrame(out, append(Tombstone(number), '\n')) // the same bytes by every compressor
			continue
		}
		out = append(out, s.bytes[l.offset:l.offset+l.length]...)
	}
	if len(out) > MaxSegment {
		return nil, fmt.Errorf("%w: segment of %d bytes", ErrTooLarge, len(out))
	}
	return out, nil
}
