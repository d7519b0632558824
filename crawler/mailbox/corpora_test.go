// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"onrecord/crawler"
	"onrecord/crawler/crawlertest"
	"onrecord/crawler/mailbox"
	"onrecord/internal/repotest"
)

var update = flag.Bool("update", false, "write golden files")

// TestCorpora reads real mails, whole and cut: none panics, and each is read or
// refused with a reason. The golden counts them.
func TestCorpora(t *testing.T) {
	var out bytes.Buffer
	for _, name := range []string{"email/enmime-testdata", "email/mail-gem-fixtures"} {
		files, read, refused := 0, 0, map[string]int{}
		crawlertest.EachFile(t, repotest.Data(t, name), func(p string, body []byte) {
			if ext := path.Ext(p); ext == ".golden" || ext == ".png" || ext == ".gif" || ext == ".jpg" || ext == ".pdf" || ext == ".zip" || ext == ".tiff" {
				return
			}
			files++
			n, why := importOne(t, p, body)
			read += n
			for _, r := range why {
				refused[r.Reason]++
			}
			for _, cut := range []int{len(body) / 3, len(body) / 2, len(body) - 1} {
				if cut > 0 {
					importOne(t, p, body[:cut])
				}
			}
		})
		fmt.Fprintf(&out, "%s: %d files, %d statements\n", name, files, read)
		for _, k := range slices.Sorted(maps.Keys(refused)) {
			fmt.Fprintf(&out, "%6d refused: %s\n", refused[k], k)
		}
	}
	const file = "testdata/corpora.golden"
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(out.String(), "\n")); d != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", file, d)
	}
}

func importOne(t *testing.T, name string, body []byte) (read int, refused []crawler.Refusal) {
	t.Helper()
	records := int64(0)
	for b, err := range mailbox.New().Import(t.Context(), fstest.MapFS{"m": {Data: body}}, crawler.Target{}) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		records += b.Records
		read, refused = read+len(b.Items), append(refused, b.Refused...)
	}
	if int64(read+len(refused)) != records || records == 0 {
		t.Errorf("%s: %d records, %d read, %d refused", name, records, read, len(refused))
	}
	return read, refused
}
