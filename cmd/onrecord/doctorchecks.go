// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"onrecord/archive/bucket/disk"
	"onrecord/archive/ledger"
	"onrecord/catalog"
	"onrecord/config"
)

// Bounds of what is worth a word.
const (
	diskFull   = 100 << 20      // bytes: below that nothing can be relied on
	diskShare  = 10             // less than a tenth free is worth a warning
	spoolOld   = time.Hour      // a visit that waits longer is not merely under way
	strayAge   = 24 * time.Hour // an object that is younger may be of a visit that is under way
	sickAfter  = 3              // intervals without success
	straysTold = 5
)

// disks looks at the folders of state and store.
func (d *doctor) disks(cfg *config.Config) {
	if info, err := os.Stat(cfg.StateDir); err != nil {
		d.fail("disk", "put back state_dir from your backup, or correct it in the configuration", "state_dir: %v", err)
	} else if info.Mode().Perm()&0o077 != 0 {
		d.warn("disk", "chmod 700 "+cfg.StateDir, "%s can be read by others (mode %04o)", cfg.StateDir, info.Mode().Perm())
	}
	d.room("state_dir", cfg.StateDir)
	if folder, err := bucketFolder(cfg.Storage.URL); err == nil {
		d.room("storage", folder)
	}
	if err := probeSync(cfg.StateDir); err != nil {
		d.fail("disk", "captures are spooled there first: give this user a disk that it can write and sync", "state_dir: %v", err)
	} else {
		d.ok("disk", "a file in %s can be written and synced", cfg.StateDir)
	}
	path := filepath.Join(cfg.StateDir, keyFile)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.fail("key", "put back "+keyFile+" from your backup", "%s is not there: nothing can be added to the ledger", path)
	case err != nil:
		d.fail("key", "", "%v", err)
	case info.Mode().Perm()&0o077 != 0:
		d.fail("key", "chmod 600 "+path, "%s can be read by others (mode %04o)", path, info.Mode().Perm())
	default:
		if _, err := readLogKey(cfg.StateDir); err != nil {
			d.fail("key", "put it back from your backup", "%v", err)
		} else {
			d.ok("key", "%s is readable by its owner only", path)
		}
	}
}

// room tells how much is left on the disk of a folder.
func (d *doctor) room(what, path string) {
	free, size, err := space(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.fail("disk", "is "+what+" right in the configuration, and its disk mounted?", "%s: %s is not there", what, path)
	case err != nil || size == 0:
		d.warn("disk", "look with df", "%s: free space is not known: %v", what, err)
	case free < diskFull:
		d.fail("disk", "free some space: nothing acknowledged is lost, but nothing new can be kept", "%s: %s of %s free", what, bytesOf(free), bytesOf(size))
	case free*diskShare < size:
		d.warn("disk", "free some space, or move it to a larger disk", "%s: %s of %s free", what, bytesOf(free), bytesOf(size))
	default:
		d.ok("disk", "%s: %s of %s free", what, bytesOf(free), bytesOf(size))
	}
}

// probeSync writes a file in a folder, syncs it and its folder, and removes it.
func probeSync(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		return err
	}
	_, err = f.WriteString("onrecord doctor\n")
	err = errors.Join(err, f.Sync(), f.Close(), syncFolder(dir))
	return errors.Join(err, os.Remove(f.Name()))
}

// bytesOf prints a number of bytes for people.
func bytesOf(n int64) string {
	units := []string{"B", "KB", "MB", "GB", "TB", "PB"}
	v, i := float64(n), 0
	for v >= 1000 && i < len(units)-1 {
		v, i = v/1000, i+1
	}
	if i == 0 || v >= 100 {
		return fmt.Sprintf("%.0f %s", v, units[i])
	}
	return fmt.Sprintf("%.1f %s", v, units[i])
}

