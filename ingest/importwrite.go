// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"onrecord"
	"onrecord/change"
	"onrecord/crawler"
)

// importLines and importBytes bound a visit of an import, below the limits of
// the record (record.md 1.9).
const (
	importLines = 4000
	importBytes = 7 << 20
)

// importCaptures is ImportOptions.Captures where that is 0: well below what an object
// may have, and no more than is read back at once.
const importCaptures = 1 << 30

// An importWriter makes visits of what an import reads.
type importWriter struct {
	r       *importRun
	account string
	door    string
	known   *importKnown
	behind  int64 // records of the batches that are done with

	v        *ImportVisit // open; nil between two
	base     int64
	runs     []onrecord.Run // open ones of the source
	bytes    int
	recorded bool  // the visit has a capture
	captured int64 // bytes of what those hold
	sum      tally

	file    string // the digest of the last one that was recorded, and where
	capture onrecord.CaptureRef
	// pictures are the files within the input that this import has kept, and
	// committed or is about to, by digest.
	pictures map[string]onrecord.StoredMedia
	media    int64    // bytes of those in the open visit
	small    []func() // keep the small copies of those in the open visit
	void     bool     // what was read is not what it seemed: no progress is kept

	hush    *importHush
	redacts showing // captures of the open visit that show something erased
	veils   showing // and withheld
}

// A tally counts what one visit does.
type tally struct{ items, created, known, readings, deleted int64 }

// newWriter returns a writer that goes on where old says; nil for the beginning.
func (r *importRun) newWriter(ctx context.Context, account string, old *onrecord.ImportState) (*importWriter, error) {
	w := &importWriter{r: r, account: account, door: "import-" + r.info.Kind, pictures: map[string]onrecord.StoredMedia{}}
	if old != nil {
		w.behind, w.file, w.capture = old.Next, old.File, old.Capture
	}
	var err error
	if w.hush, err = r.hushed(ctx, account); err != nil {
		return nil, err
	}
	w.known, err = newImportKnown(ctx, r.i, r.s)
	return w, err
}

// batch adds a batch to the record. A statement that it shows twice is judged
// twice: each wording counts.
func (w *importWriter) batch(ctx context.Context, b crawler.Batch) error {
	b.Items = w.named(b)
	e := &evidence{w: w, batch: b}
	seen := make(map[string]bool, len(b.Items))
	from := 0
	for n, o := range b.Items {
		if seen[o.NativeID] && o.Changed.IsZero() {
			if err := w.group(ctx, e, b.Items[from:n]); err != nil {
				return err
			}
			from = n
			clear(seen)
		}
		seen[o.NativeID] = true
	}
	if err := w.group(ctx, e, b.Items[from:]); err != nil {
		return err
	}
	w.behind += b.Records
	return nil
}

// named returns the observations that have a native id, and refuses the others.
func (w *importWriter) named(b crawler.Batch) []onrecord.Observation {
	list := b.Items[:0:0]
	for _, o := range b.Items {
		if err := onrecord.CheckNativeID(o.NativeID); err != nil {
			w.r.refuse(crawler.Refusal{File: b.File, ID: o.NativeID, Reason: "no id", Detail: err.Error()})
			continue
		}
		list = append(list, o)
	}
	return list
}

// group adds observations of different statements.
func (w *importWriter) group(ctx context.Context, e *evidence, items []onrecord.Observation) error {
	if len(items) == 0 && e.batch.Account.IsZero() {
		return nil
	}
	if w.v != nil && len(w.known.open())+len(items)+8 > importLines-w.veiled() {
		if err := w.commit(ctx, false); err != nil {
			return err
		}
	}
	if err := w.open(ctx, cmp.Or(w.account, e.batch.Account.ID)); err != nil {
		return err
	}
	res, err := w.judge(ctx, e, items)
	if err != nil {
		return err
	}
	size, fits, err := w.weigh(res.Events, w.enclosedBytes(e.batch, items), len(items) > 1)
	switch {
	case err != nil:
		return err
	case fits && (len(w.known.open()) == 0 || w.captured+e.size() <= cmp.Or(w.r.o.Captures, importCaptures)):
		return w.add(ctx, e, items, res, size)
	case len(w.known.open()) > 0: // in the next visit, on the base of that
		if err := w.commit(ctx, false); err != nil {
			return err
		}
		return w.group(ctx, e, items)
	case len(items) > 1:
		half := len(items) / 2
		if err := w.group(ctx, e, items[:half]); err != nil {
			return err
		}
		return w.group(ctx, e, items[half:])
	}
	w.r.refuse(crawler.Refusal{File: e.batch.File, ID: items[0].NativeID, Reason: "too large", Detail: "no visit can hold it"})
	return nil
}

