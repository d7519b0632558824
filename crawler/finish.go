// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"onrecord"
)

// These bound what a door's state keeps; the register of a source holds at
// most 64 KiB for all of its doors.
const (
	maxBacklog    = 16
	maxValidators = 24
	maxValidator  = 256     // bytes of an ETag or a date
	maxStateURL   = 1 << 10 // bytes of an address in the state
)

// remember keeps what makes the next request for a conditional address
// conditional. from is lost, and with it the validator, if anything that the
// page asks for fails: a 304 would then hide it for good.
func (v *visit) remember(it item, a *answer, o onrecord.Outcome, from *page) {
	u := it.req.URL
	if !it.req.Conditional || len(u) > maxStateURL {
		return
	}
	old := v.job.State.Validators[u]
	val := onrecord.Validator{KeptDigest: old.KeptDigest, KeptAt: old.KeptAt}
	switch o {
	case onrecord.OutcomeNotModified:
		val = old
	case onrecord.OutcomeOK:
		sum := sha256.Sum256(a.x.Payload)
		val.Digest = hex.EncodeToString(sum[:])
		if a.x.URL == u {
			v.res.received[u] = a.x.At
		}
	default:
		return
	}
	if etag := a.header.Get("ETag"); etag != "" && len(etag) <= maxValidator {
		val.ETag = etag
	}
	if date := a.header.Get("Last-Modified"); len(date) <= maxValidator && settled(date, a) {
		val.LastModified = date
	}
	v.fresh[u] = val
	v.pages[u] = from
}

// settled reports whether a Last-Modified date lies so far before the answer
// that a later change must move it: with a resolution of a second, what changed
// twice within one has the same date, and a 304 would hide the second change
// (RFC 9110 section 8.8.2.2).
func settled(date string, a *answer) bool {
	modified, err := http.ParseTime(date)
	if err != nil {
		return false
	}
	answered, err := http.ParseTime(a.header.Get("Date"))
	if err != nil {
		answered = a.x.Done
	}
	return answered.Sub(modified) > time.Second
}

// finish makes the Result out of what the visit has gathered.
func (v *visit) finish() {
	r := &v.res
	v.left = append(append(v.left, v.details...), v.next...)
	failed := 0
	for _, s := range r.Seen {
		if s.Outcome == onrecord.OutcomeOutage {
			failed++
		}
	}
	r.AllFailed = failed > 0 && failed == len(r.Seen) && !v.there
	r.OtherAnswered = r.OtherAnswered && r.AllFailed
	if v.job.ChecksOnly && r.Outcome == "" && !r.Cut {
		r.Outcome = onrecord.OutcomeOK // none of them has an address
	}
	switch r.Outcome {
	case "":
		r.Outcome = onrecord.OutcomeTruncated
		if r.Cut {
			// Nothing was seen, and the door is not to blame.
			r.State = v.job.State
			return
		}
	case onrecord.OutcomeNotModified:
		r.Outcome = onrecord.OutcomeOK
	}
	if r.Outcome == onrecord.OutcomeOK && v.unknown >= barren && v.read == 0 && !v.job.ChecksOnly {
		// The listing is well and none of its items can be read: the door
		// is of no use, and another may be.
		r.Outcome = onrecord.OutcomeDrift
		v.problem(v.job.Target.URL, fmt.Errorf("%d items were asked for and none could be read: %w", v.unknown, ErrDrift))
	}
	if v.job.ChecksOnly {
		v.leaveAlone()
		return
	}
	r.State = onrecord.DoorState{Cursor: v.job.State.Cursor, Parser: v.job.Door.Info().Parser}
	v.leave()
	r.State.Short = v.giveUp()
	r.State.Validators = v.validators()
	kept := v.short != "" && r.State.Cursor != ""
	if r.Outcome == onrecord.OutcomeOK && !v.foreign && v.cursor != "" && !kept {
		r.State.Cursor = v.cursor
	}
	v.retry()
}