// store opens the record for reading and checks its checkpoint.
func (d *doctor) store(ctx context.Context, cfg *config.Config) (*house, bool) {
	if isS3(cfg.Storage.URL) {
		if !d.s3(ctx, cfg) {
			return nil, false
		}
	} else if !d.folder(cfg) {
		return nil, false
	}
	quiet := *d.env
	quiet.io.err = discard{}
	h, err := quiet.openWith(ctx, cfg, recordOnly)
	if err != nil {
		_, hint := status(err)
		d.fail("store", hint, "%v", err)
		return nil, false
	}
	h.env = d.env
	m := h.archive.Meta()
	if m.Created.IsZero() { // opened without it, by the key of this machine
		d.fail("store", metaHint, "%s: onrecord.json is lost or damaged", cfg.Storage.URL)
		d.ledger(ctx, h)
		return h, true
	}
	d.ok("store", "%s: archive %q, made %s", cfg.Storage.URL, m.Name, m.Created.Format(time.DateOnly))
	if m.Origin != cfg.Log.Origin {
		d.fail("ledger", "correct log.origin: it is fixed when an archive is made", "the configuration says %s, the store %s", cfg.Log.Origin, m.Origin)
	}
	d.ledger(ctx, h)
	return h, true
}

// folder looks at a store that is a folder.
func (d *doctor) folder(cfg *config.Config) bool {
	folder, err := bucketFolder(cfg.Storage.URL)
	if err != nil {
		d.fail("store", "correct storage.url", "%v", err)
		return false
	}
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return false // told with the disks
	}
	if d.write {
		if err := disk.Probe(folder); err != nil {
			d.fail("store", "choose a folder on a file system with hard links and locks", "%v", err)
		} else {
			d.ok("store", "%s can link, lock and sync", folder)
		}
	}
	d.writable(folder)
	return true
}

// writable tells of a folder of the store, or one in it, that this user may not
// write: reading it goes well.
func (d *doctor) writable(folder string) {
	list := []string{folder}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return // told elsewhere
	}
	for _, e := range entries {
		if e.IsDir() {
			list = append(list, filepath.Join(folder, e.Name()))
		}
	}
	for _, dir := range list {
		if err := mayWrite(dir); err != nil {
			d.warn("store", "give the user that crawls the right to write it, or mount it for writing", "%s can't be written by this user: %v; visits wait in the spool", dir, err)
			return
		}
	}
}

// discard is a writer to nowhere.
type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// ledger checks head, checkpoint and high-water mark.
func (d *doctor) ledger(ctx context.Context, h *house) {
	head, err := h.archive.Head(ctx)
	if err != nil {
		d.fail("ledger", "onrecord verify; keep a copy of the bucket as it is", "head: %v", err)
		return
	}
	point, err := h.archive.Checkpoint(ctx)
	switch {
	case err != nil:
		d.fail("ledger", "is log.key the key of this ledger? onrecord verify", "checkpoint: %v", err)
	case point.Size < head.Size:
		d.warn("ledger", "the next commit publishes it: onrecord crawl", "the checkpoint speaks for %d of %d entries", point.Size, head.Size)
	default:
		d.ok("ledger", "%s, checkpoint verified with %s", count(int(head.Size), "entry", "entries"), keySource(h))
	}
	d.keys(h, head, point)
	if err := h.checkMark(ctx); err != nil {
		_, hint := status(err)
		d.fail("ledger", hint, "this machine once signed more, or other, than the store shows now: %v", err)
	} else if _, ok, err := ledger.ReadMark(filepath.Join(h.cfg.StateDir, "log.mark"), h.archive.Meta().Origin); err == nil && !ok && head.Size > 0 {
		d.warn("ledger", "compare the checkpoint with one from elsewhere, then crawl or serve once with --trust-checkpoint", "this machine has no high-water mark (log.mark)")
	}
}

func keySource(h *house) string {
	if h.key.verifier != nil {
		return "this machine's key"
	}
	return "the key that the store itself names"
}

