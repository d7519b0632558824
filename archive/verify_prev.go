// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"

	"onrecord"
)

// A history checks that a statement can be walked back by "prev" (record.md 2):
// what a line names as the event before must be an earlier one of the same
// statement. Of each line it keeps four bytes that stand for its statement, by a
// hash whose seed nobody knows beforehand, so that a million lines take 4 MB, and
// a line of another statement passes once in 2^32. That prev is the last event
// before the visit's base, and not one further back, it does not tell: that would
// take a table of all statements.
type history struct {
	seed maphash.Seed

	mu    sync.Mutex
	pages map[int64]*[bundleWidth]uint32 // by index / bundleWidth; guarded by mu
	open  []link                         // whose line before was not read yet; guarded by mu
}

// What stands for a line that names no statement, and, as the zero value, for
// one that was not read. Statements are above.
const (
	unread uint32 = iota
	ofNothing
	ofStatement
)

// A link is a line of a visit and the one before it that it names.
type link struct {
	Finding
	prev int64
	of   uint32 // statement
}

func newHistory() *history {
	return &history{seed: maphash.MakeSeed(), pages: map[int64]*[bundleWidth]uint32{}}
}

// of returns what stands for a statement.
func (h *history) of(id onrecord.StatementID) uint32 {
	if id == "" {
		return ofNothing
	}
	return max(uint32(maphash.String(h.seed, string(id))), ofStatement)
}

// at returns what stands for the line at an index.
func (h *history) at(index int64) uint32 {
	if p := h.pages[index/bundleWidth]; p != nil {
		return p[index%bundleWidth]
	}
	return unread
}

// add notes the lines of a visit, in which f says where each is, and returns
// those whose prev is wrong.
func (h *history) add(lines []link) (wrong []Finding) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range lines {
		p := h.pages[l.Index/bundleWidth]
		if p == nil {
			p = new([bundleWidth]uint32)
			h.pages[l.Index/bundleWidth] = p
		}
		p[l.Index%bundleWidth] = l.of
	}
	for _, l := range lines {
		switch {
		case l.prev < 0 || l.of == ofNothing:
		case h.at(l.prev) == unread:
			h.open = append(h.open, l)
		case h.at(l.prev) != l.of:
			wrong = append(wrong, l.wrong(h.at(l.prev)))
		}
	}
	return wrong
}

// rest returns what is wrong with the links that were left open. A line that was
// never read is of another part, or erased, or withheld, or damaged and named.
func (h *history) rest() (wrong []Finding) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range h.open {
		if before := h.at(l.prev); before != unread && before != l.of {
			wrong = append(wrong, l.wrong(before))
		}
	}
	h.open = nil
	slices.SortFunc(wrong, func(a, b Finding) int { return cmp.Compare(a.Index, b.Index) })
	return wrong
}

// wrong is the finding of a link to a line of something else.
func (l link) wrong(before uint32) Finding {
	f := l.Finding
	f.Reason = fmt.Sprintf("it names index %d as the event before, which is of another statement", l.prev)
	if before == ofNothing {
		f.Reason = fmt.Sprintf("it names index %d as the event before, which is of no statement", l.prev)
	}
	return f
}

// linked makes the link of a line whose visit begins at an index. A visit is
// judged before it is committed, so it knows nothing of its own lines: what does
// not lie before it is said at once, and no link.
func (v *verification) linked(f Finding, first int64, e onrecord.Event) link {
	f.Kind = KindPrev
	l := link{Finding: f, prev: e.Prev, of: v.history.of(e.Statement)}
	if e.Prev >= first {
		f.Reason = fmt.Sprintf("it names index %d as the event before, and its visit begins at %d", e.Prev, first)
		v.find(f)
		l.prev = -1
	}
	if v.o.Parts > 1 && l.prev >= 0 && !v.ownsBundle(l.prev/bundleWidth) {
		l.prev = -1 // of another part: to read it there would have each part read nearly everything
	}
	return l
}

// linkage finds what is wrong with the links of which the line before was read
// later than the line itself.
func (v *verification) linkage(context.Context, int64) error {
	for _, f := range v.history.rest() {
		v.find(f)
	}
	return nil
}
