// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/disk"
	"onrecord/archive/bucket/retry"
	"onrecord/archive/bucket/s3"
	"onrecord/internal/testservers"
)

// writerEnv is the variable that makes this test binary a process that writes:
// its name, its state folder, its store, how many visits, and the secret key of
// the store, one a line.
const writerEnv = "ONRECORD_TEST_WRITER"

// storeAt opens a folder or an S3 store.
func storeAt(t testing.TB, at, access, secret string) bucket.Bucket {
	t.Helper()
	if !strings.HasPrefix(at, "s3:") {
		b, err := disk.Open(at, disk.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	where, err := s3.ParseURL(at)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s3.New(where, s3.Credentials{AccessKey: access, SecretKey: s3.NewSecret(secret)}, s3.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return retry.New(b, retry.Options{})
}

// TestWriter is no test of its own: it is the process that TestTwoProcesses
// starts twice.
func TestWriter(t *testing.T) {
	args := strings.Split(os.Getenv(writerEnv), "\n")
	if len(args) != 6 {
		t.Skip("started by TestTwoProcesses only")
	}
	var visits int
	if _, err := fmt.Sscan(args[3], &visits); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.time = time.Now().UTC()
	a := w.open(t, storeAt(t, args[2], args[4], args[5]), args[1], args[0][0])
	for i := range visits {
		source := "source-" + args[0]
		if i%5 == 0 {
			source = "shared" // with the other process
		}
		if _, err := visit(t.Context(), w, a, source, fmt.Sprintf("%s %d", args[0], i)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTwoProcesses has two processes commit to one bucket at once: both succeed,
// and there is one history.
func TestTwoProcesses(t *testing.T) {
	t.Run("folder", func(t *testing.T) {
		root := filepath.Join(fastDir(t), "bucket")
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		twoProcesses(t, root, "", "", 25)
	})
	t.Run("s3", func(t *testing.T) {
		store := testservers.AnyS3(t)
		twoProcesses(t, store.URL(), store.AccessKey, store.SecretKey, 10)
	})
}

func twoProcesses(t *testing.T, at, access, secret string, visits int) {
	w, b := newWorld(t), storeAt(t, at, access, secret)
	w.time = time.Now().UTC()
	a := w.init(t, b, fastDir(t))
	names := []string{"one", "two"}
	var wg sync.WaitGroup
	for _, name := range names {
		dir := fastDir(t)
		wg.Go(func() {
			c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWriter$", "-test.timeout=5m")
			c.Env = append(os.Environ(), writerEnv+"="+strings.Join([]string{name, dir, at, fmt.Sprint(visits), access, secret}, "\n"))
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("process %s: %v\n%s", name, err, out)
			}
		})
	}
	wg.Wait()
	entries := walk(t, a)
	n := texts(entries)
	for _, name := range names {
		for i := range visits {
			if text := fmt.Sprintf("<feed>%s %d</feed>", name, i); n[text] != 1 {
				t.Errorf("%s is in the record %d times", text, n[text])
			}
		}
	}
	if len(n) != 2*visits {
		t.Errorf("%d texts, want %d", len(n), 2*visits)
	}
	chained(t, entries)
	verified(t, a)
}
