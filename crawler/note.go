// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"onrecord"
)

// A note is what Replay must know of an exchange beyond its bytes. It is kept
// beside the record, as JSON.
type note struct {
	V    int    `json:"v"`
	What string `json:"what"` // visit or robots

	// Request is the door's, Asked the address of this hop: Request.URL, or
	// where a redirect led. Secrets are replaced in both.
	Request Request `json:"request,omitzero"`
	Asked   string  `json:"asked"`
	Hop     int     `json:"hop,omitempty"`

	// Conditional says that validators were sent.
	Conditional bool   `json:"conditional,omitempty"`
	Robots      string `json:"robots,omitempty"` // the decision that let the request pass

	// Verdict is what the client found where the answer can't speak for
	// itself: there is none, it was cut, or it can't be decoded.
	Verdict onrecord.Outcome `json:"verdict,omitempty"`
	Reason  string           `json:"reason,omitempty"`
	RetryAt time.Time        `json:"retry_at,omitzero"`
	// Cancelled: the visit was called off during this exchange.
	Cancelled bool `json:"cancelled,omitempty"`
	// OtherAnswered: another host had answered within the quarter of an hour before.
	OtherAnswered bool `json:"other_answered,omitempty"`
	// HostAnswered: the host's robots.txt was asked for in this visit and answered
	// with less than 500, so that the host is there whatever became of the request.
	HostAnswered bool `json:"host_answered,omitempty"`
}

const (
	noteVisit  = "visit"
	noteRobots = "robots"
)

// errNote reports a note that this version can't read.
var errNote = errors.New("not a note of the visit loop")

// maxNote bounds the size of a note that is read, in bytes. What is written
// stays far below: a request has at most 8 KiB of URL and 1 KiB of state.
const maxNote = 128 << 10

// parseNote reads a note. Unknown keys are ignored: a later version may have
// written more.
func parseNote(b []byte) (note, error) {
	var n note
	if len(b) > maxNote {
		return note{}, fmt.Errorf("%w: %d bytes", errNote, len(b))
	}
	if err := json.Unmarshal(b, &n); err != nil {
		return note{}, fmt.Errorf("%w: %w", errNote, err)
	}
	if n.V != 1 || n.What != noteVisit && n.What != noteRobots {
		return note{}, fmt.Errorf("%w: version %d, %q", errNote, n.V, n.What)
	}
	return n, nil
}
