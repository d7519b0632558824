// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"onrecord/archive/bucket"
)

// Open implements bucket.Bucket. A read that waits longer than
// Options.Timeout for its bytes fails.
func (b *Bucket) Open(ctx context.Context, key string, off, n int64) (bucket.Object, error) {
	if err := bucket.CheckKey(key); err != nil {
		return bucket.Object{}, err
	}
	if off < 0 {
		return bucket.Object{}, fmt.Errorf("open %s from %d: %w", key, off, bucket.ErrRange)
	}
	if n == 0 {
		return b.openNothing(ctx, key, off)
	}
	o, info, header, err := b.get(ctx, "open", key, rangeOf(off, n))
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusRequestedRangeNotSatisfiable {
		return b.openNothing(ctx, key, off, n)
	}
	if err != nil {
		return bucket.Object{}, absent(err)
	}
	size, ranged, err := sizeOf(info, header)
	if err == nil && !ranged && (off > 0 || n >= 0 && n != size) {
		if _, err = bucket.CheckRange(off, n, size); err == nil {
			err = errors.New("the store ignores ranges")
		}
	}
	if err == nil {
		n, err = bucket.CheckRange(off, n, size)
	}
	if err == nil && info.Size != n {
		err = fmt.Errorf("the store answers %d bytes of a range of %d", info.Size, n)
	}
	if err != nil {
		return bucket.Object{}, errors.Join(fmt.Errorf("open %s: %w", key, err), o.Close())
	}
	return bucket.Object{ReadCloser: o, Size: size}, nil
}

// openNothing answers a read of no bytes, or of a range that the store has
// none in: it asks for the size.
func (b *Bucket) openNothing(ctx context.Context, key string, off int64, n ...int64) (bucket.Object, error) {
	info, err := b.stat(ctx, "open", key)
	if isMissing(err) { // by a HEAD a missing bucket looks the same
		o, whole, _, gerr := b.get(ctx, "open", key, "")
		if gerr != nil {
			return bucket.Object{}, absent(gerr)
		}
		info, err = whole, o.Close()
	}
	if err != nil {
		return bucket.Object{}, err
	}
	want := int64(0)
	if len(n) > 0 {
		want = n[0]
	}
	left, err := bucket.CheckRange(off, want, info.Size)
	if err == nil && left > 0 {
		err = errors.New("the store refuses a range that lies inside")
	}
	if err != nil {
		return bucket.Object{}, fmt.Errorf("open %s: %w", key, err)
	}
	return bucket.Object{ReadCloser: io.NopCloser(strings.NewReader("")), Size: info.Size}, nil
}

// absent returns ErrNotExist for an error that says so.
func absent(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && isMissing(err) {
		return fmt.Errorf("%s %s: %w", e.Op, e.Key, bucket.ErrNotExist)
	}
	return err
}

// rangeOf returns a Range header (RFC 9110 14.2); "" for the whole.
func rangeOf(off, n int64) string {
	switch {
	case off == 0 && n < 0:
		return ""
	case n < 0 || off+n < off: // no end, or one beyond any object
		return fmt.Sprintf("bytes=%d-", off)
	}
	return fmt.Sprintf("bytes=%d-%d", off, off+n-1)
}

// sizeOf returns the size of the whole object, and whether the answer is a
// range of it.
func sizeOf(info minio.ObjectInfo, header http.Header) (size int64, ranged bool, err error) {
	content := header.Get("Content-Range")
	if content == "" {
		if info.Size < 0 {
			return 0, false, errors.New("the store does not say how large it is")
		}
		return info.Size, false, nil
	}
	_, total, _ := strings.Cut(content, "/")
	size, err = strconv.ParseInt(total, 10, 64)
	if err != nil || size < 0 {
		return 0, true, fmt.Errorf("the store answers Content-Range %.80q", content)
	}
	return size, true, nil
}

// get asks for an object. Who gets the stream closes it.
func (b *Bucket) get(ctx context.Context, op, key, ranges string) (*stream, minio.ObjectInfo, http.Header, error) {
	if err := ctx.Err(); err != nil {
		return nil, minio.ObjectInfo{}, nil, fmt.Errorf("%s %s: %w", op, key, err)
	}
	a := &answer{}
	rctx, cancel := context.WithCancelCause(context.WithValue(ctx, answerKey{}, a))
	clock := newClock(b.o.Timeout, cancel)
	var o minio.GetObjectOptions
	if ranges != "" {
		o.Set("Range", ranges)
	} else {
		o.Set("x-amz-checksum-mode", "ENABLED")
	}
	body, info, header, err := b.core.GetObject(rctx, b.at.Bucket, b.name(key), o)
	clock.stop()
	if err != nil {
		err = b.fail(ctx, rctx, a, op, key, err)
		cancel(nil)
		return nil, info, nil, err
	}
	return &stream{body: body, clock: clock, fail: func(err error) error {
		return b.fail(ctx, rctx, a, "read", key, err)
	}, cancel: cancel}, info, header, nil
}

