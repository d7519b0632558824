// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// errHeld reports a lock that another process has.
var errHeld = errors.New("locked")

// locks are files in a folder of the state directory, held by flock: a source
// is visited by one process at a time, and so is a host (record.md 7). The
// files stay; the kernel gives a lock back when its process ends, however.
type locks struct{ dir string }

// newLocks makes the folder.
func newLocks(stateDir string) (*locks, error) {
	dir := filepath.Join(stateDir, "locks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("locks: %w", err)
	}
	return &locks{dir}, nil
}

// take takes the lock of a source or a host. Where another process has it, the
// error is errHeld and names that process.
func (l *locks) take(kind, name string) (unlock func(), err error) {
	path := filepath.Join(l.dir, kind+"-"+lockName(name))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock of %s %s: %w", kind, name, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s %s is held by %s: %w", kind, name, lockHolder(path), errHeld)
		}
		return nil, fmt.Errorf("lock of %s %s: %w", kind, name, err)
	}
	// The number only serves messages; a lock without it is a lock.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return func() { _ = f.Close() }, nil
}

// lockHolder words which process has a lock file.
func lockHolder(path string) string {
	pid, _ := readLock(path)
	if pid != "" {
		return "process " + pid
	}
	return "a process that has not said its number"
}

// readLock returns what is in a lock file: the number of the process that has
// it, and what else that has noted.
func readLock(path string) (pid, note string) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", ""
	}
	pid, note, _ = strings.Cut(string(b), "\n")
	return strings.TrimSpace(pid), strings.TrimSpace(note)
}

// note writes a note into a lock that this process has, for other processes
// of this machine. It is not synced, and may be lost: it serves messages.
func (l *locks) note(kind, name, text string) {
	f, err := os.OpenFile(filepath.Join(l.dir, kind+"-"+lockName(name)), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return
	}
	_, _ = f.WriteString(text + "\n")
	_ = f.Close()
}

// visit takes the locks of a source and, where it is named, of a host, the
// source first.
func (l *locks) visit(source, host string) (unlock func(), err error) {
	a, err := l.take("source", source)
	if err != nil || host == "" {
		return a, err
	}
	b, err := l.take("host", host)
	if err != nil {
		a()
		return nil, err
	}
	return func() { b(); a() }, nil
}

// wait is visit for somebody who can wait: it tries until another process has
// given the locks back, for at most two minutes, or ctx ends. Say is told once
// what it waits for.
func (l *locks) wait(ctx context.Context, source, host string, say func(string)) (unlock func(), err error) {
	const patience, between = 2 * time.Minute, 100 * time.Millisecond
	for n := time.Duration(0); ; n += between {
		unlock, err = l.visit(source, host)
		if !errors.Is(err, errHeld) || n >= patience {
			return unlock, err
		}
		if n == 2*time.Second {
			say(err.Error() + "; waiting")
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(between):
		}
	}
}

// lockName makes a file name of a source id or a host, whatever is in it.
func lockName(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.'
	}
	if s != "" && len(s) < 100 && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:12])
}
