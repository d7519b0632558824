// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package retry is a bucket that tries again what failed for a moment.
//
// It tries again what is safe to repeat, which by the rules of package bucket
// is every call: objects are written once, registers move by compare-and-swap.
// What it must not do is to report a conflict that its own first attempt made.
// A write whose outcome stayed open may have been made; so a conflict after one
// is looked into: the bytes under the key are read and compared with ours.
// Registers carry nonces and objects are named by visit (record.md 1.10), so
// equal bytes mean that the write was ours. Where a register holds other bytes,
// ours may have been there and been followed: then the outcome stays open, and
// the error says so, and not ErrConflict. An error whose Refused method says that
// nothing was written leaves nothing open: some stores refuse those who come at the
// same moment, and are to be asked again.
//
// Answers (ErrExists, ErrConflict, ErrNotExist …) and the end of the caller's
// context are never tried again, nor is an error whose Retryable method says
// that it would come to nothing. Between two attempts lies a random time
// between nothing and a bound that doubles (full jitter); longer, if the error
// has a RetryAfter method that asks for it.
package retry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"onrecord/archive/bucket"
)

// Options say how often and how long. The zero Options are good defaults.
type Options struct {
	Attempts int           // of one call, at most; default 5
	Base     time.Duration // the bound of the first wait; default 100 ms
	Cap      time.Duration // the largest bound; default 2 s
	// Total is after how long no attempt of a call begins any more; default
	// 15 s. The call itself ends with its last attempt.
	Total time.Duration
	// Rand returns a random number below n; nil: math/rand/v2.
	Rand func(n int64) int64
}

// A Bucket is a bucket.Bucket over another one; and a bucket.Pruner and a
// bucket.Eraser if that is one.
type Bucket struct {
	b bucket.Bucket
	o Options
	// down is set while the store has failed every attempt of the last call: a
	// call then has one attempt, so that a store that is away is found away at
	// once by all that ask it.
	down atomic.Bool
}

// New returns a bucket that tries again what b fails at.
func New(b bucket.Bucket, o Options) *Bucket {
	o.Attempts = cmp.Or(o.Attempts, 5)
	o.Base = cmp.Or(o.Base, 100*time.Millisecond)
	o.Cap = cmp.Or(o.Cap, 2*time.Second)
	o.Total = cmp.Or(o.Total, 15*time.Second)
	if o.Rand == nil {
		o.Rand = rand.Int64N
	}
	return &Bucket{b: b, o: o}
}

// do calls f until it has an answer. unclear tells f that an attempt before
// may have done what it asks.
func (b *Bucket) do(ctx context.Context, f func(unclear error) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	attempts := b.o.Attempts
	if b.down.Load() {
		attempts = 1
	}
	patience, cancel := context.WithTimeout(ctx, b.o.Total)
	defer cancel()
	var unclear error
	for n := 1; ; n++ {
		err := f(unclear)
		if err == nil || isAnswer(err) || !retryable(err) {
			b.down.Store(false) // it answers
			return err
		}
		if ctx.Err() != nil {
			return err
		}
		if !refused(err) {
			unclear = err
		}
		if n >= attempts || !b.wait(patience, n, err) {
			b.down.Store(ctx.Err() == nil)
			return err
		}
	}
}

// wait waits before attempt n+1, and reports whether there is to be one.
func (b *Bucket) wait(ctx context.Context, n int, err error) bool {
	bound := b.o.Cap
	if n < 32 && b.o.Base<<(n-1) < bound {
		bound = b.o.Base << (n - 1)
	}
	d := time.Duration(b.o.Rand(int64(bound) + 1))
	if asked, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](err); ok {
		d = max(d, asked.RetryAfter())
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// isAnswer reports whether err is one of package bucket's answers.
func isAnswer(err error) bool {
	for _, answer := range []error{
		bucket.ErrNotExist, bucket.ErrExists, bucket.ErrConflict, bucket.ErrKey, bucket.ErrRange, bucket.ErrSum, bucket.ErrCondition, bucket.ErrTooLarge,
		errors.ErrUnsupported,
	} {
		if errors.Is(err, answer) {
			return true
		}
	}
	return false
}

// retryable reports whether err may be gone by the next attempt.
func retryable(err error) bool {
	e, ok := errors.AsType[interface {
		error
		Retryable() bool
	}](err)
	return !ok || e.Retryable()
}

// refused reports whether err says that nothing was written, and to try again.
func refused(err error) bool {
	e, ok := errors.AsType[interface {
		error
		Refused() bool
	}](err)
	return ok && e.Refused()
}

// Create implements bucket.Bucket. A body that can't be read is not tried
// again: that is our disk, and not the store.
func (b *Bucket) Create(ctx context.Context, key string, body bucket.Body) error {
	return b.do(ctx, func(unclear error) error {
		watched := &watch{}
		err := b.b.Create(ctx, key, watched.body(body))
		if watched.failed.Load() && err != nil {
			return &localError{err}
		}
		if unclear == nil || !errors.Is(err, bucket.ErrExists) {
			return err
		}
		same, rerr := b.holds(ctx, key, body)
		switch {
		case rerr != nil:
			return fmt.Errorf("create %s: whether it was made is not known: %w", key, rerr)
		case same:
			return nil
		}
		return err // an object never changes: ours was not made
	})
}

// Swap implements bucket.Bucket.
func (b *Bucket) Swap(ctx context.Context, key string, cond bucket.Condition, body []byte) (tag bucket.Tag, err error) {
	err = b.do(ctx, func(unclear error) error {
		tag, err = b.b.Swap(ctx, key, cond, body)
		if unclear == nil || !errors.Is(err, bucket.ErrConflict) {
			return err
		}
		there, now, lerr := b.b.Load(ctx, key)
		switch {
		case errors.Is(lerr, bucket.ErrNotExist):
			return err // registers are never removed: ours was not made
		case lerr != nil:
			return fmt.Errorf("swap %s: whether it was made is not known: %w", key, lerr)
		case string(there) == string(body):
			tag = now
			return nil
		}
		return &openError{key: key, err: unclear}
	})
	if err != nil {
		return bucket.Tag{}, err
	}
	return tag, nil
}

// A watch notes whether a body could be read.
type watch struct{ failed atomic.Bool }

func (w *watch) body(b bucket.Body) bucket.Body {
	open := b.Open
	if open == nil {
		return b
	}
	b.Open = func() (io.ReadCloser, error) {
		r, err := open()
		if err != nil {
			w.failed.Store(true)
			return nil, err
		}
		return &watched{r, w}, nil
	}
	return b
}

type watched struct {
	io.ReadCloser
	w *watch
}

func (r *watched) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.w.failed.Store(true)
	}
	return n, err
}

