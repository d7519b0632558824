// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"onrecord"
	"onrecord/catalog"
	"onrecord/search"
)

func TestApplyRules(t *testing.T) {
	c, l := temporary(t), &ledger{}
	first := l.visit(noon, "masto", said(onrecord.StatementCreated, "17", "One", noon))
	second := l.visit(noon, "masto", said(onrecord.StatementCreated, "18", "Two", noon))
	root := [32]byte{1, 2, 3}
	if err := c.Apply(t.Context(), sequence(second)); !errors.Is(err, catalog.ErrHole) {
		t.Errorf("a hole: error %v", err)
	}
	if err := c.ApplyTo(t.Context(), sequence(first), 4, root); !errors.Is(err, catalog.ErrHole) {
		t.Errorf("too short: error %v", err)
	}
	if size, _, err := c.Applied(t.Context()); size != 0 || err != nil {
		t.Errorf("applied %d, error %v, want 0", size, err)
	}
	both := append(first, second...)
	for range 2 { // the same ones again change nothing
		if err := c.ApplyTo(t.Context(), sequence(both), 4, root); err != nil {
			t.Fatal(err)
		}
		size, got, err := c.Applied(t.Context())
		if size != 4 || got != root || err != nil {
			t.Errorf("applied %d %x, error %v", size, got, err)
		}
		if n := total(t, c, ""); n != 2 {
			t.Errorf("%d statements, want 2", n)
		}
	}
	p, err := c.Checkpoint(t.Context())
	if err != nil || p.Size != 4 || !p.Time.Equal(noon) || p.Root != "AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" {
		t.Errorf("checkpoint %+v, error %v", p, err)
	}
	broken := errors.New("broken")
	err = c.Apply(t.Context(), func(yield func(catalog.Entry, error) bool) { yield(catalog.Entry{}, broken) })
	if !errors.Is(err, broken) {
		t.Errorf("error of the entries: %v", err)
	}
	bad := l.visit(noon, "masto", happened(onrecord.StatementCreated, "19", noon))
	bad[1].Event.Statement = "no id"
	if err := c.Apply(t.Context(), sequence(bad)); err == nil {
		t.Error("a bad id was applied")
	}
	if n := total(t, c, ""); n != 2 {
		t.Errorf("%d statements after a failed batch, want 2", n)
	}
	good := l.visit(noon, "masto", said(onrecord.StatementCreated, "20", "Three", noon))
	good[0].Index, good[1].Index = 4, 5
	apply(t, c, good...)
	if n := total(t, c, "three"); n != 1 {
		t.Errorf("%d statements found after a failed batch, want 1", n)
	}
}

