// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"
)

// ErrPlan reports a plan that is none.
var ErrPlan = errors.New("not a plan of re-checks")

// leastRecheck is the shortest time between two points of a plan, and the
// shortest sweep.
const leastRecheck = time.Minute

// A Plan says when a statement that nobody suspects is asked for again at its
// own address, so that its edits and its end are found: at Points after it was
// said, and then once in every Sweep. It keeps nothing: what is due follows
// from two times that the record holds.
type Plan struct {
	Points []time.Duration // after the statement was first seen; increasing
	Sweep  time.Duration   // once the points are passed; zero for never
}

// DefaultPlan returns the plan of platforms.md 0.4: often while a statement is
// new, when most edits happen (15 and 35 minutes; X lets an author edit for
// 30), then after 2 hours, a day, a week and a month; then once in 30 days.
func DefaultPlan() Plan {
	const day = 24 * time.Hour
	return Plan{
		Points: []time.Duration{15 * time.Minute, 35 * time.Minute, 2 * time.Hour, day, 7 * day, 30 * day},
		Sweep:  30 * day,
	}
}

// IsZero reports whether p asks for nothing.
func (p Plan) IsZero() bool { return len(p.Points) == 0 && p.Sweep == 0 }

// String writes p as "15m0s 35m0s, sweep 720h0m0s". Equal plans are written
// alike.
func (p Plan) String() string {
	var b strings.Builder
	for i, d := range p.Points {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(d.String())
	}
	return b.String() + ", sweep " + p.Sweep.String()
}

// Check returns an error, which wraps ErrPlan, unless the points of p increase
// and they, and the sweep, are at least a minute apart.
func (p Plan) Check() error {
	last := time.Duration(0)
	for i, d := range p.Points {
		if d-last < leastRecheck {
			return fmt.Errorf("%w: point %d (%s) must come at least %s after the one before (%s)", ErrPlan, i+1, d, leastRecheck, last)
		}
		last = d
	}
	if p.Sweep != 0 && p.Sweep < leastRecheck {
		return fmt.Errorf("%w: a sweep of %s is shorter than %s", ErrPlan, p.Sweep, leastRecheck)
	}
	return nil
}

// Next returns when a statement is to be looked at again that was first seen at
// first and last looked at at last: at the first point after last; once they
// are passed, at its turn in the sweep, which sweep tells. Points that passed
// while nobody could look are made up for by one look, at once. The zero time
// means never.
//
// The turns of a sweep are fixed by the statement's name, and spread evenly: a
// thousand statements that were found in one hour do not come due in one. The
// next turn is at least half a sweep after last, at most one and a half.
func (p Plan) Next(first, last time.Time, name string) (at time.Time, sweep bool) {
	if last.Before(first) {
		last = first
	}
	for _, d := range p.Points {
		if at := first.Add(d); at.After(last) {
			return at, false
		}
	}
	return p.Turn(last, name), true
}

// Turn returns the turn in the sweep of a statement that was last looked at at
// last, as Next does once all points are passed. The zero time means never.
func (p Plan) Turn(last time.Time, name string) time.Time {
	every := int64(p.Sweep / time.Second)
	if every <= 0 {
		return time.Time{}
	}
	h := fnv.New64a()
	h.Write([]byte(name)) // never fails
	phase := int64(h.Sum64() % uint64(every))
	earliest := last.Unix() + every/2
	turns := (earliest-phase)/every + 1
	return time.Unix(turns*every+phase, 0).UTC()
}

// Gap returns the least time between two looks at one statement: who was
// looked at less long ago is not due.
func (p Plan) Gap() time.Duration {
	gap, last := p.Sweep/2, time.Duration(0)
	for _, d := range p.Points {
		if gap == 0 || d-last < gap {
			gap = d - last
		}
		last = d
	}
	return gap
}
