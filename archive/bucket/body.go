// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// Bytes returns the Body that holds b, which must not change while it is used.
func Bytes(b []byte) Body {
	return Body{
		Size:   int64(len(b)),
		SHA256: sha256.Sum256(b),
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil },
	}
}

// File returns the Body that holds the file at path. It reads the file once to
// learn its size and digest; a change after that is ErrSum where it is written.
func File(path string) (Body, error) {
	f, err := os.Open(path)
	if err != nil {
		return Body{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return Body{}, fmt.Errorf("digest of %s: %w", path, err)
	}
	return Body{
		Size:   n,
		SHA256: [32]byte(h.Sum(nil)),
		Open:   func() (io.ReadCloser, error) { return os.Open(path) },
	}, nil
}

// CopyTo copies body to w, and returns ErrSum if the bytes are not those that
// body promises. It reads at most one byte too many. It is for implementations
// of Bucket.
func (body Body) CopyTo(ctx context.Context, w io.Writer) (err error) {
	if body.Open == nil {
		return fmt.Errorf("body without bytes: %w", ErrSum)
	}
	r, err := body.Open()
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(&contextReader{ctx, r}, body.Size+1))
	switch sum := [32]byte(h.Sum(nil)); {
	case err != nil:
		return fmt.Errorf("body: %w", err)
	case n != body.Size:
		return fmt.Errorf("body promises %d bytes and gives %s: %w", body.Size, atLeast(n, body.Size), ErrSum)
	case sum != body.SHA256:
		return fmt.Errorf("body promises SHA-256 %x and gives %x: %w", body.SHA256, sum, ErrSum)
	}
	return nil
}

func atLeast(n, limit int64) string {
	if n > limit {
		return "more"
	}
	return fmt.Sprint(n)
}

// A contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// ReadAll reads a whole object or register of at most limit bytes; a larger
// one is ErrTooLarge. It checks that the object has the size it claims; whoever
// knows the digest compares it (ReadRange).
func ReadAll(ctx context.Context, b Bucket, key string, limit int64) ([]byte, error) {
	o, err := b.Open(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	if o.Size > limit {
		return nil, errors.Join(fmt.Errorf("%s has %d bytes, more than %d: %w", key, o.Size, limit, ErrTooLarge), o.Close())
	}
	return readBody(key, o, o.Size)
}

// ReadRange reads n bytes of an object from off and checks their SHA-256:
// other bytes are ErrSum. n < 0 reads to the end of the object. Whatever the
// object claims, no more than limit bytes are read.
func ReadRange(ctx context.Context, b Bucket, key string, off, n, limit int64, sum [32]byte) ([]byte, error) {
	o, err := b.Open(ctx, key, off, n)
	if err != nil {
		return nil, err
	}
	if n < 0 {
		n = o.Size - off
	}
	if n > limit {
		return nil, errors.Join(fmt.Errorf("%d bytes of %s, more than %d: %w", n, key, limit, ErrTooLarge), o.Close())
	}
	body, err := readBody(key, o, n)
	if err != nil {
		return nil, err
	}
	if got := sha256.Sum256(body); got != sum {
		return nil, fmt.Errorf("%s, %d bytes from %d: SHA-256 is %x, should be %x: %w", key, n, off, got, sum, ErrSum)
	}
	return body, nil
}

// readBody reads the n bytes that r should hold, and closes it.
func readBody(key string, r io.ReadCloser, n int64) ([]byte, error) {
	var buf bytes.Buffer
	got, err := io.Copy(&buf, io.LimitReader(r, n+1))
	err = errors.Join(err, r.Close())
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", key, err)
	case got < n:
		return nil, fmt.Errorf("read %s: %d of %d bytes: %w", key, got, n, io.ErrUnexpectedEOF)
	case got > n:
		return nil, fmt.Errorf("read %s: more than %d bytes: %w", key, n, ErrSum)
	}
	return buf.Bytes(), nil
}

// TagOf returns the tag of implementations that name a body by its SHA-256.
func TagOf(body []byte) Tag {
	sum := sha256.Sum256(body)
	return NewTag(hex.EncodeToString(sum[:]))
}
