// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/files"
	"onrecord/archive/ledger"
	"onrecord/archive/witness"
	"onrecord/catalog"
	"onrecord/config"
	"onrecord/ingest"
	"onrecord/thumbnail"
	"onrecord/web"
)

// A need says what a command wants of an archive.
type need int

const (
	recordOnly need = iota // the record, without views
	reading                // the catalog, brought up to the record
	writing                // and visits
	mending                // the record, to write to it although it is not as it was signed
)

// A house is an open archive: its configuration, its record and its catalog.
// One process applies to the catalog; a house that could not take its lock
// reads it, and waits for that process where it must have applied something.
type house struct {
	env     *env
	cfg     *config.Config
	log     *slog.Logger
	archive *archive.Archive
	catalog *catalog.Catalog // for reading
	key     logKey
	files   files.Seam // with the latch that the first failed sync closes: nothing is written after it
	copies  *replicas  // of the bucket
	demo    *web.Demo  // what makes the website a demonstration; nil for a real archive

	// away is why nothing is written yet: the S3 store did not answer when this
	// process started, or has not passed its checks since; nil once it has.
	away atomic.Pointer[error]

	behind atomic.Int64 // since when the ledger has more than was applied, in nanoseconds of Unix time; 0: it has not

	thumbnails func() (*thumbnail.Maker, error) // what makes small pictures, one for all; nil where there is no program to make them
	witnesses  *witness.Gatherer                // nil where nothing is written
	rotated    bool                             // a change of the log key was finished at the start
	proven     bool                             // the S3 store passed its probe, or a note of one that did; by the goroutine that arrives

	lines  atomic.Pointer[[]onrecord.LostLines] // that are lost, as noted last
	looked atomic.Int64                         // how many of them were asked for whether they are back

	returned atomic.Pointer[map[string]onrecord.Takedown] // objects that hold again what was erased, by key, as far as was looked

	follow sync.Mutex       // held while lines are applied
	writer *catalog.Catalog // where this process applies them; nil where another one does; guarded by follow
}

// open opens the archive that the configuration names.
func (e *env) open(ctx context.Context, n need) (*house, error) {
	cfg, err := e.config()
	if err != nil {
		return nil, err
	}
	return e.openWith(ctx, cfg, n)
}

// newHouse returns a house in which nothing is open yet.
func (e *env) newHouse(cfg *config.Config) *house {
	h := &house{env: e, cfg: cfg, log: e.logger(), files: e.files}
	h.thumbnails = sync.OnceValues(h.newThumbnails)
	if h.files.Latch == nil {
		h.files.Latch = files.NewLatch()
	}
	return h
}

