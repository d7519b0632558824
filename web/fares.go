// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"onrecord"
)

// fares keeps how the sources fare for a moment: to know it costs a read of
// every state in the bucket.
type fares struct {
	mu   sync.Mutex // guards the rest, and is held while it is asked
	at   time.Time
	list []onrecord.SourceStatus
}

// statuses tells how the sources fare; nil where nobody here crawls.
func (s *server) statuses(ctx context.Context) ([]onrecord.SourceStatus, error) {
	if s.Status == nil {
		return nil, nil
	}
	s.fares.mu.Lock()
	defer s.fares.mu.Unlock()
	now := s.Now()
	if age := now.Sub(s.fares.at); !s.fares.at.IsZero() && age >= 0 && age < faresAge {
		return s.fares.list, nil
	}
	list, err := s.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("status of sources: %w", err)
	}
	s.fares.at, s.fares.list = now, list
	return list, nil
}

// faresAge is how old an answer of statuses may be.
const faresAge = 2 * time.Second

// A faring is how a source fares, in one word. A page lists them in this order.
type faring int

const (
	inTrouble  faring = iota // somebody should look at it
	faresWell                // its last visit succeeded, and that was not too long ago
	notVisited               // nobody has visited it yet
	paused                   // by the operator
	forImports               // nobody visits it: it takes imports
	farings
)

// fare judges a source.
func fare(s onrecord.SourceStatus) faring {
	switch {
	case s.Unreadable != "" || s.Frozen != "" || s.IdentityChanged:
		return inTrouble
	case !s.Paused.IsZero():
		return paused
	case failed(s) || s.Overdue || len(s.OpenGaps) > 0:
		return inTrouble
	case importsOnly(s):
		return forImports
	case s.LastVisit.IsZero():
		return notVisited
	}
	return faresWell
}

// importsOnly reports whether a source has no door and no schedule.
func importsOnly(s onrecord.SourceStatus) bool {
	return s.Unreadable == "" && len(s.Doors) == 0 && s.Schedule == "" && s.LastVisit.IsZero()
}

// trouble reports whether a source needs somebody to look at it.
func trouble(s onrecord.SourceStatus) bool { return fare(s) == inTrouble }

// failed reports whether the last visit of a source failed.
func failed(s onrecord.SourceStatus) bool {
	return !s.LastVisit.IsZero() && s.Outcome != onrecord.OutcomeOK && s.Outcome != onrecord.OutcomeNotModified
}

// tally counts sources by how they fare. Those that nobody means to visit are
// not counted as not visited.
func tally(list []onrecord.SourceStatus) (n [farings]int64) {
	for _, s := range list {
		if f := fare(s); f != notVisited || s.Schedule != "" {
			n[f]++
		}
	}
	return n
}

// counted is how many sources a tally speaks of.
func counted(n [farings]int64) (sum int64) {
	for _, one := range n {
		sum += one
	}
	return sum
}

// lede words how many sources fare how, a sentence each.
func (w wording) lede(list []onrecord.SourceStatus) []string {
	n := tally(list)
	var out []string
	for _, one := range []struct {
		fare faring
		key  string
	}{{inTrouble, "line.fare.trouble"}, {faresWell, "line.fare.well"}, {notVisited, "line.fare.unvisited"}, {paused, "line.fare.paused"}, {forImports, "line.fare.imports"}} {
		if n[one.fare] > 0 {
			out = append(out, w.n(one.key, n[one.fare]))
		}
	}
	return out
}

// sourcesOnStatus is how many sources a page lists.
const sourcesOnStatus = 100

// statusFrom reads which sources a page is asked for: those from the given one
// on, in the order in which they are listed.
func (s *server) statusFrom(r *http.Request) (l listing, first int, err error) {
	if l, err = s.readList(r, "/status", nil, "from"); err != nil {
		return l, 0, err
	}
	if text := l.get("from"); text != "" {
		if first, err = strconv.Atoi(text); err != nil || first < 0 {
			return l, 0, s.invalidParameter("from", s.texts.f("detail.value", "name", "from", "value", plain(text)))
		}
	}
	return l, first, nil
}

// paged returns the sources of the page that begins with first, those in trouble
// before all others, and fills the addresses of the pages around.
func (b *statusBody) paged(l listing, list []onrecord.SourceStatus, first int) []onrecord.SourceStatus {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b onrecord.SourceStatus) int { return int(min(fare(a), faresWell) - min(fare(b), faresWell)) })
	from := min(first, len(list))
	until := min(from+sourcesOnStatus, len(list))
	if from > 0 {
		before := ""
		if from > sourcesOnStatus {
			before = strconv.Itoa(from - sourcesOnStatus)
		}
		b.Earlier = l.with("from", before).address()
	}
	if until < len(list) {
		b.Later = l.with("from", strconv.Itoa(until)).address()
	}
	return list[from:until]
}
