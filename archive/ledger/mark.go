// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"onrecord/archive/files"
)

// markHeader is the first line of the mark file; a checkpoint's unsigned text
// follows.
const markHeader = "onrecord high-water mark v1\n"

// markWait is the longest that anybody has reason to hold the mark's lock:
// while a proof is read and a small file is synced.
const markWait = time.Minute

// ReadMark returns the high-water mark of the ledger of the given origin: the
// largest tree that a signer of this machine has signed, whatever the bucket
// says now. ok is false if there is none.
func ReadMark(path, origin string) (t Tree, ok bool, err error) {
	of, t, ok, err := MarkAt(path)
	if err == nil && ok && of != origin {
		err = fmt.Errorf("high-water mark %s: origin is %.200q, not %q", path, of, origin)
	}
	if err != nil || !ok {
		return Tree{}, false, err
	}
	return t, true, nil
}

// MarkAt returns the high-water mark at path, and the origin it is of. ok is
// false if there is none.
func MarkAt(path string) (origin string, t Tree, ok bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", Tree{}, false, nil
	}
	if err != nil {
		return "", Tree{}, false, fmt.Errorf("high-water mark: %w", err)
	}
	rest, ok := strings.CutPrefix(string(text), markHeader)
	if !ok {
		return "", Tree{}, false, fmt.Errorf("high-water mark %s: not a mark of onrecord", path)
	}
	origin, _, _ = strings.Cut(rest, "\n")
	if t, err = parseTree(rest, origin); err != nil {
		return "", Tree{}, false, fmt.Errorf("high-water mark %s: %w", path, err)
	}
	return origin, t, true, nil
}

// writeMark replaces the mark, durably. The mark's lock is held.
func (l *Ledger) writeMark(origin string, t Tree) (err error) {
	tmp := l.o.Mark + "." + rand.Text() + ".tmp"
	f, err := l.disk.Open(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("high-water mark: %w", err)
	}
	_, err = io.WriteString(f, markHeader+checkpointText(origin, t))
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = l.disk.Rename(tmp, l.o.Mark)
	}
	if err != nil {
		return fmt.Errorf("high-water mark: %w", errors.Join(err, l.disk.Remove(tmp)))
	}
	if err := files.SyncFolder(l.disk, filepath.Dir(l.o.Mark)); err != nil {
		return fmt.Errorf("high-water mark: %w", err)
	}
	return nil
}

// lockMark takes the lock of the mark among goroutines and processes.
func (l *Ledger) lockMark(ctx context.Context) (release func() error, err error) {
	f, err := os.OpenFile(l.o.Mark+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("high-water mark: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, markWait)
	defer cancel()
	for wait := 200 * time.Microsecond; ; wait = min(2*wait, 16*time.Millisecond) {
		locked, err := files.TryLock(f)
		if locked {
			return f.Close, nil
		}
		if err == nil {
			select {
			case <-ctx.Done():
				err = fmt.Errorf("wait for %s: %w", f.Name(), ctx.Err())
			case <-time.After(wait):
				continue
			}
		}
		return nil, errors.Join(err, f.Close())
	}
}

// firstMark writes the mark of a new ledger. A mark that is there must be that
// of the empty tree.
func (l *Ledger) firstMark(ctx context.Context, empty Tree) (err error) {
	release, err := l.lockMark(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	mark, ok, err := ReadMark(l.o.Mark, l.o.Origin)
	switch {
	case err != nil:
		return err
	case ok && mark.Size > 0:
		return fmt.Errorf("%s says that %s had %d leaves: %w", l.o.Mark, l.o.Origin, mark.Size, ErrRolledBack)
	case ok:
		return nil
	}
	return l.writeMark(l.o.Origin, empty)
}

// marked returns the high-water mark of the origin in force. A signer without
// one may begin with an empty ledger; on any other it takes the published
// checkpoint only where Options.Trust says so. Of an origin that a restart has
// ended, which knew of the mark, it is the tree that the restart went on from.
func (l *Ledger) marked(published Tree, r *Keyring) (Tree, error) {
	origin, mark, ok, err := MarkAt(l.o.Mark)
	switch in := r.InForce().Origin(); {
	case err != nil:
		return Tree{}, err
	case ok && origin == in:
		return mark, nil
	case ok:
		at, last, ended := r.restartedFrom(origin)
		switch {
		case !ended:
			return Tree{}, fmt.Errorf("high-water mark %s: origin is %.200q, not %q", l.o.Mark, origin, in)
		case mark.Size > last.Size:
			return Tree{}, fmt.Errorf("%s says that %s had %d leaves, and the restart as %s knew of %d: %w", l.o.Mark, origin, mark.Size, in, last.Size, ErrRolledBack)
		}
		return at, nil
	case published.Size == 0, l.o.Trust:
		return published, nil
	}
	return Tree{}, fmt.Errorf("%s is missing and %s has %d leaves: if that is the ledger as you know it, trust its checkpoint: %w",
		l.o.Mark, l.o.Origin, published.Size, ErrNoMark)
}
