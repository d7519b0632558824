// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A LostLines is a run of lines of one visit whose bytes are lost or damaged: their
// leaves stand in the ledger, and nobody can read what they say
// (docs/decisions/0018-holes.md).
type LostLines struct {
	From, To int64 // ledger indexes, To exclusive
	Visit    VisitID
	// Source is whose visit it was; empty where nothing tells. Act says that it may
	// have been an act of the operator, who alone withholds and erases.
	Source string
	Act    bool
	// GivenUp is the ledger index of the event by which the operator gave them up;
	// -1 while nobody has.
	GivenUp int64
}

// Unsettled reports whether l may have withheld or erased a statement, and the
// operator has not said otherwise.
func (l LostLines) Unsettled() bool { return l.Act && l.GivenUp < 0 }

// FollowedBy learns of a visit at index, of a source, which of the source's visits
// was the one before it: where that is lost it is known now whose it was, and what
// lies between two acts of the operator was none. It reports whether l changed.
func (l *LostLines) FollowedBy(source string, operator bool, before, index int64) bool {
	switch {
	case l.Source != "":
		return false
	case l.From == before:
		l.Source, l.Act = source, operator
	case operator && l.Act && before < l.From && l.From < index:
		l.Act = false
	default:
		return false
	}
	return true
}

// isNone reports whether no event has the type: what a line of it would say is
// said by the archive alone.
func (t EventType) isNone() bool {
	return t == "" || t == VisitLine || t == TombstoneLine || t == LineLost || t == ActLost
}

// A Lines is a run of ledger indexes, To exclusive.
type Lines struct{ From, To int64 }

// lostKey is the key of the lines that an event gives up: "first-last" each.
const lostKey = "lost"

// MaxGivenUp is how many runs of lines one event gives up.
const MaxGivenUp = 4096

// GiveUp returns what an event says that gives lines up (ArchiveGaveUp, and
// ArchiveAdopted of a replica that was not whole): its Extra. Nil for none.
func GiveUp(list []Lines) (map[string]any, error) {
	list = joined(list)
	if len(list) == 0 {
		return nil, nil
	}
	if len(list) > MaxGivenUp {
		return nil, fmt.Errorf("%d runs of lost lines, one event gives up %d", len(list), MaxGivenUp)
	}
	words := make([]any, len(list))
	for i, l := range list {
		words[i] = fmt.Sprintf("%d-%d", l.From, l.To-1)
	}
	return map[string]any{lostKey: words}, nil
}

// joined returns list in order, neighbours as one.
func joined(list []Lines) []Lines {
	list = slices.SortedFunc(slices.Values(list), func(a, b Lines) int { return cmp.Compare(a.From, b.From) })
	var out []Lines
	for _, l := range list {
		if n := len(out); n > 0 && out[n-1].To >= l.From {
			out[n-1].To = max(out[n-1].To, l.To)
			continue
		}
		out = append(out, l)
	}
	return out
}

// GivesUp returns the lines that e gives up, in order. Only lines before its own
// can be given up.
func (e Event) GivesUp() []Lines {
	if e.Type != ArchiveGaveUp && e.Type != ArchiveAdopted {
		return nil
	}
	words, _ := e.Extra[lostKey].([]any)
	var list []Lines
	for _, w := range words[:min(len(words), MaxGivenUp)] {
		text, _ := w.(string)
		first, last, ok := strings.Cut(text, "-")
		from, ferr := strconv.ParseInt(first, 10, 64)
		to, terr := strconv.ParseInt(last, 10, 64)
		if ok && ferr == nil && terr == nil && 0 <= from && from <= to && to < e.Index {
			list = append(list, Lines{From: from, To: to + 1})
		}
	}
	return joined(list)
}
