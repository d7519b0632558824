// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"onrecord"
)

// A Catalog is an open file. Its methods may be called from many goroutines.
type Catalog struct {
	path string
	o    Options
	lock *os.File // nil when read only

	file    atomic.Pointer[file]
	reopens sync.Mutex // held while a rebuilt file is opened; guards closed
	closed  bool
	closing sync.WaitGroup // replaced files whose readers are not done

	hiding hiding
	losing losing

	applying sync.Mutex
	slots    chan struct{} // as many as queries may run at once
}

var errClosed = errors.New("catalog: closed")

// A file is one SQLite file: its connections and what is kept of it in memory.
// When the catalog is rebuilt, a new one takes its place; the old one is closed
// when its last reader is done.
type file struct {
	path  string
	due   func(onrecord.Known) (at time.Time, sweep bool) // Options.Due
	stamp fs.FileInfo                                     // of the pointer that named path; nil for none
	db    *sql.DB                                         // of write
	write *sql.Conn                                       // nil when read only
	read  *sql.DB
	still bool // as openStill opens it
	names names
	done  sync.RWMutex // held for reading by readers, for writing by close

	writes prepared
	reads  prepared

	sides sync.Mutex
	side  *sidecar // newest
	old   *sidecar // the one before, for readers whose snapshot is older
}

// Open opens the catalog at path, and creates it where there is none. A file
// that this program can't read is ErrRebuild; a file that another process
// applies to is ErrLocked, unless o asks for reading only. One whose disk is full
// can be read where it was closed in order; Apply is ErrDisk until there is room.
func Open(ctx context.Context, path string, o Options) (*Catalog, error) {
	if len(o.MACKey) == 0 {
		return nil, errors.New("catalog: no key for the cursors")
	}
	if o.ReadOnly {
		return openLocked(ctx, path, o, nil)
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("catalog %s: %w", path, err)
	}
	return openLocked(ctx, path, o, lock)
}

// openLocked opens a catalog whose lock is held, and gives it back on failure.
func openLocked(ctx context.Context, path string, o Options, lock *os.File) (*Catalog, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Catalog{path: path, o: o, lock: lock, slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
	f, err := openFile(ctx, path, o)
	if lock != nil && IsFull(err) {
		if still, serr := openStill(ctx, path, o); serr == nil {
			o.Log.Warn("the disk has no room for writing to the catalog: it is read as it is", "file", still.path, "err", err)
			f, err = still, nil
		}
	}
	if err != nil {
		c.unlock()
		return nil, fmt.Errorf("catalog %s: %w", path, err)
	}
	c.file.Store(f)
	return c, nil
}

// Close ends all use of the file. It waits for queries that run.
func (c *Catalog) Close() error {
	defer c.unlock()
	return c.closeKeeping()
}

// closeKeeping is Close, and keeps the lock.
func (c *Catalog) closeKeeping() error {
	c.applying.Lock()
	defer c.applying.Unlock()
	c.reopens.Lock()
	defer c.reopens.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	c.closing.Wait()
	return c.file.Load().close()
}

func (c *Catalog) unlock() {
	if c.lock != nil {
		c.lock.Close()
		c.lock = nil
	}
}

// dsn names the file at path to the driver. Little cache and no mapped memory:
// the pages are in the operating system's cache anyway.
func dsn(path string, pragmas ...string) string {
	v := url.Values{}
	for _, p := range append(pragmas, "busy_timeout(10000)", "mmap_size(0)", "temp_store(2)") {
		v.Add("_pragma", p)
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + v.Encode()
}

// openFile opens the file that the pointer at path names; its error is IsFull where
// it wants for room.
func openFile(ctx context.Context, path string, o Options) (*file, error) {
	f, err := openNamed(ctx, path, o)
	return f, roomless(err, path)
}

func openNamed(ctx context.Context, path string, o Options) (*file, error) {
	f := &file{stamp: stamp(path), due: o.Due}
	path, err := current(path)
	if err != nil {
		return nil, err
	}
	f.path = path
	if o.ReadOnly {
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
	} else {
		db, err := sql.Open("sqlite", dsn(path, "journal_mode(WAL)", "synchronous(FULL)", "cache_size(-16384)", "secure_delete(0)"))
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(1)
		f.db = db
		if err := f.openWriter(ctx); err != nil {
			f.close()
			return nil, err
		}
	}
	if err := f.openReaders(ctx, dsn(path, "cache_size(-2048)", "query_only(1)")); err != nil {
		f.close()
		return nil, err
	}
	if !o.ReadOnly {
		if err := f.plan(ctx, o.Plan); err != nil {
			f.close()
			return nil, err
		}
	}
	return f, nil
}

// openWriter opens the one connection that writes, and makes the tables in a
// new file.
func (f *file) openWriter(ctx context.Context) error {
	empty, err := checkSchema(ctx, f.db)
	if err == nil && empty {
		err = create(ctx, f.db)
	}
	if err != nil {
		return err
	}
	if f.write, err = f.db.Conn(ctx); err != nil {
		return err
	}
	f.writes.by = f.write
	return nil
}

// openReaders opens the connections for queries to the database that at names,
// and loads what is kept in memory.
func (f *file) openReaders(ctx context.Context, at string) error {
	db, err := sql.Open("sqlite", at)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(runtime.GOMAXPROCS(0) + 1)
	db.SetMaxIdleConns(runtime.GOMAXPROCS(0) + 1)
	f.read = db
	empty, err := checkSchema(ctx, db)
	if err != nil {
		return err
	}
	if empty {
		return fmt.Errorf("empty file: %w", ErrRebuild)
	}
	f.reads.by = db
	if f.side, err = f.loadSidecar(ctx); err != nil {
		return unreadable(err)
	}
	return nil
}

// close closes the connections once no reader is left.
func (f *file) close() error {
	f.done.Lock()
	defer f.done.Unlock()
	errs := []error{f.reads.close(), f.writes.close()}
	if f.read != nil {
		errs = append(errs, f.read.Close())
		f.read = nil
	}
	if f.write != nil {
		errs = append(errs, f.write.Close())
		f.write = nil
	}
	if f.db != nil {
		errs = append(errs, f.db.Close())
		f.db = nil
	}
	return errors.Join(errs...)
}
