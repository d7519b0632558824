// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"onrecord"
)

// A batch is one transaction: so many entries, or so many bytes (weight).
const (
	batchEntries = 4096
	batchBytes   = 8 << 20
)

// Applied returns the ledger size and root that the tables show.
func (c *Catalog) Applied(ctx context.Context) (size int64, root [32]byte, err error) {
	err = c.view(ctx, func(v *view) error {
		var b []byte
		if err := v.row(`SELECT (SELECT v FROM meta WHERE k = 'size'), (SELECT v FROM meta WHERE k = 'root')`).Scan(&size, &b); err != nil {
			return fmt.Errorf("catalog: %w", err)
		}
		copy(root[:], b)
		return nil
	})
	return size, root, err
}

// Apply applies entries in ledger order, in batches. Entries that were applied
// before are passed over, so that the same ones may come again; one beyond the
// next is ErrHole. Batches that are complete when an error comes stay applied.
// What Applied returns does not move: that needs ApplyTo.
func (c *Catalog) Apply(ctx context.Context, entries iter.Seq2[Entry, error]) error {
	return c.apply(ctx, entries, nil)
}

// ApplyTo is Apply of the entries up to the ledger of the given size, which is
// stored with its root in the transaction of the last of them. Entries that end
// before it are ErrHole.
func (c *Catalog) ApplyTo(ctx context.Context, entries iter.Seq2[Entry, error], size int64, root [32]byte) error {
	return c.apply(ctx, entries, &target{size, root})
}

// A target is what the ledger is once all entries are applied.
type target struct {
	size int64
	root [32]byte
}

func (c *Catalog) apply(ctx context.Context, entries iter.Seq2[Entry, error], to *target) error {
	if c.o.ReadOnly {
		return fmt.Errorf("catalog %s: %w", c.path, ErrReadOnly)
	}
	c.applying.Lock()
	defer c.applying.Unlock()
	if err := c.Reopen(ctx); err != nil {
		return err
	}
	if err := c.stir(ctx); err != nil {
		return err
	}
	f := c.file.Load()
	if f.write == nil {
		return errClosed
	}
	var next int64
	if err := f.write.QueryRowContext(ctx, `SELECT v FROM meta WHERE k = 'next'`).Scan(&next); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	var batch []Entry
	bytes := 0
	for e, err := range entries {
		switch {
		case err != nil:
			return err
		case e.Index < next:
			continue
		case e.Index > next:
			return fmt.Errorf("catalog: entry %d after %d: %w", e.Index, next-1, ErrHole)
		}
		batch, bytes, next = append(batch, e), bytes+weight(e), next+1
		if len(batch) == batchEntries || bytes >= batchBytes {
			if err := f.applyBatch(ctx, batch, next, nil); err != nil {
				return err
			}
			batch, bytes = batch[:0], 0
		}
	}
	if to != nil && next != to.size {
		return fmt.Errorf("catalog: entries end at %d of %d: %w", next, to.size, ErrHole)
	}
	if to == nil && len(batch) == 0 {
		return nil
	}
	return f.applyBatch(ctx, batch, next, to)
}

// weight is about how much memory e holds: of what may be long.
func weight(e Entry) int {
	ev := e.Event
	n := 512 + lengths(ev.Aliases) + 256*len(ev.Captures)
	if c := ev.Content; c != nil {
		n += len(c.Title) + len(c.Text) + len(c.Spoiler) + len(c.HTML) + lengths(c.Categories) + lengths(c.Links) + lengths(c.Poll)
		for _, m := range c.Media {
			n += 64 + len(m.ID) + len(m.Alt) + len(m.URL)
		}
	}
	if x := ev.Erasure; x != nil {
		n += 8*len(x.Leaves) + 64*len(x.Records)
	}
	return n
}

func lengths(list []string) (n int) {
	for _, s := range list {
		n += 16 + len(s)
	}
	return n
}

