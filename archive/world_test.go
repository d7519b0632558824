// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

const origin = "archive.example/log"

// A world is what the machines of one archive share: key, clock, chance.
type world struct {
	public string
	signer note.Signer

	mu   sync.Mutex
	time time.Time // guarded by mu
}

func newWorld(t testing.TB) *world {
	t.Helper()
	private, public, err := ledger.GenerateKey(seeded(42), origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return &world{public: public, signer: s, time: day}
}

// verifier is the key that a stranger has.
func (w *world) verifier(t testing.TB) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(w.public)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.time
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.time = w.time.Add(d)
}

func (w *world) options(stateDir string, seed byte) archive.Options {
	return archive.Options{
		Name: "Archive Example", Origin: origin, PublicKey: w.public, StateDir: stateDir,
		Signer: w.signer, Trust: true, Now: w.now, Rand: seeded(seed), Software: "onrecord/test",
	}
}

// fastDir is a temporary folder in memory where there is one: models make
// thousands of spools.
func fastDir(t testing.TB) string {
	t.Helper()
	if dir, err := os.MkdirTemp("/dev/shm", "onrecord-archive-"); err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		return dir
	}
	return t.TempDir()
}

func (w *world) open(t testing.TB, b bucket.Bucket, stateDir string, seed byte) *archive.Archive {
	t.Helper()
	a, err := archive.Open(t.Context(), b, w.options(stateDir, seed))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (w *world) init(t testing.TB, b bucket.Bucket, stateDir string) *archive.Archive {
	t.Helper()
	if err := archive.Init(t.Context(), b, w.options(stateDir, 0)); err != nil {
		t.Fatal(err)
	}
	return w.open(t, b, stateDir, 1)
}

func press(source string) archive.Source {
	return archive.Source{Source: source, Platform: "website", AccountID: "jane.example", Figure: "jane-example"}
}

// exchange is an answer of a site that says text.
func exchange(w *world, text string) onrecord.Exchange {
	return onrecord.Exchange{
		URL: "https://jane.example/feed.xml", At: w.now(), Done: w.now(), Method: "GET", Status: 200,
		Request:  []byte("GET /feed.xml HTTP/1.1\r\nHost: jane.example\r\n\r\n"),
		Response: []byte("HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n\r\n"),
		Payload:  []byte("<feed>" + text + "</feed>"), IP: "192.0.2.1",
	}
}

// read visits a source and records one answer.
func read(ctx context.Context, w *world, a *archive.Archive, source, text string) (*archive.Visit, error) {
	v, err := a.Begin(ctx, press(source), "feed", "feed/1", nil)
	if err != nil {
		return nil, err
	}
	if _, err := v.Record(ctx, exchange(w, text)); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return v, nil
}

// judge makes the draft of a visit as ingest would: one statement an exchange.
func judge(ctx context.Context, w *world, v *archive.Visit) (archive.Draft, error) {
	d := archive.Draft{
		Outcome: onrecord.OutcomeOK, Started: v.Started(), Ended: w.now(), Next: v.State(), KeepWARC: true,
		Base: max(v.State().Done.Index, 0),
	}
	d.Next.Platform, d.Next.AccountID = "website", "jane.example"
	if _, late := v.Late(); !late {
		d.Next.LastTick, d.Next.LastVisit = v.Started(), v.Started()
	}
	for e, err := range v.Entries(ctx) {
		if err != nil {
			return d, err
		}
		text := string(e.Exchange.Payload)
		ev := said(v.Source().Source, text, text)
		ev.Captures = []onrecord.CaptureRef{e.Ref}
		d.Events = append(d.Events, ev)
	}
	return d, nil
}

// commit judges and commits, and judges again as often as the visit is late.
func commit(ctx context.Context, w *world, v *archive.Visit) (onrecord.Done, error) {
	for {
		d, err := judge(ctx, w, v)
		if err != nil {
			return onrecord.Done{}, err
		}
		done, err := v.Commit(ctx, d)
		late, ok := errors.AsType[*archive.LateError](err)
		if !ok {
			return done, err
		}
		v = late.Visit
	}
}

// visit is a whole visit.
func visit(ctx context.Context, w *world, a *archive.Archive, source, text string) (onrecord.Done, error) {
	v, err := read(ctx, w, a, source, text)
	if err != nil {
		return onrecord.Done{}, err
	}
	return commit(ctx, w, v)
}

// restart is what a process does first: take up the spools, then the states.
func restart(ctx context.Context, w *world, a *archive.Archive) error {
	var errs []error
	for v, err := range a.Recover(ctx) {
		if err == nil {
			_, err = commit(ctx, w, v)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("recover: %w", err))
		}
	}
	if _, err := a.Sweep(ctx); err != nil {
		errs = append(errs, fmt.Errorf("sweep: %w", err))
	}
	return errors.Join(errs...)
}

// walk returns all entries.
func walk(t testing.TB, a *archive.Archive) []archive.Entry {
	t.Helper()
	var out []archive.Entry
	for e, err := range a.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Index != int64(len(out)) {
			t.Fatalf("entry %d has index %d", len(out), e.Index)
		}
		out = append(out, e)
	}
	return out
}

// texts counts the statements in the record by their text.
func texts(entries []archive.Entry) map[string]int {
	n := map[string]int{}
	for _, e := range entries {
		if e.Event.Content != nil {
			n[e.Event.Content.Text]++
		}
	}
	return n
}

// verified fails the test unless everything in the bucket is right.
func verified(t testing.TB, a *archive.Archive) archive.Report {
	t.Helper()
	return verifiedAs(t, a, archive.VerifyOptions{Workers: 1})
}

// verifiedOutside is verified of a replica, or through a mirror.
func verifiedOutside(t testing.TB, a *archive.Archive) archive.Report {
	t.Helper()
	return verifiedAs(t, a, archive.VerifyOptions{Workers: 1, Outside: true})
}

func verifiedAs(t testing.TB, a *archive.Archive, o archive.VerifyOptions) archive.Report {
	t.Helper()
	r, err := a.Verify(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		t.Errorf("verify: %s", f)
	}
	return r
}

// chained demands that each visit of a source was judged on the state that the
// visit before it in the ledger has left: that is what the fence is for.
func chained(t testing.TB, entries []archive.Entry) {
	t.Helper()
	last := map[string]int64{}
	for _, e := range entries {
		if e.Leaf.Line != 0 {
			continue
		}
		if source := e.Visit.Source; source != archive.BuiltIn {
			if e.Visit.Base != last[source] {
				t.Errorf("visit %s of %s at %d was judged on the state of index %d, the one before it is at %d",
					e.Leaf.Visit, source, e.Index, e.Visit.Base, last[source])
			}
			last[source] = e.Index
		}
	}
}
