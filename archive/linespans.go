// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"fmt"

	"onrecord"
	"onrecord/archive/bucket"
)

// LineSpans returns where the lines at ledger indexes are in the journal segment
// under key, by offset: each is one frame. Indexes of other segments are passed
// over; leaves are read until one is of this segment. ErrMismatch says that the segment can't be read as one.
func (a *Archive) LineSpans(ctx context.Context, key string, indexes []int64) ([]onrecord.Span, error) {
	var spans []onrecord.Span
	var lines []segmentLine
	first := int64(-1) // index of the visit line
	for _, index := range indexes {
		if index < 0 {
			continue
		}
		leaf, err := a.leaf(ctx, index)
		if err != nil {
			return nil, err
		}
		if journalKey(leaf.Visit) != key {
			continue
		}
		first = index - int64(leaf.Line)
		body, err := bucket.ReadAll(ctx, a.b, key, MaxSegment)
		if err != nil {
			return nil, outOfReach(fmt.Errorf("%s: %w", key, err))
		}
		s, err := a.code.parse(leaf.Visit, body)
		if !s.whole { // that its lines are not those of the ledger is no matter here
			return nil, fmt.Errorf("%s: %w: %w", key, ErrMismatch, err)
		}
		lines = s.lines
		break
	}
	wanted := map[int64]bool{}
	for _, index := range indexes {
		wanted[index] = true
	}
	for i, l := range lines {
		if i > 0 && wanted[first+int64(i)] {
			spans = append(spans, onrecord.Span{Object: key, Offset: l.offset, Length: l.length})
		}
	}
	return spans, nil
}
