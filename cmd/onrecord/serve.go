// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"onrecord"
	"onrecord/ingest"
	"onrecord/web"
)

// followEvery is how often a serving process looks whether another process has
// committed something. The head of the ledger is a small file.
const followEvery = time.Second

func newServe(e *env) *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the website and the API, and visit sources as they become due",
		Long: `Serves the website and the JSON API, and visits each source by its schedule. What
was missed while the machine slept is visited once, soon. While an S3 store does not
answer, at the start too, pages come from the catalog.

Ctrl-C finishes the visits that are under way, then ends; a second one stops now.
Other commands may run beside it.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return runServe(cmd.Context(), e, listen) },
	}
	addTrust(cmd, e)
	cmd.Flags().StringVar(&listen, "listen", "", "`ADDRESS` to listen on (default http.listen of the configuration)")
	return cmd
}

func runServe(ctx context.Context, e *env, listen string) error {
	cfg, err := e.config()
	if err != nil {
		return err
	}
	if listen == "" {
		listen = cfg.HTTP.Listen
	}
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return cmp.Or(servedAlready(cfg.StateDir), listenFailure(err))
	}
	defer ln.Close()
	e.serving, e.visits = true, true
	h, err := e.openWith(ctx, cfg, writing)
	if err != nil {
		return err
	}
	defer h.close()
	if isDemo(e.configPath) {
		h.demo = &web.Demo{}
	}
	locks, err := newLocks(cfg.StateDir)
	if err != nil {
		return err
	}
	unlock, err := locks.serving()
	if err != nil {
		return err
	}
	defer unlock()
	if err := h.waitForCatalog(ctx); err != nil {
		return err
	}
	return h.serve(ctx, ln, locks)
}

// listenFailure says why an address can't be listened on.
func listenFailure(err error) error {
	f := &failure{status: exitFailed, err: err}
	if errors.Is(err, syscall.EADDRINUSE) {
		f.hint = "another program listens there: --listen chooses another address"
	}
	return f
}

// servedAlready returns the failure that another process serves the archive: where
// its address can't be listened on, that is why.
func servedAlready(stateDir string) error {
	locks, err := newLocks(stateDir)
	if err != nil {
		return nil // said by what opens the archive
	}
	unlock, err := locks.serving()
	if errors.Is(err, errHeld) {
		return err
	}
	if err == nil {
		unlock()
	}
	return nil
}

// serving takes the lock of the one process that serves an archive.
func (l *locks) serving() (unlock func(), err error) {
	unlock, err = l.take("role", "serve")
	if err != nil {
		return nil, &failure{status: exitLocked, hint: "one process serves an archive; stop the other one first", err: fmt.Errorf("another process serves this archive: %w", err)}
	}
	return unlock, nil
}

// waitForCatalog waits until no other command applies to the catalog, for at
// most two minutes: a crawl may be about to end.
func (h *house) waitForCatalog(ctx context.Context) error {
	const patience, between = 2 * time.Minute, 100 * time.Millisecond
	for waited := time.Duration(0); ; waited += between {
		if err := h.takeCatalog(ctx); err != nil {
			return err
		}
		if h.writer != nil {
			return h.applyFirst(ctx)
		}
		if waited == 2*time.Second {
			h.env.say("waiting for %s to end, which applies to the catalog", lockHolder(h.catalogPath()+".lock"))
		}
		if waited >= patience {
			break
		}
		select {
		case <-h.env.stop.soft.Done():
			return h.env.stop.soft.Err()
		case <-time.After(between):
		}
	}
	return &failure{status: exitLocked, hint: "wait for that command to end, or stop it", err: fmt.Errorf("%w: %s", errNotHolder, lockHolder(h.catalogPath()+".lock"))}
}

// serve runs the website and the visits until the program is asked to end.
func (h *house) serve(ctx context.Context, ln net.Listener, locks *locks) error {
	in, err := h.ingester()
	if err != nil {
		return err
	}
	queue, err := h.openQueue(ctx)
	if err != nil {
		return err
	}
	defer queue.Close()
	var banner atomic.Pointer[string]
	site, err := h.newSite(in, &banner)
	if err != nil {
		return err
	}
	h.env.say("%s is served on http://%s", h.cfg.Archive.Name, ln.Addr())
	soft, end := context.WithCancel(h.env.stop.soft)
	defer end()
	var wg sync.WaitGroup
	writes, stopWriting := context.WithCancel(soft)
	defer stopWriting()
	wg.Go(func() { h.watchDisk(soft, stopWriting, locks) })
	wg.Go(func() { h.keepUp(writes, &banner) })
	wg.Go(func() { h.keepRegaining(writes) })
	wg.Go(func() { site.keep(soft) })
	wg.Go(func() {
		if !h.arrival(writes) {
			return
		}
		wg.Go(func() { h.keepSnapshots(writes) })
		wg.Go(func() { h.tendErasures(writes) })
		wg.Go(func() { h.copies.keep(soft) })
		wg.Go(func() { h.witnesses.Run(soft) })
		if err := h.runner(in, queue, locks).Run(writes, ctx); err != nil {
			h.log.Error("visits", "err", err)
		}
	})
	err = web.Serve(soft, ln, site)
	end() // without a website there is no serving process
	wg.Wait()
	return err
}

// watchDisk waits for a sync that fails, and then has no visit begun and nothing
// applied any more: what is on the disk nobody knows (files.Latch). Reading goes
// on. It says so here, to "onrecord doctor", and, by health, on the status page.
func (h *house) watchDisk(ctx context.Context, stopWriting func(), l *locks) {
	select {
	case <-ctx.Done():
		return
	case <-h.files.Latch.Done():
	}
	stopWriting()
	err := h.files.Latch.Cause()
	h.log.Error("the disk failed: nothing is recorded any more, and no visit begun, until this process is started again; pages are served as before", "err", err)
	l.note("role", "serve", strings.ReplaceAll(err.Error(), "\n", " "))
}

// keepUp applies what other processes commit. Where the ledger does not extend
// what was applied, the site goes on with a banner that says so.
func (h *house) keepUp(ctx context.Context, banner *atomic.Pointer[string]) {
	for ctx.Err() == nil {
		_, err := h.applyAll(ctx)
		h.noteBehind(ctx, err)
		if err := h.noteLost(ctx); err != nil && ctx.Err() == nil {
			h.log.Error("which lines are lost", "err", err)
		}
		switch {
		case err == nil:
			banner.Store(nil)
		case ctx.Err() != nil:
			return
		default:
			if banner.Load() == nil && !errors.Is(err, errAway) {
				h.log.Error("the catalog can't follow the ledger", "err", err)
			}
			banner.Store(new("This page may be out of date: the catalog cannot follow the ledger. The operator has been told."))
		}
		select {
		case <-ctx.Done():
		case <-time.After(followEvery):
		}
	}
}

// website joins the views and the record to the pages.
func (h *house) website(in *ingest.Ingester, banner *atomic.Pointer[string]) (http.Handler, error) {
	c := h.cfg.Archive
	if err := h.noteLost(context.Background()); err != nil {
		return nil, fmt.Errorf("website: %w", err)
	}
	media, err := h.mediaStore()
	if err != nil {
		return nil, fmt.Errorf("website: %w", err)
	}
	key := h.keyToGive()
	origin, _, _ := strings.Cut(key, "+")
	w, err := web.New(web.Options{
		Media: media,
		Archive: web.Archive{
			Name: c.Name, Operator: c.Operator.Name, Email: c.Operator.Email, URL: c.URL,
			Log: origin, LogKey: key,
		},
		Statements: h.catalog, Figures: h.catalog, Journal: h.catalog, History: h.catalog, Searcher: h.catalog,
		Record: public{h.archive, h.catalog, &h.returned}, VerifyProof: "onrecord verify {file} --key '" + key + "'",
		Packages: newPackages(h.packer()),
		Evidence: evidence{h.archive, h.catalog},
		Status:   func(ctx context.Context) ([]onrecord.SourceStatus, error) { return h.status(ctx, in.Sources) },
		Health:   h.health,
		Banner: func() string {
			if h.files.Latch.Err() != nil {
				return "This archive records nothing new at the moment: a disk has failed. What it shows is as it was recorded. The operator has been told."
			}
			if b := banner.Load(); b != nil {
				return *b
			}
			return h.lostBanner()
		},
		Decisions: h.catalog, Behind: h.behindFor, Unsettled: h.unsettled,
		Demo: h.demo, Now: h.env.now, Log: h.log, Version: version(),
	})
	if err != nil {
		return nil, fmt.Errorf("website: %w", err)
	}
	return w, nil
}
