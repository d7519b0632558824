// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"fmt"
	"testing"
	"time"

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
	decided(map[string]bool{"line": true, "record": true}) // the site may not have read that yet
	w.wait(3 * time.Minute)
	decided(nil)
}

// A liar is a mirror that does not show what it says it does not show, but other
// parts of one object: whatever refuses is true of.
type liar struct {
	bucket.Bucket
	says    bucket.WithheldError
	refuses func(off, n int64) bool
}

func (l liar) Open(ctx context.Context, key string, off, n int64) (bucket.Object, error) {
	if key == l.says.Key && l.refuses(off, n) {
		says := l.says
		return bucket.Object{}, &says
	}
	return l.Bucket.Open(ctx, key, off, n)
}

// TestMirrorHidesMoreThanItSays has mirrors of an archive in which one decision is
// in force, who hide other parts of an object than they name, so that it would be
// counted as a line of a few bytes, and its evidence with it.
func TestMirrorHidesMoreThanItSays(t *testing.T) {
	w, b := newWorld(t), &memory.Bucket{}
	a := w.init(t, b, fastDir(t))
	publish(t, w, a)
	decide(t, w, a, onrecord.StatementWithheld)
	entries := walk(t, a)
	var at archive.Entry
	for _, e := range entries {
		if e.Event.Statement == secretID && len(e.Event.Captures) > 0 {
			at = e
		}
	}
	key := archive.JournalKey(at.Leaf.Visit)
	frames, err := a.LineSpans(t.Context(), key, []int64{at.Index})
	if err != nil || len(frames) != 1 {
		t.Fatal(frames, err)
	}
	line := bucket.Span{Offset: frames[0].Offset, Length: frames[0].Length}
	c := at.Event.Captures[0]
	size := func(key string) int64 {
		o, err := b.Open(t.Context(), key, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		return o.Size
	}
	all := func(int64, int64) bool { return true }
	record := func(off, n int64) bool { return n < 0 || off < c.Offset+c.Length && c.Offset < off+n }
	of := func(key string, size int64, spans ...bucket.Span) bucket.WithheldError {
		return bucket.WithheldError{Key: key, Case: "T-1", Size: size, Spans: spans}
	}
	for name, m := range map[string]struct {
		says    bucket.WithheldError
		refuses func(off, n int64) bool
		counted int64 // bytes, where that is all that can be said
	}{
		"all of a segment":                       {of(key, size(key), line), all, 0},
		"a segment, and its beginning":           {of(key, size(key), line, bucket.Span{Length: 10}), all, 0},
		"a segment, parts that overlap":          {of(key, size(key), line, bucket.Span{Offset: line.Offset - 1, Length: 9}), all, 0},
		"a segment that is too large":            {of(key, archive.MaxSegment+1, line), all, 0},
		"a segment that goes on behind its end":  {of(key, line.Offset+1, line), all, 0},
		"a record, and names another":            {of(c.Object, size(c.Object), bucket.Span{Offset: 1, Length: 1}), all, 0},
		"a record, and names a byte of it":       {of(c.Object, size(c.Object), bucket.Span{Offset: c.Offset + 3, Length: 1}), record, c.Length},
		"a record, and names the next byte only": {of(c.Object, size(c.Object), bucket.Span{Offset: c.Offset + c.Length, Length: 1}), all, 0},
	} {
		r, err := verifyThrough(t, w, liar{b, m.says, m.refuses})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if m.counted == 0 && len(r.Findings) == 0 || m.counted > 0 && (len(r.Findings) > 0 || r.Withheld["T-1"].Bytes != m.counted || r.Withheld["T-1"].Records != 1) {
			t.Errorf("hides %s: %v, %+v", name, r.Findings, r.Withheld)
		}
	}
}

func verifyThrough(t *testing.T, w *world, b bucket.Bucket) (archive.Report, error) {
	t.Helper()
	outside, err := archive.OpenOutside(t.Context(), b, archive.Options{Verifier: w.verifier(t), Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	return outside.Verify(t.Context(), archive.VerifyOptions{Outside: true})
}

// TestStatementBesideOneThatIsWithheld: the lines of a statement are checked
// also where a mirror does not show another line of their segment.
func TestStatementBesideOneThatIsWithheld(t *testing.T) {
	w, b := newWorld(t), &memory.Bucket{}
	a := w.init(t, b, fastDir(t))
	publish(t, w, a)
	decide(t, w, a, onrecord.StatementWithheld)
	var lamp, secret archive.Entry
	for _, e := range walk(t, a) {
		switch {
		case e.Event.Statement == secretID && len(e.Event.Captures) > 0:
			secret = e
		case e.Event.Statement != "" && len(e.Event.Captures) > 0:
			lamp = e
		}
	}
	key := archive.JournalKey(lamp.Leaf.Visit)
	frames, err := a.LineSpans(t.Context(), key, []int64{lamp.Index, secret.Index})
	if err != nil || len(frames) != 2 {
		t.Fatal(frames, err)
	}
	body, _, err := b.Load(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	d := discretion{b, key, "T-1", []bucket.Span{{Offset: frames[1].Offset, Length: frames[1].Length}}, int64(len(body))}
	for _, c := range []struct {
		name  string
		e     archive.Entry
		alter bool
		want  string
	}{
		{"its neighbour", lamp, false, "1 0 0"},
		{"its neighbour, which is another now", lamp, true, "0 1 0"},
		{"the one that is withheld", secret, false, "0 0 1"},
	} {
		if c.alter {
			d.Bucket = bucketOf(t, contents(t, b))
			d.Bucket.(*memory.Bucket).Damage(key, func([]byte) []byte { return flipped(body, int(frames[0].Offset+frames[0].Length/2)) })
		}
		outside, err := archive.OpenOutside(t.Context(), d, archive.Options{Verifier: w.verifier(t), Now: w.now})
		if err != nil {
			t.Fatal(err)
		}
		r, err := outside.VerifyStatement(t.Context(), c.e.Event.Statement, []int64{c.e.Index})
		if got := fmt.Sprint(r.Lines, len(r.Findings), r.Withheld["T-1"].Lines); err != nil || got != c.want {
			t.Errorf("%s: %s lines, findings and withheld, want %s: %v, %v", c.name, got, c.want, r.Findings, err)
		}
	}
}