// errWaits reports a record that takes nothing of a source now, and does not say why.
var errWaits = errors.New("an earlier visit waits in the spool")

// open begins a visit, if none is open.
func (w *importWriter) open(ctx context.Context, account string) error {
	if w.v != nil {
		return nil
	}
	i, s, info := w.r.i, w.r.s, w.r.info
	b, err := json.Marshal(memo{Import: info.Kind, Target: crawler.Target{Platform: s.Platform, AccountID: account}})
	if err != nil {
		return err
	}
	v, err := i.Record.BeginImport(ctx, s, w.door, info.Parser, b)
	if err != nil {
		return err
	}
	if v.Offline {
		return errors.Join(fmt.Errorf("nothing of the source can be recorded now: try again once it can: %w", cmp.Or(v.Why, errWaits)), v.Drop(ctx))
	}
	w.v, w.runs = &v, v.State.Runs
	w.small = nil
	w.bytes, w.media, w.recorded, w.captured, w.sum, w.redacts, w.veils = 0, 0, false, 0, tally{}, showing{}, showing{}
	w.base, err = w.known.begin(ctx, account, v.State.Done)
	if err != nil {
		w.drop(ctx)
	}
	return err
}

// judge says what follows from items. Their evidence is a placeholder.
func (w *importWriter) judge(ctx context.Context, e *evidence, items []onrecord.Observation) (change.Result, error) {
	s, info := w.r.s, w.r.info
	known, err := w.known.of(ctx, cmp.Or(w.account, e.batch.Account.ID), items)
	if err != nil {
		return change.Result{}, fmt.Errorf("what is known: %w", err)
	}
	known.Base, known.Runs, known.Failing, known.LastGood = w.base, w.runs, w.v.State.Failing, w.v.State.LastGood
	res := change.Between(known, change.Visit{
		ID: w.v.ID, Source: s.ID, Figure: s.Figure, Platform: s.Platform, AccountID: w.account,
		Door: w.door, Kind: info.Kind, Parser: info.Parser, Can: info.Can,
		Started: w.v.Started, Ended: w.r.i.Now(), Provenance: onrecord.Imported, Outcome: onrecord.OutcomeOK,
		Reporter: fmt.Sprintf("a dump, %s, dated %s", info.Kind, w.r.rep.Dated.Format(time.DateOnly)),
		Seen: []onrecord.Seen{{
			At: w.r.rep.Dated, Kind: "import", Capture: onrecord.CaptureRef{Object: placeholder}, Outcome: onrecord.OutcomeOK,
			Account: e.batch.Account, Items: items,
		}},
		Config: w.r.i.Rules,
	})
	switch {
	case res.Stopped && known.Source.IdentityChanged:
		return res, fmt.Errorf("%w: another account stands behind the handle of the source; say first whose statements these are", ErrImport)
	case res.Stopped && w.account != "":
		return res, fmt.Errorf("%w: %s: the statements are of account %s, the source is of account %s", ErrImport, e.batch.File, e.batch.Account.ID, w.account)
	case res.Stopped:
		return res, fmt.Errorf("%w: nothing in %s says whose statements these are: give the source its account_id", ErrNoAccount, e.batch.File)
	}
	res.Events = nameless(res.Events, known)
	return res, nil
}

// add puts the events of one judgement into the open visit, with their evidence.
func (w *importWriter) add(ctx context.Context, e *evidence, items []onrecord.Observation, res change.Result, size int) (err error) {
	w.account, w.runs = cmp.Or(w.account, res.AccountID), res.Runs
	told := make(map[onrecord.StatementID]bool, len(items))
	w.sum.items += int64(len(items))
	for n := range res.Events {
		ev := &res.Events[n]
		for c := range ev.Captures {
			if ev.Captures[c].Object != placeholder {
				continue
			}
			ref, err := e.ref(ctx)
			if err != nil {
				return err
			}
			ev.Captures[c] = ref
		}
		told[ev.Statement] = true
		switch ev.Type {
		case onrecord.StatementCreated:
			w.sum.created++
		case onrecord.StatementSeen:
			w.sum.readings++
		case onrecord.StatementDeleted:
			w.sum.deleted++
		}
	}
	if res.Events, err = w.enclosed(ctx, e.batch, res.Events); err != nil {
		return err
	}
	for _, o := range items {
		if !told[onrecord.NewStatementID(w.r.s.Platform, o.NativeID)] {
			w.sum.known++
		}
	}
	w.bytes += size
	w.known.add(res.Events)
	return nil
}

