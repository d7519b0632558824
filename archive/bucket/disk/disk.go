// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package disk is a bucket in a folder. A key is the path of a file below it.
//
// Objects are written to a temporary file in the same file system, synced and
// then linked to their name, so that they appear whole or not at all and are
// never replaced. Registers are compared and renamed under a lock file that is
// separate and never removed (record.md 1.13). Every folder on the way is
// synced before a write is acknowledged.
//
// The folders "+tmp" and "+locks" hold temporary and lock files; "+" is in no
// key. Any number of processes of one machine may use one folder. Network file
// systems are refused by [Probe] where they lack hard links or locks.
//
// After an fsync that failed nobody knows what is on the disk (ATC'20, "Can
// applications recover from fsync failures?"): the bucket refuses all further
// writes with [ErrSync] until it is opened again with another latch.
package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"syscall"
	"time"

	"onrecord/archive/bucket"
	"onrecord/archive/files"
)

// ErrSync reports that an earlier fsync failed, so that nothing more is
// written: files.ErrSync.
var ErrSync = files.ErrSync

// ErrBusy reports that a register's lock was held for longer than
// Options.LockWait. The message names the holder's process id.
var ErrBusy = errors.New("register is locked")

const (
	tmpFolder  = "+tmp"
	lockFolder = "+locks"
)

// Options configures a Bucket.
type Options struct {
	// LockWait bounds the wait for a register's lock; 0 means 30 seconds.
	LockWait time.Duration

	// Files is how the bucket gets at the disk.
	Files files.Seam
}

// A Bucket is a bucket.Bucket and a bucket.Pruner in a folder.
type Bucket struct {
	root *os.Root
	disk *files.Disk // root, for writing
	o    Options

	tmp    string   // this Bucket's own folder below tmpFolder
	tmpOwn *os.File // lock that says that tmp is in use

	mu     sync.Mutex
	turns  map[string]*turn    // by register key; guarded by mu
	synced map[string]struct{} // folders whose entry is known to be durable; guarded by mu
}

// Open opens the bucket in folder, which must exist, and removes what crashed
// processes left in +tmp.
func Open(folder string, o Options) (*Bucket, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	if o.LockWait == 0 {
		o.LockWait = 30 * time.Second
	}
	return &Bucket{
		root: root, disk: o.Files.Over(files.In(root)), o: o,
		turns: map[string]*turn{}, synced: map[string]struct{}{},
	}, nil
}

// Close releases the folder. Calls that still run may fail.
func (b *Bucket) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var err error
	if b.tmpOwn != nil {
		err = errors.Join(b.disk.RemoveAll(b.tmp), b.disk.Remove(b.tmp+".lock"), b.tmpOwn.Close())
		b.tmpOwn = nil
	}
	return errors.Join(err, b.root.Close())
}

// writable returns ErrSync after a failed fsync, and the error of ctx.
func (b *Bucket) writable(ctx context.Context) error {
	if err := b.disk.Err(); err != nil {
		return err
	}
	return ctx.Err()
}

// Create implements bucket.Bucket.
func (b *Bucket) Create(ctx context.Context, key string, body bucket.Body) error {
	if err := bucket.CheckKey(key); err != nil {
		return err
	}
	if err := b.create(ctx, key, body); err != nil {
		return fmt.Errorf("create %s: %w", key, err)
	}
	return nil
}

func (b *Bucket) create(ctx context.Context, key string, body bucket.Body) error {
	if err := b.writable(ctx); err != nil {
		return err
	}
	if err := b.taken(key); err != nil {
		return err
	}
	tmp, err := b.temp(func(w io.Writer) error { return body.CopyTo(ctx, w) }, 0o444)
	if err != nil {
		return err
	}
	err = b.link(ctx, tmp, key)
	return errors.Join(err, b.disk.Remove(tmp))
}

// link gives the temporary file its name. A folder may vanish between mkdir
// and link when the last partial tile in it is pruned; then it is made again.
func (b *Bucket) link(ctx context.Context, tmp, key string) error {
	for range 3 {
		if err := b.mkdir(path.Dir(key)); err != nil {
			return err
		}
		if err := b.writable(ctx); err != nil {
			return err
		}
		err := b.disk.Link(tmp, key)
		switch {
		case err == nil:
			return b.syncFolder(path.Dir(key))
		case errors.Is(err, fs.ErrExist):
			return b.taken(key)
		case errors.Is(err, fs.ErrNotExist):
			b.forget(path.Dir(key))
		default:
			return err
		}
	}
	return fmt.Errorf("folder %s was removed three times", path.Dir(key))
}

// taken returns ErrExists if something lies under key, after making sure that
// this is durable: its writer may not have come so far. A folder under key is
// ErrKey.
func (b *Bucket) taken(key string) error {
	info, err := b.root.Lstat(key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("a beginning of it is a key: %w", bucket.ErrKey)
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("it is the beginning of other keys: %w", bucket.ErrKey)
	}
	if err := b.mkdir(path.Dir(key)); err != nil {
		return err
	}
	if err := b.syncFolder(path.Dir(key)); err != nil {
		return err
	}
	return bucket.ErrExists
}

// Open implements bucket.Bucket.
func (b *Bucket) Open(ctx context.Context, key string, off, n int64) (bucket.Object, error) {
	if err := bucket.CheckKey(key); err != nil {
		return bucket.Object{}, err
	}
	if err := ctx.Err(); err != nil {
		return bucket.Object{}, err
	}
	f, size, err := b.openFile(key)
	if err != nil {
		return bucket.Object{}, fmt.Errorf("open %s: %w", key, err)
	}
	n, err = bucket.CheckRange(off, n, size)
	if err != nil {
		return bucket.Object{}, errors.Join(fmt.Errorf("open %s: %w", key, err), f.Close())
	}
	return bucket.Object{
		ReadCloser: &section{io.NewSectionReader(f, off, n), f, ctx},
		Size:       size,
	}, nil
}

// openFile opens the file of a key; a missing one is bucket.ErrNotExist.
func (b *Bucket) openFile(key string) (*os.File, int64, error) {
	f, err := b.root.Open(key)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, 0, bucket.ErrNotExist
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errors.Join(bucket.ErrNotExist, f.Close())
	}
	return f, info.Size(), nil
}

// A section is a range of a file that ends with its context.
type section struct {
	*io.SectionReader
	f   *os.File
	ctx context.Context
}

func (s *section) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.SectionReader.Read(p)
}

func (s *section) Close() error { return s.f.Close() }

// Prune implements bucket.Pruner. It removes the folder of the partial tiles
// with the last of them.
func (b *Bucket) Prune(ctx context.Context, key string) error {
	if err := bucket.CheckPrune(key); err != nil {
		return err
	}
	if err := b.writable(ctx); err != nil {
		return fmt.Errorf("prune %s: %w", key, err)
	}
	err := b.disk.Remove(key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("prune %s: %w", key, err)
	}
	folder := path.Dir(key)
	if err := b.disk.Remove(folder); err == nil {
		b.forget(folder)
	}
	return nil
}
