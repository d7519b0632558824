// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package spool_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/spool"
	"onrecord/archive/warc"
)

// TestFileThatNoObjectHolds: a file with which the WARC would pass what an object
// may have is refused, and the spool goes on as it was.
func TestFileThatNoObjectHolds(t *testing.T) {
	t.Parallel()
	const largest = 64 << 10
	s := create(t, open(t, t.TempDir(), func(o *spool.Options) { o.Largest = largest }), meta(t, 1))
	noise := make([]byte, 40<<10) // that gzip makes no smaller
	_, _ = rand.NewChaCha8([32]byte{7}).Read(noise)
	f := onrecord.File{Size: int64(len(noise)), SHA256: sha256.Sum256(noise), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(noise)), nil }}
	x := onrecord.Exchange{URL: "urn:onrecord:import:1/dump.zip", At: day, Type: "application/zip"}
	if _, err := s.RecordFile(t.Context(), x, f); err != nil {
		t.Fatal(err)
	}
	_, err := s.RecordFile(t.Context(), x, f)
	if !errors.Is(err, bucket.ErrTooLarge) || !errors.Is(err, warc.ErrExchange) || !strings.Contains(err.Error(), "no object of an archive has more than 65536; split the file") {
		t.Errorf("a second one: %v", err)
	}
	if _, err := s.Record(t.Context(), exchange(3)); err != nil {
		t.Fatal(err)
	}
	body, ok, err := s.WARC()
	if err != nil || !ok || body.Size > largest {
		t.Fatalf("%d bytes, %v, %v", body.Size, ok, err)
	}
	r, err := body.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n := 0
	for _, err := range warc.Captures(r, warc.ReaderOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d captures, want 2", n)
	}
}

// TestMediaThatNoObjectHolds: so is an attachment with which the WARC of media
// would.
func TestMediaThatNoObjectHolds(t *testing.T) {
	t.Parallel()
	const largest = 64 << 10
	s := create(t, open(t, t.TempDir(), func(o *spool.Options) { o.Largest = largest }), meta(t, 1))
	file := func(n int) onrecord.File {
		b := bytes.Repeat([]byte("x"), n)
		return onrecord.File{Size: int64(n), SHA256: sha256.Sum256(b), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
	}
	x := onrecord.Exchange{URL: "urn:sha256:x", At: day, Type: "video/mp4"}
	for n, f := range []onrecord.File{file(40 << 10), file(41 << 10), file(10 << 10)} {
		_, err := s.RecordMedia(t.Context(), x, f, nil)
		if large := n == 1; errors.Is(err, bucket.ErrTooLarge) != large || errors.Is(err, warc.ErrExchange) != large || !large && err != nil {
			t.Errorf("attachment %d: %v", n, err)
		}
	}
	if body, ok, err := s.Media(); err != nil || !ok || body.Size > largest || body.Size < 50<<10 {
		t.Fatalf("%d bytes, %v, %v", body.Size, ok, err)
	}
	if got := len(mediaOf(t, s)); got != 2 {
		t.Errorf("%d attachments, want 2", got)
	}
}

// TestExchangesThatNoObjectHolds: so is an exchange with which the WARC might.
func TestExchangesThatNoObjectHolds(t *testing.T) {
	t.Parallel()
	const largest = 256 << 10
	s := create(t, open(t, t.TempDir(), func(o *spool.Options) { o.Largest = largest }), meta(t, 1))
	kept := 0
	for n := range 20 {
		x := exchange(n)
		x.Payload = make([]byte, 20<<10)
		_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(x.Payload)
		_, err := s.Record(t.Context(), x)
		switch {
		case err == nil:
			kept++
		case !errors.Is(err, bucket.ErrTooLarge) || !errors.Is(err, warc.ErrExchange):
			t.Fatal(err)
		}
	}
	body, ok, err := s.WARC()
	if err != nil || !ok || body.Size > largest || kept < 8 {
		t.Errorf("%d bytes of %d exchanges, %v, %v", body.Size, kept, ok, err)
	}
}
