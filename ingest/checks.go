// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"cmp"
	"context"
	"strings"
	"time"

	"onrecord"
	"onrecord/crawler"
)

// checker returns the door through which statements that are due are asked for
// at their own addresses, where the visit itself goes through d: d, if it reads
// what answers there; else the first healthy one that does, since only that sees
// an edit; else d, if it has own addresses at all; else the first healthy one
// that has. ok is false where there is none.
func checker(s Source, d Door, st onrecord.SourceState, now time.Time) (c Door, ok bool) {
	ids := make([]string, 0, len(s.Doors))
	for _, want := range []func(onrecord.Capabilities) bool{reads, looks} {
		if want(d.Door.Info().Can) {
			return d, true
		}
		ids = ids[:0]
		for _, o := range s.Doors {
			if o.ID != d.ID && want(o.Door.Info().Can) {
				ids = append(ids, o.ID)
			}
		}
		if id, ok := crawler.Healthy(st.Doors, ids, now); ok {
			return s.door(id)
		}
	}
	return Door{}, false
}

func looks(c onrecord.Capabilities) bool { return c.OwnAddress && !c.ThirdParty }
func reads(c onrecord.Capabilities) bool { return looks(c) && c.OwnWording }

// Check asks through d for the statements of s that are due at their own
// addresses, and for nothing else: a visit of its own that moves neither what
// the doors go on from nor when the source is due. Where nothing is due, nothing
// is asked and the report is empty.
func (i *Ingester) Check(ctx context.Context, s Source, d Door) (Report, error) {
	rep, _, err := i.visit(ctx, s, d, true)
	return rep, err
}

// With returns what a visit and the checks after it did.
func (r Report) With(c Report) Report {
	r.Edited += c.Edited
	r.Deleted += c.Deleted
	r.Restored += c.Restored
	r.Created += c.Created
	r.Other = append(r.Other, c.Other...)
	r.Events += c.Events
	r.Requests += c.Requests
	r.Bytes += c.Bytes
	r.Seconds += c.Seconds
	r.Problems = append(r.Problems, c.Problems...)
	r.Spooled, r.Why = r.Spooled || c.Spooled, cmp.Or(r.Why, c.Why)
	if c.Index >= 0 {
		r.Index = c.Index
	}
	if c.Frozen != "" {
		r.Frozen = c.Frozen
	}
	return r
}

// checksOf ends the name under which checks wait for their turn at a host: that
// of the source and this, which no source's name has.
const checksOf = "#checks"

// serveChecks makes the checks of a source at a host other than its visits'.
// What can't be made now is due after the next visit again.
func (r *Runner) serveChecks(held context.Context, t Task) {
	id := strings.TrimSuffix(t.Source, checksOf)
	s, ok := r.sources[id]
	if !ok {
		return
	}
	if paused, err := r.paused(held, s); err != nil || paused {
		return
	}
	d, ok := doorAt(s, t.Host)
	if !ok {
		return
	}
	unlock, ok := r.Lock(s.ID, d.Host)
	if !ok {
		r.again(t, heldDelay)
		return
	}
	defer unlock()
	began := r.Now()
	rep, err := r.Visitor.Check(held, s, d)
	r.lasted(d.Host, r.Now().Sub(began))
	if err != nil || rep.Spooled {
		defer nudge(r.spool)
	}
	if err != nil && held.Err() != nil {
		r.Log.Warn("checks were broken off; what they have captured is in the spool", "source", s.ID, "why", context.Cause(held))
		return
	}
	if err != nil {
		r.Log.Error("checks", "source", s.ID, "err", err)
		return
	}
	rep.log(r.Log)
}

// doorAt returns the door of s at a host that checks go through.
func doorAt(s Source, host string) (Door, bool) {
	for _, want := range []func(onrecord.Capabilities) bool{reads, looks} {
		for _, d := range s.Doors {
			if d.Host == host && want(d.Door.Info().Can) {
				return d, true
			}
		}
	}
	return Door{}, false
}
