// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"testing"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/retry"
	"onrecord/archive/bucket/s3"
	"onrecord/internal/repotest"
	"onrecord/internal/testservers"
)

// storeOf returns buckets in a real S3 store, each under a prefix of its own,
// as the program opens them.
func storeOf(t testing.TB) func() bucket.Bucket {
	t.Helper()
	store := testservers.AnyS3(t)
	return func() bucket.Bucket {
		at, err := s3.ParseURL(store.URL())
		if err != nil {
			t.Fatal(err)
		}
		b, err := s3.New(at, s3.Credentials{AccessKey: store.AccessKey, SecretKey: s3.NewSecret(store.SecretKey)}, s3.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return retry.New(b, retry.Options{})
	}
}

// TestCrashTableS3 plays the table of docs/crash.md on a real S3 store; with
// the race detector, which has seen all of it in memory, a part.
func TestCrashTableS3(t *testing.T) {
	every := 1
	if repotest.Raced {
		every = 7
	}
	crashTable(t, storeOf(t), every)
}
