// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package testservers

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An S3 is a store that is there for a test.
type S3 struct {
	// Endpoint is the address of the store, "http://127.0.0.1:port".
	Endpoint string
	Bucket   string
	// AccessKey and SecretKey are those of its owner.
	AccessKey, SecretKey string
	// Root is the folder in which the store keeps its buckets, as folders;
	// empty for a store that ONRECORD_TEST_S3 names.
	Root string

	given *url.URL
	proc  *process
	again func() error
}

// gateway is the package of versitygw.
const gateway = "github.com/versity/versitygw/cmd/versitygw"

// StartS3 starts a versitygw with an empty bucket, on a free port. Versioning
// can be switched on in its buckets. It closes each connection after one
// request, as it does unless told otherwise: with --keep-alive v1.8.0 takes the
// body of a put that it refused by its condition for the next request.
func StartS3(t testing.TB) *S3 {
	t.Helper()
	program, err := build(t.Context(), "versitygw", gateway)
	if err != nil {
		Require(t, "s3", err)
	}
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &S3{Bucket: "onrecord-test", AccessKey: "test-access", SecretKey: "test-secret", Root: filepath.Join(base, "root")}
	args := []string{"posix", "--versioning-dir", filepath.Join(base, "versions")}
	folders := []string{filepath.Join(s.Root, s.Bucket), filepath.Join(base, "versions")}
	if !hasAttributes(base) {
		args = append(args, "--sidecar", filepath.Join(base, "sidecar"))
		folders = append(folders, filepath.Join(base, "sidecar"))
	}
	for _, dir := range folders {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	address := FreePort(t)
	s.Endpoint = "http://" + address
	s.again = func() error {
		global := []string{"--quiet", "--port", address, "--access", s.AccessKey, "--secret", s.SecretKey}
		s.proc, err = start(t, s.Endpoint, program, append(append(global, args...), s.Root)...)
		return err
	}
	if err := s.again(); err != nil {
		t.Fatalf("versitygw: %v", err)
	}
	return s
}

// AnyS3 returns the store that ONRECORD_TEST_S3 names, as
// "s3://bucket/prefix?endpoint=…", with AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY of the environment; else one of its own.
func AnyS3(t testing.TB) *S3 {
	t.Helper()
	text := os.Getenv("ONRECORD_TEST_S3")
	if text == "" {
		return StartS3(t)
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "s3" || u.Host == "" {
		t.Fatalf("ONRECORD_TEST_S3: %q is no S3 address", text)
	}
	return &S3{
		Endpoint: u.Query().Get("endpoint"), Bucket: u.Host, given: u,
		AccessKey: os.Getenv("AWS_ACCESS_KEY_ID"), SecretKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
	}
}

// URL returns an address in the store with a prefix that nobody else has.
func (s *S3) URL() string { return s.Through(s.Endpoint) }

// Through is URL with another endpoint: a proxy before the store.
func (s *S3) Through(endpoint string) string {
	prefix := "t-" + strings.ToLower(rand.Text())
	if s.given == nil {
		return "s3://" + s.Bucket + "/" + prefix + "?endpoint=" + endpoint
	}
	u := *s.given
	u.Path = strings.TrimRight(u.Path, "/") + "/" + prefix
	q := u.Query()
	q.Set("endpoint", endpoint)
	u.RawQuery = q.Encode()
	return u.String()
}

// Stop kills the store. Start starts it again, at the same address and with
// what its disk has.
func (s *S3) Stop() { s.proc.Stop() }

// Start starts a store again that was stopped.
func (s *S3) Start(t testing.TB) {
	t.Helper()
	if err := s.again(); err != nil {
		t.Fatalf("versitygw: %v", err)
	}
}

// CPU returns the processor time that the store's process has used so far; none
// for a store that was not started here, or where the system does not tell.
func (s *S3) CPU() time.Duration {
	if s.proc == nil {
		return 0
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.proc.cmd.Process.Pid))
	_, rest, ok := strings.Cut(string(text), ") ") // behind the name, which may hold anything
	fields := strings.Fields(rest)
	if err != nil || !ok || len(fields) < 13 {
		return 0
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		return 0
	}
	return time.Duration(user+system) * (time.Second / 100) // proc(5): in hundredths, as Linux counts for programs
}

// hasAttributes reports whether files in dir can have extended attributes,
// where versitygw keeps what it knows of an object.
func hasAttributes(dir string) bool {
	f, err := os.CreateTemp(dir, "xattr-*")
	if err != nil {
		return false
	}
	defer os.Remove(f.Name())
	defer f.Close()
	return syscall.Setxattr(f.Name(), "user.onrecord", []byte("1"), 0) == nil
}
