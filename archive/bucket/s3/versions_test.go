// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"testing"

	"github.com/minio/minio-go/v7"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/s3"
	"onrecord/internal/testservers"
)

// TestVersionsSwitchedOn erases after somebody has switched versioning on in a
// bucket that was asked before: no older version stays.
func TestVersionsSwitchedOn(t *testing.T) {
	store := testservers.StartS3(t)
	b := open(t, store.URL(), keys(store), s3.Options{})
	if err := b.Erases(t.Context()); err != nil { // it keeps none
		t.Fatal(err)
	}
	secret, blank := bucket.Bytes([]byte("what was said")), bucket.Bytes([]byte("             "))
	const early, late, snapshot = "captures/2026/03/01/early.warc.gz", "captures/2026/03/01/late.warc.gz", "views/catalog/1.db.zst"
	put := func(key string) {
		t.Helper()
		if err := b.Create(t.Context(), key, secret); err != nil {
			t.Fatal(err)
		}
	}
	put(early)
	if err := client(t, store).EnableVersioning(t.Context(), store.Bucket); err != nil {
		t.Fatal(err)
	}
	put(late)
	put(snapshot)
	for _, key := range []string{early, late} {
		if err := b.Replace(t.Context(), key, secret.SHA256, blank); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if err := b.Remove(t.Context(), snapshot); err != nil {
		t.Error(err)
	}
	n := 0
	for v := range client(t, store).ListObjects(t.Context(), store.Bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		if v.Err != nil {
			t.Fatal(v.Err)
		}
		if n++; !v.IsLatest || v.IsDeleteMarker || v.Size != blank.Size {
			t.Errorf("left: %s version %s, %d bytes", v.Key, v.VersionID, v.Size)
		}
	}
	if n != 2 {
		t.Errorf("%d versions, want those of two objects", n)
	}
}
