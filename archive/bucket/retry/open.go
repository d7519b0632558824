// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"onrecord/archive/bucket"
)

// Open implements bucket.Bucket. A read that breaks off goes on where it broke.
func (b *Bucket) Open(ctx context.Context, key string, off, n int64) (o bucket.Object, err error) {
	if o, err = b.open(ctx, key, off, n); err != nil {
		return bucket.Object{}, err
	}
	if n < 0 {
		n = o.Size - off
	}
	o.ReadCloser = &reader{b: b, ctx: ctx, key: key, r: o.ReadCloser, size: o.Size, off: off, left: n, attempts: b.o.Attempts - 1}
	return o, nil
}

func (b *Bucket) open(ctx context.Context, key string, off, n int64) (o bucket.Object, err error) {
	err = b.do(ctx, func(error) error {
		o, err = b.b.Open(ctx, key, off, n)
		return err
	})
	return o, err
}

// stride is how many bytes must have come for a read that broke off to be gone on
// with as often as at its beginning.
const stride = 16 << 20

// A reader reads a range of an object through as many connections as it takes,
// within reason.
type reader struct {
	b         *Bucket
	ctx       context.Context
	key       string
	r         io.ReadCloser
	size      int64 // of the object
	off, left int64 // what is still to be read
	attempts  int   // connections that may still be made
	came      int64 // since the last of them was allowed
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	for {
		n, err := r.r.Read(p)
		r.off += int64(n)
		r.left -= int64(n)
		if r.came += int64(n); r.came >= stride {
			r.came, r.attempts = 0, r.b.o.Attempts-1
		}
		switch {
		case err == nil, errors.Is(err, io.EOF) && r.left <= 0:
			return n, err
		case errors.Is(err, io.EOF):
			err = io.ErrUnexpectedEOF
		}
		if r.left <= 0 || r.attempts == 0 || r.ctx.Err() != nil || isAnswer(err) {
			return n, err
		}
		r.attempts--
		if again := r.again(); again != nil {
			return n, errors.Join(err, again)
		}
		if n > 0 {
			return n, nil
		}
	}
}

// again opens what is left.
func (r *reader) again() error {
	_ = r.r.Close() // it is broken already
	o, err := r.b.open(r.ctx, r.key, r.off, r.left)
	if err != nil {
		r.r = io.NopCloser(errReader{err})
		return err
	}
	r.r = o.ReadCloser
	if o.Size != r.size {
		r.attempts, r.came = 0, math.MinInt64
		return fmt.Errorf("read %s: it has %d bytes now and had %d: %w", r.key, o.Size, r.size, bucket.ErrSum)
	}
	return nil
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

// Close implements io.Closer.
func (r *reader) Close() error { return r.r.Close() }
