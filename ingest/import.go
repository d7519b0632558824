// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"onrecord"
	"onrecord/crawler"
)

// ErrImport reports files that can't be imported into the source as they are;
// ErrNoAccount that neither they nor the source name an account. ErrDated, which
// comes with ErrImport, reports that the date of the dump can't be true.
var (
	ErrImport    = errors.New("can't import")
	ErrNoAccount = errors.New("no account id")
	ErrDated     = errors.New("the date of the dump is wrong")
)

// lateTries is how often an import goes on after another process has committed
// a visit of its source first.
const lateTries = 8

// ImportOptions say how files are imported.
type ImportOptions struct {
	// Dated is the date of the dump; zero for what the files say, else the
	// newest time at which one was changed. It is never in the future, but for
	// the end of the present day, UTC, which stands for now. Files that were
	// imported with another date are read again from their beginning.
	Dated time.Time
	// Pictures keeps pictures that lie within the input (crawler.Batch.Enclosed),
	// of statements that the import creates.
	Pictures bool
	// Captures is how many bytes of files and messages are kept in one visit, those
	// of one judgement apart, before the next is begun; 1 GiB if 0.
	Captures int64
	// DryRun reads and counts and records nothing.
	DryRun bool
	// Soft ends the import after the batch under way: what is read is committed,
	// and another import of the same files goes on there. Nil for never.
	Soft <-chan struct{}
	// Progress is told now and then how far the import is. It may be nil.
	Progress func(ImportReport)
	// Refused is told of each record that is not taken, those among them that an
	// earlier, interrupted import has passed. It may be nil.
	Refused func(crawler.Refusal)
}

// The ways in which the date of a dump is known.
const (
	DatedGiven    = "given"
	DatedByFiles  = "the files say so"
	DatedByChange = "when the newest file was last changed"
	DatedByClock  = "no file says when"
	DatedBefore   = "as when the import began"
)

// An ImportReport says how far an import is, and at its end what it did. What an
// earlier, interrupted import of the same files did is not counted, but for
// Records and Refused.
type ImportReport struct {
	Source   string    `json:"source"`
	Kind     string    `json:"kind"`
	Files    int       `json:"files"`
	Size     int64     `json:"size"`   // of all files, bytes
	SHA256   string    `json:"sha256"` // see onrecord.ImportState
	Dated    time.Time `json:"dated"`
	DatedBy  string    `json:"dated_by"`
	Redated  time.Time `json:"dated_before,omitzero"` // an earlier import of the files had this date
	DryRun   bool      `json:"dry_run,omitempty"`
	Resumed  int64     `json:"resumed,omitempty"` // records that an interrupted import had done
	Already  bool      `json:"already,omitempty"` // all of it was imported before
	Stopped  bool      `json:"stopped,omitempty"` // before its end: run again, it goes on
	Hashing  bool      `json:"-"`                 // the files are read for their digest
	Read     int64     `json:"-"`                 // bytes read so far
	Records  int64     `json:"records"`           // of the input, refused ones among them
	Items    int64     `json:"statements"`        // observations of statements
	Created  int64     `json:"created"`
	Known    int64     `json:"known"`    // observations that say nothing new
	Readings int64     `json:"readings"` // other wordings of statements known
	Deleted  int64     `json:"reported_deleted"`
	Events   int64     `json:"events"`
	Visits   int       `json:"visits"`
	Refused  int64     `json:"refused"`
	Seconds  float64   `json:"seconds"`
}

