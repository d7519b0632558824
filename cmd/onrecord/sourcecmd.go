// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"onrecord"
	"onrecord/ingest"
)

func newSource(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "source",
		Short: "Look at sources; pause, resume and thaw them",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSourceList(e), newSourceTest(e), newPause(e), newResume(e), newThaw(e), newIdentify(e))
	return cmd
}

func newSourceList(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the sources and how they fare",
		Long: `Lists every configured source: its account, its state, how many statements of the
account the archive holds, and how each of its doors fares. "onrecord schedule
list" says when they are visited.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withStatus(cmd.Context(), func(h *house, _ []ingest.Source, rows []onrecord.SourceStatus) error {
				return h.printSources(rows)
			})
		},
	}
}

// An operatorAct is what pause, resume, thaw and identify have in common.
type operatorAct struct {
	use, short, long string
	flag, flagHelp   string // the one flag, if there is one
	// event makes the event, or says why none is needed.
	event func(ctx context.Context, h *house, row onrecord.SourceStatus, known onrecord.KnownSource, word string) (e *onrecord.Event, why string, err error)
	done  string // what is told after it, with the source's id
}

func (a operatorAct) command(e *env) *cobra.Command {
	var word string
	cmd := &cobra.Command{
		Use: a.use, Short: a.short, Long: a.long, Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), e, args[0], word) },
	}
	if a.flag != "" {
		cmd.Flags().StringVar(&word, a.flag, "", a.flagHelp)
	}
	addTrust(cmd, e)
	return cmd
}

func (a operatorAct) run(ctx context.Context, e *env, id, word string) error {
	if word = strings.TrimSpace(word); utf8.RuneCountInString(word) > maxNote || !utf8.ValidString(word) {
		return usagef("--%s: at most %d characters", a.flag, maxNote)
	}
	h, err := e.open(ctx, writing)
	if err != nil {
		return err
	}
	defer h.close()
	s, err := h.sourceNamed(id)
	if err != nil {
		return err
	}
	var why string
	event, done, err := h.act(ctx, func() (*onrecord.Event, error) {
		row, err := h.sourceStatus(ctx, s)
		if err != nil {
			return nil, err
		}
		known, err := h.catalog.KnownSource(ctx, s.ID)
		if err != nil {
			return nil, err
		}
		var event *onrecord.Event
		event, why, err = a.event(ctx, h, row, known, word)
		return event, err
	})
	if err != nil {
		return err
	}
	out := struct {
		Source  string             `json:"source"`
		Event   onrecord.EventType `json:"event,omitempty"`
		Index   int64              `json:"log_index"`
		Message string             `json:"message,omitempty"`
	}{Source: id, Index: -1, Message: why}
	if event == nil {
		return e.print(out, "%s %s\n", id, why)
	}
	out.Event, out.Index = event.Type, done.Index+1
	return e.print(out, "%s %s  ledger no. %d\n", id, a.done, out.Index)
}

// maxNote is the longest word of the operator's, in characters: it stands on
// pages.
const maxNote = 200

func newPause(e *env) *cobra.Command {
	return operatorAct{
		use: "pause SOURCE", short: "Visit a source no more, for now",
		long: `Ends the scheduled visits of SOURCE until "onrecord source resume". A visit that is
under way is finished.

The pause is recorded, with the reason, as a gap of the source: nobody was
looking, and the archive says so. It holds on every machine and after a restart.
"onrecord crawl SOURCE" refuses a paused source.`,
		flag: "reason", flagHelp: "why, in `WORDS` that everybody may read",
		done: "is paused",
		event: func(ctx context.Context, h *house, row onrecord.SourceStatus, known onrecord.KnownSource, word string) (*onrecord.Event, string, error) {
			if !row.Paused.IsZero() {
				return nil, "is paused already, since " + stamp(row.Paused), nil
			}
			event := h.sourceAct(onrecord.SourceGap, row, time.Time{}, known.Marks["gap:"+onrecord.GapPaused])
			event.Gap = &onrecord.Gap{Reason: onrecord.GapPaused, Open: true, Since: event.By, Note: word}
			return event, "", nil
		},
	}.command(e)
}

func newResume(e *env) *cobra.Command {
	return operatorAct{
		use: "resume SOURCE", short: "Visit a paused source again",
		long: `Ends a pause. What the schedule missed meanwhile is visited once, soon.`,
		done: "is resumed",
		event: func(ctx context.Context, h *house, row onrecord.SourceStatus, known onrecord.KnownSource, _ string) (*onrecord.Event, string, error) {
			gap := pausedGap(known)
			if gap == nil {
				return nil, "is not paused", nil
			}
			event := h.sourceAct(onrecord.SourceGap, row, gap.Since, known.Marks["gap:"+onrecord.GapPaused])
			event.Gap = &onrecord.Gap{Reason: onrecord.GapPaused, Since: gap.Since, Note: gap.Note}
			return event, "", nil
		},
	}.command(e)
}

func newThaw(e *env) *cobra.Command {
	return operatorAct{
		use: "thaw SOURCE", short: "Let absences at a frozen source count again",
		long: `Where a fifth or more of what was looked at is missing at once, a source is frozen:
visits go on, but what is missing is not judged, since a broken page looks the
same. Look at the platform. If the statements are really gone, thaw the source:
from then on each is looked at by its own address, and judged like any other.

A source whose statements come back thaws by itself.`,
		flag: "reason", flagHelp: "what you found, in `WORDS` that everybody may read",
		done: "is thawed",
		event: func(ctx context.Context, h *house, row onrecord.SourceStatus, known onrecord.KnownSource, word string) (*onrecord.Event, string, error) {
			if row.Frozen == "" {
				return nil, "is not frozen", nil
			}
			event := h.sourceAct(onrecord.SourceThawed, row, row.FrozenAt, known.Marks["frozen"])
			event.Reason = word
			return event, "", nil
		},
	}.command(e)
}

func newIdentify(e *env) *cobra.Command {
	return operatorAct{
		use: "identify SOURCE", short: "Say that a source's account is the recorded one, after another stood behind its handle",
		long: `Where another account answers to a source's handle, nothing is attributed any more:
the handle may have been taken over. Look at the platform. If the account that
the archive knows is behind the handle again, say so with this command, and the
visits go on; if the other one still answers, the next visit stops again.

An account with another stable id is another account, even of the same person:
give it a source of its own in the configuration.`,
		flag: "account-id", flagHelp: "the stable `ID` that you found, to be compared with the recorded one",
		done: "is attributed again",
		event: func(ctx context.Context, h *house, row onrecord.SourceStatus, known onrecord.KnownSource, word string) (*onrecord.Event, string, error) {
			switch id := row.Account.ID; {
			case id == "":
				return nil, "", &failure{status: exitConfig, hint: "give the source an account_id in the configuration", err: fmt.Errorf("no account id of source %s is known yet: there is nothing to go back to", row.Source)}
			case word != "" && word != id:
				return nil, "", &failure{status: exitConfig, hint: fmt.Sprintf("add a source with account_id: %q to the configuration", word), err: fmt.Errorf("source %s is of account %s, and %s is another account", row.Source, id, word)}
			case !known.IdentityChanged:
				return nil, "is attributed to account " + id + " as ever", nil
			}
			account, err := h.catalog.KnownAccount(ctx, row.Platform, row.Account.ID)
			if err != nil {
				return nil, "", err
			}
			event := h.sourceAct(onrecord.AccountIdentified, row, time.Time{}, known.Marks["identity"])
			event.Account.Handle, event.Account.Name = account.Handle, account.Name // no State: nobody has looked
			return event, "", nil
		},
	}.command(e)
}

// sourceNamed returns the configured source of an id.
func (h *house) sourceNamed(id string) (ingest.Source, error) {
	all, err := sourcesOf(h.cfg)
	if err != nil {
		return ingest.Source{}, err
	}
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.ID
	}
	i := slices.Index(names, id)
	if i < 0 {
		return ingest.Source{}, &failure{status: exitUsage, hint: hintNames(names), err: fmt.Errorf("no source %q is configured", id)}
	}
	return all[i], nil
}

// withStatus opens the archive for reading and tells how its sources fare; where the
// storage is away, as far as the catalog knows.
func (e *env) withStatus(ctx context.Context, then func(h *house, sources []ingest.Source, rows []onrecord.SourceStatus) error) error {
	h, err := e.openToRead(ctx)
	if err != nil {
		return err
	}
	defer h.close()
	sources, err := sourcesOf(h.cfg)
	if err != nil {
		return err
	}
	if len(sources) == 0 {
		return &failure{status: exitConfig, hint: "onrecord add URL writes one into the configuration", err: errors.New("no source is configured")}
	}
	rows, err := h.status(ctx, sources)
	if err != nil {
		return err
	}
	return then(h, sources, rows)
}
