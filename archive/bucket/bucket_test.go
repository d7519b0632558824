// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package bucket_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
)

func TestCheckPrune(t *testing.T) {
	for key, ok := range map[string]bool{
		"log/tile/0/000.p/1": true, "log/tile/entries/x001/234.p/255": true,
		"log/tile/0/000.p/0": false, "log/tile/0/000.p/256": false, "log/tile/0/000.p/01": false, "log/tile/0/000.p/1/2": false,
		"log/tile/0/000": false, "log/head": false, "captures/tile/0/000.p/1": false, "log/tile/000.p/1": false, "log/tile/0/000.p/x": false,
	} {
		if err := bucket.CheckPrune(key); (err == nil) != ok || err != nil && !errors.Is(err, bucket.ErrKey) {
			t.Errorf("CheckPrune(%s) = %v", key, err)
		}
	}
}

func FuzzCheckKey(f *testing.F) {
	for _, s := range []string{"", "a/b", "a//b", "../a", "log/tile/0/000.p/5", strings.Repeat("a/", 500)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if bucket.CheckKey(key) != nil {
			return
		}
		if filepath.Clean("/"+key) != "/"+key || filepath.IsAbs(key) || strings.ToLower(key) != key || len(key) > bucket.MaxKey {
			t.Errorf("%q is taken for a key", key)
		}
		for i := range len(key) {
			if err := bucket.CheckPrefix(key[:i]); err != nil {
				t.Errorf("a beginning of a key is no prefix: %v", err)
			}
		}
	})
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	body, err := bucket.File(path)
	if err != nil {
		t.Fatal(err)
	}
	if body.Size != 5 || body.SHA256 != sha256.Sum256([]byte("first")) {
		t.Errorf("size %d, digest %x", body.Size, body.SHA256)
	}
	var b memory.Bucket
	for range 2 { // a Body can be opened again
		if err := body.CopyTo(t.Context(), io.Discard); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(path, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Create(t.Context(), "k", body); !errors.Is(err, bucket.ErrSum) {
		t.Errorf("a file that changed: %v, want ErrSum", err)
	}
	if _, err := bucket.File(path + "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestReads(t *testing.T) {
	var b memory.Bucket
	if err := b.Create(t.Context(), "k", bucket.Bytes([]byte("0123456789"))); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("345"))
	if got, err := bucket.ReadRange(t.Context(), &b, "k", 3, 3, 3, sum); err != nil || string(got) != "345" {
		t.Errorf("ReadRange: %q, %v", got, err)
	}
	if got, err := bucket.ReadRange(t.Context(), &b, "k", 9, -1, 3, sha256.Sum256([]byte("9"))); err != nil || string(got) != "9" {
		t.Errorf("ReadRange to the end: %q, %v", got, err)
	}
	for _, c := range []struct {
		off, n, limit int64
		want          error
	}{
		{4, 3, 3, bucket.ErrSum}, {3, 3, 2, bucket.ErrTooLarge}, {3, -1, 6, bucket.ErrTooLarge}, {8, 3, 3, bucket.ErrRange},
	} {
		if _, err := bucket.ReadRange(t.Context(), &b, "k", c.off, c.n, c.limit, sum); !errors.Is(err, c.want) {
			t.Errorf("ReadRange(%d, %d, at most %d): %v, want %v", c.off, c.n, c.limit, err, c.want)
		}
	}
	if got, err := bucket.ReadAll(t.Context(), &b, "k", 10); err != nil || string(got) != "0123456789" {
		t.Errorf("ReadAll: %q, %v", got, err)
	}
	if _, err := bucket.ReadAll(t.Context(), &b, "k", 9); !errors.Is(err, bucket.ErrTooLarge) {
		t.Errorf("ReadAll of more than the limit: %v", err)
	}
}
