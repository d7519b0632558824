// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/disk"
	"onrecord/archive/bucket/retry"
	"onrecord/archive/bucket/s3"
	"onrecord/config"
)

// openBucket opens the bucket at s: the archive's own, or a replica.
func (e *env) openBucket(_ context.Context, s config.Store) (bucket.Bucket, error) {
	if isS3(s.URL) {
		b, err := openS3(s)
		if err != nil {
			return nil, err
		}
		return retry.New(b, retry.Options{}), nil
	}
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
		return "", &failure{status: exitConfig, err: fmt.Errorf("%q is no folder: file:///path", storage)}
	}
	return filepath.FromSlash(u.Path), nil
}

// isS3 reports whether a storage URL names a bucket of an S3 store.
func isS3(storage string) bool {
	u, err := url.Parse(storage)
	return err == nil && u.Scheme == "s3"
}

// checkStorage checks the address of a bucket that is no folder.
func checkStorage(storage string) error {
	_, err := s3.ParseURL(storage)
	return err
}

// openS3 makes ready the bucket of an S3 store, and asks it nothing.
func openS3(s config.Store) (*s3.Bucket, error) {
	at, err := s3.ParseURL(s.URL)
	if err != nil {
		return nil, &failure{status: exitConfig, err: fmt.Errorf("storage %s: %w", s.URL, err)}
	}
	keys, err := credentialsOf(s)
	if err != nil {
		return nil, err
	}
	b, err := s3.New(at, keys, s3.Options{KeysFile: s.Credentials})
	if err != nil {
		return nil, &failure{status: exitConfig, err: fmt.Errorf("storage %s: %w", s.URL, err)}
	}
	return b, nil
}

// errNoCredentials reports a store for which neither configuration nor
// environment has a key.
var errNoCredentials = errors.New("no credentials")

// credentialsOf reads what a store knows its user by: from the file that the
// configuration names, else from the environment.
func credentialsOf(s config.Store) (s3.Credentials, error) {
	if s.Credentials == "" {
		keys, ok := s3.EnvCredentials(os.Getenv)
		if !ok {
			return keys, &failure{status: exitConfig, hint: "storage.credentials names a file with access_key and secret_key; or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", err: fmt.Errorf("storage %s: %w", s.URL, errNoCredentials)}
		}
		return keys, nil
	}
	keys, err := s3.FileCredentials(s.Credentials)
	mode, readable := errors.AsType[*s3.ModeError](err)
	switch {
	case err == nil:
		return keys, nil
	case readable:
		return keys, &failure{status: exitConfig, hint: "chmod 600 " + mode.Path, err: err}
	case errors.Is(err, fs.ErrNotExist):
		return keys, &failure{status: exitConfig, hint: `it has two lines, "access_key: …" and "secret_key: …", and mode 0600`, err: err}
	}
	return keys, &failure{status: exitConfig, err: err}
}

// storeStatus returns the exit status of an error of an S3 store, and what to
// do about it.
func storeStatus(err error) (code int, hint string, ok bool) {
	if _, refused := errors.AsType[*s3.Refusal](err); refused {
		return exitConfig, "choose a store with conditional writes: docs/operations.md has a list", true
	}
	e, ok := errors.AsType[*s3.Error](err)
	if !ok {
		return 0, "", false
	}
	switch e.Code {
	case "NoSuchBucket":
		return exitConfig, "make the bucket first, or correct storage.url", true
	case "InvalidAccessKeyId", "XAdminUserNotFound", "SignatureDoesNotMatch":
		return exitConfig, "correct the credentials: the file that storage.credentials names, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", true
	case "AccessDenied", "AllAccessDisabled":
		return exitConfig, "give this access key the right to read, write and list the bucket", true
	case "AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException":
		return exitConfig, "is region= in storage.url that of the bucket?", true
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
		return exitUnreachable, "write new credentials into the file that storage.credentials names: it is read again by itself; those of the environment need a new start", true
	case "RequestTimeTooSkewed", "RequestExpired":
		return exitUnreachable, "set the clock of this machine (timedatectl set-ntp true)", true
	}
	if (e.Err != nil || e.Foreign()) && !e.Retryable() {
		return exitUnreachable, "is endpoint= in storage.url right: http or https, host and port?", true
	}
	return exitUnreachable, spoolHint, true
}
