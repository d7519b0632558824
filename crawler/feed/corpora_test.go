// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package feed_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/crawlertest"
	"onrecord/internal/repotest"
)

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
	repotest.Large(t)
	var out bytes.Buffer
	for _, name := range []string{"feeds/gofeed-testdata", "feeds/real-feeds", "feeds/whitehouse-rss-polls-1"} {
		counts := map[string]int{}
		files, items := 0, 0
		crawlertest.EachFile(t, repotest.Data(t, name), func(path string, body []byte) {
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