// commit ends the open visit: whole if it has news, else only in the state of
// the source.
func (w *importWriter) commit(ctx context.Context, done bool) error {
	if w.v == nil {
		return nil
	}
	v := w.v
	if !w.void {
		if err := w.r.in.watch.check(done); err != nil {
			w.drop(ctx)
			return err
		}
	}
	if err := errors.Join(w.unheard(ctx), w.veil(ctx)); err != nil {
		w.drop(ctx)
		return err
	}
	now := w.r.i.Now()
	next := v.State
	next.Source, next.Platform, next.AccountID = w.r.s.ID, w.r.s.Platform, cmp.Or(w.r.s.AccountID, next.AccountID, w.account)
	next.Runs = w.runs
	next.Import = w.progress(done)
	d := Draft{
		Base: w.base, Outcome: onrecord.OutcomeOK, Started: v.Started, Ended: now, Provenance: onrecord.Imported,
		Events: w.known.open(), Next: bounded(next), KeepWARC: w.recorded, Quiet: len(w.known.open()) == 0, Redact: w.redacts,
	}
	w.v = nil
	place, err := v.Commit(ctx, d)
	if late, ok := errors.AsType[*LateError](err); ok { // what it read is read again, on what the other has left
		return errors.Join(late, late.Visit.Drop(ctx))
	}
	if err != nil {
		return errors.Join(err, v.Close())
	}
	for _, keep := range w.small {
		keep()
	}
	rep := &w.r.rep
	rep.Items, rep.Created, rep.Known = rep.Items+w.sum.items, rep.Created+w.sum.created, rep.Known+w.sum.known
	rep.Readings, rep.Deleted = rep.Readings+w.sum.readings, rep.Deleted+w.sum.deleted
	if d.Quiet {
		w.known.drop()
		return nil
	}
	if len(w.redacts) > 0 {
		if err := w.afterRedaction(ctx); err != nil {
			return err
		}
	}
	rep.Visits++
	rep.Events += int64(len(d.Events))
	return w.known.committed(ctx, place.Index)
}

// progress is what the state of the source says of the import.
func (w *importWriter) progress(done bool) *onrecord.ImportState {
	if w.void {
		return nil
	}
	return &onrecord.ImportState{
		SHA256: w.r.in.sum, Next: w.behind, Kind: w.r.info.Kind, Parser: w.r.info.Parser, Done: done, Dated: w.r.rep.Dated,
		File: w.file, Capture: w.capture,
	}
}

// forget has the next import of the files begin at their beginning: they have
// changed, or are not of the date that was said.
func (w *importWriter) forget(ctx context.Context) error {
	w.drop(ctx)
	st, err := w.r.i.Record.State(ctx, w.r.s.ID)
	if err != nil || st.Import == nil || st.Import.SHA256 != w.r.in.sum {
		return err
	}
	w.void = true
	if err := w.open(ctx, w.account); err != nil {
		return err
	}
	return w.commit(ctx, false)
}

// isVoid reports whether err says that what was read is not what it seemed.
func isVoid(err error) bool { return errors.Is(err, ErrChanged) || errors.Is(err, ErrDated) }

// end ends the import: err is what ended the reading of the files.
func (w *importWriter) end(ctx context.Context, err error, stopped bool) error {
	defer w.known.close()
	if _, late := errors.AsType[*LateError](err); late || ctx.Err() != nil {
		w.drop(ctx)
		return err
	}
	done := err == nil && !stopped
	if done {
		err = w.open(ctx, w.account) // the state is to say that the end was reached
	}
	var cerr error
	if !isVoid(err) {
		if cerr = w.commit(ctx, done); isVoid(cerr) {
			err, cerr = cerr, nil
		}
	}
	if isVoid(err) {
		cerr = w.forget(ctx)
	}
	if _, late := errors.AsType[*LateError](cerr); late {
		return cerr
	}
	if cerr != nil {
		return errors.Join(err, cerr)
	}
	return errors.Join(err, w.known.settle(ctx))
}

// drop gives the open visit up.
func (w *importWriter) drop(ctx context.Context) {
	if w.v != nil {
		clear(w.pictures)
		_ = w.v.Drop(context.WithoutCancel(ctx)) // else the next Recover does
		w.v = nil
	}
}

// weigh says what events take of a visit's journal, at most, and whether the
// open visit has that left, and room for media bytes of attachments: what is of
// several items can be spread over visits. Lines that are long lose their HTML: the
// capture has it.
func (w *importWriter) weigh(events []onrecord.Event, media int64, several bool) (size int, fits bool, err error) {
	const long = 48 << 10
	for n := range events {
		at := lineBound(events[n])
		if at > long {
			if events[n], at, err = lean(events[n]); err != nil {
				return 0, false, err
			}
		}
		size += at
	}
	full := w.media+media > mediaVisitBytes && (several || len(w.known.open()) > 0)
	most, room := importLines-w.veiled(), importBytes-w.veiled()*keptLine
	return size, !full && len(w.known.open())+len(events) <= most && w.bytes+size <= room, nil
}
