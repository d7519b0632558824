// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"onrecord/archive/bucket"
)

const (
	races     = 4           // rounds of each race
	maxRounds = 24          // where a writer had no answer in some
	raceTime  = time.Minute // after which no round of a race begins
	racers    = 4           // writers in a round

	probeAttempts = 8                // of a request
	probeTime     = 15 * time.Second // after which none of them begins
	probeCap      = 2 * time.Second  // the longest wait between two, unless the store asks for more
	cleanTime     = time.Minute      // for the removal of what was written
)

// again makes a request until the store has said something to it, as package
// retry does. A write without an answer may have been made: request takes a new
// key each time, unless an answer to the same one says no less.
func (p *probe) again(ctx context.Context, request func() error) error {
	patience, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	for n := 1; ; n++ {
		err := request()
		if !isPassing(err) || n == probeAttempts || !pause(patience, n, err) {
			return err
		}
	}
}

// pause waits behind attempt n, which ended with err: a random time below a bound
// that doubles, or as long as the store asks. It reports whether there is to be
// another.
func pause(ctx context.Context, n int, err error) bool {
	d := rand.N(min(100*time.Millisecond<<min(n-1, 8), probeCap))
	if e, ok := errors.AsType[*Error](err); ok {
		d = max(d, e.After)
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// isPassing reports whether err may not come again.
func isPassing(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Retryable()
	}
	return errors.Is(err, io.ErrUnexpectedEOF)
}

// rounds plays rounds of a race until races of them had an answer for every
// writer: open is the error of one that had none. Such a round convicts and does
// not acquit, so there must be one of the others.
func (p *probe) rounds(ctx context.Context, play func(round int) (open, err error)) error {
	patience, cancel := context.WithTimeout(ctx, raceTime)
	defer cancel()
	full, inARow := 0, 0
	var last error
	for round := 0; round < maxRounds && full < races; round++ {
		if inARow > 0 && !pause(patience, inARow, last) {
			break
		}
		open, err := play(round)
		if err != nil {
			return err
		}
		if open == nil {
			full, inARow = full+1, 0
		} else {
			inARow, last = inARow+1, open
		}
	}
	if full == 0 {
		return last
	}
	return nil
}

// raceCreates lets several writers create one key at the same moment.
func (p *probe) raceCreates(ctx context.Context) error {
	p.r.OneCreator = true
	return p.rounds(ctx, func(int) (open, err error) {
		key := p.key("race")
		winners, open, err := race(func(i int) error {
			return p.b.Create(ctx, key, bucket.Bytes(fmt.Appendf(nil, "writer %d", i)))
		}, bucket.ErrExists)
		p.r.OneCreator = p.r.OneCreator && len(winners) <= 1
		if open != nil || err != nil {
			return open, err
		}
		got, err := p.read(ctx, key)
		if isOpen(err) {
			return nil, err
		}
		if len(winners) != 1 || err != nil || string(got) != fmt.Sprintf("writer %d", winners[0]) {
			p.r.OneCreator = false
		}
		return nil, nil
	})
}

// raceSwaps lets several writers swap one register at the same moment.
func (p *probe) raceSwaps(ctx context.Context) error {
	p.r.OneSwap = true
	return p.rounds(ctx, func(round int) (open, err error) {
		var key string
		var tag bucket.Tag
		err = p.again(ctx, func() (err error) {
			key = p.key("raced")
			tag, err = p.b.Swap(ctx, key, bucket.Absent(), []byte("start"))
			return err
		})
		if err != nil {
			return nil, err
		}
		winners, open, err := race(func(i int) error {
			_, err := p.b.Swap(ctx, key, bucket.Matches(tag), fmt.Appendf(nil, "round %d writer %d", round, i))
			return err
		}, bucket.ErrConflict)
		p.r.OneSwap = p.r.OneSwap && len(winners) <= 1
		if open != nil || err != nil {
			return open, err
		}
		body, _, err := p.load(ctx, key)
		if err != nil {
			return nil, err
		}
		if len(winners) != 1 || string(body) != fmt.Sprintf("round %d writer %d", round, winners[0]) {
			p.r.OneSwap = false
		}
		return nil, nil
	})
}

// race runs write from several goroutines and returns those that wrote. lost
// is the answer of those that did not; open is the error of one without an
// answer, and any other is err.
func race(write func(i int) error, lost error) (winners []int, open, err error) {
	results := make([]error, racers)
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() { results[i] = write(i) })
	}
	wg.Wait()
	for i, e := range results {
		switch failed, ok := errors.AsType[*Error](e); {
		case e == nil:
			winners = append(winners, i)
		case errors.Is(e, lost), ok && failed.Status == http.StatusConflict:
			// Some stores answer 409 to those who come at the same moment.
		case isPassing(e):
			open = e
		default:
			err = e
		}
	}
	return winners, open, err
}
