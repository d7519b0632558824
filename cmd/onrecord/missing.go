// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"onrecord"
)

// A missingFlags holds the flags of `missing`.
type missingFlags struct {
	giveUp, noActs bool
	reason         string
}

func newMissing(e *env) *cobra.Command {
	var f missingFlags
	cmd := &cobra.Command{
		Use:   "missing",
		Short: "List the lines of the journal that are lost, and give them up",
		Long: `Lists the visits whose lines can't be read: their segment of the journal is lost or
damaged. The site shows everything else. Until the lines are back, visits that they
may have told of wait in the spool, and where one of them may have withheld or
erased a statement no statement is shown.

First try "onrecord verify --repair", with every copy that there may be. What no
copy has is given up with --give-up: that is an entry in the ledger, with the reason
for everybody to read. From then on visits are judged by what is left. Should the
lines come back later, they are taken in. "onrecord verify" goes on naming them.

The catalog of this machine may still have what the bucket has lost: then nothing is
missing here, and nothing waits. Only where you want it given up all the same, make
the catalog anew without it first: "onrecord rebuild --incomplete".

Of a lost visit that may have been a decision nobody can tell which statement it
withheld or erased. --no-acts says that none of them withheld or erased anything, or
that you have withheld or erased it again since: you know your cases.

--json prints a run of lines as one object a line, as machine.missing of the API.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return runMissing(cmd.Context(), e, f) },
	}
	cmd.Flags().BoolVar(&f.giveUp, "give-up", false, "record that they are lost for good, and go on without them")
	cmd.Flags().BoolVar(&f.noActs, "no-acts", false, "no lost visit withheld or erased anything, or you have done it again since")
	cmd.Flags().StringVar(&f.reason, "reason", "", "how they were lost, in `WORDS` that everybody may read")
	addTrust(cmd, e)
	return cmd
}

// A missingJSON is one run of lost lines.
type missingJSON struct {
	Visit    onrecord.VisitID `json:"visit"`
	Date     time.Time        `json:"date"`
	First    int64            `json:"first"` // ledger indexes
	Last     int64            `json:"last"`
	Source   *string          `json:"source"` // null where nothing tells
	Decision bool             `json:"may_be_decision"`
	GivenUp  *int64           `json:"given_up"` // ledger index; null while nobody has
}

func missingOf(l onrecord.LostLines) missingJSON {
	row := missingJSON{Visit: l.Visit, Date: l.Visit.Time().UTC(), First: l.From, Last: l.To - 1, Decision: l.Unsettled()}
	if l.Source != "" {
		row.Source = &l.Source
	}
	if l.GivenUp >= 0 {
		row.GivenUp = &l.GivenUp
	}
	return row
}

// check reports flags that don't go together.
func (f missingFlags) check() error {
	switch {
	case !f.giveUp && (f.noActs || f.reason != ""):
		return usagef("--no-acts and --reason go with --give-up")
	case f.giveUp && strings.TrimSpace(f.reason) == "":
		return usagef("--give-up wants --reason: how they were lost, for everybody to read")
	}
	return nil
}

func runMissing(ctx context.Context, e *env, f missingFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	need := reading
	if f.giveUp {
		need = writing
	}
	h, err := e.open(ctx, need)
	if err != nil {
		return err
	}
	defer h.close()
	list, err := h.catalog.Lost(ctx)
	if err != nil {
		return err
	}
	if f.giveUp {
		return h.giveUp(ctx, f)
	}
	if len(list) == 0 && !e.json {
		return e.print(nil, "the catalog lacks nothing; what the bucket has lost and the catalog still has, onrecord verify names\n")
	}
	for _, l := range list {
		if err := e.print(missingOf(l), "ledger no. %s, visit %s of %s, %s%s\n", span(l), l.Visit, l.Visit.Time().UTC().Format(time.RFC3339), cmp.Or(l.Source, "an unknown source"), remark(l)); err != nil {
			return err
		}
	}
	return nil
}

// span words which lines are lost.
func span(l onrecord.LostLines) string {
	if l.To == l.From+1 {
		return fmt.Sprint(l.From)
	}
	return fmt.Sprintf("%d-%d", l.From, l.To-1)
}

// remark says what follows from lines being lost.
func remark(l onrecord.LostLines) string {
	switch {
	case l.GivenUp >= 0:
		return fmt.Sprintf("; given up at no. %d", l.GivenUp)
	case l.Act && l.Source == builtIn:
		return "; a decision or another act of the operator: no statement is shown"
	case l.Act:
		return "; perhaps a decision of the operator: no statement is shown"
	}
	return ""
}

// giveUp records that lines are lost for good: by several acts, where they are more
// runs than one gives up.
func (h *house) giveUp(ctx context.Context, f missingFlags) error {
	var lines, index int64
	var left []onrecord.LostLines
	for {
		gave, done, unsettled, err := h.giveUpOnce(ctx, f)
		if err != nil {
			return err
		}
		if left = unsettled; gave == 0 {
			break
		}
		lines, index = lines+gave, done.Index+1
	}
	switch {
	case lines > 0:
		if err := h.env.print(map[string]int64{"lines": lines, "log_index": index}, "%s given up, as ledger no. %d\n", count(int(lines), "line", "lines"), index); err != nil {
			return err
		}
	case len(left) == 0:
		return h.env.print(map[string]int64{"lines": 0}, "nothing is missing in the catalog that was not given up; what the bucket alone has lost is given up after onrecord rebuild --incomplete\n")
	}
	if len(left) > 0 {
		return &failure{status: exitMismatch, hint: "withhold again what they may have withheld or erased, then --give-up --no-acts; erase again after it",
			err: errors.New(count(onrecord.Missing(left), "lost visit", "lost visits") + " may have been decisions, and are not given up: no statement is shown")}
	}
	return nil
}

// giveUpOnce is giveUp by one act. It returns how many lines that gave up, and what
// may have been decisions and is left.
func (h *house) giveUpOnce(ctx context.Context, f missingFlags) (gave int64, done onrecord.Done, left []onrecord.LostLines, err error) {
	_, done, err = h.act(ctx, func() (*onrecord.Event, error) { // once more where another act came between
		gave, left = 0, nil
		list, err := h.catalog.Lost(ctx)
		if err != nil {
			return nil, err
		}
		var lines []onrecord.Lines
		for _, l := range list {
			switch {
			case l.GivenUp >= 0:
			case l.Act && !f.noActs:
				left = append(left, l)
			case len(lines) < onrecord.MaxGivenUp: // the rest with the next
				lines = append(lines, onrecord.Lines{From: l.From, To: l.To})
			}
		}
		extra, _ := onrecord.GiveUp(lines)
		if extra == nil {
			return nil, nil
		}
		gave = int64(linesIn(lines))
		now := h.env.now().UTC().Truncate(time.Microsecond)
		return &onrecord.Event{
			Type: onrecord.ArchiveGaveUp, At: now, By: now, Source: builtIn, Platform: builtIn, Reason: f.reason, Provenance: onrecord.Captured,
			Index: -1, Prev: -1, Extra: extra,
		}, nil
	})
	return gave, done, left, err
}