// Import reads files and adds to the record what they show that is not known, as
// a run of visits of s (record.md 1.9). It goes on where an interrupted import
// of the same files has stopped. The caller has the lock of the source, and has
// called Recover. An error means that the import ended early; what was committed
// stands, and the next import of the files goes on from there.
func (i *Ingester) Import(ctx context.Context, s Source, imp crawler.Importer, fsys fs.FS, o ImportOptions) (ImportReport, error) {
	r := &importRun{i: i, s: s, imp: imp, info: imp.Info(), o: o, began: i.Now()}
	r.rep = ImportReport{Source: s.ID, Kind: r.info.Kind, DryRun: o.DryRun}
	err := r.run(ctx, fsys)
	r.tell()
	if err != nil {
		err = fmt.Errorf("import %s into %s: %w", r.info.Kind, s.ID, err)
	}
	return r.rep, err
}

// An importRun is one call of Import.
type importRun struct {
	i     *Ingester
	s     Source
	imp   crawler.Importer
	info  crawler.Info
	o     ImportOptions
	began time.Time
	in    *input
	rep   ImportReport
	write *importWriter // nil in a dry run

	// What Refused was told, where the import begins again: all of what the
	// importer refused of the first told records; of the first taken, and of
	// the batch behind them those in odd, all that this package did.
	told, taken int64
	odd         map[crawler.Refusal]bool
	odds        int64 // all that this package has refused
}

// run imports, and begins again where another process was faster.
func (r *importRun) run(ctx context.Context, fsys fs.FS) error {
	if r.info.Platform != "" && r.info.Platform != r.s.Platform {
		return fmt.Errorf("%w: such files are of platform %s, the source is of %s", ErrImport, r.info.Platform, r.s.Platform)
	}
	var err error
	if r.in, err = openInput(ctx, r.imp, fsys, func(n int64) {
		r.rep.Hashing, r.rep.Read = true, n
		r.tell()
	}); err != nil {
		return err
	}
	r.rep.Files, r.rep.Size, r.rep.SHA256, r.rep.Hashing = len(r.in.files), r.in.size, r.in.sum, false
	for range lateTries {
		err = r.once(ctx)
		if _, late := errors.AsType[*LateError](err); !late {
			return err
		}
	}
	return err
}

// once imports from where the source's state says.
func (r *importRun) once(ctx context.Context) error {
	st, err := r.i.Record.State(ctx, r.s.ID)
	if err != nil {
		return err
	}
	old := st.Import
	if old != nil && (old.SHA256 != r.in.sum || old.Kind != r.info.Kind || old.Parser != r.info.Parser) {
		old = nil
	}
	if err := r.date(ctx, old); err != nil {
		return err
	}
	if old != nil && !old.Dated.IsZero() && !old.Dated.Equal(r.rep.Dated) {
		r.rep.Redated, old = old.Dated, nil
	}
	r.rep.Records, r.rep.Refused, r.rep.Resumed = 0, r.odds, 0
	var from int64
	if old != nil && !r.o.DryRun {
		if old.Done {
			r.rep.Already, r.rep.Records = true, old.Next
			return nil
		}
		from, r.rep.Resumed = old.Next, old.Next
	}
	account := accountOf(r.s, st)
	if r.o.DryRun {
		return r.read(ctx, account, from)
	}
	w, err := r.newWriter(ctx, account, old)
	if err != nil {
		return err
	}
	r.write = w
	err = r.read(ctx, account, from)
	return w.end(ctx, err, r.rep.Stopped)
}

// date sets the date of the dump.
func (r *importRun) date(ctx context.Context, old *onrecord.ImportState) error {
	at, by := r.o.Dated, DatedGiven
	if at.IsZero() && old != nil && !old.Dated.IsZero() {
		at, by = old.Dated, DatedBefore
	}
	if d, ok := r.imp.(crawler.Dater); at.IsZero() && ok {
		var err error
		if at, err = d.Dated(ctx, r.in.fsys); err != nil {
			return err
		}
		by = DatedByFiles
	}
	if at.IsZero() {
		at, by = r.in.changed, DatedByChange
	}
	now := r.i.Now()
	if by == DatedGiven && at.After(now) && sameDay(at, now) {
		if at = now; old != nil && sameDay(old.Dated, now) {
			at = old.Dated
		}
	}
	switch {
	case by == DatedGiven && at.After(now):
		return fmt.Errorf("%w: the date of the dump, %s, lies in the future", ErrImport, at.UTC().Format(time.RFC3339))
	case at.IsZero() || at.After(now):
		at, by = now, DatedByClock
	}
	r.rep.Dated, r.rep.DatedBy = at.UTC().Truncate(time.Second), by
	return nil
}

