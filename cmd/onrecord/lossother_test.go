// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"testing"
	"time"

	"onrecord/archive"
)

// TestALostSegmentHoldsNoOtherAccount: a lost visit of which is known whose it was, and
// so that it was no decision, keeps nothing of other accounts in the spool.
func TestALostSegmentHoldsNoOtherAccount(t *testing.T) {
	t.Parallel()
	l := newLossy(t)
	srv, body := serveFeed(t, l.clock)
	l.sources += sourceYAML("blog", "b.example", srv.URL+"/feed.xml")
	l.reopen(t, false)
	back := l.gone(t, l.w.at.bucket)
	l.reopen(t, true)
	if list, err := l.h.catalog.Lost(t.Context()); err != nil || len(list) != 1 || list[0].Source != "press" || list[0].Act {
		t.Fatalf("lost: %+v, %v", list, err)
	}
	for n := range 2 {
		f := nightFeed(item(100+n, "words of another"), item(102+n, "more of them"))
		body.Store(&f)
		l.clock.to(l.clock.now().Add(time.Hour))
		rep, err := visitOf(l.in, t.Context(), l.in.Sources[1])
		if err != nil || rep.Created == 0 || rep.Spooled {
			t.Errorf("visit %d of another account: %+v, %v", n, rep, err)
		}
	}
	if _, err := l.visit(t, 5); err == nil {
		t.Error("what may rest on lost lines was judged")
	}
	rep, err := visitOf(l.in, t.Context(), l.in.Sources[0])
	if err != nil || !rep.Spooled || !errors.Is(rep.Why, archive.ErrBehind) {
		t.Errorf("a visit behind it: %+v, %v", rep, err)
	}
	back()
	if err := l.h.regain(t.Context()); err != nil {
		t.Fatal(err)
	}
	reports, err := l.in.Recover(t.Context(), func(string) (func(), bool) { return func() {}, true })
	if err != nil || len(reports) != 2 {
		t.Errorf("the visits that waited: %+v, %v", reports, err)
	}
	l.shows(t, map[int]int{2: 200, 5: 200})
	l.rebuilt(t)
}
