// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package spool

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/files"
)

const (
	newPrefix = "new-"
	oldPrefix = "old-"
)

// recount is after how many Creates the size of the directory is measured
// again, for the sake of other processes that write there.
const recount = 1024

// A Dir is a directory of spools. It is safe for concurrent use, and several
// processes may open the same directory.
type Dir struct {
	dir  string
	o    Options
	disk *files.Disk

	rooted  atomic.Bool  // the directory's own entry is known to be durable
	used    atomic.Int64 // bytes, as far as this Dir knows
	creates atomic.Int64
}

// Open opens the directory of spools dir and makes it if it is not there.
func Open(dir string, o Options) (*Dir, error) {
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	o.Rand = &lockedReader{r: o.Rand}
	o.Largest = cmp.Or(o.Largest, bucket.MaxObject)
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	d := &Dir{dir: dir, o: o, disk: o.Files.Over(files.OS())}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := d.disk.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("spool: %w", err)
		}
	}
	if err := d.measure(); err != nil {
		return nil, err
	}
	return d, nil
}

// A lockedReader lets several spools share a source of randomness.
type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(p)
}

// Create makes the spool of a visit, locked, with its Meta on disk: before the
// visit's first request. It returns ErrFull or ErrExists.
func (d *Dir) Create(ctx context.Context, m Meta) (*Spool, error) {
	if err := d.room(); err != nil {
		return nil, err
	}
	return d.CreateAnyway(ctx, m)
}

// CreateAnyway is Create, however much lies in the directory: for what is small,
// and may be what empties it.
func (d *Dir) CreateAnyway(ctx context.Context, m Meta) (*Spool, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if m.Visit.IsZero() {
		return nil, errors.New("spool: create: no visit")
	}
	name := m.Visit.String()
	if err := d.root(); err != nil {
		return nil, fmt.Errorf("spool %s: create: %w", name, err)
	}
	path := filepath.Join(d.dir, newPrefix+name)
	lock, err := d.claim(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("spool %s: create: %w", name, err)
	}
	s := d.spool(m, lock)
	s.dir = path
	err = s.writeMeta(m)
	if err == nil {
		s.dir = filepath.Join(d.dir, name)
		err = d.disk.Rename(path, s.dir)
	}
	if errors.Is(err, fs.ErrExist) {
		err = ErrExists
	}
	if err == nil {
		err = files.SyncFolder(d.disk, d.dir)
	}
	if err != nil {
		return nil, fmt.Errorf("spool %s: create: %w", name, errors.Join(err, d.disk.RemoveAll(path), lock.Close()))
	}
	return s, nil
}

// root makes the entry of the directory itself durable, once: whoever made it
// may not have come so far.
func (d *Dir) root() error {
	if d.rooted.Load() {
		return nil
	}
	if err := files.SyncFolder(d.disk, filepath.Dir(d.dir)); err != nil {
		return err
	}
	d.rooted.Store(true)
	return nil
}

// claim makes and locks the folder at path. A sweep may take the folder for a
// dead one between the two, and hold it for as long as its own writes take: both
// are tried again, for some seconds.
func (d *Dir) claim(ctx context.Context, path string) (*os.File, error) {
	pause := time.Millisecond
	for {
		if err := d.disk.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		lock, err := lockDir(path)
		if err == nil {
			return lock, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrLocked) || pause > longestClaim {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(pause):
			pause *= 2
		}
	}
}

// longestClaim is the longest pause between two tries to lock a folder that was
// just made.
const longestClaim = 4 * time.Second

// room returns ErrFull if the directory holds its limit.
func (d *Dir) room() error {
	if d.o.Limit <= 0 {
		return nil
	}
	if d.creates.Add(1)%recount == 0 || d.used.Load() >= d.o.Limit {
		if err := d.measure(); err != nil {
			return err
		}
	}
	if n := d.used.Load(); n >= d.o.Limit {
		return fmt.Errorf("%w: %s holds %d bytes, limit %d", ErrFull, d.dir, n, d.o.Limit)
	}
	return nil
}

// Full returns ErrFull if the directory holds its limit: a Create would be
// refused.
func (d *Dir) Full() error { return d.room() }

// Used returns how much lies in the directory, in bytes, as far as this Dir knows;
// 0 where there is no limit.
func (d *Dir) Used() int64 { return d.used.Load() }

// HalfFull returns ErrFull if the directory holds half of its limit.
func (d *Dir) HalfFull() error {
	if d.o.Limit <= 0 || d.used.Load() < d.o.Limit/2 {
		return nil
	}
	if err := d.measure(); err != nil {
		return err
	}
	if n := d.used.Load(); n >= d.o.Limit/2 {
		return fmt.Errorf("%w: %s holds %d bytes, half of the limit of %d", ErrFull, d.dir, n, d.o.Limit)
	}
	return nil
}

// measure sums up the files. Those that vanish meanwhile count nothing.
func (d *Dir) measure() error {
	if d.o.Limit <= 0 {
		return nil
	}
	n, err := sizeOf(d.dir)
	if err != nil {
		return fmt.Errorf("spool: measure: %w", err)
	}
	d.used.Store(n)
	return nil
}

// sizeOf sums up the files under dir.
func sizeOf(dir string) (int64, error) {
	var n int64
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			var info fs.FileInfo
			if info, err = e.Info(); err == nil {
				n += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return n, err
}

// Take yields the spools that nobody holds and that want, where it is not nil, asks
// for, locked, oldest first, each with its own Meta: that reads them whole. The
// caller closes or removes each. An error comes alone; those
// of one folder do not end the sequence. A folder that is damaged stays as it
// is, for the operator to look at.
func (d *Dir) Take(ctx context.Context, want func(onrecord.VisitID) bool) iter.Seq2[*Spool, error] {
	return func(yield func(*Spool, error) bool) {
		entries, err := os.ReadDir(d.dir)
		if err != nil {
			yield(nil, fmt.Errorf("spool: %w", err))
			return
		}
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			s, err := d.takeOne(e.Name(), want)
			if s == nil && err == nil {
				continue
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

// takeOne takes the folder name; nil if it is no spool, or held, or gone, or not
// wanted.
func (d *Dir) takeOne(name string, want func(onrecord.VisitID) bool) (*Spool, error) {
	path := filepath.Join(d.dir, name)
	id, err := onrecord.ParseVisitID(name)
	if err != nil {
		if strings.HasPrefix(name, newPrefix) || strings.HasPrefix(name, oldPrefix) {
			return nil, d.sweep(path)
		}
		return nil, nil
	}
	if want != nil && !want(id) {
		return nil, nil
	}
	s, err := d.TakeVisit(id)
	if errors.Is(err, ErrLocked) || errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrDamaged) {
		return nil, nil
	}
	return s, err
}

// sweep removes a folder whose maker or remover has died.
func (d *Dir) sweep(path string) error {
	lock, err := lockDir(path)
	if errors.Is(err, ErrLocked) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("spool: sweep: %w", err)
	}
	if err := errors.Join(d.disk.RemoveAll(path), lock.Close()); err != nil {
		return fmt.Errorf("spool: sweep: %w", err)
	}
	return nil
}
