// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"onrecord"
	"onrecord/ingest"
	"onrecord/schedule"
)

func newSchedule(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schedule",
		Short: "Show when sources are visited",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var n int
	next := &cobra.Command{
		Use:   "next",
		Short: "List the next visits in the order of time",
		Long: `Lists the next visits, the earliest first, as they follow from the schedules and
from the last visit of each source, jitter and back-off included. "now" stands for
what is due already. Paused sources, and those without a schedule, are left out.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if n < 1 || n > 10000 {
				return usagef("-n %d: from 1 to 10000", n)
			}
			return e.withStatus(cmd.Context(), func(h *house, sources []ingest.Source, rows []onrecord.SourceStatus) error {
				return h.printNext(sources, rows, n)
			})
		},
	}
	next.Flags().IntVarP(&n, "number", "n", 20, "how many `VISITS`")
	cmd.AddCommand(&cobra.Command{
		Use:   "list",
		Short: "List the sources with their schedules, last and next visits",
		Long: `Lists every configured source with its schedule, when it was last visited, when it
is visited next (UTC; jitter and back-off included), its state, and its doors. While
the storage does not answer, it shows what the catalog of this machine has.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withStatus(cmd.Context(), func(h *house, _ []ingest.Source, rows []onrecord.SourceStatus) error {
				return h.printSchedule(rows)
			})
		},
	}, next)
	return cmd
}

// printSchedule prints a line of when each source is visited.
func (h *house) printSchedule(rows []onrecord.SourceStatus) error {
	now := h.env.now()
	return h.table(rows, "SOURCE\tSCHEDULE\tLAST VISIT\tNEXT VISIT\tSTATE\tDOORS", func(w io.Writer, s onrecord.SourceStatus) {
		next := "by hand"
		switch {
		case !s.Paused.IsZero(), s.Unreadable != "":
			next = "-"
		case s.Next.After(now):
			next = stamp(s.Next)
		case !s.Next.IsZero():
			next = "now"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Source, cmp.Or(s.Schedule, "-"), stamp(s.LastTick), next, stateWords(s), doorWords(s.Doors, now))
	})
}

// printSources prints a line of how each source fares.
func (h *house) printSources(rows []onrecord.SourceStatus) error {
	now := h.env.now()
	return h.table(rows, "SOURCE\tFIGURE\tPLATFORM\tACCOUNT\tSTATEMENTS\tLAST GOOD VISIT\tSTATE\tDOORS", func(w io.Writer, s onrecord.SourceStatus) {
		account := cmp.Or(s.Account.Handle, s.Account.ID, "-")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", s.Source, s.Figure, s.Platform, plain(account), s.Statements, stamp(s.LastGood), stateWords(s), doorWords(s.Doors, now))
	})
}

// table prints rows, as JSON where that was asked for.
func (h *house) table(rows []onrecord.SourceStatus, head string, line func(io.Writer, onrecord.SourceStatus)) error {
	w := tabwriter.NewWriter(h.env.io.out, 0, 4, 2, ' ', 0)
	if !h.env.json {
		fmt.Fprintln(w, head)
	}
	for _, s := range rows {
		if !h.env.json {
			line(w, s)
		} else if err := h.env.print(statusJSON(s), ""); err != nil {
			return err
		}
	}
	return w.Flush()
}

// stateWords says in a few words what is to be known of a source.
func stateWords(s onrecord.SourceStatus) string {
	var list []string
	if s.Unreadable != "" {
		list = append(list, "its state can't be read: "+plain(s.Unreadable))
	}
	if !s.Paused.IsZero() {
		words := "paused since " + stamp(s.Paused)
		if s.PausedNote != "" {
			words += " (" + plain(s.PausedNote) + ")"
		}
		list = append(list, words)
	}
	if s.IdentityChanged {
		list = append(list, "another account behind the handle")
	}
	if s.Frozen != "" {
		list = append(list, "frozen: "+plain(s.Frozen))
	}
	for _, g := range s.OpenGaps {
		if g.Reason != onrecord.GapPaused {
			list = append(list, "gap since "+stamp(g.Since)+": "+plain(g.Reason))
		}
	}
	switch {
	case len(list) > 0:
	case len(s.Doors) == 0:
		return "imports only"
	case s.LastVisit.IsZero():
		return "not visited yet"
	default:
		return cmp.Or(string(s.Outcome), "ok")
	}
	return strings.Join(list, "; ")
}