// rollBack ends the open transaction after err, and returns err. After some errors,
// of a full disk among them, SQLite has ended it by itself, and says so of the
// ROLLBACK that it recommends all the same (sqlite.org/lang_transaction.html,
// "Response To Errors Within A Transaction").
func (f *file) rollBack(ctx context.Context, err error) error {
	_, rerr := f.write.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
	if rerr == nil || strings.Contains(rerr.Error(), "no transaction is active") {
		return err
	}
	return errors.Join(err, fmt.Errorf("catalog: roll back: %w", rerr))
}

// applyBatch applies entries that end before next, in one transaction.
func (f *file) applyBatch(ctx context.Context, entries []Entry, next int64, to *target) (err error) {
	if _, err := f.write.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	b := newBatch(ctx, f)
	published := false
	defer func() {
		if err == nil {
			return
		}
		if published {
			f.withdraw()
		}
		err = f.rollBack(ctx, err)
	}()
	if err := b.row(`SELECT EXISTS (SELECT 1 FROM early)`).Scan(&b.anyEarly); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	if b.losses, err = readLosses(b.each); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	if len(entries) > fewEntries {
		if err := b.missing(entries); err != nil {
			return fmt.Errorf("catalog: %w", err)
		}
		b.x = newExecutor(b.execNow)
		defer func() { b.x.close() }()
	}
	for _, e := range entries {
		if err := cmp.Or(ctx.Err(), b.entry(e)); err != nil {
			return fmt.Errorf("catalog: entry %d: %w", e.Index, err)
		}
	}
	side, err := b.flush()
	if err != nil {
		return fmt.Errorf("catalog: up to entry %d: %w", next, err)
	}
	if err := cmp.Or(b.meta(next, side.gen, to), b.settle()); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	f.publish(side)
	published = true
	if _, err := f.write.ExecContext(context.WithoutCancel(ctx), `COMMIT`); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	for s, n := range b.newNames {
		f.names.add(n, s)
	}
	return nil
}

// A batch is the work of one transaction. Rows that are touched are read once
// and written once, statements in time order.
type batch struct {
	ctx  context.Context
	f    *file
	side *sidecar

	newNames map[string]uint64
	lastName uint64
	lastSeen time.Time // newest time of observation

	statements map[onrecord.StatementID]*row
	byRow      map[int64]onrecord.StatementID
	accounts   map[accountKey]*accountRow
	sources    map[string]*source
	anyEarly   bool                          // the table early is not empty
	captures   map[onrecord.CaptureRef]int64 // events of one visit cite the same ones
	absent     map[onrecord.StatementID]bool // known not to be in the file
	x          *executor                     // nil in a small batch

	losses losses // lines that nobody can read

	lastCapture int64 // number of the newest row of captures; 0 for unknown
	streams     map[stream]int64
}

// A row is a statement that the batch touches.
type row struct {
	id       onrecord.StatementID
	key      []byte // id as it is stored
	r        int64
	fresh    bool
	doc      record
	account  *accountRow
	wordings map[onrecord.VersionID]*wording // those that the batch has seen

	// As it was before the batch; zero where fresh.
	version  onrecord.VersionID
	versions []onrecord.VersionID
	hidden   bool
	aliases  int
	owner    int64 // number of the account
	listed   [2]listing
}

// newBatch begins a batch. Its statements don't end with ctx: to watch it, the
// driver starts a goroutine for each of them.
func newBatch(ctx context.Context, f *file) *batch {
	return &batch{
		ctx: context.WithoutCancel(ctx), f: f, side: f.newest(), lastName: f.names.max(),
		newNames: map[string]uint64{}, statements: map[onrecord.StatementID]*row{}, byRow: map[int64]onrecord.StatementID{},
		accounts: map[accountKey]*accountRow{}, sources: map[string]*source{}, captures: map[onrecord.CaptureRef]int64{}, streams: map[stream]int64{},
	}
}

