// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package feed_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"onrecord"
	"onrecord/crawler"
)

// dataFolder returns a folder of real captures; it skips the test where there
// are none, unless ONRECORD_REQUIRE names data.
func dataFolder(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("ONRECORD_TEST_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
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

// eachFile calls f for each file of a .tar.zst.
func eachFile(t *testing.T, path string, f func(name string, body []byte)) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := zstd.NewReader(file, zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderConcurrency(1))
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

// reason is what an error says, without addresses, lines and words of the data.
func reason(err error) string {
	s := strings.TrimPrefix(err.Error(), "feed "+target.URL+": ")
	s = strings.TrimSuffix(s, ": "+crawler.ErrDrift.Error())
	for _, cut := range []string{", begins with", " on line", " of version", ": invalid", " at offset"} {
		s, _, _ = strings.Cut(s, cut)
	}
	return regexp.MustCompile(`\d+`).ReplaceAllString(s, "N")
}

// TestCorpora reads real feeds, whole and cut, and compares how many were read,
// empty and refused, and why, with the golden.
func TestCorpora(t *testing.T) {
	var out bytes.Buffer
	for _, name := range []string{"feeds/gofeed-testdata", "feeds/real-feeds", "feeds/whitehouse-rss-polls-1"} {
		counts := map[string]int{}
		files, items := 0, 0
		eachFile(t, filepath.Join(dataFolder(t, name), "files.tar.zst"), func(path string, body []byte) {
			files++
			items += corpusFile(t, path, body, counts)
		})
		fmt.Fprintf(&out, "%s: %d files, %d items\n", name, files, items)
		for _, k := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(&out, "%6d %s\n", counts[k], k)
		}
	}
	golden(t, "testdata/corpora.golden", out.Bytes())
}

func corpusFile(t *testing.T, path string, body []byte, counts map[string]int) int {
	t.Helper()
	d := door(t)
	c := page(path, body)
	c.Header.Set("Content-Type", "application/octet-stream")
	p, err := d.Read(target, c)
	kind := filepath.Ext(path) + " "
	switch {
	case err != nil && !errors.Is(err, crawler.ErrDrift):
		t.Errorf("%s: %v, want ErrDrift", path, err)
	case err != nil:
		counts[kind+"refused: "+reason(err)]++
	case len(p.Items) == 0:
		counts[kind+"empty"]++
	default:
		counts[kind+"read"]++
	}
	seen := map[string]bool{}
	dated := 0
	for _, o := range p.Items {
		if err := onrecord.CheckNativeID(o.NativeID); err != nil || seen[o.NativeID] {
			t.Errorf("%s: id %q, seen %t, %v", path, o.NativeID, seen[o.NativeID], err)
		}
		seen[o.NativeID] = true
		switch {
		case o.Content.Published == "":
			counts["items without date"]++
		case o.Published.IsZero():
			counts["items with a date that can't be read"]++
		default:
			dated++
		}
	}
	counts["items with a date that was read"] += dated
	for _, i := range []int{1, 3, 5, 7, 9} {
		c.Body = body[:len(body)*i/10]
		if q, err := d.Read(target, c); err == nil && len(q.Items) < len(p.Items) {
			t.Errorf("%s: cut to %d/10 it is read, with %d of %d items", path, i, len(q.Items), len(p.Items))
		}
	}
	return len(p.Items)
}
