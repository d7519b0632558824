// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"errors"
	"testing"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
)

// with returns a copy of b in which key holds other bytes.
func with(t testing.TB, b *memory.Bucket, key string, body []byte) *memory.Bucket {
	t.Helper()
	c := without(t, b, key)
	if err := c.Create(t.Context(), key, bucket.Bytes(body)); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAdoptReadsTheBytes: a replica in which an object has its length and other
// bytes is not whole; with Quick nobody looks.
func TestAdoptReadsTheBytes(t *testing.T) {
	t.Parallel()
	w, _, a, _ := filled(t, 6)
	var to memory.Bucket
	if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	all := contents(t, &to)
	key := kinds(all)["captures"][1]
	body := bytes.Clone(all[key])
	body[len(body)/2] ^= 1
	hurt := with(t, &to, key, body)
	h := heir(t, w, 7)
	got, err := archive.Adopt(t.Context(), hurt, adopted(t, w, h, fastDir(t)))
	if !errors.Is(err, archive.ErrIncomplete) || len(got.Lacking) != 1 || got.Lacking[0].Object != key {
		t.Errorf("a bit of a capture: %+v, %v", got.Lacking, err)
	}
	o := adopted(t, w, h, fastDir(t))
	o.Quick = true
	if got, err = archive.Adopt(t.Context(), hurt, o); err != nil || len(got.Lacking) != 0 {
		t.Errorf("quick: %+v, %v", got.Lacking, err)
	}
}

// TestAdoptBelievesNoLineWithoutItsLeaf: of a segment that is not what its leaves
// say, neither the visit line nor the account of an event makes a state.
func TestAdoptBelievesNoLineWithoutItsLeaf(t *testing.T) {
	t.Parallel()
	w, _, a, _ := filled(t, 9)
	var to memory.Bucket
	if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	before, err := a.State(t.Context(), "press-1")
	if err != nil {
		t.Fatal(err)
	}
	var last onrecord.VisitID
	for _, e := range walk(t, a) {
		if e.Event.Source == "press-1" {
			last = e.Event.Visit
		}
	}
	key := archive.JournalKey(last)
	parser, err := archive.NewParser()
	if err != nil {
		t.Fatal(err)
	}
	header, lines, err := parser.Parse(last, contents(t, &to)[key])
	if err != nil {
		t.Fatal(err)
	}
	e, err := onrecord.ParseEvent(lines[1])
	if err != nil {
		t.Fatal(err)
	}
	e.Account.ID, header.Outcome = "somebody-else", onrecord.OutcomeBlocked
	forged, err := archive.BuildSegment(header, []onrecord.Event{e}, seeded(3))
	if err != nil {
		t.Fatal(err)
	}
	h, dir := heir(t, w, 7), fastDir(t)
	o := adopted(t, w, h, dir)
	o.Partial = true
	replica := with(t, &to, key, forged)
	got, err := archive.Adopt(t.Context(), replica, o)
	if err != nil || len(got.Lacking) != 1 || got.Lacking[0].Object != key || len(got.Known) != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, k := range got.Known {
		if k.Account.ID == e.Account.ID || k.Account.ID == "" {
			t.Errorf("source %s is of account %q", k.Source, k.Account.ID)
		}
	}
	state, err := openAs(t, h, replica, dir).State(t.Context(), "press-1")
	if err != nil || state.Outcome != onrecord.OutcomeOK || state.AccountID != before.AccountID || state.Done.Index >= before.Done.Index {
		t.Errorf("state %+v, was %+v, %v", state, before, err)
	}
}