// doorWords says how the doors of a source fare.
func doorWords(doors []onrecord.DoorStatus, now time.Time) string {
	if len(doors) == 0 {
		return "-"
	}
	list := make([]string, len(doors))
	for i, d := range doors {
		list[i] = d.ID
		if d.Outcome != "" {
			list[i] += " " + string(d.Outcome)
		}
		if d.Fails > 1 {
			list[i] += fmt.Sprintf(" %d times", d.Fails)
		}
		if d.RetryAt.After(now) {
			list[i] += ", waits until " + stamp(d.RetryAt)
		}
	}
	return strings.Join(list, "; ")
}

// printNext prints the next n visits.
func (h *house) printNext(sources []ingest.Source, rows []onrecord.SourceStatus, n int) error {
	if h.archive == nil {
		return &failure{status: exitUnreachable, hint: againHint, err: errors.New("when sources were visited last stands in the storage, so when they are next can't be told")}
	}
	var agenda schedule.Agenda
	byID, now := make(map[string]ingest.Source, len(sources)), h.env.now()
	for i, s := range sources {
		byID[s.ID] = s
		agenda.Set(s.ID, rows[i].Next)
	}
	w := tabwriter.NewWriter(h.env.io.out, 0, 4, 2, ' ', 0)
	if !h.env.json {
		fmt.Fprintln(w, "TIME (UTC)\tIN\tSOURCE\tSCHEDULE")
	}
	for range n {
		v, ok := agenda.Next()
		if !ok {
			break
		}
		s, in := byID[v.Source], "now"
		at := v.At
		if at.After(now) {
			in = at.Sub(now).Round(time.Second).String()
		} else {
			at = now // what was missed is visited once
		}
		agenda.Set(v.Source, s.Schedule.Next(at))
		if !h.env.json {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", v.At.Format("2006-01-02 15:04:05"), in, s.ID, s.Spec)
			continue
		}
		if err := h.env.print(map[string]any{"source": s.ID, "due_at": v.At, "schedule": s.Spec}, ""); err != nil {
			return err
		}
	}
	return w.Flush()
}

// stamp words an instant for a table, in UTC.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

type doorJSON struct {
	ID         string           `json:"id"`
	Kind       string           `json:"kind"`
	Host       string           `json:"host"`
	Outcome    onrecord.Outcome `json:"outcome"`
	Fails      int              `json:"fails"`
	RetryAt    *time.Time       `json:"retry_at"`
	LastGoodAt *time.Time       `json:"last_good_at"`
}

type statusShape struct {
	Source          string           `json:"source"`
	Figure          string           `json:"figure"`
	Platform        string           `json:"platform"`
	AccountID       string           `json:"account_id"`
	Handle          string           `json:"handle"`
	Schedule        string           `json:"schedule"`
	LastTick        *time.Time       `json:"last_tick"`
	LastVisitAt     *time.Time       `json:"last_visit_at"`
	LastGoodAt      *time.Time       `json:"last_good_at"`
	Outcome         onrecord.Outcome `json:"outcome"`
	NextAt          *time.Time       `json:"next_at"`
	PausedAt        *time.Time       `json:"paused_at"`
	PausedNote      string           `json:"paused_note"`
	FrozenAt        *time.Time       `json:"frozen_at"`
	Frozen          string           `json:"frozen"`
	IdentityChanged bool             `json:"identity_changed"`
	Statements      int64            `json:"statements"`
	Gaps            []onrecord.Gap   `json:"open_gaps"`
	Doors           []doorJSON       `json:"doors"`
}

func statusJSON(s onrecord.SourceStatus) statusShape {
	out := statusShape{
		Source: s.Source, Figure: s.Figure, Platform: s.Platform, AccountID: s.Account.ID, Handle: s.Account.Handle, Schedule: s.Schedule,
		LastTick: orNull(s.LastTick), LastVisitAt: orNull(s.LastVisit), LastGoodAt: orNull(s.LastGood), Outcome: s.Outcome, NextAt: orNull(s.Next),
		PausedAt: orNull(s.Paused), PausedNote: s.PausedNote, FrozenAt: orNull(s.FrozenAt), Frozen: s.Frozen,
		IdentityChanged: s.IdentityChanged, Statements: s.Statements,
		Gaps: append([]onrecord.Gap{}, s.OpenGaps...), Doors: make([]doorJSON, len(s.Doors)),
	}
	for i, d := range s.Doors {
		out.Doors[i] = doorJSON{ID: d.ID, Kind: d.Kind, Host: d.Host, Outcome: d.Outcome, Fails: d.Fails, RetryAt: orNull(d.RetryAt), LastGoodAt: orNull(d.LastGood)}
	}
	return out
}
