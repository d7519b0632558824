// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

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
		Long: `Lifts "onrecord withhold" in one case: the one that --case names. A statement that
is withheld in several cases is shown again when all of them are lifted; which are
in force is on its page, and said by "onrecord show".

It is an entry in the ledger, too, and in the list of take-downs.`,
		Args: usageArgs(cobra.ExactArgs(1)),
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
	InForce   []string             `json:"in_force,omitempty"` // other cases in which it is withheld
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
	out := decided{Statement: st.ID, Case: t.Case, Index: -1}
	event, done, err := h.act(ctx, func() (*onrecord.Event, error) {
		st, err := h.catalog.Statement(ctx, st.ID)
		if err != nil {
			return nil, err
		}
		if out.Message, err = needless(st, kind, t); err != nil || out.Message != "" {
			return nil, err
		}
		out.InForce = nil
		for _, d := range inForce(st) {
			if d.Case != t.Case {
				out.InForce = append(out.InForce, d.Case)
			}
		}
		event := h.takedownEvent(kind, st, t)
		if kind == onrecord.StatementWithheld {
			event.Erasure = &onrecord.Erasure{Leaves: found.told, Records: found.records}
		}
		return event, nil
	})
	if err != nil {
		return err
	}
	if event == nil {
		return e.print(out, "%s %s\n", st.ID, out.Message)
	}
	out.Event, out.Index = event.Type, done.Index+1
	if kind == onrecord.StatementUnwithheld {
		return e.lifted(out)
	}
	if len(out.InForce) > 0 {
		e.say("note: it is withheld in another case, too: %s; it is shown again when all are lifted", strings.Join(out.InForce, ", "))
	}
	for _, line := range found.unread {
		e.say("note: evidence that could not be looked through, and is served as before: %s", line)
	}
	if len(found.named) > 0 {
		e.say("note: %s of other statements name this one, as what they answer, repeat or quote, or by the address of a page; their own words are shown as before: ledger no. %s",
			count(len(found.named), "entry", "entries"), entryList(found.named))
	}
	e.say("this machine shows it no more; others that serve the archive are not known here: their /status has to say ledger no. %d or later", out.Index)
	return e.print(out, "%s is withheld  case %s, ledger no. %d; %s of evidence that show it are served no more\n",
		st.ID, t.Case, out.Index, count(len(found.records), "record", "records"))
}

// needless says why a decision about st would change nothing; nothing if it would.
// To lift a case that is not in force is an error while others are.
func needless(st onrecord.Statement, kind onrecord.EventType, t onrecord.Takedown) (string, error) {
	list := inForce(st)
	at := slices.IndexFunc(list, func(d onrecord.Decision) bool { return d.Case == t.Case })
	switch {
	case wasErased(st):
		return "was erased, case " + st.Decision.Case, nil
	case kind == onrecord.StatementWithheld && at >= 0 && list[at].Ground == t.Ground && list[at].Reason == t.Reason:
		return "is withheld already, case " + t.Case, nil
	case kind == onrecord.StatementUnwithheld && len(list) == 0:
		return "is not withheld", nil
	case kind == onrecord.StatementUnwithheld && at < 0:
		return "", usagef("--case %s: %s is not withheld in it, but in %s: give the case that is to be lifted", t.Case, st.ID, casesOf(list))
	}
	return "", nil
}

// lifted prints what became of a statement of which one case was lifted.
func (e *env) lifted(out decided) error {
	if len(out.InForce) > 0 {
		return e.print(out, "%s stays withheld, case %s  case %s is lifted, ledger no. %d\n", out.Statement, strings.Join(out.InForce, ", "), out.Case, out.Index)
	}
	return e.print(out, "%s is shown again  case %s, ledger no. %d\n", out.Statement, out.Case, out.Index)
}
