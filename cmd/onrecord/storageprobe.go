// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"onrecord/archive/bucket/disk"
	"onrecord/archive/bucket/s3"
	"onrecord/config"
)

// What an S3 store does with conditional writes decides whether a commit is
// one. `init`, `adopt` and `serve` find out by doing it, some 70 small requests;
// other commands that write trust what was found in the last day on this machine
// for the same address, and else find out themselves, so that a store that was
// exchanged for another is not written to unlooked at. So does each process
// before it fills a replica. Commands that only read ask nothing: nothing that
// they do rests on it.
const (
	probeFile  = "store.json" // in the state directory
	probeTrust = 24 * time.Hour
	probeNotes = 16 // addresses whose notes are kept
)

// A probeNote is what was found last at an address.
type probeNote struct {
	URL    string    `json:"url"`
	At     time.Time `json:"at"`
	Report s3.Report `json:"report"`
}

// checkStore refuses a place that would break the commit of the record: an S3
// store that does not honour conditions, a folder without links and locks.
// stateDir has what was found before; afresh says not to trust that.
func (e *env) checkStore(ctx context.Context, s config.Store, stateDir string, afresh bool) error {
	if !isS3(s.URL) {
		return checkFolder(s)
	}
	if note, ok := readProbe(stateDir, s.URL); ok && !afresh && e.now().Sub(note.At).Abs() < probeTrust {
		return note.Report.Refusal()
	}
	b, err := openS3(s)
	if err != nil {
		return err
	}
	report, err := b.Probe(ctx, e.now)
	if err != nil {
		return fmt.Errorf("storage %s: %w", s.URL, err)
	}
	_ = writeProbe(stateDir, probeNote{URL: s.URL, At: e.now().UTC(), Report: report}) // without it the store is asked again
	return report.Refusal()
}

// checkFolder refuses a folder whose file system can't hold a bucket.
func checkFolder(s config.Store) error {
	folder, err := bucketFolder(s.URL)
	if err != nil {
		return err
	}
	err = disk.Probe(folder)
	switch {
	case errors.Is(err, disk.ErrFileSystem):
		return &failure{status: exitUnreachable, hint: "choose a folder on another file system", err: err}
	case errors.Is(err, syscall.ENOSPC):
		return err
	case err != nil:
		return &failure{status: exitUnreachable, hint: "is the folder there, and may this user read and write it?", err: fmt.Errorf("storage %s: %w", s.URL, err)}
	}
	return nil
}

// probeNotesIn reads what was found last, by address.
func probeNotesIn(stateDir string) []probeNote {
	var notes []probeNote
	b, err := os.ReadFile(filepath.Join(stateDir, probeFile))
	if err != nil || json.Unmarshal(b, &notes) != nil {
		return nil
	}
	return notes
}

// readProbe reads what was found last at an address.
func readProbe(stateDir, address string) (probeNote, bool) {
	for _, note := range probeNotesIn(stateDir) {
		if note.URL == address {
			return note, true
		}
	}
	return probeNote{}, false
}

// writeProbe keeps what was found, the newest first. It is a note, and not
// synced: without it the store is asked again.
func writeProbe(stateDir string, note probeNote) (err error) {
	unlock, err := lockFolder(stateDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	old := slices.DeleteFunc(probeNotesIn(stateDir), func(n probeNote) bool { return n.URL == note.URL })
	notes := append([]probeNote{note}, old...)
	b, err := json.MarshalIndent(notes[:min(len(notes), probeNotes)], "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(stateDir, ".store-")
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), filepath.Join(stateDir, probeFile))
}

// lockFolder has one at a time write in a folder: goroutines and processes that
// probe several stores at once keep a note each.
func lockFolder(path string) (unlock func() error, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}

// s3 tells what is known of an S3 store: with --write what it does now, else
// what was found last.
func (d *doctor) s3(ctx context.Context, cfg *config.Config) (answers bool) {
	if s := cfg.Storage.Credentials; s != "" {
		if _, err := credentialsOf(cfg.Storage.Store); err == nil {
			d.ok("store", "%s is readable by its owner only", s)
		}
	}
	if d.write {
		if err := d.env.checkStore(ctx, cfg.Storage.Store, cfg.StateDir, true); err != nil {
			_, hint := status(err)
			d.fail("store", hint, "%v", err)
			code, _ := status(err)
			return code != exitUnreachable // what was found out before is not what was asked for
		}
	}
	note, ok := readProbe(cfg.StateDir, cfg.Storage.URL)
	if !ok {
		d.warn("store", "onrecord doctor --write finds out, with a few objects that it removes again", "what the store at %s does with conditional writes is not known", cfg.Storage.URL)
		return true
	}
	r := note.Report
	if err := r.Refusal(); err != nil {
		_, hint := status(err)
		d.fail("store", hint, "%v", err)
	} else {
		d.ok("store", "%s honours conditional writes, as found at %s", r.Endpoint, note.At.Format(time.RFC3339))
	}
	d.s3Extras(r)
	return true
}

// s3Extras tells what else was found.
func (d *doctor) s3Extras(r s3.Report) {
	if !r.ChecksSum {
		d.warn("store", "nothing: each read is checked here", "the store does not compare what it gets with its SHA-256")
	}
	if !r.ListsInOrder {
		d.warn("store", "nothing rests on it but reports such as this one", "the store lists its keys out of order")
	}
	if r.Left != "" {
		d.warn("store", "a rule of the bucket that removes probe/ after a day keeps it clean", "objects below probe/ stayed: %s", r.Left)
	}
	switch {
	case r.Lock.Mode != "":
		d.warn("store", "an erasure is refused there unless storage.erasure says impossible", "%s: nothing can be erased before it ends", r.Lock)
	case r.Versioning:
		d.ok("store", "versions are kept, %s: an overwritten object can be put back, and an erasure removes every version", r.Lock)
	default:
		d.ok("store", "no versions are kept, %s", r.Lock)
	}
	switch skew := r.Skew.Abs(); {
	case skew >= skewFail:
		d.fail("clock", "set the clock of this machine (timedatectl set-ntp true)", "off by %s from that of the store", r.Skew)
	case skew >= skewWarn:
		d.warn("clock", "set the clock of this machine (timedatectl set-ntp true)", "off by %s from that of the store", r.Skew)
	}
}