// A localError is one of a body, which is ours.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }

// Unwrap returns what is wrong with the body.
func (e *localError) Unwrap() error { return e.err }

// Retryable reports false.
func (e *localError) Retryable() bool { return false }

// An openError is a swap that may have been made before another one was.
type openError struct {
	key string
	err error // of the attempt whose outcome stayed open
}

func (e *openError) Error() string {
	return fmt.Sprintf("swap %s: it may have been made, and the register has moved since: %v", e.key, e.err)
}

// Unwrap returns why the outcome stayed open.
func (e *openError) Unwrap() error { return e.err }

// Retryable reports false: the condition will not hold again.
func (e *openError) Retryable() bool { return false }

// holds reports whether an object holds the bytes that body promises.
func (b *Bucket) holds(ctx context.Context, key string, body bucket.Body) (bool, error) {
	o, err := b.b.Open(ctx, key, 0, -1)
	if err != nil {
		return false, err
	}
	if o.Size != body.Size {
		return false, o.Close()
	}
	there := bucket.Body{Size: body.Size, SHA256: body.SHA256, Open: func() (io.ReadCloser, error) { return o, nil }}
	err = there.CopyTo(ctx, io.Discard)
	if errors.Is(err, bucket.ErrSum) {
		return false, nil
	}
	return err == nil, err
}

// Load implements bucket.Bucket.
func (b *Bucket) Load(ctx context.Context, key string) (body []byte, tag bucket.Tag, err error) {
	err = b.do(ctx, func(error) error {
		body, tag, err = b.b.Load(ctx, key)
		return err
	})
	return body, tag, err
}

// List implements bucket.Bucket. A listing that breaks off goes on behind the
// last key that it gave.
func (b *Bucket) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		for stopped := false; !stopped; {
			more := false
			err := b.do(ctx, func(error) error {
				more = false
				for info, err := range b.b.List(ctx, prefix, after) {
					if err != nil {
						if more { // what was given counts: this is a new call
							return nil
						}
						return err
					}
					after, more = info.Key, true
					if !yield(info, nil) {
						stopped = true
						return nil
					}
				}
				more = false
				return nil
			})
			if err != nil {
				yield(bucket.Info{}, err)
				return
			}
			stopped = stopped || !more
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
	return b.do(ctx, func(error) error { return p.Prune(ctx, key) })
}

// Replace implements bucket.Eraser; errors.ErrUnsupported if the bucket below
// does not. It has one attempt: an erasure looks for itself what became of it.
func (b *Bucket) Replace(ctx context.Context, key string, was [32]byte, body bucket.Body) error {
	e, ok := b.b.(bucket.Eraser)
	if !ok {
		return fmt.Errorf("replace %s: %w", key, errors.ErrUnsupported)
	}
	return e.Replace(ctx, key, was, body)
}

// Remove implements bucket.Eraser; errors.ErrUnsupported if the bucket below
// does not.
func (b *Bucket) Remove(ctx context.Context, key string) error {
	e, ok := b.b.(bucket.Eraser)
	if !ok {
		return fmt.Errorf("remove %s: %w", key, errors.ErrUnsupported)
	}
	return b.do(ctx, func(error) error { return e.Remove(ctx, key) })
}

// Forget implements bucket.Eraser; errors.ErrUnsupported if the bucket below
// does not.
func (b *Bucket) Forget(ctx context.Context, key string) error {
	e, ok := b.b.(bucket.Eraser)
	if !ok {
		return fmt.Errorf("forget older versions of %s: %w", key, errors.ErrUnsupported)
	}
	return b.do(ctx, func(error) error { return e.Forget(ctx, key) })
}

// Erases implements bucket.Eraser; errors.ErrUnsupported if the bucket below
// does not.
func (b *Bucket) Erases(ctx context.Context) error {
	e, ok := b.b.(bucket.Eraser)
	if !ok {
		return fmt.Errorf("erasure: %w", errors.ErrUnsupported)
	}
	return e.Erases(ctx)
}
