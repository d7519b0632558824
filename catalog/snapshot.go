// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Schema names the schema of this program. A snapshot of another is of no use.
func Schema() string { return schemaName() }

// Exists reports whether there is a catalog at path, of whatever schema.
func Exists(path string) bool {
	name, err := current(path)
	if err != nil {
		return true // what is there is for Open to judge
	}
	_, err = os.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// Snapshot writes a copy of the catalog to path, where nothing may be, and
// returns the ledger size and root that it has applied. The copy has no free
// pages: nothing that was removed from the catalog is in it. Readers and the
// process that applies go on meanwhile. The file is not synced.
func (c *Catalog) Snapshot(ctx context.Context, path string) (size int64, root [32]byte, err error) {
	if err := c.Reopen(ctx); err != nil {
		return 0, root, err
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return 0, root, fmt.Errorf("catalog: snapshot: %s: %w", path, cmp.Or(err, fs.ErrExist))
	}
	// A connection of its own: VACUUM INTO writes, which those of readers refuse.
	db, err := sql.Open("sqlite", dsn(c.file.Load().path, "cache_size(-2048)"))
	if err != nil {
		return 0, root, fmt.Errorf("catalog: snapshot: %w", err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, `VACUUM INTO $1`, path); err != nil {
		return 0, root, fmt.Errorf("catalog: snapshot: %w", errors.Join(unreadable(err), removeFile(path)))
	}
	copied, err := sql.Open("sqlite", dsn(path, "query_only(1)"))
	if err != nil {
		return 0, root, fmt.Errorf("catalog: snapshot: %w", err)
	}
	defer copied.Close()
	var b []byte
	row := copied.QueryRowContext(ctx, `SELECT (SELECT v FROM meta WHERE k = 'size'), (SELECT v FROM meta WHERE k = 'root')`)
	if err := row.Scan(&size, &b); err != nil || len(b) != len(root) {
		return 0, root, fmt.Errorf("catalog: snapshot: %w", errors.Join(err, removeFile(path)))
	}
	return size, [32]byte(b), nil
}

// Restore begins a new file for the catalog at path, as Rebuild does, with what
// write writes: a snapshot that has applied the ledger up to size and root. One
// that this program can't read, or of another size or root, is ErrRebuild.
// Apply to it what came since.
func Restore(ctx context.Context, path string, o Options, size int64, root [32]byte, write func(io.Writer) error) (*Rebuilding, error) {
	lock, err := lockFile(path + ".rebuild.lock")
	if err != nil {
		return nil, fmt.Errorf("catalog %s: restore: %w", path, err)
	}
	name := path + "." + strings.ToLower(rand.Text()[:nameLength])
	if err = removeOthers(path); err == nil {
		err = writeWhole(name, write)
	}
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("catalog %s: restore: %w", path, err)
	}
	o.ReadOnly = false
	c, err := openLocked(ctx, name, o, lock)
	if err != nil {
		return nil, errors.Join(err, removeFile(name))
	}
	r := &Rebuilding{Catalog: c, of: path}
	has, at, err := c.Applied(ctx)
	if err == nil && (has != size || at != root) {
		err = fmt.Errorf("the snapshot has applied %d lines to root %x, not %d to %x: %w", has, at, size, root, ErrRebuild)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("catalog %s: restore: %w", path, err), r.Discard())
	}
	return r, nil
}

// writeWhole makes the file at path, synced, or none.
func writeWhole(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
