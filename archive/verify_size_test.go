// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
)

// A flood is a mirror that serves objects without end.
type flood struct {
	bucket.Bucket
	read *int64
}

func (f flood) Open(ctx context.Context, key string, off, n int64) (bucket.Object, error) {
	if !strings.HasPrefix(key, "captures/") || n >= 0 {
		return f.Bucket.Open(ctx, key, off, n)
	}
	return bucket.Object{Size: 1 << 40, ReadCloser: io.NopCloser(io.LimitReader(zeros{f.read}, 64<<20))}, nil
}

type zeros struct{ read *int64 }

func (z zeros) Read(p []byte) (int, error) {
	clear(p)
	*z.read += int64(len(p))
	return len(p), nil
}

// TestObjectsOfAnotherSizeAreNotRead: an object that is larger than its visit line
// says is a mismatch before its first byte.
func TestObjectsOfAnotherSizeAreNotRead(t *testing.T) {
	w, b := newWorld(t), &memory.Bucket{}
	publish(t, w, w.init(t, b, fastDir(t)))
	read := int64(0)
	outside, err := archive.OpenOutside(t.Context(), flood{b, &read}, archive.Options{Verifier: w.verifier(t), Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	r, err := outside.Verify(t.Context(), archive.VerifyOptions{Outside: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Findings) == 0 || !strings.Contains(r.Findings[0].Reason, "1099511627776 bytes") || read > 0 {
		t.Errorf("%d bytes read, %+v", read, r.Findings)
	}
}
