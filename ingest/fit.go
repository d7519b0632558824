// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

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
)

// fit returns a draft that is within the limits, and how many events it leaves
// out. HTML goes first: the captures have it. What is left out then is new
// again at the next visit: the door's cursor and validators stay where they
// were, and no run claims to have seen it. A statement that no visit could hold
// is left out for good.
func fit(d Draft, door Door, v Visit) (Draft, int, error) {
	size, left, never := 0, make(map[onrecord.StatementID]bool), make(map[onrecord.StatementID]bool)
	var events []onrecord.Event
	for _, e := range d.Events {
		e, n, err := lean(e)
		switch {
		case err != nil:
			return d, 0, err
		case e.Statement != "" && n > fitBytes:
			never[e.Statement] = true
		case e.Statement != "" && (len(events) >= fitLines || size+n > fitBytes):
			left[e.Statement] = true
		default:
			events, size = append(events, e), size+n
		}
	}
	out := func(id onrecord.StatementID) bool { return id != "" && (left[id] || never[id]) }
	// A statement is left out whole: its later events make no sense alone.
	events = slices.DeleteFunc(events, func(e onrecord.Event) bool { return out(e.Statement) })
	dropped := len(d.Events) - len(events)
	for n := range events {
		if r := events[n].Run; r != nil {
			events[n].Run = new(unseen(*r, out))
		}
	}
	d.Events, d.KeepWARC = events, true
	d.Next.Runs = slices.Clone(d.Next.Runs)
	for n, r := range d.Next.Runs {
		d.Next.Runs[n] = unseen(r, out)
	}
	if len(left) > 0 && !v.Late {
		old, state := v.State.Doors[door.ID], d.Next.Doors[door.ID]
		state.Cursor, state.Validators = old.Cursor, old.Validators
		d.Next.Doors = maps.Clone(d.Next.Doors)
		d.Next.Doors[door.ID] = state
	}
	return d, dropped, nil
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
func unseen(r onrecord.Run, out func(onrecord.StatementID) bool) onrecord.Run {
	r.Seen = slices.DeleteFunc(slices.Clone(r.Seen), out)
	return r
}

// bounded returns a state that fits into its register twice: validators are
// the only part that may be lost, the longest addresses first. A request
// without them is answered in full.
func bounded(st onrecord.SourceState) onrecord.SourceState {
	for {
		b, err := json.Marshal(st)
		if err != nil || len(b) <= fitState {
			return st
		}
		door, longest := "", ""
		for id, d := range st.Doors {
			for u := range d.Validators {
				if len(u) > len(longest) || len(u) == len(longest) && strings.Compare(u, longest) < 0 {
					door, longest = id, u
				}
			}
		}
		if longest == "" {
			return st
		}
		st.Doors = maps.Clone(st.Doors)
		d := st.Doors[door]
		d.Validators = maps.Clone(d.Validators)
		delete(d.Validators, longest)
		st.Doors[door] = d
	}
}
