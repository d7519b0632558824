// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawlertest

import (
	"archive/tar"
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// DataFolder returns a folder of real captures, such as "email/enmime-testdata",
// below ONRECORD_TEST_DATA or shared/data beside the module's folder. Where it
// is not there it skips the test, unless ONRECORD_REQUIRE names data.
func DataFolder(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("ONRECORD_TEST_DATA")
	if root == "" {
		root = filepath.Join(moduleFolder(t), "..", "shared", "data")
	}
	path := filepath.Join(root, filepath.FromSlash(name))
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if slices.Contains(strings.Split(os.Getenv("ONRECORD_REQUIRE"), ","), "data") {
			t.Fatalf("%s is required and not there: set ONRECORD_TEST_DATA", path)
		}
		t.Skipf("%s is not there: set ONRECORD_TEST_DATA", path)
	}
	return path
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

// EachFile calls f for each file of the .tar.zst in a folder of real captures.
func EachFile(t testing.TB, folder string, f func(name string, body []byte)) {
	t.Helper()
	file, err := os.Open(filepath.Join(folder, "files.tar.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := zstd.NewReader(bufio.NewReader(file), zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		f(h.Name, body)
	}
}
