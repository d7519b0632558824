// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/files"
	"onrecord/archive/ledger"
	"onrecord/archive/spool"
	"onrecord/catalog"
	"onrecord/config"
	"onrecord/search"
)

// Exit statuses. Scripts depend on them; `onrecord help exit-status` and
// docs/exit-status.md list them, and testdata/script tests each.
const (
	exitOK          = 0   // done
	exitFailed      = 1   // something went wrong
	exitUsage       = 2   // the command line or the query was wrong
	exitPartly      = 3   // finished, but some sources failed
	exitMismatch    = 5   // the record is not what was recorded: damaged, lost, rolled back
	exitNoArchive   = 10  // no archive here
	exitLocked      = 11  // locked by another process
	exitConfig      = 12  // the configuration is invalid
	exitUnreachable = 13  // storage can't be reached
	exitInterrupted = 130 // interrupted
)

// A failure is an error with an exit status of its own and, where there is
// one, a hint: the command to run next.
type failure struct {
	status int
	hint   string
	err    error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usagef reports a mistake in the command line.
func usagef(format string, args ...any) error {
	return &failure{status: exitUsage, err: fmt.Errorf(format, args...)}
}

// What to do about a storage that does not answer, by commands that visit, and by
// all others; and about one of another archive.
const (
	spoolHint = "visits stay in the spool and are committed once the storage answers"
	againHint = "run it again once the storage answers"
	keyHint   = "is storage.url that of this archive, and log.key its key?"

	originHint = "log.origin never changes: put back the one with which the archive began, or correct storage.url"
)

// fitting returns err with the hint that fits a command that has, or has not,
// visits in the spool.
func (e *env) fitting(err error) error {
	if code, hint := status(err); hint == spoolHint && !(e.visits && e.spooled()) {
		return &failure{status: code, hint: againHint, err: err}
	}
	return err
}

// spooled reports whether visits wait in the spool.
func (e *env) spooled() bool {
	cfg, err := e.config()
	if err != nil {
		return false
	}
	waiting, _, err := spoolOf(cfg.StateDir)
	return err == nil && len(waiting) > 0
}

// status returns the exit status of an error and a hint, if there is one.
func status(err error) (code int, hint string) {
	if err == nil {
		return exitOK, ""
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return f.status, f.hint
	}
	if _, ok := errors.AsType[*config.Error](err); ok {
		return exitConfig, ""
	}
	if _, ok := errors.AsType[*search.SyntaxError](err); ok {
		return exitUsage, ""
	}
	if code, hint, ok := storeStatus(err); ok {
		return code, hint
	}
	switch {
	case errors.Is(err, archive.ErrNoArchive):
		return exitNoArchive, "is storage.url right? onrecord init DIR makes a new archive"
	case errors.Is(err, archive.ErrSource):
		return exitConfig, "give the source another id, or put back the account that it had"
	case errors.Is(err, files.ErrSync):
		return exitFailed, "look at the disk (dmesg, smartctl), then start again: nothing acknowledged is lost"
	case errors.Is(err, archive.ErrUnreachable):
		return exitUnreachable, spoolHint
	case errors.Is(err, ledger.ErrNoMark):
		return exitConfig, "if that is the ledger as you know it, run the command once with --trust-checkpoint"
	case errors.Is(err, ledger.ErrKeyChanged):
		return exitConfig, "copy the new log.key from the machine that changed it; what was visited here waits in the spool"
	case errors.Is(err, ledger.ErrSeenMore):
		return exitMismatch, "compare with that witness or replica: if a replica was made the archive, stop this one; else put back a newer copy of the bucket; if the witness is wrong, take it out of log.witnesses"
	case errors.Is(err, ledger.ErrRolledBack):
		return exitMismatch, "the bucket shows less than this machine has signed: put back a newer copy of it"
	case errors.Is(err, spool.ErrFull):
		return exitFailed, "once the storage answers, onrecord crawl records what waits; spool_limit may be raised"
	case errors.Is(err, archive.ErrOrigin):
		return exitConfig, originHint
	case errors.Is(err, archive.ErrKey):
		return exitConfig, keyHint
	case errors.Is(err, catalog.ErrLocked), errors.Is(err, errHeld):
		return exitLocked, ""
	case errors.Is(err, syscall.ENOSPC):
		return exitFailed, "free some space on that disk; nothing acknowledged is lost"
	case errors.Is(err, catalog.ErrDisk):
		return exitFailed, "is the disk of the state directory full, or read-only?"
	case errors.Is(err, catalog.ErrRebuild):
		return exitFailed, "onrecord rebuild"
	case errors.Is(err, search.ErrCursor):
		return exitUsage, ""
	case errors.Is(err, onrecord.ErrNotFound):
		return exitFailed, ""
	}
	code, hint, _ = damage(err)
	return code, hint
}

// report words err for a person and returns the exit status. It is the only
// place that prints an error: prefix, lower case, no full stop, then a hint.
func report(stderr io.Writer, s *stop, err error) int {
	code, hint := status(err)
	if err == nil {
		return code
	}
	if s.interrupted() && (code == exitFailed || s.hard.Err() != nil) {
		fmt.Fprintln(stderr, "onrecord: interrupted")
		return exitInterrupted
	}
	text := told(err)
	if several(err) {
		text = strings.ReplaceAll(text, "\n", "\nonrecord: ")
	}
	fmt.Fprintf(stderr, "onrecord: %s\n", text)
	if hint != "" {
		fmt.Fprintf(stderr, "hint: %s\n", hint)
	}
	return code
}

// several reports whether err is a list of errors, a line each.
func several(err error) bool {
	for err != nil {
		if _, list := err.(interface{ Unwrap() []error }); list {
			return true
		}
		err = errors.Unwrap(err)
	}
	return false
}
