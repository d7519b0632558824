// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"iter"
	"strings"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
)

// A verdict is what happens to a call of an actor.
type verdict int

const (
	proceed   verdict = iota
	refuse            // not made, reported as an error
	lose              // made, reported as an error
	dieBefore         // the process is gone before the call is made
	dieAfter          // the process is gone when the call is made
)

func (v verdict) String() string {
	return [...]string{"", "refused", "reply lost", "dies before", "dies after"}[v]
}

var (
	errFault = errors.New("injected fault")
	errGone  = errors.New("the process is gone")
)

// An actor is one process of a model. It runs on its own goroutine, and stops
// at every call that touches a register, until it gets a verdict.
type actor struct {
	name  string
	run   func(ctx context.Context, b bucket.Bucket) error
	blind bool // does not see what lies under captures/ and journal/

	verdicts chan verdict
	at       string // the call it stands at; empty while it runs, and when it has ended
	write    bool   // that call writes
	gone     bool   // its process is: every call fails
	stopped  bool   // the run is over: it does not start again
	ended    bool
	err      error
	history  hash.Hash // of what its calls answered: with the code, all that it knows
}

// A stageBucket is a bucket as an actor sees it.
type stageBucket struct {
	b *memory.Bucket
	a *actor
}

// step makes one call of the actor.
func (s *stageBucket) step(op, key string, write bool, call func() (string, error)) error {
	a := s.a
	if a.gone || a.stopped {
		return errGone
	}
	v := proceed
	// Who publishes first does not matter to the archive; the ledger's own
	// tests interleave that.
	if strings.HasPrefix(key, "state/") || key == "log/head" {
		a.at, a.write = op+" "+key, write
		v = <-a.verdicts
		a.at = ""
	}
	switch v {
	case dieBefore:
		a.gone = true
		return errGone
	case refuse:
		fmt.Fprintln(a.history, op, key, "refused")
		return errFault
	}
	answer, err := call()
	fmt.Fprintln(a.history, op, key, answer, err, v)
	switch v {
	case dieAfter:
		a.gone = true
		return errGone
	case lose:
		return errFault
	}
	return err
}

func (s *stageBucket) Create(ctx context.Context, key string, body bucket.Body) error {
	return s.step("create", key, true, func() (string, error) { return "", s.b.Create(ctx, key, body) })
}

func (s *stageBucket) Open(ctx context.Context, key string, off, n int64) (o bucket.Object, err error) {
	if s.a.blind && (strings.HasPrefix(key, "captures/") || strings.HasPrefix(key, "journal/")) {
		return o, fmt.Errorf("%s: %w", key, bucket.ErrNotExist)
	}
	err = s.step("open", key, false, func() (string, error) {
		o, err = s.b.Open(ctx, key, off, n)
		return "", err
	})
	return o, err
}

func (s *stageBucket) Load(ctx context.Context, key string) (body []byte, tag bucket.Tag, err error) {
	err = s.step("load", key, false, func() (string, error) {
		body, tag, err = s.b.Load(ctx, key)
		return tag.String(), err
	})
	return body, tag, err
}

func (s *stageBucket) Swap(ctx context.Context, key string, cond bucket.Condition, body []byte) (tag bucket.Tag, err error) {
	err = s.step("swap", key, true, func() (string, error) {
		tag, err = s.b.Swap(ctx, key, cond, body)
		return tag.String(), err
	})
	return tag, err
}

func (s *stageBucket) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		var all []bucket.Info
		err := s.step("list", prefix, false, func() (string, error) {
			for info, err := range s.b.List(ctx, prefix, after) {
				if err != nil {
					return "", err
				}
				all = append(all, info)
			}
			return fmt.Sprint(all), nil
		})
		if err != nil {
			yield(bucket.Info{}, err)
			return
		}
		for _, info := range all {
			if !yield(info, nil) {
				return
			}
		}
	}
}

func (s *stageBucket) Prune(ctx context.Context, key string) error {
	return s.step("prune", key, true, func() (string, error) { return "", s.b.Prune(ctx, key) })
}

// A budget bounds what is explored.
type budget struct {
	switches int // preemptions: another actor goes on although this one could
	faults   int
}

// A choice is one way to go on: an actor and what happens to its call.
type choice struct {
	actor int
	v     verdict
}

// A scheduler lets actors run one call at a time, by a list of choices.
type scheduler struct {
	b      *memory.Bucket
	actors []*actor
	wait   func() // until every goroutine stands
	left   budget
	last   int
	trace  []string
}

// choices returns the ways to go on, the same actor without a fault first; none
// when all have ended.
func (s *scheduler) choices() []choice {
	order := []int{s.last}
	for i := range s.actors {
		if i != s.last {
			order = append(order, i)
		}
	}
	lastStands := s.actors[s.last].at != ""
	var plain, faulty []choice
	for _, i := range order {
		a := s.actors[i]
		if a.at == "" || i != s.last && lastStands && s.left.switches == 0 {
			continue
		}
		plain = append(plain, choice{i, proceed})
		if a.write && s.left.faults > 0 {
			first := refuse
			if len(s.actors) > 2 { // the crash table and the smaller casts have it
				first = lose
			}
			for v := first; v <= dieAfter; v++ {
				faulty = append(faulty, choice{i, v})
			}
		}
	}
	return append(plain, faulty...)
}

// do lets the chosen call happen and waits until its actor stands again.
func (s *scheduler) do(c choice) {
	a := s.actors[c.actor]
	if c.actor != s.last && s.actors[s.last].at != "" {
		s.left.switches--
	}
	if c.v != proceed {
		s.left.faults--
	}
	s.last = c.actor
	s.trace = append(s.trace, strings.TrimSpace(a.name+": "+a.at+" "+c.v.String()))
	a.verdicts <- c.v
	s.wait()
}

// key names the state that the whole is in: what actors know, where they
// stand, what the registers hold. What else the bucket holds follows from that.
func (s *scheduler) key(ctx context.Context) ([32]byte, error) {
	h := sha256.New()
	fmt.Fprintln(h, s.left, s.last)
	for _, a := range s.actors {
		fmt.Fprintf(h, "%s %q %t %t %x\n", a.name, a.at, a.gone, a.ended, a.history.Sum(nil))
	}
	for _, key := range []string{"log/head", "log/checkpoint", "state/press.json", "state/toots.json"} {
		_, tag, err := s.b.Load(ctx, key)
		if err != nil && !errors.Is(err, bucket.ErrNotExist) {
			return [32]byte{}, err
		}
		fmt.Fprintln(h, key, tag)
	}
	return [32]byte(h.Sum(nil)), nil
}
