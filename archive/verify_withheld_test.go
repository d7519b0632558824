// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"fmt"
	"testing"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
)

// A discretion is a mirror that does not show parts of one object; all of it,
// where no parts are named.
type discretion struct {
	bucket.Bucket
	key, number string
	spans       []bucket.Span
	size        int64
}

func (d discretion) Open(ctx context.Context, key string, off, n int64) (bucket.Object, error) {
	hit := key == d.key && len(d.spans) == 0
	for _, s := range d.spans {
		end := off + n
		if n < 0 {
			end = d.size
		}
		hit = hit || key == d.key && off < s.Offset+s.Length && s.Offset < end
	}
	if hit {
		return bucket.Object{}, &bucket.WithheldError{Key: key, Case: d.number, Size: d.size, Spans: d.spans}
	}
	return d.Bucket.Open(ctx, key, off, n)
}

func decide(t *testing.T, w *world, a *archive.Archive, typ onrecord.EventType) {
	t.Helper()
	acts(t, w, a, onrecord.Event{
		Type: typ, At: w.now(), By: w.now(), Figure: "jane-example", Statement: secretID,
		Takedown: &onrecord.Takedown{Case: "T-1", Ground: onrecord.GroundLaw, Reason: "personal data"},
		Account:  onrecord.AccountRef{Platform: "website", ID: "jane.example"}, Provenance: onrecord.Captured, Index: -1, Prev: -1,
	})
}

// TestWithheldOnlyByADecision has mirrors that hide lines and records: they may
// where a signed decision of that case is in force, and never whole objects.
func TestWithheldOnlyByADecision(t *testing.T) {
	w, b := newWorld(t), &memory.Bucket{}
	a := w.init(t, b, fastDir(t))
	publish(t, w, a)
	entries := walk(t, a)
	at := entries[len(entries)-1] // about the secret
	if at.Event.Statement != secretID {
		t.Fatalf("%+v", at.Event)
	}
	key := archive.JournalKey(at.Leaf.Visit)
	frames, err := a.LineSpans(t.Context(), key, []int64{0, at.Index})
	if err != nil || len(frames) != 1 {
		t.Fatal(frames, err)
	}
	line := []bucket.Span{{Offset: frames[0].Offset, Length: frames[0].Length}}
	c := at.Event.Captures[0]
	record := []bucket.Span{{Offset: c.Offset, Length: c.Length}}
	act := archive.JournalKey(entries[0].Leaf.Visit)
	first, err := a.LineSpans(t.Context(), act, []int64{1})
	if err != nil || len(first) != 1 {
		t.Fatal(first, err)
	}
	decided := func(want map[string]bool) { // which of the mirrors get away with it
		t.Helper()
		for name, d := range map[string]discretion{
			"line": {key: key, number: "T-1", spans: line}, "record": {key: c.Object, number: "T-1", spans: record},
			"line of no case": {key: key, number: "T-999", spans: line}, "record of no case": {key: c.Object, number: "T-999", spans: record},
			"segment": {key: key, number: "T-1"}, "segment from its beginning": {key: key, number: "T-1", spans: []bucket.Span{{Length: line[0].Offset + line[0].Length}}},
			"object": {key: c.Object, number: "T-1"}, "act": {key: act, number: "T-1", spans: []bucket.Span{{Offset: first[0].Offset, Length: first[0].Length}}},
		} {
			o, err := b.Open(t.Context(), d.key, 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			d.Bucket, d.size = b, o.Size
			for parts := 1; parts <= 2; parts++ {
				found, hidden := 0, archive.Withheld{}
				for part := 1; part <= parts; part++ {
					outside, err := archive.OpenOutside(t.Context(), d, archive.Options{Verifier: w.verifier(t), Now: w.now})
					if err != nil {
						t.Fatal(err)
					}
					r, err := outside.Verify(t.Context(), archive.VerifyOptions{Outside: true, Part: part, Parts: parts})
					if err != nil {
						t.Fatal(name, err)
					}
					found += len(r.Findings)
					if n := r.Withheld["T-1"]; n.Bytes > 0 {
						hidden = n
					}
				}
				if (found == 0) != want[name] || want[name] && fmt.Sprint(hidden.Lines+hidden.Records, hidden.Bytes, hidden.Statements) != fmt.Sprint(1, d.spans[0].Length, 1) {
					t.Errorf("%s, %d parts: %d findings, %+v", name, parts, found, hidden)
				}
			}
		}
	}
	decided(nil)
	decide(t, w, a, onrecord.StatementWithheld)
	decided(map[string]bool{"line": true, "record": true})
	decide(t, w, a, onrecord.StatementUnwithheld)
	decided(nil)
}
