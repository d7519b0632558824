// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawlertest

import (
	"archive/tar"
	"bufio"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
)

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
