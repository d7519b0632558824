// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"onrecord/crawler"
	"onrecord/ingest"
)

// refusals are the records that an import did not take: all in a file, where
// one is named, and a few of each reason in memory.
type refusals struct {
	file *os.File
	w    *bufio.Writer
	enc  *json.Encoder
	err  error
	by   map[string]*reason
}

// A reason is one for which records were refused.
type reason struct {
	Reason   string    `json:"reason"`
	Count    int64     `json:"count"`
	Examples []refused `json:"examples"`
}

// A refused record as it is printed.
type refused struct {
	File   string `json:"file"`
	Record int64  `json:"record,omitempty"`
	Line   int64  `json:"line,omitempty"`
	ID     string `json:"id,omitempty"`
	Reason string `json:"reason"`
	Detail string `json:"detail,omitempty"`
}

// Of how many reasons, with how many examples each, the table tells.
const (
	maxReasons  = 100
	maxExamples = 3
)

// newRefusals makes the file, if one is named.
func newRefusals(path string) (*refusals, error) {
	l := &refusals{by: make(map[string]*reason)}
	if path == "" {
		return l, nil
	}
	var err error
	if l.file, err = os.Create(path); err != nil {
		return nil, &failure{status: exitUsage, err: fmt.Errorf("--refused: %w", err)}
	}
	l.w = bufio.NewWriter(l.file)
	l.enc = json.NewEncoder(l.w)
	l.enc.SetEscapeHTML(false)
	return l, nil
}

// add notes a record.
func (l *refusals) add(f crawler.Refusal) {
	r := refused(f)
	if l.enc != nil {
		l.err = errors.Join(l.err, l.enc.Encode(r))
	}
	key := f.Reason
	if l.by[key] == nil && len(l.by) >= maxReasons {
		key = "other reasons"
	}
	g := l.by[key]
	if g == nil {
		g = &reason{Reason: key}
		l.by[key] = g
	}
	g.Count++
	if len(g.Examples) < maxExamples {
		g.Examples = append(g.Examples, r)
	}
}

// close writes the file out.
func (l *refusals) close() error {
	if l.file == nil {
		return nil
	}
	if err := errors.Join(l.err, l.w.Flush(), l.file.Close()); err != nil {
		return fmt.Errorf("--refused: %w", err)
	}
	return nil
}

// byReason returns the table, most frequent first.
func (l *refusals) byReason() []reason {
	list := make([]reason, 0, len(l.by))
	for _, g := range l.by {
		list = append(list, *g)
	}
	slices.SortFunc(list, func(a, b reason) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason)) })
	return list
}

// print prints the table.
func (l *refusals) print(out io.Writer) {
	list := l.byReason()
	if len(list) == 0 {
		return
	}
	fmt.Fprintln(out, "refused:")
	for _, g := range list {
		fmt.Fprintf(out, "%10d  %s\n", g.Count, plain(g.Reason))
		for _, r := range g.Examples {
			fmt.Fprintf(out, "            %s\n", plain(r.String()))
		}
	}
}

// String words where the record is, its id and what is wrong with it.
func (r refused) String() string {
	s := r.File
	switch {
	case r.Line > 0:
		s += fmt.Sprintf(":%d", r.Line)
	case r.Record > 0:
		s += fmt.Sprintf(", record %d", r.Record)
	}
	if r.ID != "" {
		s += ", " + r.ID
	}
	if r.Detail != "" {
		s += ": " + r.Detail
	}
	return s
}

// An importBar shows how far an import is: a bar on a terminal, else a line
// every few seconds.
type importBar struct {
	env  *env
	out  *os.File // nil where stderr is no terminal
	bar  *progressbar.ProgressBar
	mu   sync.Mutex
	last time.Time
	rep  ingest.ImportReport
	rate rate
}

// importProgress begins to show an import.
func (e *env) importProgress() *importBar {
	b := &importBar{env: e, last: e.now()}
	if f, ok := e.io.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) && !e.json {
		b.out = f
	}
	return b
}

// A rate is statements a second over the last while.
type rate struct {
	at    float64
	items int64
	now   float64
}

func (r *rate) note(seconds float64, items int64) {
	if d := seconds - r.at; d >= 1 {
		r.now, r.at, r.items = float64(items-r.items)/d, seconds, items
	}
}

// set shows how far the import is.
func (b *importBar) set(rep ingest.ImportReport) {
	b.mu.Lock()
	defer b.mu.Unlock()
	const every = 5 * time.Second
	b.rate.note(rep.Seconds, rep.Items)
	b.rep = rep
	switch now := b.env.now(); {
	case rep.Size == 0 && !rep.Hashing:
	case b.out != nil:
		b.draw(rep)
	case now.Sub(b.last) >= every:
		b.last = now
		b.env.say("%s", b.line(rep))
	}
}

// line words how far the import is.
func (b *importBar) line(rep ingest.ImportReport) string {
	if rep.Hashing {
		return byteSize(rep.Read) + " read for the digest"
	}
	s := fmt.Sprintf("%s of %s, %d records, %d refused, %.0f statements/s", byteSize(rep.Read), byteSize(rep.Size), rep.Records, rep.Refused, b.rate.now)
	if rep.Read > 0 && rep.Read < rep.Size {
		left := time.Duration(rep.Seconds * float64(rep.Size-rep.Read) / float64(rep.Read) * float64(time.Second))
		s += ", " + left.Round(time.Second).String() + " left"
	}
	return s
}

// draw draws the bar.
func (b *importBar) draw(rep ingest.ImportReport) {
	if rep.Hashing {
		return
	}
	if b.bar == nil {
		b.bar = progressbar.NewOptions64(rep.Size,
			progressbar.OptionSetWriter(b.out), progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth())
	}
	b.bar.Describe(fmt.Sprintf("%d records, %.0f statements/s", rep.Records, b.rate.now))
	_ = b.bar.Set64(min(rep.Read, rep.Size-1))
}

// done takes the bar away.
func (b *importBar) done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		_ = b.bar.Finish()
	}
}
