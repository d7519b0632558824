// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"onrecord/archive/bucket"
	"onrecord/archive/files"
)

// Load implements bucket.Bucket. It takes the register's lock, so that what it
// returns is durable and a swap is either wholly before or wholly after it.
func (b *Bucket) Load(ctx context.Context, key string) ([]byte, bucket.Tag, error) {
	if err := bucket.CheckKey(key); err != nil {
		return nil, bucket.Tag{}, err
	}
	body, err := b.load(ctx, key)
	if err != nil {
		return nil, bucket.Tag{}, fmt.Errorf("load %s: %w", key, err)
	}
	return body, bucket.TagOf(body), nil
}

func (b *Bucket) load(ctx context.Context, key string) ([]byte, error) {
	release, err := b.lockTo(ctx, key, false)
	switch {
	case errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrSync) || errors.Is(err, syscall.ENOSPC):
		// Whoever may not lock, or write any more, may not swap either. Without
		// space there is no lock yet, and nobody who has it.
		release = func() error { return nil }
	case err != nil:
		return nil, err
	}
	body, err := b.read(key)
	return body, errors.Join(err, release())
}

// read returns the bytes of a register.
func (b *Bucket) read(key string) ([]byte, error) {
	f, size, err := b.openFile(key)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > bucket.MaxRegister {
		return nil, fmt.Errorf("%d bytes: %w", size, bucket.ErrTooLarge)
	}
	return io.ReadAll(f)
}

// Swap implements bucket.Bucket. What Create has stored is never replaced:
// that is ErrKey.
func (b *Bucket) Swap(ctx context.Context, key string, cond bucket.Condition, body []byte) (bucket.Tag, error) {
	if err := bucket.CheckSwap(key, cond, body); err != nil {
		return bucket.Tag{}, err
	}
	if err := b.swap(ctx, key, cond, body); err != nil {
		return bucket.Tag{}, fmt.Errorf("swap %s: %w", key, err)
	}
	return bucket.TagOf(body), nil
}

func (b *Bucket) swap(ctx context.Context, key string, cond bucket.Condition, body []byte) (err error) {
	if err := b.writable(ctx); err != nil {
		return err
	}
	tmp, err := b.temp(func(w io.Writer) error {
		_, err := w.Write(body)
		return err
	}, 0o644)
	if err != nil {
		return err
	}
	renamed := false
	defer func() {
		if !renamed {
			err = errors.Join(err, b.disk.Remove(tmp))
		}
	}()
	release, err := b.lock(ctx, key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := b.holds(key, cond); err != nil {
		return err
	}
	if err := b.mkdir(path.Dir(key)); err != nil {
		return err
	}
	if err := b.writable(ctx); err != nil {
		return err
	}
	if err := b.disk.Rename(tmp, key); err != nil {
		return err
	}
	renamed = true
	return b.syncFolder(path.Dir(key))
}

// holds compares the register with cond. The register's lock is held.
func (b *Bucket) holds(key string, cond bucket.Condition) error {
	absent, tag, err := cond.Parts()
	if err != nil {
		return err
	}
	info, err := b.root.Lstat(key)
	switch {
	case errors.Is(err, fs.ErrNotExist) && absent:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return bucket.ErrConflict
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("a beginning of it is a key: %w", bucket.ErrKey)
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("it is the beginning of other keys: %w", bucket.ErrKey)
	case absent:
		return bucket.ErrConflict
	}
	old, err := b.read(key)
	if err != nil {
		return err
	}
	if bucket.TagOf(old) != tag {
		return bucket.ErrConflict
	}
	if info.Mode().Perm()&0o200 == 0 {
		return fmt.Errorf("it is an object, which never changes: %w", bucket.ErrKey)
	}
	return nil
}

// A turn lets one goroutine of this process at a time try for the lock of a
// register, in the order in which they came.
type turn struct {
	users int // guarded by Bucket.mu
	token chan struct{}
}

// lock takes the lock of a register for writing, among goroutines and among
// processes, and returns what releases it.
func (b *Bucket) lock(ctx context.Context, key string) (release func() error, err error) {
	return b.lockTo(ctx, key, true)
}

// lockTo takes the lock of a register, to write it or only to read it: a reader
// needs no space on the disk, and leaves nothing to make durable if it dies.
func (b *Bucket) lockTo(ctx context.Context, key string, write bool) (release func() error, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	limit, cancel := context.WithTimeoutCause(ctx, b.o.LockWait, ErrBusy)
	defer cancel()
	t, done := b.enter(key)
	select {
	case t.token <- struct{}{}:
	case <-limit.Done():
		done()
		return nil, b.busy(limit, key)
	}
	f, err := b.lockFile(limit, key, write)
	if err != nil {
		<-t.token
		done()
		return nil, err
	}
	return func() error {
		// The pid is removed before the lock is: one that is found there
		// under the lock belongs to a process that died.
		err := errors.Join(f.Truncate(0), f.Close())
		<-t.token
		done()
		return err
	}, nil
}

// enter counts a user of the turn of key, and returns it with what ends the
// use.
func (b *Bucket) enter(key string) (t *turn, done func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t = b.turns[key]
	if t == nil {
		t = &turn{token: make(chan struct{}, 1)}
		b.turns[key] = t
	}
	t.users++
	return t, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if t.users--; t.users == 0 {
			delete(b.turns, key)
		}
	}
}

func lockName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return lockFolder + "/" + hex.EncodeToString(sum[:])
}

// lockFile opens and locks the lock file of key, and writes our pid into it if
// the register is to be written. A pid that is still there belongs to a process
// that died with the lock: the rename it may have made is then made durable
// first.
func (b *Bucket) lockFile(ctx context.Context, key string, write bool) (*os.File, error) {
	f, err := b.root.OpenFile(lockName(key), os.O_RDWR|os.O_CREATE, 0o644)
	if errors.Is(err, fs.ErrNotExist) {
		if err := b.disk.Mkdir(lockFolder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		f, err = b.root.OpenFile(lockName(key), os.O_RDWR|os.O_CREATE, 0o644)
	}
	if err != nil {
		return nil, err
	}
	err = b.waitLock(ctx, f, key)
	if err == nil {
		err = b.takeOver(f, key, write)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (b *Bucket) waitLock(ctx context.Context, f *os.File, key string) error {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for wait := 500 * time.Microsecond; ; wait = min(2*wait, 16*time.Millisecond) {
		if locked, err := files.TryLock(f); locked || err != nil {
			return err
		}
		pause.Reset(wait)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return b.busy(ctx, key)
		}
	}
}

func (b *Bucket) takeOver(f *os.File, key string, write bool) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() > 0 {
		err := b.syncFolder(path.Dir(key))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if !write {
		return nil
	}
	_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// busy says why the lock of key was not to be had: the caller's context, or
// the limit, with the process that holds it.
func (b *Bucket) busy(ctx context.Context, key string) error {
	cause := context.Cause(ctx)
	if !errors.Is(cause, ErrBusy) {
		return cause
	}
	holder := "unknown"
	if text, err := b.root.ReadFile(lockName(key)); err == nil && len(text) > 0 && len(text) < 20 {
		holder = strings.TrimSpace(string(text))
	}
	return fmt.Errorf("%w by process %s for %s", ErrBusy, holder, b.o.LockWait)
}
