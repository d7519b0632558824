// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"onrecord"
)

// These keep a visit within the limits of the record (record.md 1.9: 4,096
// lines, 8 MiB of journal, 64 KiB of state with two states in it), with room
// for what the archive adds.
const (
	fitLines   = 4000
	fitBytes   = 7 << 20
	fitState   = 30 << 10
	maxBacklog = 16
	maxLooks   = 100
	maxMemo    = 40 << 10
)

// fit returns a draft that is within the limits, and how many events it leaves
// out. HTML goes first: the captures have it. Statements are kept or left out
// whole. What is left out is new again at the next visit: the door goes on from
// where it did this time, and no run claims to have seen it. A statement that
// no visit could hold is left to the captures. What says which records must not
// be served is never left out: the captures are kept.
func fit(d Draft, door Door, v Visit) (Draft, int, error) {
	sizes := make(map[onrecord.StatementID]weight)
	events := make([]onrecord.Event, len(d.Events))
	for n, e := range d.Events {
		e, size, err := lean(e)
		if err != nil {
			return d, 0, err
		}
		of := e.Statement
		if e.Erasure != nil {
			of = ""
		}
		w := sizes[of]
		sizes[of] = weight{w.lines + 1, w.bytes + size}
		events[n] = e
	}
	total, out, left := sizes[""], make(map[onrecord.StatementID]bool), false
	decided := map[onrecord.StatementID]bool{"": true}
	for _, e := range events {
		if decided[e.Statement] {
			continue
		}
		decided[e.Statement] = true
		w := sizes[e.Statement]
		if sum := (weight{total.lines + w.lines, total.bytes + w.bytes}); sum.fits() {
			total = sum
			continue
		}
		out[e.Statement] = true
		left = left || w.fits()
	}
	keep := slices.DeleteFunc(events, func(e onrecord.Event) bool {
		closes := e.Gap != nil && !e.Gap.Open && left // what is left out may lie in it
		return out[e.Statement] && e.Erasure == nil || closes
	})
	dropped := len(d.Events) - len(keep)
	for n := range keep {
		if r := keep[n].Run; r != nil {
			keep[n].Run = new(unseen(*r, out))
		}
	}
	d.Events, d.KeepWARC, d.Quiet = keep, true, false
	d.Next.Runs = slices.Clone(d.Next.Runs)
	for n, r := range d.Next.Runs {
		d.Next.Runs[n] = unseen(r, out)
	}
	if left && !v.Late {
		d.Next.Doors = maps.Clone(d.Next.Doors)
		d.Next.Doors[door.ID] = again(v.State.Doors[door.ID], d.Next.Doors[door.ID])
	}
	return d, dropped, nil
}

// A weight is what events take of a segment.
type weight struct{ lines, bytes int }

func (w weight) fits() bool { return w.lines <= fitLines && w.bytes <= fitBytes }

// again returns the state from which a door reads once more what it read from
// old: next but for what would keep it from that.
func again(old, next onrecord.DoorState) onrecord.DoorState {
	next.Cursor, next.Validators, next.Parser = old.Cursor, old.Validators, old.Parser
	return withBacklog(next, old.Backlog)
}

// withBacklog returns d with what more has beyond its backlog, as far as there is
// room. What there is none for is given up.
func withBacklog(d onrecord.DoorState, more []onrecord.Backlog) onrecord.DoorState {
	d.Backlog = slices.Clone(d.Backlog)
	lost := 0
	for _, b := range more {
		switch {
		case holds(d.Backlog, b):
		case len(d.Backlog) < maxBacklog:
			d.Backlog = append(d.Backlog, b)
		default:
			lost++
		}
	}
	if lost > 0 {
		d.Short = &onrecord.Short{Why: fmt.Sprintf("%d requests for older pages did not fit into the backlog", lost)}
	}
	return d
}

// holds reports whether list has the request b.
func holds(list []onrecord.Backlog, b onrecord.Backlog) bool {
	return slices.ContainsFunc(list, func(o onrecord.Backlog) bool { return o.URL == b.URL && o.State == b.State })
}

// lean returns e without its HTML if its line is long, and about how many bytes
// the line takes.
func lean(e onrecord.Event) (onrecord.Event, int, error) {
	const long, frame = 64 << 10, 200
	line, err := e.AppendLine(nil)
	if err == nil && len(line) > long && e.Content != nil && e.Content.HTML != "" {
		c := *e.Content
		c.HTML = ""
		e.Content = &c
		line, err = e.AppendLine(line[:0])
	}
	if err != nil {
		return e, 0, fmt.Errorf("event %s of %s: %w", e.Type, e.NativeID, err)
	}
	return e, len(line) + frame, nil
}

// unseen returns r without the statements that are left out.
func unseen(r onrecord.Run, out map[onrecord.StatementID]bool) onrecord.Run {
	without := func(list []onrecord.StatementID) []onrecord.StatementID {
		return slices.DeleteFunc(slices.Clone(list), func(id onrecord.StatementID) bool { return out[id] })
	}
	r.Seen, r.Unread, r.Asked = without(r.Seen), without(r.Unread), slices.Clone(r.Asked)
	for n, a := range r.Asked {
		r.Asked[n] = onrecord.Asked{At: a.At, Read: without(a.Read), Live: without(a.Live), Gone: without(a.Gone), Unclear: without(a.Unclear)}
	}
	return r
}

// bounded returns a state that fits into its register twice. What may be lost
// goes first: validators, the longest addresses before others (a request
// without them is answered in full); then the oldest open runs (less coverage
// is claimed than there was); then the last of the longest backlog, which is a
// gap.
func bounded(st onrecord.SourceState) onrecord.SourceState {
	for {
		b, err := json.Marshal(st)
		if err != nil || len(b) <= fitState {
			return st
		}
		door, longest := "", ""
		for id, d := range st.Doors {
			for u := range d.Validators {
				if len(u) > len(longest) || len(u) == len(longest) && u < longest {
					door, longest = id, u
				}
			}
		}
		switch {
		case longest != "":
			st.Doors = maps.Clone(st.Doors)
			d := st.Doors[door]
			d.Validators = maps.Clone(d.Validators)
			delete(d.Validators, longest)
			st.Doors[door] = d
		case len(st.Runs) > 0:
			st.Runs = st.Runs[1:]
		default:
			if st, longest = lessBacklog(st); longest == "" {
				return st
			}
		}
	}
}

// lessBacklog gives up the last entry of the longest backlog, whose door it
// returns; none where all are empty.
func lessBacklog(st onrecord.SourceState) (next onrecord.SourceState, door string) {
	most := 0
	for _, id := range slices.Sorted(maps.Keys(st.Doors)) {
		if n := len(st.Doors[id].Backlog); n > most {
			door, most = id, n
		}
	}
	if door == "" {
		return st, ""
	}
	st.Doors = maps.Clone(st.Doors)
	d := st.Doors[door]
	d.Backlog = slices.Clone(d.Backlog[:most-1])
	d.Short = &onrecord.Short{Why: "the state of the source had no room for all requests for older pages"}
	st.Doors[door] = d
	return st, door
}
