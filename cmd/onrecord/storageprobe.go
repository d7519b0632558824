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
	"time"

	"onrecord/archive/bucket/s3"
	"onrecord/config"
)

// What an S3 store does with conditional writes decides whether a commit is
// one. `init` and `serve` find out by doing it, some 70 small requests; other
// commands that write trust what was found in the last day on this machine for
// the same address, and else find out themselves, so that a store that was
// exchanged for another is not written to unlooked at. Commands that only read
// ask nothing: nothing that they do rests on it.
const (
	probeFile  = "store.json" // in the state directory
	probeTrust = 24 * time.Hour
)

// A probeNote is what was found last.
type probeNote struct {
	URL    string    `json:"url"`
	At     time.Time `json:"at"`
	Report s3.Report `json:"report"`
}

// checkStore refuses a store that would break the commit of the record.
// Afresh says not to trust what was found before.
func (e *env) checkStore(ctx context.Context, cfg *config.Config, afresh bool) error {
	if !isS3(cfg.Storage.URL) {
		return nil
	}
	if note, ok := readProbe(cfg); ok && !afresh && e.now().Sub(note.At).Abs() < probeTrust {
		return note.Report.Refusal()
	}
	b, err := openS3(cfg.Storage.Store)
	if err != nil {
		return err
	}
	report, err := b.Probe(ctx, e.now)
	if err != nil {
		return fmt.Errorf("storage %s: %w", cfg.Storage.URL, err)
	}
	if err := writeProbe(cfg, probeNote{URL: cfg.Storage.URL, At: e.now().UTC(), Report: report}); err != nil {
		return err
	}
	return report.Refusal()
}

// readProbe reads what was found last at the address of the configuration.
func readProbe(cfg *config.Config) (probeNote, bool) {
	var note probeNote
	b, err := os.ReadFile(filepath.Join(cfg.StateDir, probeFile))
	if err != nil || json.Unmarshal(b, &note) != nil {
		return note, false
	}
	return note, note.URL == cfg.Storage.URL
}

// writeProbe keeps what was found. It is a note, and not synced: without it the
// store is asked again.
func writeProbe(cfg *config.Config, note probeNote) error {
	b, err := json.MarshalIndent(note, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(cfg.StateDir, ".store-")
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), filepath.Join(cfg.StateDir, probeFile))
}

// s3 tells what is known of an S3 store: with --write what it does now, else
// what was found last.
func (d *doctor) s3(ctx context.Context, cfg *config.Config) {
	if s := cfg.Storage.Credentials; s != "" {
		if _, err := credentialsOf(cfg.Storage.Store); err == nil {
			d.ok("store", "%s is readable by its owner only", s)
		}
	}
	if d.write {
		if err := d.env.checkStore(ctx, cfg, true); err != nil {
			_, hint := status(err)
			d.fail("store", hint, "%v", err)
		}
	}
	note, ok := readProbe(cfg)
	if !ok {
		d.warn("store", "onrecord doctor --write finds out, with a few objects that it removes again", "what the store at %s does with conditional writes is not known", cfg.Storage.URL)
		return
	}
	r := note.Report
	if err := r.Refusal(); err != nil {
		_, hint := status(err)
		d.fail("store", hint, "%v", err)
	} else {
		d.ok("store", "%s honours conditional writes, as found at %s", r.Endpoint, note.At.Format(time.RFC3339))
	}
	d.s3Extras(r)
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