// openWith opens the archive of a given configuration.
func (e *env) openWith(ctx context.Context, cfg *config.Config, n need) (*house, error) {
	h := e.newHouse(cfg)
	own := *e
	own.files = h.files // of the archive's own store; a replica's disk stops nobody but itself
	b, err := own.openBucket(ctx, cfg.Storage.Store)
	if err != nil {
		return nil, err
	}
	o := archive.Options{Origin: cfg.Log.Origin, Now: e.now, Log: h.log, Software: "onrecord/" + version(), Trust: e.trust, Files: h.files}
	if h.key, err = readLogKey(cfg.StateDir); err != nil {
		if n != recordOnly {
			return nil, err
		}
		e.say("note: %v; going on without it", err) // reading the record needs none
	}
	if info, err := os.Stat(cfg.StateDir); err == nil && info.IsDir() {
		o.Redactions = filepath.Join(cfg.StateDir, "redactions.json")
	}
	if e.given != nil {
		h.key.verifier = e.given
	}
	if h.key.verifier != nil {
		o.Verifier = h.key.verifier // from outside the bucket (record.md 2)
	}
	if n == writing || n == mending {
		if h.key.signer == nil {
			return nil, &failure{status: exitConfig, hint: "put back log.key from your backup; it was written by onrecord init", err: fmt.Errorf("%s is not there: without it nothing can be added to the ledger", filepath.Join(cfg.StateDir, keyFile))}
		}
		o.StateDir, o.Signer, o.SpoolLimit = cfg.StateDir, h.key.signer, cfg.SpoolLimit
		if h.witnesses, err = h.newWitnesses(); err != nil {
			return nil, err
		}
		o.Signers, o.Published = signersOf(cfg.StateDir), h.witnesses.Published
		o.Copy = filepath.Join(cfg.StateDir, metaCopyFile)
	}
	h.copies = h.newReplicas()
	o.Known = h.sightings
	if err := h.openArchive(ctx, b, o, n); err != nil {
		return nil, err
	}
	if n == writing || n == mending {
		if err := h.arriveOrWait(ctx, n); err != nil {
			return nil, err
		}
	}
	if n == recordOnly || n == mending {
		return h, nil
	}
	if err := h.openCatalog(ctx); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// openCatalog opens the catalog and brings it up to the record. Where another
// process applies to it, that process does.
func (h *house) openCatalog(ctx context.Context) error {
	path := h.catalogPath()
	o := h.catalogOptions()
	if !catalog.Exists(path) {
		h.startFromSnapshot(ctx, o)
	}
	c, err := catalog.Open(ctx, path, o)
	switch {
	case errors.Is(err, catalog.ErrLocked), errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		o.ReadOnly = true
		h.catalog, err = catalog.Open(ctx, path, o)
		return err
	case errors.Is(err, catalog.ErrRebuild):
		h.env.say("the catalog is rebuilt from the record: %v", err)
		if c, err = h.rebuildAndOpen(ctx, o); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	h.catalog, h.writer = c, c
	if err := h.applyFirst(ctx); err != nil {
		return err
	}
	if err := h.regain(ctx); err != nil && !errors.Is(err, archive.ErrUnreachable) {
		return err
	}
	return nil
}

// applyFirst brings the catalog up to the record at a start. A serving process
// whose store does not answer goes on with what the catalog has.
func (h *house) applyFirst(ctx context.Context) error {
	_, err := h.applyAll(ctx)
	if !errors.Is(err, errAway) && !h.mayBeAway(err) {
		return err
	}
	if have, _, aerr := h.catalog.Applied(ctx); aerr != nil || have == 0 {
		return errors.Join(aerr, err)
	}
	return nil
}

// rebuildAndOpen replaces the catalog's file by a new one, from a snapshot where
// there is a good one, and opens it.
func (h *house) rebuildAndOpen(ctx context.Context, o catalog.Options) (*catalog.Catalog, error) {
	if h.startFromSnapshot(ctx, o) {
		return catalog.Open(ctx, h.catalogPath(), o)
	}
	if _, err := h.rebuild(ctx, o, nil); err != nil {
		return nil, err
	}
	return catalog.Open(ctx, h.catalogPath(), o)
}

// errNotHolder reports that another process applies to the catalog.
var errNotHolder = errors.New("another process applies to the catalog of this archive")

// applyAll applies what the record has and the catalog has not.
func (h *house) applyAll(ctx context.Context) (int64, error) { return h.applyTo(ctx, math.MaxInt64) }

// applyTo is applyAll, unless the catalog has applied the ledger up to size: the
// record is then not asked.
func (h *house) applyTo(ctx context.Context, size int64) (int64, error) {
	h.follow.Lock()
	defer h.follow.Unlock()
	if h.writer == nil {
		return 0, errNotHolder
	}
	if err := h.files.Latch.Err(); err != nil {
		return 0, err
	}
	if err := h.awaits(); err != nil {
		return 0, fmt.Errorf("%w: %w", errAway, err)
	}
	// Of several visits that were committed by one swap, the first applies all.
	if have, _, err := h.writer.Applied(ctx); err != nil || have >= size {
		return have, err
	}
	size, err := ingest.Follow(ctx, record{h.archive}, store{h.writer}, nil)
	if catalog.IsBroken(err) {
		h.files.Latch.Fail(err)
	}
	return size, err
}

// catchUp returns once the catalog has applied the ledger up to size: by
// applying it, or by waiting for the process that does. Where that process has
// ended, this one takes its place.
func (h *house) catchUp(ctx context.Context, size int64) (int64, error) {
	const patience, look = 5 * time.Minute, time.Second
	began := h.env.now()
	told, took := false, time.Time{}
	for {
		if have, err := h.applyTo(ctx, size); !errors.Is(err, errNotHolder) {
			if err == nil && have < size {
				err = fmt.Errorf("a visit is noted at ledger no. %d, and the ledger ends at %d", size-1, have-1)
			}
			return have, err
		}
		have, _, err := h.catalog.Applied(ctx)
		if err != nil || have >= size {
			return have, err
		}
		now := h.env.now()
		if now.Sub(took) > look {
			took = now
			if err := h.takeCatalog(ctx); err != nil {
				return have, err
			}
		}
		switch waited := now.Sub(began); {
		case waited > patience:
			return have, &failure{status: exitLocked, hint: "look at that process; what was committed here is safe", err: fmt.Errorf("%w, and has not applied ledger no. %d in %s; it is at %d", errNotHolder, size-1, patience, have)}
		case waited > 5*time.Second && !told:
			h.env.say("waiting for the process that serves this archive to apply ledger no. %d; it is at %d", size-1, have)
			told = true
		}
		select {
		case <-ctx.Done():
			return have, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// takeCatalog makes this process the one that applies to the catalog, if no
// other does any more.
func (h *house) takeCatalog(ctx context.Context) error {
	h.follow.Lock()
	defer h.follow.Unlock()
	if h.writer != nil {
		return nil
	}
	c, err := catalog.Open(ctx, h.catalogPath(), h.catalogOptions())
	if errors.Is(err, catalog.ErrLocked) {
		return nil
	} else if err != nil {
		return err
	}
	h.writer = c
	return nil
}

// checkMark compares the ledger with the high-water mark of this machine: what
// it once signed must still be there. A machine without a mark has nothing to
// compare with.
func (h *house) checkMark(ctx context.Context) error {
	return h.archive.CheckMark(ctx, filepath.Join(h.cfg.StateDir, markFile))
}

// sightings are what others have seen of the ledger: it must extend that.
func (h *house) sightings(ctx context.Context) ([]ledger.Sighting, error) {
	list := h.copies.sightings()
	if h.witnesses == nil {
		return list, nil
	}
	more, err := h.witnesses.Known(ctx)
	return append(list, more...), err
}

// isMismatch reports whether err says that the ledger is not what it was, and
// not merely that it could not be read.
func isMismatch(err error) bool {
	return errors.Is(err, ledger.ErrRolledBack) || errors.Is(err, ledger.ErrTampered)
}

// close gives everything back.
func (h *house) close() error {
	h.part()
	var errs []error
	if h.catalog != nil {
		errs = append(errs, h.catalog.Close())
	}
	if h.writer != nil && h.writer != h.catalog {
		errs = append(errs, h.writer.Close())
	}
	return errors.Join(errs...)
}

// catalogPath is where the catalog's file is.
func (h *house) catalogPath() string { return filepath.Join(h.cfg.StateDir, "catalog.db") }

// config reads the configuration that -c names.
func (e *env) config() (*config.Config, error) {
	cfg, err := config.Load(e.configPath, configOptions())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &failure{status: exitNoArchive, hint: "onrecord init DIR makes a new archive; -c FILE names the configuration of one", err: fmt.Errorf("no configuration at %s", e.configPath)}
	}
	return cfg, err
}

// figureNames returns the names of the configured figures by slug.
func figureNames(cfg *config.Config) map[string]string {
	names := make(map[string]string, len(cfg.Figures))
	for _, f := range cfg.Figures {
		names[f.Slug] = f.Name
	}
	return names
}

// logger returns where messages of long-running work go: stderr, as logfmt from a
// process that serves, else as notes.
func (e *env) logger() *slog.Logger {
	level := slog.LevelWarn
	if e.verbose {
		level = slog.LevelDebug
	}
	if !e.serving {
		return slog.New(&notes{w: e.io.err, level: level})
	}
	return slog.New(slog.NewTextHandler(e.io.err, &slog.HandlerOptions{Level: level}))
}
