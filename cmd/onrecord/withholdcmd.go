// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
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

Its pages go first; then all evidence of the account is looked through, and what
shows it goes, too. Broken off, or where something was missed, it is said again.

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
		return h.ruling(ctx, kind, st, t)
	})
	if err != nil {
		return err
	}
	if event != nil {
		out.Event, out.Index = event.Type, done.Index+1
	}
	if err := h.inEffect(ctx, st, kind, t.Case); err != nil {
		return err
	}
	switch {
	case kind == onrecord.StatementWithheld:
		return e.withhold(ctx, h, st, t.Case, out)
	case event == nil:
		return e.print(out, "%s %s\n", st.ID, out.Message)
	}
	return e.lifted(out)
}

// withhold withholds the evidence of a statement that is withheld by now in a
// case, and says what was done.
func (e *env) withhold(ctx context.Context, h *house, st onrecord.Statement, number string, out decided) error {
	if out.Message != "" && wasErased(st) {
		return e.print(out, "%s %s\n", st.ID, out.Message)
	}
	found, records, last, err := h.withholdEvidence(ctx, st, number)
	if err != nil {
		return fmt.Errorf("%s is withheld, case %s; of the evidence that shows it some may be served still, say it again: %w", st.ID, number, err)
	}
	if out.Message != "" && last < 0 {
		return e.print(out, "%s %s\n", st.ID, out.Message)
	}
	last = max(last, out.Index)
	if out.Index < 0 {
		out.Event, out.Index = onrecord.StatementWithheld, last
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
	e.say("this machine shows it no more; others that serve the archive are not known here: their /status has to say ledger no. %d or later", last)
	evidence := count(records, "record", "records") + " of evidence that show it are served no more"
	if records == 0 {
		evidence = "what shows it, if anything does, was named by a case before"
	}
	return e.print(out, "%s is withheld  case %s, ledger no. %d; %s\n", st.ID, number, out.Index, evidence)
}

// withholdEvidence adds to a decision that is in force all that shows the
// statement and that no event about it names yet. Visits under way lose their
// fence first: they were judged, or their plan was made, without knowing of the
// decision. What was committed until then is found. It returns how many records it
// has added, and the ledger index of the last event, or -1.
func (h *house) withholdEvidence(ctx context.Context, st onrecord.Statement, number string) (found shownBy, records int, last int64, err error) {
	last = -1
	in, err := h.ingester()
	if err != nil {
		return found, 0, last, err
	}
	var held []error
	var sources []string
	for _, s := range in.Sources {
		if s.Platform == st.Platform {
			sources = append(sources, s.ID)
		}
	}
	for fenced := map[string]bool{}; ; sources = found.sources {
		again := false
		for _, source := range sources {
			if fenced[source] {
				continue
			}
			fenced[source], again = true, true
			if err := h.archive.Forget(ctx, source, func(*onrecord.SourceState) {}); err != nil {
				held = append(held, fmt.Errorf("visits of %s under way: %w", source, err)) // no reason to go on serving what there is
			}
		}
		if !again && found.trace != nil {
			return found, records, last, errors.Join(held...)
		}
		if found, err = h.shows(ctx, st, nil, h.archive.WalkPast(ctx, 0)); err != nil {
			return found, records, last, err
		}
		event, done, err := h.act(ctx, func() (*onrecord.Event, error) { return h.addition(ctx, st, number, found) })
		if err != nil {
			return found, records, last, err
		}
		if event != nil {
			records, last = records+len(event.Erasure.Records), done.Index+1
		}
	}
}

// addition makes the event that adds what was found to a decision: the same again,
// of the same time. Nil: it is lifted, or nothing is new.
func (h *house) addition(ctx context.Context, st onrecord.Statement, number string, found shownBy) (*onrecord.Event, error) {
	st, err := h.catalog.Statement(ctx, st.ID)
	if err != nil {
		return nil, err
	}
	list := inForce(st)
	at := slices.IndexFunc(list, func(d onrecord.Decision) bool { return d.Case == number })
	if at < 0 || wasErased(st) {
		return nil, nil
	}
	more := onrecord.Erasure{
		Leaves:  slices.DeleteFunc(slices.Clone(found.told), func(i int64) bool { return found.before.lines[i] }),
		Records: slices.DeleteFunc(slices.Concat(found.records, found.strays), found.before.record),
	}
	if len(more.Leaves)+len(more.Records) == 0 {
		return nil, nil
	}
	e, err := h.ruling(ctx, onrecord.StatementWithheld, st, list[at].Takedown)
	if err == nil {
		e.Erasure = &more
	}
	return e, err
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
