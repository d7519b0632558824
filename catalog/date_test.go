// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"testing"
	"time"

	"onrecord"
	"onrecord/search"
)

// What claims to be of the far future stands where it was first seen, and does
// not lead the lists for years; the claim itself is kept. Clocks and zones may
// differ by a day.
func TestDatesInTheFuture(t *testing.T) {
	c, l := temporary(t), &ledger{}
	list := []onrecord.Event{
		said(onrecord.StatementCreated, "1", "of the far future", noon), said(onrecord.StatementCreated, "2", "of tomorrow", noon),
		said(onrecord.StatementCreated, "3", "of today", noon.Add(time.Hour)),
	}
	far := time.Date(2099, 11, 15, 12, 0, 0, 0, time.UTC)
	list[0].PublishedAt, list[1].PublishedAt, list[2].PublishedAt = far, noon.Add(20*time.Hour), noon.Add(time.Hour)
	for i, e := range list {
		apply(t, c, l.visit(noon.Add(time.Duration(i)*time.Hour), "masto", e)...)
	}
	s, err := c.Statement(t.Context(), id("1"))
	if err != nil || !s.Date.Equal(noon) || !s.PublishedAt.Equal(far) {
		t.Errorf("stands at %v, claims %v, %v; want %v and %v", s.Date, s.PublishedAt, err, noon, far)
	}
	res, err := c.Search(t.Context(), search.Request{})
	if err != nil || len(res.Hits) != 3 {
		t.Fatal(res, err)
	}
	for i, want := range []string{"2", "3", "1"} {
		if res.Hits[i].ID != id(want) {
			t.Errorf("place %d is not statement %s", i, want)
		}
	}
	if n := total(t, c, "since:2099"); n != 0 {
		t.Errorf("%d statements since 2099", n)
	}
}