// exec writes. In a large batch it does so in the background: an error comes
// from settle at the latest.
func (b *batch) exec(text string, args ...any) error {
	if w := (write{text, args}); b.x == nil {
		return b.execNow(w)
	} else {
		b.x.add(w)
		return nil
	}
}

func (b *batch) row(text string, args ...any) scanner {
	s, err := b.query(text)
	if err != nil {
		return failed{err}
	}
	return s.QueryRowContext(b.ctx, args...)
}

// name is the namer of the batch.
func (b *batch) name(s string) (uint64, error) {
	if n, ok := b.f.names.numOf(s); ok {
		return n, nil
	}
	if n, ok := b.newNames[s]; ok {
		return n, nil
	}
	b.lastName++
	if err := b.exec(`INSERT INTO names (n, s) VALUES ($1, $2)`, int64(b.lastName), s); err != nil {
		return 0, err
	}
	b.newNames[s] = b.lastName
	return b.lastName, nil
}

// unname is the way back, within the batch.
func (b *batch) unname(n uint64) (string, error) {
	if s, ok := b.f.names.textOf(n); ok {
		return s, nil
	}
	var s string
	if err := b.row(`SELECT s FROM names WHERE n = $1`, int64(n)).Scan(&s); err != nil {
		return "", fmt.Errorf("name %d: %w", n, err)
	}
	return s, nil
}

// entry folds one entry and stores it as an event.
func (b *batch) entry(en Entry) error {
	e := en.Event
	e.Index = en.Index
	switch e.Type {
	case onrecord.VisitLine:
		return b.visit(en)
	case onrecord.TombstoneLine, onrecord.ErasureUnsigned: // it says nothing any more, or what nobody has signed
		return nil
	case onrecord.LineLost, onrecord.ActLost:
		return b.lose(e, en.Visit.Source)
	case onrecord.ArchiveGaveUp, onrecord.ArchiveAdopted:
		if err := b.giveUp(en); err != nil {
			return err
		}
	}
	if e.At.After(b.lastSeen) {
		b.lastSeen = e.At
	}
	if err := cmp.Or(b.fold(e), b.identity(e, en.Visit)); err != nil {
		return err
	}
	return b.store(e)
}

func (b *batch) fold(e onrecord.Event) error {
	rests, err := b.rests(e)
	if err != nil {
		return err
	}
	if e.Source != "" && !rests {
		s, err := b.source(e.Source)
		if err != nil {
			return err
		}
		s.apply(e)
	}
	if !rests {
		if err := b.accountOf(e); err != nil {
			return err
		}
	}
	switch e.Type {
	case onrecord.SourceLooked:
		return b.looked(e, rests)
	case onrecord.SourceGap:
		return b.gap(e)
	}
	if isStatement(e.Type) && e.Statement != "" {
		return b.statement(e)
	}
	return nil
}

// fewEntries is up to how many entries it is as well to look for one statement
// after the other.
const fewEntries = 32

// missing looks once for all statements that entries speak of, and notes which
// are not there: of an import, nearly all.
func (b *batch) missing(entries []Entry) error {
	absent := make(map[onrecord.StatementID]bool, len(entries))
	keys := make([]string, 0, len(entries))
	for _, e := range entries {
		id := e.Event.Statement
		key, ok := packID(string(id))
		if id == "" || !ok || absent[id] {
			continue
		}
		absent[id] = true
		keys = append(keys, hex.EncodeToString(key))
	}
	slices.Sort(keys) // in the order of the index
	list, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	s, err := b.query(`SELECT s.id FROM json_each($1) AS w CROSS JOIN statements AS s ON s.id = unhex(w.value)`)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(b.ctx, string(list))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var key []byte
		if err := rows.Scan(&key); err != nil {
			return err
		}
		delete(absent, onrecord.StatementID(unpackID(key)))
	}
	b.absent = absent
	return errors.Join(rows.Err(), rows.Close())
}
