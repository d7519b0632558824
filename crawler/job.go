// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"context"
	"time"

	"onrecord"
)

// A Recorder keeps exchanges. Record returns when x is safe (synced to disk);
// only then does a parser see the answer. An error ends the visit. The
// recorder neither changes x's slices nor keeps them after it has returned.
type Recorder interface {
	Record(ctx context.Context, x onrecord.Exchange) (onrecord.CaptureRef, error)
}

// A Job is one visit to be made: a source, one of its doors, and what is known
// so far.
type Job struct {
	Source string // id of the source, for messages
	DoorID string
	Door   Door
	Target Target // its Cursor is ignored: it is State's
	State  onrecord.DoorState

	// Started is the start of the visit; zero means now, and in Replay the
	// start of the first exchange.
	Started time.Time

	// Known reports whether a statement is known at base and not due; requests
	// with IfNew about such a statement are dropped. Nil knows none.
	Known func(onrecord.Ref) bool
	// Looks are the suspects to be asked for at their own addresses. Canary, a
	// statement seen live before, is asked for too where there are any; where it
	// does not vouch for what is gone, Spares are in turn, until one does.
	Looks  []onrecord.Ref
	Canary onrecord.Ref
	Spares []onrecord.Ref
	// Checks are known statements that nobody suspects, to be asked for at
	// their own addresses once everything else is done, as far as the budget
	// goes. Where one is gone and nothing else vouches for the door, the canary
	// and its spares are asked for too.
	Checks []onrecord.Ref
	// ChecksOnly: the visit asks for Looks and Checks and for nothing else. It
	// moves nothing of the door's state but when the door may be tried again.
	ChecksOnly bool

	Budget   Budget
	Secrets  []Secret
	Recorder Recorder // not used by Replay

	// Prior returns the payload of an earlier capture, where a recorded
	// exchange is a revisit that has none of its own. Only Replay asks; nil
	// means that none can be had.
	Prior func(ctx context.Context, p onrecord.Prior) ([]byte, error)
}

// A Budget bounds a visit. What it leaves goes to the backlog.
type Budget struct {
	Requests int           // redirects and looks included, robots.txt not; default 64
	Bytes    int64         // of payloads as sent; default 64 MiB
	Time     time.Duration // from the start to the end of the last exchange; default 10m
	Checks   time.Duration // for how long of that Job.Checks are asked for, so that a slow host is left in time; zero for all of it
}

func (b Budget) withDefaults() Budget {
	b.Requests = orDefault(b.Requests, 64)
	b.Bytes = orDefault(b.Bytes, 64<<20)
	b.Time = orDefault(b.Time, 10*time.Minute)
	return b
}

// A Secret is a credential that is sent to one host and recorded nowhere. An
// answer that repeats it is recorded without its payload.
type Secret struct {
	Host   string // host, or host:port, as in the URL; no other host ever gets it
	Header string // name of the header that carries it …
	Query  string // … or of the query parameter
	Value  string
}

// A Result is what a visit saw, and the state of its door after it.
type Result struct {
	Started time.Time // UTC
	Ended   time.Time // end of the last exchange, UTC

	// Outcome is that of the requests that begin the visit: the first that is
	// not ok; ok if all were, or were not modified; truncated if nothing was
	// asked at all. A visit of checks only is ok where anything answered that lets
	// it ask on. Failures of older pages leave a backlog, those of details
	// and looks stand in Seen.
	Outcome onrecord.Outcome
	// Account is the last thing that an answer said of the account, with the
	// first id that one named: what is said of another account is in Seen only.
	Account onrecord.AccountObservation
	Seen    []onrecord.Seen // in the order of the requests
	// State is the door's state after the visit, to be stored at commit.
	State onrecord.DoorState
	// Skew is our clock minus the platform's, in whole seconds, from the Date
	// of the answers; zero if they told nothing.
	Skew time.Duration

	// AllFailed says that requests were made and every one failed by DNS,
	// connection, TLS, time-out or 5xx, robots.txt included where it was asked
	// for; OtherAnswered that another host had
	// answered this client within the quarter of an hour before.
	AllFailed, OtherAnswered bool

	Requests    int    // exchanges, redirects included, robots.txt not
	Bytes       int64  // of payloads as sent
	RobotsNote  string // the decision about the first request
	LeftBacklog bool   // the budget or a failure left pages: State.Backlog, and a gap
	Dropped     int    // of them, how many did not fit into the backlog; State.Short where no visit asks for them again
	Cut         bool   // Replay only: the record ended before the visit did

	// Problems tell the operator what went wrong with single answers: drift,
	// a door that panicked, a redirect refused. They name door, URL and
	// capture.
	Problems []error

	received map[string]time.Time // URLs whose validators stand for a capture of this visit, and its WARC-Date
}

// Unreachable reports whether the platform could not be reached while another
// host could.
func (r Result) Unreachable() bool { return r.AllFailed && r.OtherAnswered }

// Kept returns r.State as it is when the visit's captures are kept: its
// validators name them as what later revisit records may refer to.
func (r Result) Kept() onrecord.DoorState {
	s := r.State
	s.Validators = make(map[string]onrecord.Validator, len(r.State.Validators))
	for u, v := range r.State.Validators {
		// A payload that was kept before became a revisit record, which
		// nothing may refer to.
		if at, ok := r.received[u]; ok && v.Digest != "" && v.Digest != v.KeptDigest {
			v.KeptDigest, v.KeptAt = v.Digest, at
		}
		s.Validators[u] = v
	}
	return s
}