func sameDay(a, b time.Time) bool {
	return a.UTC().Format(time.DateOnly) == b.UTC().Format(time.DateOnly)
}

// checkDate returns an error if a batch shows what was published, or edited,
// after the date of the dump. A claim that lies in the future, too, proves
// nothing of the dump.
func (r *importRun) checkDate(b crawler.Batch) error {
	dated, now := r.rep.Dated, r.i.Now()
	for _, o := range b.Items {
		at, what := o.Published, "was published"
		if o.Changed.After(at) {
			at, what = o.Changed, "was edited"
		}
		if at.Truncate(time.Second).After(dated) && !at.After(now) {
			return fmt.Errorf("%w: %s, records %d to %d: %s %s %s, after the date of the dump, %s (%s): %w", ErrImport, b.File,
				r.rep.Records-b.Records+1, r.rep.Records, o.NativeID, what, at.UTC().Format(time.RFC3339), dated.Format(time.RFC3339), r.rep.DatedBy, ErrDated)
		}
	}
	return nil
}

// read passes what the files show to the writer, but for the first records.
func (r *importRun) read(ctx context.Context, account string, from int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	target := crawler.Target{Platform: r.s.Platform, AccountID: account, Handle: r.s.Handle}
	for b, err := range ahead(ctx, 1, r.imp.Import(ctx, r.in.fsys, target)) {
		if err != nil {
			return err
		}
		r.rep.Records += b.Records
		r.rep.Refused += int64(len(b.Refused))
		r.tellRefused(b)
		if r.rep.Records > from || b.Records == 0 && r.rep.Records == from {
			if err := r.take(ctx, b); err != nil {
				return err
			}
		}
		r.rep.Read = r.in.watch.read.Load()
		r.tell()
		select {
		case <-r.o.Soft:
			r.rep.Stopped = true
			return nil
		default:
		}
	}
	return ctx.Err()
}

// take counts a batch, and writes it.
func (r *importRun) take(ctx context.Context, b crawler.Batch) error {
	if err := r.checkDate(b); err != nil {
		return err
	}
	if r.o.DryRun {
		r.rep.Items += int64(len(b.Items))
		return nil
	}
	if err := r.write.batch(ctx, b); err != nil {
		return err
	}
	if r.rep.Records > r.taken {
		r.taken = r.rep.Records
		clear(r.odd)
	}
	return nil
}

// tell tells how far the import is.
func (r *importRun) tell() {
	r.rep.Seconds = r.i.Now().Sub(r.began).Seconds()
	if r.o.Progress != nil {
		r.o.Progress(r.rep)
	}
}

// tellRefused tells what the importer has refused, once.
func (r *importRun) tellRefused(b crawler.Batch) {
	if r.rep.Records <= r.told {
		return
	}
	r.told = r.rep.Records
	for _, f := range b.Refused {
		if r.o.Refused != nil {
			r.o.Refused(f)
		}
	}
}

// refuse counts a record that was read and can't be kept, once.
func (r *importRun) refuse(f crawler.Refusal) {
	if r.rep.Records <= r.taken || r.odd[f] {
		return
	}
	if r.odd == nil {
		r.odd = make(map[crawler.Refusal]bool)
	}
	r.odd[f] = true
	r.odds++
	r.rep.Refused++
	if r.o.Refused != nil {
		r.o.Refused(f)
	}
}

// isImport reports whether v reads files.
func isImport(v Visit) bool {
	var m memo
	return json.Unmarshal(v.Memo, &m) == nil && m.Import != ""
}
