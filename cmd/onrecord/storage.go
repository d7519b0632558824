// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/disk"
	"onrecord/config"
)

// openBucket opens the bucket at s: the archive's own, or a replica.
func (e *env) openBucket(_ context.Context, s config.Store) (bucket.Bucket, error) {
	folder, err := bucketFolder(s.URL)
	if err != nil {
		return nil, err
	}
	b, err := disk.Open(folder, disk.Options{Files: e.files})
	if err != nil {
		return nil, &failure{status: exitUnreachable, hint: "is the folder there, and may this user read and write it?", err: fmt.Errorf("storage %s: %w", s.URL, err)}
	}
	return b, nil
}

// bucketFolder returns the folder that a file: URL names.
func bucketFolder(storage string) (string, error) {
	u, err := url.Parse(storage)
	if err != nil || u.Scheme != "file" || u.Path == "" || u.Host != "" && u.Host != "localhost" {
		return "", &failure{status: exitConfig, err: fmt.Errorf("storage.url %q: this release stores in folders: file:///path", storage)}
	}
	return filepath.FromSlash(u.Path), nil
}
