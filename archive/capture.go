// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"onrecord"
	"onrecord/archive/bucket"
)

// inMemory is the largest record that OpenCapture reads whole before it hands
// it out.
const inMemory = 4 << 20

// Capture returns the bytes of a record, checked against ref: ErrMismatch if
// they are others, onrecord.ErrNotFound if the object is not there, ErrTooLarge
// above MaxCapture.
func (a *Archive) Capture(ctx context.Context, ref onrecord.CaptureRef) ([]byte, error) {
	sum, err := sumOf(ref)
	if err != nil {
		return nil, err
	}
	if ref.Length > MaxCapture {
		return nil, fmt.Errorf("capture %s at %d: %w: %d bytes", ref.Object, ref.Offset, ErrTooLarge, ref.Length)
	}
	b, err := bucket.ReadRange(ctx, a.b, ref.Object, ref.Offset, max(ref.Length, 0), MaxCapture, sum)
	if err != nil {
		return nil, captureError(ref, err)
	}
	return b, nil
}

// OpenCapture opens a record of any length, with memory that does not grow with
// it. A record of up to 4 MiB is checked against ref before the first byte is
// handed out; of a larger one the end is kept back until all of it is checked,
// so that whoever has ref.Length bytes has the right ones. Errors are those of
// Capture, and come from Read, too.
func (a *Archive) OpenCapture(ctx context.Context, ref onrecord.CaptureRef) (io.ReadCloser, error) {
	if ref.Length <= inMemory {
		b, err := a.Capture(ctx, ref)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(bytes.NewReader(b)), nil
	}
	sum, err := sumOf(ref)
	if err != nil {
		return nil, err
	}
	r, err := a.b.Open(ctx, ref.Object, ref.Offset, ref.Length)
	if err != nil {
		return nil, captureError(ref, err)
	}
	return &checked{r: r, ref: ref, want: sum, sum: sha256.New(), left: ref.Length}, nil
}

// checkCapture reads a record of any length and compares it with ref.
func (a *Archive) checkCapture(ctx context.Context, ref onrecord.CaptureRef) error {
	r, err := a.OpenCapture(ctx, ref)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return errors.Join(err, r.Close())
}

// sumOf returns the digest in ref.
func sumOf(ref onrecord.CaptureRef) (sum [32]byte, err error) {
	if n, err := hex.Decode(sum[:], []byte(ref.SHA256)); err != nil || n != len(sum) || len(ref.SHA256) != 64 {
		return sum, fmt.Errorf("capture %s: %w: SHA-256 %q", ref.Object, ErrMismatch, ref.SHA256)
	}
	return sum, nil
}

// captureError words why a record can't be read.
func captureError(ref onrecord.CaptureRef, err error) error {
	switch {
	case errors.Is(err, bucket.ErrNotExist):
		err = fmt.Errorf("%w: %w", onrecord.ErrNotFound, err)
	case errors.Is(err, bucket.ErrSum), errors.Is(err, bucket.ErrRange):
		err = fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	return outOfReach(fmt.Errorf("capture at offset %d of %s: %w", ref.Offset, ref.Object, err))
}

// A checked reads a record and compares it with its digest before it hands out
// the last byte.
type checked struct {
	r    io.ReadCloser
	ref  onrecord.CaptureRef
	want [32]byte
	sum  hash.Hash
	left int64
	err  error
}

func (c *checked) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.sum.Write(p[:n])
	c.left -= int64(n)
	switch {
	case c.left == 0 && [32]byte(c.sum.Sum(nil)) != c.want:
		c.err = captureError(c.ref, bucket.ErrSum)
		return max(n-1, 0), c.err
	case c.left == 0:
		c.err = io.EOF
		return n, nil
	case err == io.EOF:
		c.err = captureError(c.ref, bucket.ErrRange)
	case err != nil:
		c.err = captureError(c.ref, err)
	}
	return n, c.err
}

func (c *checked) Close() error { return c.r.Close() }
