// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/textproto"
	"strings"

	"onrecord"
)

// An Entry is one recorded exchange and where it is.
type Entry struct {
	Ref      onrecord.CaptureRef
	Exchange onrecord.Exchange
	End      int64 // of the records beside the evidence, in bytes of the object; 0 where that is not known
}

// Replay makes a visit from its record instead of the network: after a crash,
// or with a better parser. With the door, state, knowledge and secrets of the
// live visit and the same limits (zero for the defaults) it returns the Result
// that the live visit did. Entries come in the order in which they were
// recorded. What the door asks for and the record does not hold goes to the
// backlog, as if the budget had ended there, and Cut is set.
func Replay(ctx context.Context, j Job, l Limits, entries iter.Seq2[Entry, error]) (Result, error) {
	next, stop := iter.Pull2(entries)
	defer stop()
	r := &recorded{ctx: ctx, job: j, limits: l.withDefaults(), scrub: scrubber{j.Secrets}, next: next}
	if j.Started.IsZero() {
		if err := r.read(); err != nil {
			return Result{}, fmt.Errorf("replay %s: %w", j.Source, err)
		}
		if len(r.ahead) > 0 {
			j.Started = r.ahead[0].x.At
		}
	}
	return run(ctx, j, r)
}

// recorded is a fetcher over a record. Entries that the door does not ask for
// in their order wait in ahead; with the parser of the live visit there are
// none but those that it reads next.
type recorded struct {
	ctx    context.Context
	job    Job
	limits Limits
	scrub  scrubber
	next   func() (Entry, error, bool)
	ended  bool
	ahead  []*answer
}

// fetch returns the recorded answer to h.
func (r *recorded) fetch(h hop) (*answer, error) {
	asked := r.scrub.text(h.url)
	for i := 0; ; i++ {
		for i >= len(r.ahead) && !r.ended {
			if err := r.read(); err != nil {
				return nil, err
			}
		}
		if i >= len(r.ahead) {
			return nil, errNotRecorded
		}
		a := r.ahead[i]
		if a.note.Asked != asked || a.note.Hop != h.n || a.note.Request.State != r.scrub.text(h.req.State) {
			continue
		}
		r.ahead = append(r.ahead[:i], r.ahead[i+1:]...)
		if a.note.Cancelled {
			return nil, errNotRecorded
		}
		return a, r.decode(a)
	}
}

// read takes in the next entry of the visit's own; those for robots.txt are
// skipped, because their effect is noted beside the others.
func (r *recorded) read() error {
	for {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		e, err, ok := r.next()
		switch {
		case !ok:
			r.ended = true
			return nil
		case err != nil:
			return fmt.Errorf("record: %w", err)
		}
		n, err := parseNote(e.Exchange.Note)
		if err != nil {
			return fmt.Errorf("record of %s: %w", e.Exchange.URL, err)
		}
		if n.What == noteVisit {
			r.ahead = append(r.ahead, &answer{x: e.Exchange, ref: e.Ref, note: n})
			return nil
		}
	}
}

// decode does to a recorded exchange what the client did to the live one.
func (r *recorded) decode(a *answer) error {
	if a.x.Status == 0 {
		return nil
	}
	h, err := parseHead(a.x.Response)
	if err != nil {
		return fmt.Errorf("record of %s: %w", a.x.URL, err)
	}
	a.header = h
	if len(a.x.Payload) == 0 && a.x.Prior != nil && a.x.Status != http.StatusNotModified && r.job.Prior != nil {
		if a.x.Payload, err = r.job.Prior(r.ctx, *a.x.Prior); err != nil {
			return fmt.Errorf("record of %s: payload of %s: %w", a.x.URL, a.x.Prior.At.Format("2006-01-02T15:04:05Z"), err)
		}
	}
	if a.note.Verdict != "" {
		return nil
	}
	b, err := readBody(bytes.NewReader(a.x.Payload), int64(len(a.x.Payload)), strings.Join(h.Values("Content-Encoding"), ","), r.limits)
	if err != nil {
		return fmt.Errorf("record of %s: %w", a.x.URL, err)
	}
	a.body = b.decoded
	a.note.Verdict, a.note.Reason = b.verdict, b.reason
	return nil
}

// parseHead reads the header block of a recorded answer.
func parseHead(b []byte) (http.Header, error) {
	r := textproto.NewReader(bufio.NewReader(bytes.NewReader(b)))
	if _, err := r.ReadLine(); err != nil {
		return nil, fmt.Errorf("status line: %w", err)
	}
	h, err := r.ReadMIMEHeader()
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("header: %w", err)
	}
	return http.Header(h), nil
}
