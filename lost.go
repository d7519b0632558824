// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"cmp"
	"fmt"
	"maps"
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

// A Following is what the visit line of a visit at Index says of the visit of the
// same source before it, which began at Before.
type Following struct {
	Source        string
	Operator      bool // Source is the operator's
	Before, Index int64
	// LastAct is where the last visit of the operator before Index begins that can
	// be read; -1 for none.
	LastAct int64
}

// Tell notes in lost, which is in order, what f tells of it: whose the visit before
// was, where that is lost, and that what lies between two acts of the operator was
// none. An act that names another than the last one that can be read was made from
// a register that had been put back: it tells nothing of what lies between. Tell
// returns which runs it has changed.
func (f Following) Tell(lost []LostLines) (changed []int) {
	if f.Before < 0 {
		return nil
	}
	at := func(index int64) int {
		i, _ := slices.BinarySearchFunc(lost, index, func(l LostLines, index int64) int { return cmp.Compare(l.From, index) })
		return i
	}
	i := at(f.Before)
	if i < len(lost) && lost[i].From == f.Before {
		if lost[i].Source == "" {
			lost[i].Source, lost[i].Act = f.Source, f.Operator
			changed = append(changed, i)
		}
		i++
	}
	if !f.Operator || f.LastAct > f.Before {
		return changed
	}
	for ; i < len(lost) && lost[i].From < f.Index; i++ {
		if lost[i].Source == "" && lost[i].Act {
			lost[i].Act = false
			changed = append(changed, i)
		}
	}
	return changed
}

// isNone reports whether no event has the type: what a line of it would say is
// said by the archive alone.
func (t EventType) isNone() bool {
	return t == "" || t == VisitLine || t == TombstoneLine || t == LineLost || t == ActLost
}

// A Lines is a run of ledger indexes, To exclusive.
type Lines struct{ From, To int64 }

// lostKey is the key of the lines that an event gives up: "first-last" each. It
// gives them up by lostNote, the note of a key of the log over them.
const (
	lostKey  = "lost"
	lostNote = "lost_note"
)

// MaxGivenUp is how many runs of lines one event gives up.
const MaxGivenUp = 4096

// GiveUp returns what an event says that gives lines up (ArchiveGaveUp, and
// ArchiveAdopted of a replica that was not whole): its Extra, nil for none. It gives
// up the first MaxGivenUp runs of list, and left has the others.
func GiveUp(list []Lines) (extra map[string]any, left []Lines) {
	list = JoinLines(list)
	if len(list) == 0 {
		return nil, nil
	}
	n := min(len(list), MaxGivenUp)
	words := make([]any, n)
	for i, l := range list[:n] {
		words[i] = fmt.Sprintf("%d-%d", l.From, l.To-1)
	}
	return map[string]any{lostKey: words}, list[n:]
}

// JoinLines returns list in order, neighbours as one.
func JoinLines(list []Lines) []Lines {
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

// GivesAnyUp reports whether e claims to give lines up: it does if a key of the log
// has signed that.
func (e Event) GivesAnyUp() bool {
	return (e.Type == ArchiveGaveUp || e.Type == ArchiveAdopted) && e.Extra[lostKey] != nil
}

// NoteLost returns what the note of an event that gives lines up is about, and the
// note, which is empty where there is none. The words are those that the event has,
// a line each.
func (e Event) NoteLost() (words, signed string) {
	list, _ := e.Extra[lostKey].([]any)
	var b strings.Builder
	for _, w := range list {
		fmt.Fprintln(&b, w)
	}
	signed, _ = e.Extra[lostNote].(string)
	return b.String(), signed
}

// WithLostNote returns e with the note by which it gives lines up; with an empty one
// it gives up nothing.
func (e Event) WithLostNote(signed string) Event {
	e.Extra = maps.Clone(e.Extra)
	if e.Extra[lostNote] = signed; signed == "" {
		delete(e.Extra, lostNote)
		delete(e.Extra, lostKey)
	}
	return e
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
	return JoinLines(list)
}
