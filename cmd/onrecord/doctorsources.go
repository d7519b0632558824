// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
	"onrecord/config"
	"onrecord/crawler"
	"onrecord/ingest"
)

// sources tells how each source fares.
func (d *doctor) sources(ctx context.Context, h *house, serving bool) {
	list, err := sourcesOf(h.cfg)
	if err != nil {
		d.fail("config", "onrecord config check", "%v", err)
		return
	}
	now := h.env.now()
	healthy := 0
	for _, s := range list {
		row, err := h.sourceStatus(ctx, s)
		if err != nil {
			d.fail("source "+s.ID, "", "%v", err)
			continue
		}
		before := len(d.found)
		d.source(s, row, now)
		if len(d.found) == before {
			healthy++
		}
	}
	if healthy > 0 {
		d.ok("sources", "%d of %d fare well", healthy, len(list))
	}
	if !serving && slices.ContainsFunc(list, func(s ingest.Source) bool { return !s.Schedule.IsZero() }) {
		d.warn("sources", "onrecord serve", "sources have schedules, and no process serves: nobody visits them")
	}
}

// source tells what is wrong with one source.
func (d *doctor) source(s ingest.Source, row onrecord.SourceStatus, now time.Time) {
	area := "source " + s.ID
	if len(s.Doors) == 0 {
		return // imports only
	}
	if !row.Paused.IsZero() {
		d.warn(area, "onrecord source resume "+s.ID, "paused since %s", row.Paused.UTC().Format(time.RFC3339))
		return
	}
	if row.IdentityChanged {
		d.fail(area, "look whose it is, then onrecord source identify "+s.ID, "another account stands behind the handle: nothing is attributed")
	}
	if row.Frozen != "" {
		d.warn(area, "look at the account, then onrecord source thaw "+s.ID, "absences are not counted since %s: %s", row.FrozenAt.UTC().Format(time.RFC3339), row.Frozen)
	}
	if row.LastVisit.IsZero() {
		d.warn(area, "onrecord crawl "+s.ID, "not visited yet")
		return
	}
	test := "onrecord source test " + s.ID
	for _, door := range row.Doors {
		if door.Fails > 0 && door.RetryAt.After(now) {
			d.warn(area, test, "door %s failed %s (%s) and waits until %s", door.ID, count(door.Fails, "time", "times in a row"), door.Outcome, door.RetryAt.UTC().Format(time.RFC3339))
		}
	}
	failed := row.Outcome != onrecord.OutcomeOK && row.Outcome != onrecord.OutcomeNotModified
	switch late := quietSince(s, cmp.Or(row.LastGood, row.LastTick)); {
	case failed && row.LastGood.IsZero():
		d.fail(area, test, "no visit has succeeded yet; the last: %s", row.Outcome)
	case !s.Schedule.IsZero() && late.Before(now):
		d.fail(area, test, "no success for %d intervals, since %s; the last visit: %s", sickAfter, row.LastGood.UTC().Format(time.RFC3339), row.Outcome)
	case failed:
		d.warn(area, test, "the last visit failed: %s", row.Outcome)
	}
}

// quietSince returns when a source has gone without success for too long.
func quietSince(s ingest.Source, good time.Time) time.Time {
	t := good
	for range sickAfter {
		next := s.Schedule.Next(t)
		if next.IsZero() {
			return t.AddDate(100, 0, 0)
		}
		t = next
	}
	return t
}

// hosts asks the robots.txt of each source's first address, and each host's
// clock with it.
func (d *doctor) hosts(ctx context.Context, cfg *config.Config) {
	list, err := sourcesOf(cfg)
	if err != nil || len(list) == 0 {
		return // told elsewhere
	}
	if d.offline {
		d.ok("robots", "not asked (--offline)")
		return
	}
	client, err := newClient(d.env, cfg, crawler.Limits{})
	if err != nil {
		d.fail("robots", "", "%v", err)
		return
	}
	defer client.Close()
	allowed, skews := 0, map[string]time.Duration{}
	for _, s := range list {
		for _, door := range s.Doors {
			address := firstAddress(s, door)
			if address == "" {
				continue
			}
			p, err := client.Permit(ctx, address)
			if err != nil {
				if ctx.Err() != nil {
					return
				}
				d.fail("robots", "", "source %s, door %s: %v", s.ID, door.ID, err)
				continue
			}
			if p.SkewKnown {
				skews[door.Host] = p.Skew
			}
			switch {
			case p.Allowed:
				allowed++
			case p.Outcome == onrecord.OutcomeBlocked:
				d.fail("robots", "the host does not want it visited: choose another door, or ask its operator", "source %s, door %s: %s: %s", s.ID, door.ID, address, p.Why)
			default:
				d.warn("robots", "is this machine on the network, and the address right?", "source %s, door %s: %s", s.ID, door.ID, p.Why)
			}
		}
	}
	if allowed > 0 {
		d.ok("robots", "%s may be visited", count(allowed, "door", "doors"))
	}
	if len(skews) > 0 {
		d.skew("clock", "asked now, at the nearest of "+count(len(skews), "host", "hosts"), skews)
	}
}

