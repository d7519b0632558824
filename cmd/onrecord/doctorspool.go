// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"onrecord/archive/ledger"
	"onrecord/archive/spool"
	"onrecord/catalog"
	"onrecord/config"
)

// sourcesTold is of how many sources it is told what waits in the spool.
const sourcesTold = 5

// away tells what is known here of an archive whose store does not answer: what
// this machine has signed and shows, what waits in its spool, and what becomes of
// that.
func (d *doctor) away(ctx context.Context, cfg *config.Config) {
	serving := d.locks(cfg.StateDir)
	d.spool(cfg, serving, true)
	if _, mark, ok, err := ledger.MarkAt(filepath.Join(cfg.StateDir, markFile)); err != nil {
		d.fail("ledger", "", "%v", err)
	} else if ok {
		d.ok("ledger", "this machine has signed %s; whether the store has them is not known", count(int(mark.Size), "entry", "entries"))
	}
	h := d.env.newHouse(cfg)
	c, err := catalog.Open(ctx, h.catalogPath(), catalog.Options{MACKey: []byte{0}, ReadOnly: true}) // no cursor is made
	if err != nil {
		_, hint := status(err)
		d.warn("catalog", hint, "nothing can be shown until the store answers: %v", err)
		return
	}
	applied, _, err := c.Applied(ctx)
	if cerr := c.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		d.fail("catalog", "onrecord rebuild, when the store answers: nothing is lost", "%v", err)
		return
	}
	d.ok("catalog", "has applied %s: serve, search and show answer from it meanwhile", count(int(applied), "entry", "entries"))
}

// A spooledSource is what waits in the spool of a source.
type spooledSource struct {
	id    string
	n     int
	since time.Time
}

// spool tells of visits that wait: of those that do so for long, or, where the
// store is away, of all.
func (d *doctor) spool(cfg *config.Config, serving, away bool) {
	waiting, kept, err := spoolOf(cfg.StateDir)
	if err != nil {
		d.fail("spool", "", "%v", err)
		return
	}
	size := d.spoolLimit(cfg)
	bad, late, now := 0, 0, d.env.now()
	var sources []spooledSource
	at := map[string]int{}
	for _, one := range waiting {
		if one.damaged != nil {
			bad++
			d.fail("spool", "move that folder away to look at it: nothing waits for it", "%v", one.damaged)
			continue
		}
		if !away && now.Sub(one.started) <= spoolOld {
			continue
		}
		late++
		n, ok := at[one.source]
		if !ok {
			n = len(sources)
			at[one.source] = n
			sources = append(sources, spooledSource{id: one.source, since: one.started})
		}
		sources[n].n++
		if one.started.Before(sources[n].since) {
			sources[n].since = one.started
		}
	}
	do := "onrecord serve or crawl records them, in their order, when the store takes them"
	if serving {
		do = "nothing: the process that serves tries it every half minute, and records them in their order when the store takes them"
	}
	for _, s := range sources[:min(len(sources), sourcesTold)] {
		d.warn("spool", do, "source %s: %s for the record, the first since %s", s.id, count(s.n, "visit waits", "visits wait"), s.since.UTC().Format(time.RFC3339))
	}
	if more := len(sources) - sourcesTold; more > 0 {
		d.warn("spool", do, "and those of %s, %s altogether", count(more, "other source", "other sources"), count(late, "visit", "visits"))
	}
	if late == 0 && bad == 0 {
		d.ok("spool", "%s under way, %d recorded and kept until the store has confirmed them", count(len(waiting), "visit", "visits"), kept)
	}
	if away && cfg.SpoolLimit > 0 {
		d.ok("spool", "%s of %s (spool_limit): visits go on until then, and by themselves again afterwards", bytesOf(size), bytesOf(cfg.SpoolLimit))
	}
}

// spoolLimit tells of a spool that is full, or soon will be, and returns how much
// lies there, in bytes.
func (d *doctor) spoolLimit(cfg *config.Config) int64 {
	dir := filepath.Join(cfg.StateDir, "spool")
	if _, err := os.Stat(dir); err != nil {
		return 0
	}
	s, err := spool.Open(dir, spool.Options{Limit: cfg.SpoolLimit})
	if err != nil {
		return 0 // told elsewhere
	}
	const do = "look why the storage does not take what waits; spool_limit may be raised if the disk has room"
	if err := s.Full(); err != nil {
		d.fail("spool", do, "no visit is begun: %v", err)
	} else if err := s.HalfFull(); err != nil {
		d.warn("spool", do, "%v", err)
	}
	return s.Used()
}
