// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"onrecord"
)

// prepared keeps statements by their text. The texts are constants and a few
// shapes made from them, so it stays small.
type prepared struct {
	by interface {
		PrepareContext(ctx context.Context, text string) (*sql.Stmt, error)
	}
	mu sync.Mutex
	m  map[string]*sql.Stmt
}

func (p *prepared) get(ctx context.Context, text string) (*sql.Stmt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.m[text]; s != nil {
		return s, nil
	}
	s, err := p.by.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if p.m == nil {
		p.m = make(map[string]*sql.Stmt)
	}
	p.m[text] = s
	return s, nil
}

// close closes the statements: a connection with open ones is not closed for
// SQLite, and keeps its log.
func (p *prepared) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, s := range p.m {
		errs = append(errs, s.Close())
	}
	p.m = nil
	return errors.Join(errs...)
}

// A names is the table of recurring strings in memory.
type names struct {
	mu   sync.RWMutex
	text map[uint64]string
	num  map[string]uint64
	last uint64
}

func (n *names) add(num uint64, s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.text == nil {
		n.text, n.num = make(map[uint64]string), make(map[string]uint64)
	}
	n.text[num], n.num[s] = s, num
	n.last = max(n.last, num)
}

func (n *names) textOf(num uint64) (string, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	s, ok := n.text[num]
	return s, ok
}

func (n *names) numOf(s string) (uint64, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	num, ok := n.num[s]
	return num, ok
}

// max returns the largest number in use.
func (n *names) max() uint64 {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.last
}

// A view is one reader's snapshot: a read transaction, and the sidecar of the
// same generation.
type view struct {
	ctx  context.Context
	c    *Catalog
	f    *file
	tx   *sql.Tx
	side *sidecar
}

// view calls fn with a snapshot. At most GOMAXPROCS run at once: more only
// wait for each other, and make short queries wait for long ones.
func (c *Catalog) view(ctx context.Context, fn func(v *view) error) error {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := c.Reopen(ctx); err != nil {
		return err
	}
	f := c.file.Load()
	f.done.RLock()
	for f.read == nil { // replaced in between, or closed
		f.done.RUnlock()
		if next := c.file.Load(); next == f {
			return errClosed
		}
		f = c.file.Load()
		f.done.RLock()
	}
	defer f.done.RUnlock()
	tx, err := f.read.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	defer tx.Rollback()
	v := &view{ctx: ctx, c: c, f: f, tx: tx}
	var gen int64
	if err := v.row(`SELECT v FROM meta WHERE k = 'gen'`).Scan(&gen); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	if v.side, err = f.sidecarAt(ctx, v, gen); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	return fn(v)
}

// rows runs a query of the snapshot.
func (v *view) rows(text string, args ...any) (*sql.Rows, error) {
	s, err := v.f.reads.get(v.ctx, text)
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	rows, err := v.tx.StmtContext(v.ctx, s).QueryContext(v.ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	return rows, nil
}

// A scanner is one row, or the error of asking for it.
type scanner interface{ Scan(dst ...any) error }

type failed struct{ err error }

func (f failed) Scan(...any) error { return f.err }

func (v *view) row(text string, args ...any) scanner {
	s, err := v.f.reads.get(v.ctx, text)
	if err != nil {
		return failed{err}
	}
	return v.tx.StmtContext(v.ctx, s).QueryRowContext(v.ctx, args...)
}

// each calls fn for every row of a query.
func (v *view) each(fn func(scan func(dst ...any) error) error, text string, args ...any) error {
	rows, err := v.rows(text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	return nil
}

// name is the unnamer of the snapshot. Names that another process added since
// this one looked are read from the file.
func (v *view) name(n uint64) (string, error) {
	if s, ok := v.f.names.textOf(n); ok {
		return s, nil
	}
	var s string
	if err := v.row(`SELECT s FROM names WHERE n = $1`, int64(n)).Scan(&s); err != nil {
		return "", fmt.Errorf("name %d: %w", n, err)
	}
	v.f.names.add(n, s)
	return s, nil
}

// number is the way back: the number of a name, if the snapshot has it. A name
// that this process does not know may have come from another one meanwhile.
func (v *view) number(name string) (n int64, ok bool, err error) {
	if n, ok := v.f.names.numOf(name); ok {
		return int64(n), true, nil
	}
	err = v.row(`SELECT n FROM names WHERE s = $1`, name).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("name %q: %w", name, err)
	}
	v.f.names.add(uint64(n), name)
	return n, true, nil
}

// notFound turns an empty row into onrecord.ErrNotFound.
func notFound(err error, what string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf(what+": %w", append(args, onrecord.ErrNotFound)...)
	}
	return err
}
