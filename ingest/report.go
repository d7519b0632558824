// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"onrecord"
	"onrecord/change"
	"onrecord/crawler"
)

// A Report says what a visit did, for the operator.
type Report struct {
	Source   string           `json:"source"`
	Door     string           `json:"door"`
	Outcome  onrecord.Outcome `json:"outcome"`
	Items    int              `json:"items"` // distinct statements shown
	Created  int              `json:"created"`
	Edited   int              `json:"edited"`
	Deleted  int              `json:"deleted"`
	Restored int              `json:"restored"`
	Other    []string         `json:"other,omitempty"` // types of other events but source.looked
	Events   int              `json:"events"`          // lines added to the journal, the visit line not counted
	Index    int64            `json:"index"`           // ledger index of the visit line; -1 for a quiet visit
	Requests int              `json:"requests"`
	Bytes    int64            `json:"bytes"`
	Seconds  float64          `json:"seconds"`
	Late     bool             `json:"late,omitempty"`
	Spooled  bool             `json:"spooled,omitempty"` // it can't be committed now: Why
	Dropped  bool             `json:"dropped,omitempty"` // an interrupted import, which goes on when it is run again
	Stopped  bool             `json:"stopped,omitempty"` // another account stands behind the handle
	Frozen   string           `json:"frozen,omitempty"`
	Problems []string         `json:"problems,omitempty"`
	// Why the visit was left in the spool; nil where that is not known.
	Why error `json:"-"`
	// Checks is the door, at another host, through which statements are due to
	// be asked for at their own addresses: Ingester.Check.
	Checks *Door `json:"-"`
	// More: a media visit has left others for the next.
	More bool `json:"-"`
}

// Failed reports whether the platform did not answer as it should.
func (r Report) Failed() bool {
	return r.Outcome != onrecord.OutcomeOK && r.Outcome != onrecord.OutcomeNotModified || r.Stopped
}

// report counts what followed from a visit.
func report(s Source, d Door, r crawler.Result, res change.Result) Report {
	rep := Report{
		Source: s.ID, Door: d.ID, Outcome: cmp.Or(r.Outcome, onrecord.OutcomeOK), Index: -1,
		Requests: r.Requests, Bytes: r.Bytes, Seconds: r.Ended.Sub(r.Started).Round(time.Millisecond).Seconds(),
		Stopped: res.Stopped,
	}
	if res.Frozen != nil {
		rep.Frozen = res.Frozen.Reason
	}
	items := make(map[string]bool)
	for _, seen := range r.Seen {
		for _, o := range seen.Items {
			items[o.NativeID] = true
		}
	}
	rep.Items = len(items)
	for _, e := range res.Events {
		switch e.Type {
		case onrecord.StatementCreated:
			rep.Created++
		case onrecord.StatementEdited:
			rep.Edited++
		case onrecord.StatementDeleted:
			rep.Deleted++
		case onrecord.StatementRestored:
			rep.Restored++
		case onrecord.SourceLooked:
		default:
			rep.Other = append(rep.Other, string(e.Type))
		}
	}
	for _, err := range r.Problems {
		rep.Problems = append(rep.Problems, err.Error())
	}
	if len(rep.Problems) == 0 && rep.Failed() {
		rep.Problems = refusals(r.Seen)
	}
	return rep
}

// refusals says which answers made a visit fail: address, status, capture.
func refusals(seen []onrecord.Seen) (list []string) {
	for _, s := range seen {
		if s.Outcome == "" || s.Outcome == onrecord.OutcomeOK || s.Outcome == onrecord.OutcomeNotModified || len(list) == 5 {
			continue
		}
		answer := "no answer"
		if s.Capture.Status != 0 {
			answer = fmt.Sprintf("HTTP status %d", s.Capture.Status)
		}
		list = append(list, fmt.Sprintf("%s: %s: %s, capture %s at byte %d", s.Capture.URL, s.Outcome, answer, s.Capture.Object, s.Capture.Offset))
	}
	return list
}

// log writes the report of a scheduled visit: what went wrong as a warning,
// news as information, a quiet visit only for those who want to see all.
func (r Report) log(log *slog.Logger) {
	args := []any{"source", r.Source, "door", r.Door, "outcome", r.Outcome, "items", r.Items,
		"created", r.Created, "edited", r.Edited, "deleted", r.Deleted, "requests", r.Requests,
		"bytes", r.Bytes, "seconds", r.Seconds}
	switch {
	case r.Failed() || len(r.Problems) > 0:
		log.Warn("visit", append(args, "problems", r.Problems)...)
	case r.Events > 0:
		log.Info("visit", append(args, "index", r.Index, "events", r.Events)...)
	default:
		log.Debug("visit", args...)
	}
}
