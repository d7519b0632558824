// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
)

var day = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

// seeded returns randomness that repeats.
func seeded(n byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{n}) }

// visitAt names a visit.
func visitAt(t testing.TB, at time.Time, n byte) onrecord.VisitID {
	t.Helper()
	id, err := onrecord.NewVisitID(at, seeded(n))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// said is an event with a statement.
func said(source, native, text string) onrecord.Event {
	c := onrecord.Content{Type: "post", Text: text}
	return onrecord.Event{
		Type: onrecord.StatementCreated, At: day, By: day, Figure: "jane-example", Source: source, Prev: -1, Index: -1,
		Account:   onrecord.AccountRef{Platform: "website", ID: "jane.example"},
		Statement: onrecord.NewStatementID("website", native), NativeID: native, Version: c.Version(), Content: &c,
		Provenance: onrecord.Captured,
	}
}

func build(t testing.TB, id onrecord.VisitID, events ...onrecord.Event) []byte {
	t.Helper()
	b, err := archive.BuildSegment(archive.VisitHeader{
		Visit: id, Source: "press", Door: "feed", Parser: "feed/1", Base: 7, Started: day, Ended: day.Add(time.Second),
		Outcome: onrecord.OutcomeOK,
	}, events, seeded(9))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSegmentIsPlainZstd(t *testing.T) {
	id := visitAt(t, day, 1)
	b := build(t, id, said("press", "a", "one"), said("press", "b", "two"))
	dec, err := zstd.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	text, err := io.ReadAll(dec)
	if err != nil {
		t.Fatal(err)
	}
	p, err := archive.NewParser()
	if err != nil {
		t.Fatal(err)
	}
	h, lines, err := p.Parse(id, b)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(bytes.Join(lines, []byte("\n"))) + "\n"; got != string(text) {
		t.Errorf("lines are\n%s\nzstd says\n%s", got, text)
	}
	if len(lines) != 3 || h.Base != 7 || h.Source != "press" || h.Objects == nil {
		t.Errorf("%d lines, header %+v", len(lines), h)
	}
	// The first frame is raw: the visit line stands in the file as it is.
	if !bytes.HasPrefix(b[12:], lines[0]) || string(b[:5]) != "\x28\xb5\x2f\xfd\xa0" {
		t.Errorf("first frame begins with %x", b[:16])
	}
}

func TestEveryFlippedByteOfASegmentIsAnError(t *testing.T) {
	id := visitAt(t, day, 1)
	b := build(t, id, said("press", "a", "one"))
	p, err := archive.NewParser()
	if err != nil {
		t.Fatal(err)
	}
	_, whole, err := p.Parse(id, b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		bad := bytes.Clone(b)
		bad[i] ^= 1
		_, lines, err := p.Parse(id, bad)
		if err != nil {
			continue
		}
		// What still parses has another visit line: its leaf tells.
		if bytes.Equal(lines[0], whole[0]) {
			t.Errorf("byte %d flipped: nobody notices", i)
		}
	}
	for n := range b {
		if _, _, err := p.Parse(id, b[:n]); err == nil {
			t.Errorf("cut to %d of %d bytes: no error", n, len(b))
		}
	}
}

func TestSegmentLimits(t *testing.T) {
	id := visitAt(t, day, 1)
	h := archive.VisitHeader{Visit: id, Source: "press"}
	few := make([]onrecord.Event, archive.MaxLines-1)
	for i := range few {
		few[i] = onrecord.Event{Type: onrecord.SourceLooked, At: day, Source: "press", Prev: -1}
	}
	if _, err := archive.BuildSegment(h, few, seeded(1)); err != nil {
		t.Errorf("%d lines: %v", len(few)+1, err)
	}
	if _, err := archive.BuildSegment(h, append(few, few[0]), seeded(1)); !errors.Is(err, archive.ErrTooLarge) {
		t.Errorf("%d lines: %v", len(few)+2, err)
	}
	text := strings.Repeat("long ", archive.MaxSegment/10)
	long := []onrecord.Event{said("press", "a", text), said("press", "b", text)}
	if _, err := archive.BuildSegment(h, long, seeded(1)); !errors.Is(err, archive.ErrTooLarge) {
		t.Errorf("8 MiB of text: %v", err)
	}
}

func FuzzParseSegment(f *testing.F) {
	id := visitAt(f, day, 1)
	f.Add(build(f, id, said("press", "a", "one")))
	f.Add(build(f, id))
	f.Add([]byte("\x28\xb5\x2f\xfd\xa0"))
	p, err := archive.NewParser()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, lines, err := p.Parse(id, b)
		if err == nil && (len(lines) == 0 || h.Visit != id) {
			t.Errorf("%d lines of visit %s without an error", len(lines), h.Visit)
		}
	})
}

func FuzzParseRegister(f *testing.F) {
	f.Add([]byte(`{"v":1,"n":1,"nonce":"00","source":"press","platform":"website","done":{"visit":"","index":-1},"pending":null`))
	f.Add([]byte(`{"v":1,"n":1,"n":2`))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bucket.Seal(append(b, '}')) // any other is refused before it is read
		if err := archive.CheckRegister("press", b); err == nil && !bytes.Contains(b, []byte("press")) {
			t.Errorf("%q is the state of press", b)
		}
	})
}