// archive looks at what rests on the record.
func (d *doctor) archive(ctx context.Context, h *house) {
	serving := d.locks(h.cfg.StateDir)
	d.replicas(ctx, h, serving)
	d.corpses(ctx, h)
	d.spool(h.cfg, serving, false)
	if d.catalog(ctx, h) {
		d.sources(ctx, h, serving)
	}
	d.clock(ctx, h)
	d.strays(ctx, h)
}

// catalog opens the catalog beside whoever applies to it.
func (d *doctor) catalog(ctx context.Context, h *house) bool {
	c, err := catalog.Open(ctx, h.catalogPath(), catalog.Options{MACKey: h.key.cursor, Figures: figureNames(h.cfg), Log: h.log, ReadOnly: true})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.warn("catalog", "onrecord rebuild; crawl and serve do so by themselves", "%s is not there", h.catalogPath())
		return false
	case errors.Is(err, catalog.ErrRebuild):
		d.fail("catalog", "onrecord rebuild: nothing is lost", "%v", err)
		return false
	case err != nil:
		_, hint := status(err)
		d.fail("catalog", hint, "%v", err)
		return false
	}
	h.catalog = c
	applied, root, err := c.Applied(ctx)
	if err != nil {
		d.fail("catalog", "onrecord rebuild: nothing is lost", "%v", err)
		return false
	}
	if applied > 0 {
		if err := h.archive.Extends(ctx, applied, root); err != nil {
			d.fail("catalog", "onrecord verify; if the ledger is as it should be, onrecord rebuild", "the ledger does not extend what the catalog has applied: %v", err)
			return true
		}
	}
	size, err := h.archive.Size(ctx)
	switch behind := size - applied; {
	case err != nil:
		d.fail("catalog", "", "%v", err)
	case behind > 0:
		d.warn("catalog", "serve, crawl and search apply it; onrecord rebuild if it stays so", "%s of the ledger not applied", count(int(behind), "entry is", "entries are"))
	default:
		d.ok("catalog", "level with the ledger")
	}
	d.missing(ctx, c)
	return true
}

// missing tells which lines are lost.
func (d *doctor) missing(ctx context.Context, c *catalog.Catalog) {
	list, err := c.Lost(ctx)
	if err != nil {
		d.fail("record", "onrecord rebuild: nothing is lost", "%v", err)
		return
	}
	for _, l := range list[:min(len(list), straysTold)] {
		words := fmt.Sprintf("ledger no. %s is lost: visit %s of %s", span(l), l.Visit, cmp.Or(l.Source, "an unknown source"))
		if l.GivenUp >= 0 {
			d.ok("record", "%s%s", words, remark(l))
			continue
		}
		d.fail("record", lostHint, "%s%s", words, remark(l))
	}
	if n := len(list) - straysTold; n > 0 {
		d.warn("record", "onrecord missing lists all", "and %s", count(n, "other run of lost lines", "other runs of lost lines"))
	}
}

// locks tells whether a process serves. A lock ends with its process, so none
// can be stale.
func (d *doctor) locks(stateDir string) (serving bool) {
	path := filepath.Join(stateDir, "locks", "role-serve")
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		d.ok("locks", "no process serves this archive")
		return false
	}
	if err != nil {
		d.fail("locks", "", "%v", err)
		return false
	}
	defer f.Close()
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); {
	case err == nil:
		d.ok("locks", "no process serves this archive")
	case errors.Is(err, syscall.EWOULDBLOCK):
		d.ok("locks", "%s serves this archive", lockHolder(path))
		if _, note := readLock(path); note != "" {
			d.fail("disk", "look at the disk (dmesg, smartctl), then restart onrecord serve", "%s records nothing more: %s", lockHolder(path), note)
		}
		return true
	default:
		d.warn("locks", "is state_dir on a network file system?", "%s: %v", path, err)
	}
	return false
}
