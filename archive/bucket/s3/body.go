// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"onrecord/archive/bucket"
)

// A bodyReader gives the bytes of a Body, the last of them only once all are
// known to be what the Body promises: a request that lacks its end is no
// object. The client may still read while the call returns, hence the lock.
type bodyReader struct {
	moved func() // told of each stride that others follow; may be nil

	mu   sync.Mutex
	body bucket.Body
	r    io.ReadCloser // nil once closed
	sum  hash.Hash
	n    int64
	told int64 // of n, when moved was last called
	err  error // what is wrong with the body
}

func openBody(body bucket.Body) (*bodyReader, error) {
	if body.Open == nil {
		return nil, fmt.Errorf("body without bytes: %w", bucket.ErrSum)
	}
	r, err := body.Open()
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	return &bodyReader{body: body, r: r, sum: sha256.New()}, nil
}

var errClosed = errors.New("body is closed")

// Read implements io.Reader.
func (b *bodyReader) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.err != nil:
		return 0, b.err
	case b.r == nil:
		return 0, errClosed
	case len(p) == 0:
		return 0, nil
	case b.n == b.body.Size:
		return 0, io.EOF
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.body.Size-b.n)])
	b.sum.Write(p[:n])
	b.n += int64(n)
	if b.moved != nil && b.n-b.told >= stride && b.n < b.body.Size {
		b.told = b.n
		b.moved()
	}
	switch {
	case b.n == b.body.Size:
		b.err = b.check(err)
	case errors.Is(err, io.EOF):
		b.err = fmt.Errorf("body promises %d bytes and gives %d: %w", b.body.Size, b.n, bucket.ErrSum)
	case err != nil:
		b.err = fmt.Errorf("body: %w", err)
	}
	if b.err != nil {
		return 0, b.err
	}
	return n, nil
}

// check looks at a body whose promised bytes are all read: err came with the
// last of them.
func (b *bodyReader) check(err error) error {
	var more [1]byte
	for n := 0; err == nil; {
		if n, err = b.r.Read(more[:]); n > 0 {
			return fmt.Errorf("body promises %d bytes and gives more: %w", b.body.Size, bucket.ErrSum)
		}
	}
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("body: %w", err)
	}
	if sum := [32]byte(b.sum.Sum(nil)); sum != b.body.SHA256 {
		return fmt.Errorf("body promises SHA-256 %x and gives %x: %w", b.body.SHA256, sum, bucket.ErrSum)
	}
	return nil
}

// fault returns what is wrong with the body, as far as it was read.
func (b *bodyReader) fault() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *bodyReader) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.r.Close() // it was only read
	b.r = nil
}