// A clock ends a request that makes us wait. It runs only while we wait for
// the store, not while a reader takes its time.
type clock struct {
	wait  time.Duration
	timer *time.Timer
}

func newClock(wait time.Duration, cancel context.CancelCauseFunc) *clock {
	return &clock{wait: wait, timer: time.AfterFunc(wait, func() { cancel(&timeout{wait}) })}
}

func (c *clock) start() { c.timer.Reset(c.wait) }
func (c *clock) stop()  { c.timer.Stop() }

// A stream is the body of an answer.
type stream struct {
	body   io.ReadCloser
	clock  *clock
	fail   func(error) error
	cancel context.CancelCauseFunc
	once   sync.Once
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	s.clock.start()
	n, err := s.body.Read(p)
	s.clock.stop()
	if err != nil && !errors.Is(err, io.EOF) {
		err = s.fail(err)
	}
	return n, err
}

// Close implements io.Closer.
func (s *stream) Close() error {
	s.once.Do(func() {
		s.clock.stop()
		s.cancel(nil)
		_ = s.body.Close() // what matters was read before
	})
	return nil
}

// Load implements bucket.Bucket. Where the store keeps the SHA-256 of the
// register, other bytes are ErrSum.
func (b *Bucket) Load(ctx context.Context, key string) ([]byte, bucket.Tag, error) {
	if err := bucket.CheckKey(key); err != nil {
		return nil, bucket.Tag{}, err
	}
	o, info, header, err := b.get(ctx, "load", key, "")
	if err != nil {
		return nil, bucket.Tag{}, absent(err)
	}
	defer o.Close()
	if info.Size > bucket.MaxRegister {
		return nil, bucket.Tag{}, fmt.Errorf("load %s: %d bytes: %w", key, info.Size, bucket.ErrTooLarge)
	}
	body, err := io.ReadAll(io.LimitReader(o, bucket.MaxRegister+1))
	switch {
	case err != nil:
		return nil, bucket.Tag{}, err
	case len(body) > bucket.MaxRegister:
		return nil, bucket.Tag{}, fmt.Errorf("load %s: %w", key, bucket.ErrTooLarge)
	}
	if want := header.Get(sumHeader); want != "" && !strings.Contains(want, "-") {
		if sum := sha256.Sum256(body); base64.StdEncoding.EncodeToString(sum[:]) != want {
			return nil, bucket.Tag{}, fmt.Errorf("load %s: the store keeps other bytes than it was given: %w", key, bucket.ErrSum)
		}
	}
	tag, err := tagOf("load", key, info.ETag)
	return body, tag, err
}

// List implements bucket.Bucket. It holds one page of the listing, at most
// 1,000 keys. A store that lists out of order is an error.
func (b *Bucket) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		if err := bucket.CheckPrefix(prefix); err != nil {
			yield(bucket.Info{}, err)
			return
		}
		base := ""
		if b.at.Prefix != "" {
			base = b.at.Prefix + "/"
		}
		start := ""
		if after != "" {
			start = base + after
		}
		a := &answer{}
		rctx, cancel := context.WithCancelCause(context.WithValue(ctx, answerKey{}, a))
		defer cancel(nil)
		clock := newClock(b.o.Timeout, cancel)
		defer clock.stop()
		last := after
		for row := range b.core.ListObjectsIter(rctx, b.at.Bucket, minio.ListObjectsOptions{
			Prefix: base + prefix, Recursive: true, StartAfter: start, FetchOwner: new(false),
		}) {
			clock.stop()
			info, err := b.row(base, last, row)
			if row.Err != nil {
				err = b.fail(ctx, rctx, a, "list", prefix, row.Err)
			}
			if err == nil && ctx.Err() != nil { // the page is here, but nobody wants it
				err = b.fail(ctx, rctx, a, "list", prefix, ctx.Err())
			}
			if err != nil {
				yield(bucket.Info{}, err)
				return
			}
			if !yield(info, nil) {
				return
			}
			last = info.Key
			clock.start()
		}
		if err := context.Cause(rctx); err != nil { // the client ends a cancelled listing without a word
			yield(bucket.Info{}, b.fail(ctx, rctx, a, "list", prefix, err))
		}
	}
}

// row makes a row of ours of the store's.
func (b *Bucket) row(base, last string, row minio.ObjectInfo) (bucket.Info, error) {
	key, ok := strings.CutPrefix(row.Key, base)
	if row.Err == nil && (!ok || key <= last) {
		return bucket.Info{}, fmt.Errorf("list: the store answers %.80q after %.80q, out of order", row.Key, last)
	}
	return bucket.Info{Key: key, Size: row.Size}, nil
}
