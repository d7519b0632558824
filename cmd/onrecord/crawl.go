// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"onrecord/archive"
	"onrecord/ingest"
)

func newCrawl(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "crawl [SOURCE…]",
		Short: "Visit sources once, now",
		Long: `Visits each SOURCE (all, where none is named) once, now, whatever its schedule
says, and commits what it shows. It may run beside "onrecord serve".

Ctrl-C finishes the visit that is under way and begins no other; a second one
stops now: what was captured is in the spool and committed by the next start.
Doors that wait because a platform asked them to, or after a failure, are left
alone until then. Exit status 3 says that some sources failed.`,
		Args: usageArgs(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, args []string) error { return runCrawl(cmd.Context(), e, args) },
	}
	addTrust(cmd, e)
	return cmd
}

func runCrawl(ctx context.Context, e *env, names []string) error {
	e.visits = true
	h, err := e.open(ctx, writing)
	if err != nil {
		return err
	}
	defer h.close()
	in, err := h.ingester()
	if err != nil {
		return err
	}
	chosen, err := pick(in.Sources, names)
	if err != nil {
		return err
	}
	locks, err := newLocks(h.cfg.StateDir)
	if err != nil {
		return err
	}
	h.recover(ctx, in, locks)
	var failed []error
	for i, s := range chosen {
		if e.stop.interrupted() {
			e.say("interrupted: %d of %d sources were not visited", len(chosen)-i, len(chosen))
			break
		}
		if err := h.files.Latch.Err(); err != nil {
			return fmt.Errorf("%d of %d sources were not visited: %w", len(chosen)-i, len(chosen), err)
		}
		if skip, err := h.skipPaused(ctx, s, len(names) > 0); err != nil {
			failed = append(failed, err)
			continue
		} else if skip {
			continue
		}
		if err := h.crawlOne(ctx, in, locks, s); err != nil {
			failed = append(failed, err)
		}
	}
	if e.stop.interrupted() {
		return &failure{status: exitInterrupted, err: errors.New("interrupted")}
	}
	return crawlFailure(failed, len(chosen))
}

// errPaused reports a source that the operator has paused.
var errPaused = errors.New("paused by the operator")

// skipPaused reports whether a source is paused: it is left out, and that is a
// failure where it was asked for by name.
func (h *house) skipPaused(ctx context.Context, s ingest.Source, named bool) (skip bool, err error) {
	gap, err := h.paused(ctx, s.ID)
	if err != nil || gap == nil {
		return false, err
	}
	h.env.say("%s: paused since %s; onrecord source resume %s", s.ID, stamp(gap.Since), s.ID)
	if named {
		return true, errPaused
	}
	return true, nil
}

// crawlFailure makes one failure of those of the sources. Where all of them
// have the same exit status, that is its status.
func crawlFailure(failed []error, visited int) error {
	if len(failed) == 0 {
		return nil
	}
	code, hint := crawlStatus(failed[0])
	for _, err := range failed[1:] {
		if c, _ := crawlStatus(err); c != code {
			code, hint = exitPartly, ""
		}
	}
	return &failure{status: code, hint: hint, err: fmt.Errorf("%d of %d sources failed", len(failed), visited)}
}

// crawlStatus returns the exit status of one source's failure: what is wrong
// with the archive has a status of its own, all else is a failed source.
func crawlStatus(err error) (code int, hint string) {
	switch code, hint := status(err); code {
	case exitConfig, exitUnreachable, exitLocked, exitMismatch:
		return code, hint
	}
	return exitPartly, ""
}

// errFailed reports a visit in which the platform did not answer as it should;
// what it did is printed already.
var errFailed = errors.New("the platform did not answer as it should")

// crawlOne visits one source and prints what came of it.
func (h *house) crawlOne(ctx context.Context, in *ingest.Ingester, l *locks, s ingest.Source) error {
	d, err := in.Door(ctx, s)
	if err != nil {
		h.env.say("%s: %v", s.ID, err)
		return err
	}
	unlock, err := l.wait(h.env.stop.soft, s.ID, d.Host, func(msg string) { h.env.say("%s", msg) })
	if err != nil {
		h.env.say("%s: %v", s.ID, err)
		return err
	}
	rep, err := in.Visit(ctx, s, d)
	unlock()
	if err == nil && rep.Checks != nil {
		rep, err = h.checkOne(ctx, in, l, s, rep)
	}
	if err != nil {
		h.env.say("%v", err)
		return err
	}
	h.printReport(rep)
	if !rep.Spooled {
		if err := h.fetchMedia(ctx, in, l, s); err != nil {
			h.env.say("%s: %v", s.ID, err)
			return err
		}
	}
	switch {
	case rep.Spooled:
		return fmt.Errorf("visit %s: %w", s.ID, whySpooled(rep))
	case rep.Failed():
		return errFailed
	}
	return nil
}

