// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package buckettest

import (
	"crypto/sha256"
	"errors"
	"testing"

	"onrecord/archive/bucket"
)

func setAside(t *testing.T, b bucket.Bucket) {
	r, ok := b.(bucket.Repairer)
	if !ok {
		t.Skip("no bucket.Repairer")
	}
	first, second := "damaged bytes", "the right bytes"
	was := sha256.Sum256([]byte(first))
	for _, key := range append([]string{"onrecord.json", "log/tile/0/000", "log/tile/entries/000.p/7", "log/keys/1"}, replaceable...) {
		wantErr(t, "SetAside of what is not there", r.SetAside(t.Context(), key, was), bucket.ErrNotExist)
		create(t, b, key, first)
		wantErr(t, "SetAside of other bytes", r.SetAside(t.Context(), key, sha256.Sum256(nil)), bucket.ErrConflict)
		if got := read(t, b, key, 0, -1); got != first {
			t.Fatalf("%s after a refused SetAside: %q", key, got)
		}
		if err := r.SetAside(t.Context(), key, was); err != nil {
			t.Fatalf("SetAside(%s): %v", key, err)
		}
		if _, err := b.Open(t.Context(), key, 0, -1); !errors.Is(err, bucket.ErrNotExist) {
			t.Errorf("%s after SetAside: %v, want ErrNotExist", key, err)
		}
		if got := read(t, b, bucket.AsideKey(key, was), 0, -1); got != first {
			t.Errorf("aside of %s: %q", key, got)
		}
		create(t, b, key, second)
		wantErr(t, "SetAside of what was repaired", r.SetAside(t.Context(), key, was), bucket.ErrConflict)
		if got := read(t, b, key, 0, -1); got != second {
			t.Errorf("%s repaired: %q", key, got)
		}
	}
	for _, key := range []string{"log/head", "log/checkpoint", "state/press.json", "views/catalog/1.db.zst", bucket.AsideKey("log/keys/1", was), "log", "a//b"} {
		wantErr(t, "SetAside of "+key, r.SetAside(t.Context(), key, was), bucket.ErrKey)
	}
}