func TestOpenRefuses(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	path := filepath.Join(dir, "catalog.db")
	o := catalog.Options{MACKey: key}
	if _, err := catalog.Open(ctx, path, catalog.Options{}); err == nil {
		t.Error("opened without a key")
	}
	o.ReadOnly = true
	if _, err := catalog.Open(ctx, path, o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("reading what is not there: error %v", err)
	}
	o.ReadOnly = false
	c, err := catalog.Open(ctx, path, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := catalog.Open(ctx, path, o); !errors.Is(err, catalog.ErrLocked) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("opened twice: error %v, want ErrLocked with the pid", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := c.Statement(ctx, id("17")); err == nil {
		t.Error("a closed catalog answers")
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"truncated": whole[:len(whole)/3], "no database": []byte(strings.Repeat("text ", 1000)),
		"another schema": []byte(strings.ReplaceAll(string(whole), "schema", "schwma")),
		"overwritten":    append(append([]byte{}, whole[:100]...), make([]byte, len(whole)-100)...),
	} {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := catalog.Open(ctx, path, o)
		if !errors.Is(err, catalog.ErrRebuild) {
			t.Errorf("%s: error %v, want ErrRebuild", name, err)
		}
		if err == nil {
			c.Close()
		}
	}
}

// TestReadBesideWriter runs a second process that reads while this one applies.
func TestReadBesideWriter(t *testing.T) {
	if path := os.Getenv("CATALOG_READ"); path != "" {
		readBeside(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "catalog.db")
	c, l := open(t, path), &ledger{}
	apply(t, c, l.visit(noon, "masto", said(onrecord.StatementCreated, "1", "One of them", noon))...)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=TestReadBesideWriter$", "-test.v")
	cmd.Env = append(os.Environ(), "CATALOG_READ="+path)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for i := 2; i <= 40; i++ {
		a := jane
		a.ID = strconv.Itoa(100 + i%3)
		e := said(onrecord.StatementCreated, strconv.Itoa(i), "One of them", noon)
		e.Account = a
		apply(t, c, l.visit(noon, "masto", e)...)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the reader: %v\n%s", err, out.String())
	}
}

func readBeside(t *testing.T, path string) {
	c, err := catalog.Open(t.Context(), path, catalog.Options{MACKey: key, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Apply(t.Context(), sequence(nil)); !errors.Is(err, catalog.ErrReadOnly) {
		t.Errorf("Apply: error %v, want ErrReadOnly", err)
	}
	for n := int64(0); n < 40; {
		words, all := total(t, c, "them platform:mastodon"), total(t, c, "")
		if words < n || all < words {
			t.Fatalf("%d of %d found after %d", words, all, n)
		}
		n = words
	}
}

// TestReadWhileApplying reads from many goroutines while one applies: each
// answer is of one moment.
func TestReadWhileApplying(t *testing.T) {
	c, l := temporary(t), &ledger{}
	apply(t, c, l.visit(noon, "masto", said(onrecord.StatementCreated, "0", "One of them", noon))...)
	const visits, each = 25, 7
	var wg sync.WaitGroup
	for _, q := range []string{"them", "", "them platform:mastodon", "-nothing"} {
		parsed, err := search.Parse(q, search.ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for n := int64(0); n < 1+visits*each; {
				res, err := c.Search(t.Context(), search.Request{Query: parsed, Limit: 200})
				if err != nil || res.Total != int64(len(res.Hits)) || res.Total < n || res.Total%each != 1 {
					t.Errorf("%q: %d of %d after %d, error %v", q, len(res.Hits), res.Total, n, err)
					return
				}
				n = res.Total
			}
		})
	}
	for i := range visits {
		var events []onrecord.Event
		for j := range each {
			at := noon.Add(time.Duration(i-j) * time.Hour)
			e := said(onrecord.StatementCreated, fmt.Sprint(1+i*each+j), "One of them", at)
			e.PublishedAt, e.Door = at, fmt.Sprint("door", i) // a name that is new
			events = append(events, e)
		}
		apply(t, c, l.visit(noon, "masto", events...)...)
	}
	wg.Wait()
}

// TestCancelledApply: an Apply that was stopped leaves whole batches, and the
// next one goes on.
func TestCancelledApply(t *testing.T) {
	c, l := temporary(t), &ledger{}
	list := l.visit(noon, "masto", said(onrecord.StatementCreated, "1", "One", noon), said(onrecord.StatementCreated, "2", "Two", noon))
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		err := c.Apply(ctx, func(yield func(catalog.Entry, error) bool) {
			for _, e := range list {
				if e.Index == 2 {
					cancel()
				}
				if !yield(e, nil) {
					return
				}
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled: error %v", err)
		}
		if n := total(t, c, ""); n != 0 {
			t.Fatalf("%d statements of a batch that was stopped", n)
		}
	}
	apply(t, c, list...)
	if n := total(t, c, ""); n != 2 {
		t.Errorf("%d statements, want 2", n)
	}
}

// TestCorrectedDate: a statement keeps its place when its date is corrected,
// and is found within spans of the new date.
func TestCorrectedDate(t *testing.T) {
	c, l := temporary(t), &ledger{}
	undated := said(onrecord.StatementCreated, "1", "One of them", noon)
	undated.PublishedAt = time.Time{}
	dated := said(onrecord.StatementEdited, "1", "One of them, with a date", noon.Add(time.Minute))
	dated.PublishedAt = noon.AddDate(-3, 0, 0)
	other := said(onrecord.StatementCreated, "2", "One of them, before", noon.Add(2*time.Minute))
	other.PublishedAt = noon.AddDate(-1, 0, 0)
	apply(t, c, l.visit(noon, "masto", undated)...)
	apply(t, c, l.visit(noon, "masto", dated, other)...)
	for q, want := range map[string]string{
		"them": "1 2", "them since:2026": "", "them until:2024": "1", "until:2024": "1", "since:2025-03-01 until:2025-03-02": "2",
		"them platform:mastodon until:2025-12": "1 2", "-before until:2024": "1",
	} {
		parsed, err := search.Parse(q, search.ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Search(t.Context(), search.Request{Query: parsed})
		var got []string
		for _, h := range res.Hits {
			s, err := c.Statement(t.Context(), h.ID)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, s.NativeID)
		}
		if g := strings.Join(got, " "); err != nil || g != want || int(res.Total) != len(got) {
			t.Errorf("%q finds %q of %d, error %v, want %q", q, g, res.Total, err, want)
		}
	}
}

// TestBatchesAreBoundedByBytes: a batch is applied when it is large, wherever in an
// event that comes from: a platform that serves long descriptions of pictures does
// not fill the memory of whoever follows the ledger.
func TestBatchesAreBoundedByBytes(t *testing.T) {
	const large, most = 1 << 20, 12 // bytes an event; events until some are applied
	for name, fill := range map[string]func(e *onrecord.Event, long string){
		"alt":   func(e *onrecord.Event, long string) { e.Content.Media = []onrecord.Media{{ID: "m", Alt: long}} },
		"links": func(e *onrecord.Event, long string) { e.Content.Links = []string{"https://a.example", long} },
		"lines": func(e *onrecord.Event, _ string) { e.Erasure = &onrecord.Erasure{Leaves: make([]int64, large/8)} },
	} {
		t.Run(name, func(t *testing.T) {
			c, l := temporary(t), &ledger{}
			long := strings.Repeat("-", large)
			stop := errors.New("enough")
			err := c.Apply(t.Context(), func(yield func(catalog.Entry, error) bool) {
				for n := range most {
					e := said(onrecord.StatementCreated, fmt.Sprint(n), "One of them", noon.Add(time.Duration(n)*time.Minute))
					fill(&e, long)
					for _, entry := range l.visit(noon, "masto", e) {
						if !yield(entry, nil) {
							return
						}
					}
				}
				yield(catalog.Entry{}, stop)
			})
			if !errors.Is(err, stop) {
				t.Fatal(err)
			}
			if n := total(t, c, ""); n == 0 {
				t.Errorf("nothing of %d events of %d bytes each is applied", most, large)
			}
		})
	}
}