// checkOne makes the checks of a source at another host than its visit's, for
// which locks of their own are needed, and adds what they did to the report.
func (h *house) checkOne(ctx context.Context, in *ingest.Ingester, l *locks, s ingest.Source, rep ingest.Report) (ingest.Report, error) {
	d := *rep.Checks
	unlock, err := l.wait(h.env.stop.soft, s.ID, d.Host, func(msg string) { h.env.say("%s", msg) })
	if err != nil {
		return rep, err
	}
	defer unlock()
	more, err := in.Check(ctx, s, d)
	return rep.With(more), err
}

// recover commits what an earlier process left in the spool, then finishes what
// is pending (record.md 1.6: in this order). Other processes' sources are
// theirs. What can't be done now is told, and is no failure of this command.
func (h *house) recover(ctx context.Context, in *ingest.Ingester, l *locks) {
	_, err := in.Drain(h.env.stop.soft, ctx, func(source string) (func(), bool) {
		unlock, err := l.take("source", source)
		return unlock, err == nil
	}, func(r ingest.Report) {
		switch {
		case r.Dropped:
			h.env.say("%s: an import was interrupted; the same command goes on from what is recorded", r.Source)
		case r.Index < 0:
			h.env.say("%s: a visit that was interrupted had nothing to commit", r.Source)
		default:
			h.env.say("%s: a visit that was interrupted is committed now", r.Source)
			h.printReport(r)
		}
	})
	if ctx.Err() != nil {
		h.env.say("stopped while visits of an earlier run were taken up: they wait in the spool for the next one")
		return
	}
	if err != nil {
		h.env.say("%v", err)
	}
	if h.env.stop.interrupted() {
		return
	}
	if n, err := h.archive.Sweep(ctx); err != nil {
		h.env.say("pending visits: %v", err)
	} else if n > 0 {
		h.env.say("%d pending visits finished", n)
	}
	if size, err := h.archive.Size(ctx); err == nil {
		if _, err := h.catchUp(ctx, size); err != nil {
			h.env.say("%v", err)
		}
	}
}

// printReport prints a line of what a visit did, and its problems.
func (h *house) printReport(r ingest.Report) {
	if h.env.json {
		_ = h.env.print(r, "")
		return
	}
	line := fmt.Sprintf("%s  %s  %s  %d new  %d edited  %d gone", r.Source, r.Outcome, count(r.Items, "item", "items"), r.Created, r.Edited, r.Deleted)
	if len(r.Other) > 0 {
		line += "  " + strings.Join(r.Other, " ")
	}
	if r.Index >= 0 {
		line += fmt.Sprintf("  ledger no. %d", r.Index)
	}
	fmt.Fprintf(h.env.io.out, "%s  %s  %.1f KB  %.1f s\n", line, count(r.Requests, "request", "requests"), float64(r.Bytes)/1000, r.Seconds)
	for _, p := range r.Problems {
		h.env.say("  %s: %s", r.Source, plain(p))
	}
	if r.Spooled {
		h.env.say("  %s: what was captured is in the spool, and is recorded as soon as it can be: %v", r.Source, whySpooled(r))
	}
	if r.Stopped {
		h.env.say("  %s: another account stands behind the handle, or none is known: nothing was attributed", r.Source)
	}
	if r.Frozen != "" {
		h.env.say("  %s: frozen, absences do not count: %s", r.Source, r.Frozen)
	}
}

// whySpooled returns why a visit is in the spool.
func whySpooled(r ingest.Report) error { return cmp.Or(r.Why, archive.ErrUnreachable) }

// pick returns the sources of the given ids, all that have a door for none.
func pick(all []ingest.Source, ids []string) ([]ingest.Source, error) {
	var chosen []ingest.Source
	if len(ids) == 0 {
		for _, s := range all {
			if len(s.Doors) > 0 {
				chosen = append(chosen, s)
			}
		}
		if len(chosen) == 0 {
			return nil, &failure{status: exitConfig, hint: "onrecord add URL writes one into the configuration", err: errors.New("no source with a door is configured")}
		}
		return chosen, nil
	}
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.ID
	}
	for _, id := range ids {
		i := slices.Index(names, id)
		if i < 0 {
			return nil, &failure{status: exitUsage, hint: hintNames(names), err: fmt.Errorf("no source %q is configured", id)}
		}
		if len(all[i].Doors) == 0 {
			return nil, usagef("source %q has no door: it takes imports only", id)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// hintNames says what is configured.
func hintNames(names []string) string {
	if len(names) == 0 {
		return "none is configured yet"
	}
	return "configured are " + strings.Join(names[:min(len(names), 12)], ", ")
}
