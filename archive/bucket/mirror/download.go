// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// goesOn is how many bytes an answer must have brought for its breaking off to
// count as the first time.
const goesOn = 1 << 20

// A download reads as many bytes as were announced, and no more. Where the answer
// breaks off, another goes on.
type download struct {
	b      *Bucket
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer // ends the whole
	key    string

	size     int64 // of the object
	at, left int64
	cur      *body
	tries    int
	brought  int64 // bytes since tries was 0
}

// download begins with o, the answer to a request for length bytes from off.
func (b *Bucket) download(ctx context.Context, cancel context.CancelCauseFunc, key string, off int64, o answer) *download {
	d := &download{b: b, ctx: ctx, cancel: cancel, key: key, size: o.size, at: off, left: o.body.left, cur: o.body}
	d.timer = time.AfterFunc(b.o.Stall+time.Duration(d.left/b.o.Rate)*time.Second, func() {
		cancel(fmt.Errorf("it brings less than %d bytes a second", b.o.Rate))
	})
	return d
}

// Read implements io.Reader.
func (d *download) Read(p []byte) (int, error) {
	if d.left == 0 {
		return 0, io.EOF
	}
	n, err := d.cur.Read(p)
	d.at, d.left = d.at+int64(n), d.left-int64(n)
	if d.brought += int64(n); d.brought >= goesOn {
		d.tries, d.brought = 0, 0
	}
	if err == nil || d.left == 0 {
		return n, nil
	}
	if err = d.again(err); err != nil {
		err = fmt.Errorf("%s%s from byte %d: %w", d.b.base, d.key, d.at, err)
	}
	return n, err
}

// again asks for the rest of an answer that broke off for a reason.
func (d *download) again(reason error) error {
	for d.tries++; d.tries < d.b.o.Tries && d.ctx.Err() == nil; d.tries++ {
		if err := d.b.o.Sleep(d.ctx, time.Duration(d.tries)*time.Second); err != nil {
			break
		}
		o, after, err := d.b.get(d.ctx, d.key, fmt.Sprintf("bytes=%d-%d", d.at, d.at+d.left-1), d.at, d.left)
		if err != nil && after <= 0 {
			return errors.Join(reason, err)
		}
		if err != nil {
			reason = err
			continue
		}
		if o.size != d.size {
			return errors.Join(fmt.Errorf("it had %d bytes, now %d", d.size, o.size), o.body.Close())
		}
		_ = d.cur.Close() // it is broken
		d.cur = o.body
		return nil
	}
	if d.ctx.Err() != nil {
		return context.Cause(d.ctx)
	}
	return reason
}

// Close implements io.Closer.
func (d *download) Close() error {
	d.timer.Stop()
	err := d.cur.Close()
	d.cancel(nil)
	return err
}

// A body is what one answer brings.
type body struct {
	r     io.ReadCloser
	left  int64
	timer *time.Timer
	stall time.Duration
	end   func()
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	b.timer.Reset(b.stall)
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err == io.EOF && b.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error {
	err := b.r.Close()
	b.end()
	return err
}
