// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/buckettest"
	"onrecord/archive/bucket/retry"
	"onrecord/archive/bucket/s3"
	"onrecord/internal/testservers"
)

// keys are the credentials of a store's owner.
func keys(store *testservers.S3) s3.Credentials {
	return s3.Credentials{AccessKey: store.AccessKey, SecretKey: s3.NewSecret(store.SecretKey)}
}

// open opens a bucket in a store.
func open(t testing.TB, url string, c s3.Credentials, o s3.Options) *s3.Bucket {
	t.Helper()
	at, err := s3.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s3.New(at, c, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// client is the client below, for what a Bucket does not do.
func client(t testing.TB, store *testservers.S3) *minio.Client {
	t.Helper()
	c, err := minio.New(store.Endpoint[len("http://"):], &minio.Options{
		Creds: credentials.NewStaticV4(store.AccessKey, store.SecretKey, ""), Region: "us-east-1", MaxRetries: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// versioned makes a bucket that keeps versions and returns the store with it.
func versioned(t testing.TB, store *testservers.S3, name string, locks bool) *testservers.S3 {
	t.Helper()
	c := client(t, store)
	if err := c.MakeBucket(t.Context(), name, minio.MakeBucketOptions{ObjectLocking: locks}); err != nil {
		t.Fatal(err)
	}
	if err := c.EnableVersioning(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	other := *store
	other.Bucket = name
	return &other
}

func TestBucket(t *testing.T) {
	store := testservers.AnyS3(t)
	buckettest.Run(t, func(t *testing.T) bucket.Bucket { return again(open(t, store.URL(), keys(store), s3.Options{})) })
}

// TestBucketWithVersions checks that versions of what was replaced or removed
// are in nobody's way.
func TestBucketWithVersions(t *testing.T) {
	store := versioned(t, testservers.StartS3(t), "with-versions", false)
	buckettest.Run(t, func(t *testing.T) bucket.Bucket { return again(open(t, store.URL(), keys(store), s3.Options{})) })
}

// again tries again, as the program always does: a server that refuses a put
// before it has read its body may close the connection, and its answer is lost.
func again(b *s3.Bucket) bucket.Bucket { return retry.New(b, retry.Options{}) }

func BenchmarkBucket(b *testing.B) {
	store := testservers.AnyS3(b)
	buckettest.Benchmarks(b, func(b *testing.B) bucket.Bucket { return open(b, store.URL(), keys(store), s3.Options{}) })
}