// firstAddress is what a visit through a door asks for first; empty where the
// door can't tell.
func firstAddress(s ingest.Source, d ingest.Door) string {
	first, err := d.Door.First(crawler.Target{Platform: s.Platform, AccountID: s.AccountID, Handle: s.Handle, URL: d.URL})
	if err != nil || len(first) == 0 {
		return ""
	}
	return first[0].URL
}

// strays tells of objects of visits that never reached the ledger. They stay:
// nothing is collected by age (record.md 1.14).
func (d *doctor) strays(ctx context.Context, h *house) {
	b, err := h.env.openBucket(ctx, h.cfg.Storage.Store)
	if err != nil {
		d.fail("store", "", "%v", err)
		return
	}
	found, total, err := findStrays(ctx, h, b)
	if err != nil {
		d.fail("objects", "onrecord verify", "%v", err)
		return
	}
	for _, key := range found {
		d.warn("objects", "nothing: it stays, and may be the only capture; onrecord verify does not ask for it", "%s belongs to no visit in the ledger", key)
	}
	switch more := total - len(found); {
	case total == 0:
		d.ok("objects", "every capture and journal segment belongs to a visit in the ledger")
	case more > 0:
		d.warn("objects", "", "and %d more", more)
	}
}

// findStrays lists captures and journal segments of visits that are not in the
// ledger, nor in the spool, nor so new that they may be under way: the first few,
// and how many there are.
func findStrays(ctx context.Context, h *house, b bucket.Bucket) (first []string, total int, err error) {
	known, err := visitsIn(ctx, h, b)
	if err != nil {
		return nil, 0, err
	}
	waiting, _, err := spoolOf(h.cfg.StateDir)
	if err != nil {
		return nil, 0, err
	}
	for _, one := range waiting {
		known[one.id] = true
	}
	now := h.env.now()
	stray := map[onrecord.VisitID][]string{}
	for _, prefix := range []string{"captures/", "journal/"} {
		for info, err := range b.List(ctx, prefix, "") {
			if err != nil {
				return nil, 0, err
			}
			name, _, _ := strings.Cut(path.Base(info.Key), ".")
			id, err := onrecord.ParseVisitID(name)
			if err == nil && !known[id] && now.Sub(id.Time()) >= strayAge {
				stray[id] = append(stray[id], info.Key)
			}
		}
	}
	if err := forgetLate(ctx, h, stray); err != nil {
		return nil, 0, err
	}
	for _, keys := range stray {
		total += len(keys)
		first = append(first, keys...)
	}
	slices.Sort(first)
	return first[:min(len(first), straysTold)], total, nil
}

// forgetLate removes what late visits have taken over: their evidence lies under
// the name that they had before (record.md 1.7). Only then is the whole journal
// read.
func forgetLate(ctx context.Context, h *house, stray map[onrecord.VisitID][]string) error {
	if len(stray) == 0 {
		return nil
	}
	for e, err := range h.archive.WalkPast(ctx, 0) {
		if err != nil {
			return err
		}
		for _, o := range e.Visit.Objects {
			for id, keys := range stray {
				if slices.Contains(keys, o.Key) {
					delete(stray, id)
				}
			}
		}
	}
	return nil
}

// visitsIn returns the visits that have a leaf in the ledger.
func visitsIn(ctx context.Context, h *house, b bucket.Bucket) (map[onrecord.VisitID]bool, error) {
	verifier := h.key.verifier
	if verifier == nil {
		return nil, errors.New("not looked for: log.key is not there")
	}
	l, err := ledger.New(b, ledger.Options{Origin: verifier.Name(), Verifier: verifier})
	if err != nil {
		return nil, err
	}
	size, err := h.archive.Size(ctx)
	if err != nil {
		return nil, err
	}
	known := map[onrecord.VisitID]bool{}
	for leaf, err := range l.Leaves(ctx, 0, size) {
		if err != nil {
			return nil, err
		}
		known[leaf.Visit] = true
	}
	return known, nil
}