// giveUp says what the visit, or one before it, gave up. Where there was a
// cursor it is kept, and the next visit reads on as far as that; once one has
// done so, nothing is missing any more.
func (v *visit) giveUp() *onrecord.Short {
	was := v.job.State.Short
	switch {
	case v.short != "":
		return &onrecord.Short{Why: v.short, Kept: v.job.State.Cursor != ""}
	case v.partly != "":
		return &onrecord.Short{Why: v.partly}
	case was != nil && was.Kept && v.res.Outcome == onrecord.OutcomeOK && !v.res.LeftBacklog && !v.foreign:
		return nil
	}
	return was
}

// leave puts what was not asked for into the backlog: older pages first, since
// each stands for many statements, then details; what has failed comes last,
// so that it can't keep the rest out.
func (v *visit) leave() {
	v.leavePages()
	slices.SortStableFunc(v.left, func(a, b item) int {
		if a.tried != b.tried {
			if a.tried {
				return 1
			}
			return -1
		}
		return int(b.role) - int(a.role)
	})
	seen := map[string]bool{}
	for _, it := range v.left {
		key := it.req.URL + "\n" + it.req.State
		switch {
		case it.role != roleNext && it.role != roleDetail:
			// First and looks are asked for again by themselves. A look that
			// was left is no gap.
			continue
		case seen[key]:
			continue
		}
		seen[key] = true
		v.res.LeftBacklog = true
		if len(v.res.State.Backlog) >= maxBacklog || len(it.req.URL) > maxStateURL {
			v.res.Dropped++
			if it.lose(); it.role != roleDetail || !it.req.IfNew || it.from == nil && !it.tried {
				v.short = fmt.Sprintf("%d requests for older pages did not fit into the backlog", v.res.Dropped)
			}
			continue
		}
		q := it.req
		v.res.State.Backlog = append(v.res.State.Backlog, onrecord.Backlog{URL: q.URL, Header: q.Header, Kind: q.Kind, About: q.About,
			State: q.State, Conditional: q.Conditional, NoRedirect: q.NoRedirect, IfNew: q.IfNew, Tries: it.tries})
	}
}

// leavePages puts the older pages in place of those of their details that are
// left: a page stands for them all, however many, and they are asked for only
// while they are new.
func (v *visit) leavePages() {
	v.left = slices.DeleteFunc(v.left, func(it item) bool {
		if !it.renamed() {
			return false
		}
		it.from.lost, it.from.left = true, true
		v.pagesLeft = append(v.pagesLeft, it.from)
		return true
	})
	for _, p := range v.pagesLeft {
		if p.left {
			p.left = false
			v.left = append(v.left, item{req: p.req, role: roleNext})
		}
	}
}

// validators returns those of this visit, and as many older ones as fit.
func (v *visit) validators() map[string]onrecord.Validator {
	out := map[string]onrecord.Validator{}
	for u, val := range v.fresh {
		if p := v.pages[u]; p != nil && p.lost || v.foreign || v.short != "" {
			val.ETag, val.LastModified = "", ""
		}
		if val.ETag != "" || val.LastModified != "" || val.KeptDigest != "" || val.Digest != "" {
			out[u] = val
		}
	}
	if v.job.State.Parser == v.res.State.Parser {
		for _, u := range slices.Sorted(maps.Keys(v.job.State.Validators)) {
			if _, ok := out[u]; !ok && len(out) < maxValidators {
				out[u] = v.job.State.Validators[u]
			}
		}
	}
	for _, u := range slices.Sorted(maps.Keys(out)) {
		if len(out) > maxValidators {
			delete(out, u)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// retry sets until when the door is left alone.
func (v *visit) retry() {
	r := &v.res
	if r.Outcome == onrecord.OutcomeOK {
		r.State.RetryAt = v.retryAt
		return
	}
	r.State.Fails = v.job.State.Fails + 1
	r.State.RetryAt = v.waitAfter(r.State.Fails)
}

// waitAfter returns until when the door is left alone after its fails-th failure.
func (v *visit) waitAfter(fails int) time.Time {
	r := &v.res
	at := later(r.Ended.Add(backoff(r.Outcome, fails, v.job.Source, v.job.DoorID, r.Started.Format(time.RFC3339Nano))), v.retryAt)
	if limit := r.Ended.Add(maxRetry); at.After(limit) {
		return limit
	}
	return at
}
