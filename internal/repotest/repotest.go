// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package repotest is what tests of several packages need of the checkout in
// which they run, and of the machine: the folder of real captures beside the
// checkout, the list of tests that the race detector would make too long, and how
// long the machine stood still.
package repotest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Data returns a file or folder of real captures, such as
// "email/enmime-testdata", below ONRECORD_TEST_DATA or shared/data beside the
// module's folder. Where it is not there it skips the test, unless
// ONRECORD_REQUIRE names data.
func Data(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("ONRECORD_TEST_DATA")
	if root == "" {
		root = filepath.Join(moduleFolder(t), "..", "shared", "data")
	}
	path := filepath.Join(root, filepath.FromSlash(name))
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		Require(t, "data", "%s is not there: set ONRECORD_TEST_DATA", path)
	} else if err != nil {
		t.Fatal(err)
	}
	return path
}

// Require skips a test for want of what is named, such as data or chromium, or
// fails it where ONRECORD_REQUIRE, a list with commas, has that.
func Require(t testing.TB, what, format string, args ...any) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("ONRECORD_REQUIRE"), ","), what) {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

var (
	largeTests   = regexp.MustCompile(`(?m)^LARGE = (\S+)$`)
	largeFolders = regexp.MustCompile(`(?m)^LARGEIN = (.+)$`)
)

// Large marks a test of an archive of a real one's size, of thousands of real
// captures, or of a browser. Under the race detector these take several times as
// long: there the test is skipped, and make test runs it a second time without. A
// test whose name or folder the Makefile lacks would run nowhere, which fails.
func Large(t testing.TB) {
	t.Helper()
	if Part(t) {
		t.Skip("too large for the race detector; make test runs it without")
	}
}

// Part is as Large for a test of which a part is worth its time under the race
// detector too: it reports whether only that is to run now.
func Part(t testing.TB) bool {
	t.Helper()
	root := moduleFolder(t)
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.Getwd()
	if err == nil {
		dir, err = filepath.Rel(root, dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	m := largeTests.FindSubmatch(makefile)
	if m == nil || !slices.Contains(strings.Split(string(m[1]), "|"), t.Name()) {
		t.Fatalf("%s is not in LARGE of the Makefile", t.Name())
	}
	m = largeFolders.FindSubmatch(makefile)
	if m == nil || !slices.Contains(strings.Fields(string(m[1])), "./"+filepath.ToSlash(dir)) {
		t.Fatalf("./%s is not in LARGEIN of the Makefile", filepath.ToSlash(dir))
	}
	return Raced && os.Getenv("ONRECORD_RACE_LARGE") == ""
}

// Stalls watches the machine until the test ends. What it returns says for how long
// this process did not come to run at a stretch: a test of who keeps a turn by signs
// of life says nothing where no sign could be given in time.
func Stalls(t testing.TB) (longest func() time.Duration) {
	t.Helper()
	const every = 10 * time.Millisecond
	var last, most atomic.Int64 // since the beginning
	begin := time.Now()
	look := func() time.Duration {
		now := int64(time.Since(begin))
		gap := now - last.Swap(now) - int64(every)
		for was := most.Load(); gap > was && !most.CompareAndSwap(was, gap); was = most.Load() {
		}
		return time.Duration(most.Load())
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				look()
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped })
	return look
}

// moduleFolder returns the folder of go.mod.
func moduleFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the folder of the test")
		}
	}
}
