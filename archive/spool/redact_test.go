// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package spool_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"onrecord"
	"onrecord/archive/files/filestest"
	"onrecord/archive/spool"
	"onrecord/archive/warc"
)

// A redactable is a spool with three captures and two payloads of media, of
// which the second of each is to be redacted.
type redactable struct {
	xs    []onrecord.Exchange
	refs  []onrecord.CaptureRef
	media []spool.Media
	cases map[spool.Place]string
}

func newRedactable(t *testing.T, s *spool.Spool) redactable {
	t.Helper()
	r := redactable{xs: []onrecord.Exchange{exchange(1), revisits()[0], exchange(2)}}
	r.refs = record(t, s, r.xs...)
	r.media = []spool.Media{keepMedia(t, s, "a picture of a lamp", `{}`), keepMedia(t, s, "a picture of an umbrella", `{"secret":1}`)}
	r.cases = map[spool.Place]string{
		{Object: r.refs[1].Object, Offset: r.refs[1].Offset}:           "T-1",
		{Object: r.media[1].Ref.Object, Offset: r.media[1].Ref.Offset}: "T-2",
	}
	return r
}

// tells says which of the spool's files hold something of what was redacted.
func (r redactable) tells(t *testing.T, dir string) (found []string) {
	t.Helper()
	sum := sha256.Sum256(r.xs[1].Payload)
	for name, b := range filesOf(t, dir) {
		if filepath.Ext(name) == ".gz" {
			z, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if b, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		for _, trace := range []string{string(r.xs[1].Payload), hex.EncodeToString(sum[:]), "an umbrella", "secret", r.refs[1].SHA256, r.xs[1].URL + "\""} {
			if bytes.Contains(b, []byte(trace)) {
				found = append(found, name+": "+trace)
			}
		}
	}
	return found
}

// TestRedact: a redacted copy goes into the bucket, what was recorded is read
// until it is settled, and then nothing of it is left.
func TestRedact(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir, nil)
	s := create(t, d, meta(t, 0))
	r := newRedactable(t, s)
	before := content(t, s)
	refs, err := s.Redact(t.Context(), r.cases)
	if err != nil || len(refs) != 2 {
		t.Fatalf("%d references, %v", len(refs), err)
	}
	copied := content(t, s)
	if len(copied) != len(before) || bytes.Equal(copied, before) {
		t.Fatalf("%d bytes, before %d, want as many others", len(copied), len(before))
	}
	first, cut := r.refs[0].Offset+r.refs[0].Length, r.refs[1].Offset
	if !bytes.Equal(copied[:first], before[:first]) || !bytes.Equal(copied[r.refs[2].Offset:], before[r.refs[2].Offset:]) {
		t.Error("what is not redacted has changed")
	}
	ref := refs[spool.Place{Object: r.refs[1].Object, Offset: cut}]
	if sum := sha256.Sum256(copied[cut : cut+ref.Length]); ref.Length != r.refs[1].Length || hex.EncodeToString(sum[:]) != ref.SHA256 {
		t.Errorf("the reference is %+v", ref)
	}
	n := 0
	for rec, err := range warc.Records(bytes.NewReader(copied), warc.ReaderOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if rec.Redacted() != "" {
			n++
		}
	}
	if n != 3 { // evidence, request and note
		t.Errorf("%d redacted records, want 3", n)
	}
	if xs, _ := entries(t, s); len(xs) != 3 || !bytes.Equal(xs[1].Payload, r.xs[1].Payload) {
		t.Errorf("%d entries before it is settled", len(xs))
	}
	body, ok := s.Recorded(s.Object())
	if !ok || body.SHA256 != sha256.Sum256(before) {
		t.Error("what was recorded is not to be had")
	}

	// A process takes over what another has planned.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = takeOne(t, d)
	if !bytes.Equal(content(t, s), before) {
		t.Error("taken over, the copy is used without being asked for")
	}
	if err := s.LoadRedacted(); err != nil || !bytes.Equal(content(t, s), copied) {
		t.Errorf("the copy is not loaded: %v", err)
	}
	if err := s.Settle(); err != nil || !bytes.Equal(content(t, s), copied) {
		t.Errorf("settled: %v", err)
	}
	if found := r.tells(t, filepath.Join(dir, visit(t, 0).String())); len(found) > 0 {
		t.Errorf("still there: %q", found)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = takeOne(t, d)
	if xs, refs := entries(t, s); len(xs) != 2 || refs[0] != r.refs[0] || refs[1] != r.refs[2] {
		t.Errorf("entries after it: %+v", refs)
	}
	if list := mediaOf(t, s); len(list) != 1 || list[0].Ref != r.media[0].Ref {
		t.Errorf("media after it: %+v", list)
	}
}

// TestRedactAgain: a visit that is judged again may redact something else, or
// nothing.
func TestRedactAgain(t *testing.T) {
	t.Parallel()
	s := create(t, open(t, t.TempDir(), nil), meta(t, 0))
	r := newRedactable(t, s)
	before := content(t, s)
	if _, err := s.Redact(t.Context(), r.cases); err != nil {
		t.Fatal(err)
	}
	first := content(t, s)
	if _, err := s.Redact(t.Context(), map[spool.Place]string{{Object: r.refs[0].Object, Offset: r.refs[0].Offset}: "T-3"}); err != nil {
		t.Fatal(err)
	}
	if second := content(t, s); bytes.Equal(first, second) || !bytes.Equal(second[r.refs[1].Offset:], before[r.refs[1].Offset:]) {
		t.Error("the second copy is made of the first")
	}
	if _, err := s.Redact(t.Context(), nil); err != nil || !bytes.Equal(content(t, s), before) {
		t.Errorf("without cases: %v", err)
	}
	if _, err := s.Redact(t.Context(), map[spool.Place]string{{Object: r.refs[0].Object, Offset: 1}: "T-3"}); err == nil {
		t.Error("a place without a capture is taken")
	}
	if err := s.Put("redacted.warc", nil); err == nil {
		t.Error("a copy can be overwritten")
	}
}

// TestCrashInSettle cuts the power before and after each write of a Settle:
// whoever takes the spool finds it whole, redacted or not, and can settle it.
func TestCrashInSettle(t *testing.T) {
	t.Parallel()
	struck := 0
	for n := 1; settleUntil(t, n, filestest.Before); n++ {
		settleUntil(t, n, filestest.After) // of what can't be removed, there is no after
		struck = n
	}
	if struck < 8 {
		t.Errorf("only %d writes", struck)
	}
}

// settleUntil settles a spool until its n-th write, and then on what the disk
// has. It is false where there is no such write.
func settleUntil(t *testing.T, n int, how filestest.How) bool {
	t.Helper()
	state := t.TempDir()
	s := create(t, open(t, state, nil), meta(t, 0))
	r := newRedactable(t, s)
	if _, err := s.Redact(t.Context(), r.cases); err != nil {
		t.Fatal(err)
	}
	copied := content(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	m, err := filestest.New(state, filestest.Options{At: n, How: how, Counts: []filestest.Kind{
		filestest.Write, filestest.Sync, filestest.Rename, filestest.Create, filestest.Remove,
	}})
	if err != nil {
		t.Fatal(err)
	}
	s = takeOne(t, open(t, state, func(o *spool.Options) { o.Files.Wrap = m.Wrap(state) }))
	if err := s.LoadRedacted(); err != nil {
		t.Fatal(err)
	}
	if s.Settle() == nil {
		return false
	}
	op, _ := m.Struck()
	after := filepath.Join(t.TempDir(), "after")
	if err := m.Copy(after, filestest.Keep{}); err != nil {
		t.Fatal(err)
	}
	s = takeOne(t, open(t, after, nil))
	if err := s.LoadRedacted(); err != nil || !bytes.Equal(content(t, s), copied) {
		t.Fatalf("%s %s: another copy, %v", how, op, err)
	}
	if err := s.Settle(); err != nil {
		t.Fatalf("%s %s: %v", how, op, err)
	}
	if found := r.tells(t, filepath.Join(after, visit(t, 0).String())); len(found) > 0 {
		t.Fatalf("%s %s: still there: %q", how, op, found)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if xs, _ := entries(t, takeOne(t, open(t, after, nil))); len(xs) != 2 {
		t.Fatalf("%s %s: %d entries", how, op, len(xs))
	}
	return true
}

// TestCrashInDiscard cuts the power before and after each write of a Discard:
// whoever takes the spool finds it whole, with what was recorded or without, and
// can discard it. What lies beside it stays.
func TestCrashInDiscard(t *testing.T) {
	t.Parallel()
	struck := 0
	for n := 1; discardUntil(t, n, filestest.Before); n++ {
		discardUntil(t, n, filestest.After)
		struck = n
	}
	if struck < 8 {
		t.Errorf("only %d writes", struck)
	}
}

// discardUntil discards what a spool has until its n-th write, and then on what
// the disk has. It is false where there is no such write.
func discardUntil(t *testing.T, n int, how filestest.How) bool {
	t.Helper()
	state := t.TempDir()
	s := create(t, open(t, state, nil), meta(t, 0))
	r := newRedactable(t, s)
	if err := s.Put("note", []byte("of the visit")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	m, err := filestest.New(state, filestest.Options{At: n, How: how, Counts: []filestest.Kind{
		filestest.Write, filestest.Sync, filestest.Rename, filestest.Create, filestest.Remove,
	}})
	if err != nil {
		t.Fatal(err)
	}
	discard := func(s *spool.Spool) error { return errors.Join(s.Discard(s.Object()), s.Discard(s.MediaObject())) }
	if discard(takeOne(t, open(t, state, func(o *spool.Options) { o.Files.Wrap = m.Wrap(state) }))) == nil {
		return false
	}
	op, _ := m.Struck()
	after := filepath.Join(t.TempDir(), "after")
	if err := m.Copy(after, filestest.Keep{}); err != nil {
		t.Fatal(err)
	}
	s = takeOne(t, open(t, after, nil))
	if xs, _ := entries(t, s); len(xs) != 0 && len(xs) != len(r.xs) {
		t.Fatalf("%s %s: %d entries", how, op, len(xs))
	}
	if err := discard(s); err != nil {
		t.Fatalf("%s %s: %v", how, op, err)
	}
	if found := r.tells(t, filepath.Join(after, visit(t, 0).String())); len(found) > 0 {
		t.Fatalf("%s %s: still there: %q", how, op, found)
	}
	if b, err := s.Get("note"); err != nil || string(b) != "of the visit" {
		t.Fatalf("%s %s: the note is %q, %v", how, op, b, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if xs, _ := entries(t, takeOne(t, open(t, after, nil))); len(xs) != 0 {
		t.Fatalf("%s %s: %d entries", how, op, len(xs))
	}
	return true
}
