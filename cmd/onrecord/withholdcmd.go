// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/spf13/cobra"

	"onrecord"
)

func digestHex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func newWithhold(e *env) *cobra.Command {
	var t onrecord.Takedown
	var ground string
	cmd := &cobra.Command{
		Use:   "withhold ID|URL --ground policy|law --case CASE --reason WORDS",
		Short: "Show a statement no more; nothing is changed in the record",
		Long: `Takes a statement off every page, list, search, answer of the API and download,
at once. Under its address stands that it is withheld, with the case, the
category and the date: as 410 for a policy of this archive, as 451 for the law.

It is an entry in the ledger and changes nothing else: the statement stays in the
archive, goes on being followed, and "onrecord unwithhold" shows it again. Every
proof given out before still holds. What must be gone for good is erased: see
"onrecord erase".

It returns when this machine shows it no more. Other machines that serve the
archive are not known here: each follows the ledger within seconds, or, where it
can't for a minute, answers 503 for statements; its status page says up to which
entry it is.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if t.Ground = onrecord.Ground(ground); t.Ground != onrecord.GroundPolicy && t.Ground != onrecord.GroundLaw {
				return usagef("--ground: policy or law, not %q", ground)
			}
			if err := checkCase(t.Case); err != nil {
				return err
			}
			if err := checkReason(t.Reason); err != nil {
				return err
			}
			return e.decide(cmd.Context(), args[0], onrecord.StatementWithheld, t)
		},
	}
	cmd.Flags().StringVar(&ground, "ground", "", "`policy` of this archive, or law")
	cmd.Flags().StringVar(&t.Case, "case", "", "number of the case, such as `T-2026-014`")
	cmd.Flags().StringVar(&t.Reason, "reason", "", "the category in `WORDS` that everybody may read; it names nobody")
	addTrust(cmd, e)
	return cmd
}

func newUnwithhold(e *env) *cobra.Command {
	var t onrecord.Takedown
	cmd := &cobra.Command{
		Use:   "unwithhold ID|URL --case CASE",
		Short: "Show a withheld statement again",
		Long:  `Lifts "onrecord withhold". That is an entry in the ledger, too, and in the list of take-downs.`,
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkCase(t.Case); err != nil {
				return err
			}
			return e.decide(cmd.Context(), args[0], onrecord.StatementUnwithheld, t)
		},
	}
	cmd.Flags().StringVar(&t.Case, "case", "", "number of the case, such as `T-2026-014`")
	addTrust(cmd, e)
	return cmd
}

// A decided is what withhold, unwithhold and erase print.
type decided struct {
	Statement onrecord.StatementID `json:"statement"`
	Event     onrecord.EventType   `json:"event,omitempty"`
	Case      string               `json:"case"`
	Index     int64                `json:"log_index"`
	Message   string               `json:"message,omitempty"`
}

// decide records that a statement is withheld, or shown again.
func (e *env) decide(ctx context.Context, arg string, kind onrecord.EventType, t onrecord.Takedown) error {
	h, err := e.open(ctx, writing)
	if err != nil {
		return err
	}
	defer h.close()
	st, err := h.statementNamed(ctx, arg)
	if err != nil {
		return err
	}
	var found shownBy
	if kind == onrecord.StatementWithheld {
		if found, err = h.shows(ctx, st, nil); err != nil {
			return err
		}
	}
	why, before := "", ""
	event, done, err := h.act(ctx, func() (*onrecord.Event, error) {
		st, err := h.catalog.Statement(ctx, st.ID)
		if err != nil {
			return nil, err
		}
		d := st.Decision
		switch {
		case d != nil && d.Type == onrecord.StatementErased:
			why = "was erased, case " + d.Case
			return nil, nil
		case kind == onrecord.StatementUnwithheld && d == nil:
			why = "is not withheld"
			return nil, nil
		case kind == onrecord.StatementWithheld && d != nil && d.Case == t.Case && d.Ground == t.Ground && d.Reason == t.Reason:
			why = "is withheld already, case " + d.Case
			return nil, nil
		}
		if d != nil && d.Case != t.Case {
			before = d.Case
		}
		event := h.takedownEvent(kind, st, t)
		if kind == onrecord.StatementWithheld {
			event.Erasure = &onrecord.Erasure{Records: found.records}
		}
		return event, nil
	})
	if err != nil {
		return err
	}
	out := decided{Statement: st.ID, Case: t.Case, Index: -1, Message: why}
	if event == nil {
		return e.print(out, "%s %s\n", st.ID, why)
	}
	out.Event, out.Index = event.Type, done.Index+1
	if before != "" {
		e.say("note: until now it was withheld in case %s; /about/takedowns shows the last decision, the log all of them", before)
	}
	if kind == onrecord.StatementUnwithheld {
		return e.print(out, "%s is shown again  case %s, ledger no. %d\n", st.ID, t.Case, out.Index)
	}
	for _, line := range found.unread {
		e.say("note: evidence that could not be looked through, and is served as before: %s", line)
	}
	if len(found.named) > 0 {
		e.say("note: %s of other statements name this one, as what they answer, repeat or quote; their own words are shown as before: ledger no. %s",
			count(len(found.named), "entry", "entries"), entryList(found.named))
	}
	e.say("this machine shows it no more; others that serve the archive are not known here: their /status has to say ledger no. %d or later", out.Index)
	return e.print(out, "%s is withheld  case %s, ledger no. %d; %s of evidence that show it are served no more\n",
		st.ID, t.Case, out.Index, count(len(found.records), "record", "records"))
}
