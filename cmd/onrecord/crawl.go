// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"onrecord/ingest"
)

func newCrawl(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "crawl [SOURCE…]",
		Short: "Visit sources once, now",
		Long: `Visits each SOURCE (all, where none is named) once, now, whatever its schedule
says, and commits what it shows. It may run beside "onrecord serve".

Ctrl-C finishes the visit that is under way and begins no other; a second one
stops now: what was captured is in the spool and committed by the next start.
Exit status 3 says that some sources failed.`,
		Args: usageArgs(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, args []string) error { return runCrawl(cmd.Context(), e, args) },
	}
}

func runCrawl(ctx context.Context, e *env, names []string) error {
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
	failed, held := h.recover(ctx, in), 0
	for i, s := range chosen {
		if e.stop.interrupted() {
			e.say("interrupted: %d of %d sources were not visited", len(chosen)-i, len(chosen))
			break
		}
		if err := h.crawlOne(ctx, in, locks, s); errors.Is(err, errHeld) {
			held++
		} else if err != nil {
			failed++
		}
	}
	if e.stop.interrupted() {
		return &failure{status: exitInterrupted, err: errors.New("interrupted")}
	}
	if held > 0 && failed == 0 {
		return &failure{status: exitLocked, err: fmt.Errorf("%d of %d sources are being visited by another process", held, len(chosen))}
	}
	if failed += held; failed > 0 {
		return &failure{status: exitPartly, err: fmt.Errorf("%d of %d sources failed", failed, len(chosen))}
	}
	return nil
}

// errFailed reports a visit in which the platform did not answer as it should;
// what it did is printed already.
var errFailed = errors.New("the platform did not answer as it should")

// crawlOne visits one source and prints what came of it.
func (h *house) crawlOne(ctx context.Context, in *ingest.Ingester, l *locks, s ingest.Source) error {
	unlock, err := l.wait(h.env.stop.soft, s.ID, s.Doors[0].Host, func(msg string) { h.env.say("%s", msg) })
	if err != nil {
		h.env.say("%s: %v", s.ID, err)
		return err
	}
	defer unlock()
	rep, err := in.Visit(ctx, s)
	if err != nil {
		h.env.say("%v", err)
		return err
	}
	h.printReport(rep)
	if rep.Failed() {
		return errFailed
	}
	return nil
}

// recover commits what an earlier process left, and returns how many visits it
// could not.
func (h *house) recover(ctx context.Context, in *ingest.Ingester) (failed int) {
	if n, err := h.archive.Sweep(ctx); err != nil {
		h.env.say("pending visits: %v", err)
		failed++
	} else if n > 0 {
		h.env.say("%d pending visits finished", n)
	}
	reports, err := in.Recover(ctx)
	for _, r := range reports {
		h.env.say("%s: a visit that was interrupted is committed now", r.Source)
		h.printReport(r)
	}
	if err != nil {
		h.env.say("%v", err)
		failed++
	}
	return failed
}

// printReport prints a line of what a visit did, and its problems.
func (h *house) printReport(r ingest.Report) {
	if h.env.json {
		_ = h.env.print(r, "")
		return
	}
	line := fmt.Sprintf("%s  %s  %d items  %d new  %d edited  %d gone", r.Source, r.Outcome, r.Items, r.Created, r.Edited, r.Deleted)
	if len(r.Other) > 0 {
		line += "  " + strings.Join(r.Other, " ")
	}
	if r.Index >= 0 {
		line += fmt.Sprintf("  ledger no. %d", r.Index)
	}
	fmt.Fprintf(h.env.io.out, "%s  %d requests  %.1f KB  %.1f s\n", line, r.Requests, float64(r.Bytes)/1000, r.Seconds)
	for _, p := range r.Problems {
		h.env.say("  %s: %s", r.Source, p)
	}
	if r.Stopped {
		h.env.say("  %s: another account stands behind the handle, or none is known: nothing was attributed", r.Source)
	}
	if r.Frozen != "" {
		h.env.say("  %s: frozen, absences do not count: %s", r.Source, r.Frozen)
	}
}

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
			return nil, &failure{status: exitConfig, hint: "add figures and their sources to the configuration", err: errors.New("no source with a door is configured")}
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
