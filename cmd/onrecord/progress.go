// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// A progress shows how far long work has come, on stderr, if that is a
// terminal; else it shows nothing.
type progress struct {
	mu   sync.Mutex
	what string
	bar  *progressbar.ProgressBar // guarded by mu; nil until the total is known, or for ever
	show bool
	out  *os.File
}

// progress begins a piece of long work.
func (e *env) progress(what string) *progress {
	f, ok := e.io.err.(*os.File)
	return &progress{what: what, out: f, show: ok && term.IsTerminal(int(f.Fd()))}
}

// set tells how much is done of how much. It may be called from many
// goroutines.
func (p *progress) set(done, total int64) {
	if !p.show {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar == nil {
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription(p.what), progressbar.OptionShowCount(),
			progressbar.OptionShowIts(), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth())
	}
	p.bar.ChangeMax64(total)
	_ = p.bar.Set64(done)
}

// done takes the bar away.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
