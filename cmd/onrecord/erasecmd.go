// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"onrecord"
	"onrecord/archive"
	"onrecord/config"
	"onrecord/ingest"
)

// An eraseRequest is what the command line of erase says.
type eraseRequest struct {
	down onrecord.Takedown
	yes  string // --yes-erase
	back int    // objects that held again what was erased
}

func newErase(e *env) *cobra.Command {
	r := eraseRequest{}
	var ground string
	cmd := &cobra.Command{
		Use:   "erase ID|URL --case CASE",
		Short: "Erase a statement for good: its text, its ids and the evidence that shows it",
		Long: `Removes from the archive, and from its replicas, everything that tells what a
statement said or where it stood: its lines in the journal become tombstones,
the records that show it are replaced by empty ones of the same length, its
attachments go, and so do its text, ids and addresses in the catalog, in every
snapshot and on every page. Nothing brings it back.

What stays: that there was something, with the case and the date; the ledger,
whose every proof still holds; and, on a list, the id by which onrecord names
it, so that it is not recorded again. Other statements whose evidence stood in
the same answers lose that evidence; it is said here how many.

The event is written first, then the objects are replaced. After a crash the
next start goes on by itself. Where the store keeps what is replaced (versions,
locks), nothing is begun unless the configuration says storage.erasure: impossible.

Said again of a statement that was erased, it looks for what was left, and erases
that. The archive does not know any more what the statement was called: give its
address rather than the id, so that it can look for that, too.

The list has one id. The same words published under another id or address are
another statement, which is recorded, and must be erased by its own id.

It asks twice. A script says --yes-erase with the id.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.down.Ground = onrecord.Ground(ground)
			if r.down.Ground != onrecord.GroundPolicy && r.down.Ground != onrecord.GroundLaw {
				return usagef("--ground: policy or law, not %q", ground)
			}
			if err := checkCase(r.down.Case); err != nil {
				return err
			}
			if err := checkReason(r.down.Reason); err != nil {
				return err
			}
			return r.run(cmd.Context(), e, args[0])
		},
	}
	cmd.Flags().StringVar(&ground, "ground", string(onrecord.GroundLaw), "`law`, or policy of this archive")
	cmd.Flags().StringVar(&r.down.Case, "case", "", "number of the case, such as `T-2026-014`")
	cmd.Flags().StringVar(&r.down.Reason, "reason", "personal data", "the category in `WORDS` that everybody may read; it names nobody")
	cmd.Flags().StringVar(&r.yes, "yes-erase", "", "do not ask: erase the statement with this `ID`")
	addTrust(cmd, e)
	return cmd
}

func (r eraseRequest) run(ctx context.Context, e *env, arg string) error {
	h, err := e.open(ctx, writing)
	if err != nil {
		return err
	}
	defer h.close()
	if err := h.canErase(ctx); err != nil {
		return err
	}
	st, err := h.statementNamed(ctx, arg)
	if err != nil {
		return err
	}
	if r.yes != "" && r.yes != string(st.ID) {
		return usagef("--yes-erase %s: the statement is %s", r.yes, st.ID)
	}
	var trace *ingest.Trace
	if wasErased(st) {
		if err := r.again(ctx, h, st); err != nil {
			return err
		}
		if trace, err = h.traceOfErased(ctx, st, arg); err != nil {
			return err
		}
	}
	found, err := h.shows(ctx, st, trace, h.journal(ctx))
	if err != nil {
		return err
	}
	if wasErased(st) && len(found.leaves)+len(found.records) == 0 {
		if err := r.forget(ctx, h, found.trace, found.sources, st.Decision.Index); err != nil {
			return err
		}
		return r.before(ctx, h, st)
	}
	r.tell(e, st, found)
	if r.yes == "" {
		if err := r.ask(e, st); err != nil {
			return err
		}
	}
	return r.eraseTraced(ctx, h, st, trace)
}

// canErase refuses an erasure that could not be carried out.
func (h *house) canErase(ctx context.Context) error {
	err := h.archive.CanErase(ctx)
	if err == nil {
		return nil
	}
	if h.cfg.Storage.Erasure == erasureImpossible && errors.Is(err, archive.ErrKeeps) {
		h.env.say("note: storage.erasure is %s: the store keeps the bytes; they go from pages, lists, catalog and journal as they are read, and no further: %v", erasureImpossible, err)
		return nil
	}
	return &failure{
		status: exitConfig, err: err,
		hint: "use a store without versions and locks; or withhold the statement; or say storage.erasure: impossible, and answer for it",
	}
}

// erasureImpossible is the value of storage.erasure with which an operator
// takes it upon them that the store keeps what is erased.
const erasureImpossible = config.ErasureImpossible

// tell says exactly what will be gone.
func (eraseRequest) tell(e *env, st onrecord.Statement, f shownBy) {
	e.say("statement %s of %s on %s", st.ID, st.Figure.Name, st.Platform)
	if st.Content.Text != "" {
		e.say("  %.200q", st.Content.Text)
	}
	e.say("will be gone for good:")
	e.say("  %s of the ledger, replaced by tombstones: no. %s", count(len(f.leaves), "entry", "entries"), entryList(f.leaves))
	e.say("  %s of evidence in %s, with all else that they show", count(len(f.records), "record", "records"), count(objectsIn(f.records), "object", "objects"))
	if f.others > 0 {
		e.say("  and with them evidence of %s", count(f.others, "other statement", "other statements"))
	}
	e.say("  its text, ids, addresses and versions in the catalog, in all snapshots, in the spool and in all replicas")
	if len(f.named) > 0 {
		e.say("these %s of other statements name it, as what they answer, repeat or quote, or by the address of a page, and stay: ledger no. %s",
			count(len(f.named), "entry", "entries"), entryList(f.named))
		e.say("what must go with it is erased by its own id")
	}
	for _, line := range f.unread {
		e.say("could not be looked through, and stays: %s", line)
	}
}

// ask asks twice: for the id, then for the case.
func (r eraseRequest) ask(e *env, st onrecord.Statement) error {
	in, ok := e.io.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return usagef("nobody is there to be asked: say --yes-erase %s", st.ID)
	}
	lines := bufio.NewScanner(in)
	for _, q := range []struct{ what, want string }{{"Type the statement's id", string(st.ID)}, {"This can't be undone. Type the number of the case", r.down.Case}} {
		fmt.Fprintf(e.io.err, "%s to erase it: ", q.what)
		if !lines.Scan() {
			return &failure{status: exitFailed, err: errors.New("nothing was erased")}
		}
		if said := strings.TrimSpace(lines.Text()); said != q.want {
			return &failure{status: exitFailed, err: fmt.Errorf("%.64q is not %s: nothing was erased", said, q.want)}
		}
	}
	return nil
}

// erase erases a statement that was not erased before.
func (r eraseRequest) erase(ctx context.Context, h *house, st onrecord.Statement) error {
	return r.eraseTraced(ctx, h, st, nil)
}

// eraseTraced writes the event and carries it out. A visit that was under way
// may have been judged before and committed behind it, so it looks again. trace
// is what is known of a statement that was erased before; else nil.
func (r eraseRequest) eraseTraced(ctx context.Context, h *house, st onrecord.Statement, trace *ingest.Trace) error {
	event, index, trace, err := r.order(ctx, h, st, trace)
	if err != nil {
		return err
	}
	if event == nil {
		return fmt.Errorf("%s was erased by another process meanwhile", st.ID)
	}
	lines, records := len(event.Erasure.Leaves), len(event.Erasure.Records)
	var left []string
	for more := event; more != nil; {
		if left, err = h.finishErasures(ctx); err != nil {
			return fmt.Errorf("the erasure is recorded as ledger no. %d, and not yet carried out whole; the next start goes on with it: %w", index, err)
		}
		if more, _, _, err = r.order(ctx, h, st, trace); err != nil {
			return fmt.Errorf("erased as ledger no. %d; whether something came behind it could not be told: run it again: %w", index, err)
		}
		if more != nil {
			lines, records = lines+len(more.Erasure.Leaves), records+len(more.Erasure.Records)
		}
	}
	for _, line := range left {
		h.env.say("note: %s", line)
	}
	out := decided{Statement: st.ID, Event: event.Type, Case: r.down.Case, Index: index}
	return h.env.print(out, "%s is erased  case %s, ledger no. %d: %s, %s of evidence\n", st.ID, r.down.Case, index,
		count(lines, "tombstone", "tombstones"), count(records, "record", "records"))
}

// order records what is to be erased, and takes it out of the states of the
// sources. With the trace of an earlier order it records what that one has left;
// no event says that there is nothing, or that another process was faster.
func (r eraseRequest) order(ctx context.Context, h *house, st onrecord.Statement, trace *ingest.Trace) (*onrecord.Event, int64, *ingest.Trace, error) {
	var found shownBy
	event, done, err := h.act(ctx, func() (*onrecord.Event, error) {
		now, err := h.catalog.Statement(ctx, st.ID)
		if err != nil {
			return nil, err
		}
		if d := now.Decision; trace == nil && d != nil && d.Type == onrecord.StatementErased {
			return nil, nil
		}
		if found, err = h.shows(ctx, st, trace, h.journal(ctx)); err != nil {
			return nil, err
		}
		if trace != nil && len(found.leaves)+len(found.records) == 0 {
			return nil, nil
		}
		plan, err := h.archive.PlanErasure(ctx, onrecord.Erasure{Leaves: found.leaves, Records: found.records, Also: found.also}, r.down.Case)
		if err != nil {
			return nil, err
		}
		event := h.takedownEvent(onrecord.StatementErased, now, r.down)
		event.Erasure = &plan
		return event, nil
	})
	if err != nil || event == nil {
		return nil, 0, nil, err
	}
	if err := r.forget(ctx, h, found.trace, found.sources, done.Index+1); err != nil {
		return nil, 0, nil, fmt.Errorf("the erasure is recorded as ledger no. %d, and not yet carried out whole: run it again: %w", done.Index+1, err)
	}
	return event, done.Index + 1, found.trace, nil
}
