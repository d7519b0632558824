// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package fault is a bucket that fails on purpose, by script: it decorates
// another bucket and refuses calls, or makes them and loses the reply. Hooks
// before and after each call allow latency, crashes at any step and the
// interleaving of several actors.
package fault

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"

	"onrecord/archive/bucket"
)

// ErrInjected is what a Rule without an error of its own fails with.
var ErrInjected = errors.New("injected fault")

// An Op is an operation of a bucket.
type Op string

// The operations.
const (
	Create Op = "create"
	Open   Op = "open"
	Load   Op = "load"
	Swap   Op = "swap"
	List   Op = "list"
	Prune  Op = "prune"
)

// Writes reports whether op changes the bucket.
func (op Op) Writes() bool {
	return op == Create || op == Swap || op == Prune || op == Replace || op == Remove || op == SetAside
}

// A Call is one call of the bucket. Key is the prefix of a listing.
type Call struct {
	N   int // from 1, over all operations
	Op  Op
	Key string
}

// A Failure is how a call fails.
type Failure int

// The failures.
const (
	Refuse    Failure = iota // the call is not made
	LoseReply                // the call is made and its answer replaced by the error
)

// A Rule makes calls fail.
type Rule struct {
	Op  Op     // "" for every operation
	Key string // a pattern in which * stands for any bytes, "/" too; "" for every key
	Nth int    // which of the calls that match, from 1; 0 for all of them
	Do  Failure
	Err error // nil means ErrInjected
}

// Options is the script of a Bucket. Hooks are called without any lock, by the
// goroutine that makes the call.
type Options struct {
	Rules []Rule
	// Before sees each call first. An error refuses the call.
	Before func(context.Context, Call) error
	// After sees the outcome of each call and returns the one that the caller
	// gets. It is called for refused calls too, and for a listing when it ends.
	After func(context.Context, Call, error) error
}

// A Bucket fails by script.
type Bucket struct {
	b bucket.Bucket
	o Options

	mu    sync.Mutex
	hits  []int  // how often each rule has matched; guarded by mu
	calls []Call // guarded by mu
}

// New returns a bucket that passes to b the calls that o lets through.
func New(b bucket.Bucket, o Options) *Bucket {
	return &Bucket{b: b, o: o, hits: make([]int, len(o.Rules))}
}

// Calls returns the calls so far, in the order in which they were begun.
func (b *Bucket) Calls() []Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Call(nil), b.calls...)
}

// note numbers the call and finds the rule for it.
func (b *Bucket) note(op Op, key string) (Call, *Rule) {
	b.mu.Lock()
	defer b.mu.Unlock()
	call := Call{N: len(b.calls) + 1, Op: op, Key: key}
	b.calls = append(b.calls, call)
	var found *Rule
	for i := range b.o.Rules {
		r := &b.o.Rules[i]
		if r.Op != "" && r.Op != op || !matches(r.Key, key) {
			continue
		}
		b.hits[i]++
		if found == nil && (r.Nth == 0 || r.Nth == b.hits[i]) {
			found = r
		}
	}
	return call, found
}

// do makes one call by the script.
func (b *Bucket) do(ctx context.Context, op Op, key string, f func() error) error {
	call, rule := b.note(op, key)
	err := b.before(ctx, call)
	if err == nil && (rule == nil || rule.Do != Refuse) {
		err = f()
	}
	if rule != nil {
		err = rule.fail(call)
	}
	if b.o.After != nil {
		err = b.o.After(ctx, call, err)
	}
	return err
}

func (b *Bucket) before(ctx context.Context, call Call) error {
	if b.o.Before == nil {
		return nil
	}
	return b.o.Before(ctx, call)
}

func (r *Rule) fail(call Call) error {
	err := r.Err
	if err == nil {
		err = ErrInjected
	}
	return fmt.Errorf("%s %s: %w", call.Op, call.Key, err)
}

// matches reports whether key fits pattern.
func matches(pattern, key string) bool {
	if pattern == "" {
		return true
	}
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == key
	}
	if !strings.HasPrefix(key, parts[0]) {
		return false
	}
	key = key[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(key, part)
		if i < 0 {
			return false
		}
		key = key[i+len(part):]
	}
	return strings.HasSuffix(key, last)
}

// Create implements bucket.Bucket.
func (b *Bucket) Create(ctx context.Context, key string, body bucket.Body) error {
	return b.do(ctx, Create, key, func() error { return b.b.Create(ctx, key, body) })
}

// Open implements bucket.Bucket.
func (b *Bucket) Open(ctx context.Context, key string, off, n int64) (o bucket.Object, err error) {
	err = b.do(ctx, Open, key, func() (err error) {
		o, err = b.b.Open(ctx, key, off, n)
		return err
	})
	if err != nil {
		if o.ReadCloser != nil {
			err = errors.Join(err, o.Close())
		}
		return bucket.Object{}, err
	}
	return o, nil
}

// Load implements bucket.Bucket.
func (b *Bucket) Load(ctx context.Context, key string) (body []byte, tag bucket.Tag, err error) {
	err = b.do(ctx, Load, key, func() (err error) {
		body, tag, err = b.b.Load(ctx, key)
		return err
	})
	if err != nil {
		return nil, bucket.Tag{}, err
	}
	return body, tag, nil
}

// Swap implements bucket.Bucket.
func (b *Bucket) Swap(ctx context.Context, key string, cond bucket.Condition, body []byte) (tag bucket.Tag, err error) {
	err = b.do(ctx, Swap, key, func() (err error) {
		tag, err = b.b.Swap(ctx, key, cond, body)
		return err
	})
	if err != nil {
		return bucket.Tag{}, err
	}
	return tag, nil
}

// List implements bucket.Bucket. A refused listing yields the error only; one
// whose reply is lost yields it at the end.
func (b *Bucket) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		stopped := false
		err := b.do(ctx, List, prefix, func() error {
			for info, err := range b.b.List(ctx, prefix, after) {
				if err != nil {
					return err
				}
				if !yield(info, nil) {
					stopped = true
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			yield(bucket.Info{}, err)
		}
	}
}

// Prune implements bucket.Pruner; errors.ErrUnsupported if the bucket below
// does not.
func (b *Bucket) Prune(ctx context.Context, key string) error {
	p, ok := b.b.(bucket.Pruner)
	if !ok {
		return fmt.Errorf("prune %s: %w", key, errors.ErrUnsupported)
	}
	return b.do(ctx, Prune, key, func() error { return p.Prune(ctx, key) })
}
