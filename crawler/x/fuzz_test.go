// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/x"
)

func FuzzTwitter(f *testing.F) { fuzz(f, x.NewTwitter()) }

func FuzzTheTrumpArchive(f *testing.F) { fuzz(f, x.NewTheTrumpArchive()) }

// fuzz reads any bytes as a file: no panic, batches within their bounds, ids
// in their form, records that add up.
func fuzz(f *testing.F, im *x.Importer) {
	seeds, err := filepath.Glob("testdata/*.[jc]s*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range seeds {
		if b, err := os.ReadFile(name); err == nil && !strings.HasSuffix(name, ".golden") {
			f.Add(b)
		}
	}
	for _, s := range []string{
		"", "[", "[]", "{}", "[{}]", "[[[[", "[1,2,]", "[,]", "[\"\\u00", "{\"data\":{}}", "{\"data\":[{\"id\":\"1\"}]}",
		"id\n1", "id,text\n1,\"a", "id;text\n1;x", "\ufeff[]", "window.YTD.tweets.part0 = [", "Grailbird.data.tweets_2016_05 = [{}];",
		"\x1f\x8b", "PK\x03\x04", "\x28\xb5\x2f\xfd", "{\"__typename\":\"User\",\"rest_id\":\"1234567890\"}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		failed := false
		for b, err := range im.Import(t.Context(), fstest.MapFS{"deleted.x": {Data: data}}, jane()) {
			if failed {
				t.Fatal("a batch after the error")
			}
			if failed = err != nil; failed {
				continue
			}
			if b.Records < 1 || b.Records > crawler.MaxBatch || int64(len(b.Items)+len(b.Refused)) > b.Records {
				t.Fatalf("%d items and %d refused of %d records", len(b.Items), len(b.Refused), b.Records)
			}
			for _, o := range b.Items {
				if err := onrecord.CheckNativeID(o.NativeID); err != nil {
					t.Fatal(err)
				}
				if strings.ContainsAny(o.Content.Text, "\r\x00") {
					t.Fatalf("text %q", o.Content.Text)
				}
			}
		}
	})
}
