// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord/crawler"
	"onrecord/crawler/crawlertest"
	"onrecord/crawler/x"
)

var update = flag.Bool("update", false, "write the golden files")

// jane is the account of the fixtures.
func jane() crawler.Target {
	return crawler.Target{Platform: "x", AccountID: "1234567890", Handle: "janeexample"}
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func zipped(t testing.TB, names []string, files map[string][]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, name := range names {
		m, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// archive is the fixture of an account archive, by path.
func archive(t testing.TB) map[string][]byte {
	files := map[string][]byte{}
	for _, name := range []string{"account", "direct-messages", "tweets", "tweets-part1", "deleted-tweets"} {
		files["data/"+name+".js"] = fixture(t, "archive/data/"+name+".js")
	}
	return files
}

func one(t testing.TB, name string) map[string][]byte {
	return map[string][]byte{name: fixture(t, name)}
}

func TestTwitterSuite(t *testing.T) {
	v11, folder := fixture(t, "v11.json"), archive(t)
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range folder {
			if !yield(name) {
				return
			}
		}
	})
	crawlertest.RunImport(t, crawlertest.ImportSuite{Importer: x.NewTwitter(), Target: jane(), Fixtures: []crawlertest.ImportFixture{
		{Name: "v11", Files: one(t, "v11.json"), Records: 10, Refused: map[string]int{"another account": 1}, Ends: true},
		{Name: "lines", Files: one(t, "v11.jsonl"), Records: 9, Refused: map[string]int{"not JSON": 2, "no text": 1, "unknown shape": 1, "damaged id": 1}},
		{Name: "condensed", Files: one(t, "condensed.json"), Records: 8, Refused: map[string]int{"no id": 1, "damaged id": 1}, Ends: true},
		{Name: "gzip", Files: map[string][]byte{"a": gzipped(t, v11)}, Records: 10, Ends: true},
		{Name: "zip", Files: map[string][]byte{"dump.bin": zipped(t, []string{"notes.txt", "b.json"}, map[string][]byte{"notes.txt": []byte("no"), "b.json": v11})}, Records: 10, Ends: true},
		{Name: "graphql", Files: one(t, "graphql.json"), Records: 15, Refused: map[string]int{"another account": 1, "unavailable": 2, "no statement": 2}, Ends: true},
		{Name: "graphql lines", Files: one(t, "graphql-lines.jsonl"), Records: 11, Refused: map[string]int{"unavailable": 2, "no statement": 2, "not JSON": 2, "another account": 1}},
		{Name: "zip of pictures", Files: map[string][]byte{"a.zip": zipped(t, []string{"1.jpg"}, nil)}, Records: 1, Refused: map[string]int{"unreadable member": 1}},
		{Name: "v2", Files: one(t, "v2.json"), Records: 4, Refused: map[string]int{"unavailable": 1}, Ends: true},
		{Name: "account archive", Files: folder, Records: 5, Refused: map[string]int{}, Closed: []string{"data/direct-messages.js"}},
		{Name: "account archive zip", Files: map[string][]byte{"a.zip": zipped(t, names, folder)}, Records: 5, Ends: true},
		{Name: "folder", Files: map[string][]byte{"2/v11.json": v11, "1/condensed.json": fixture(t, "condensed.json"), "README.md": []byte("{}"), "3/other.csv": []byte("a,b\n1,2\n")},
			Records: 19, Refused: map[string]int{"another account": 1, "no id": 1, "damaged id": 1, "unreadable member": 1}, Closed: []string{"README.md"}},
		{Name: "a page", Files: map[string][]byte{"status.html": []byte("<!DOCTYPE html><html></html>")}, Nothing: true},
		{Name: "empty", Files: map[string][]byte{"a.json": nil}, Nothing: true},
		{Name: "no files", Nothing: true},
	}})
}

func TestTheTrumpArchiveSuite(t *testing.T) {
	crawlertest.RunImport(t, crawlertest.ImportSuite{Importer: x.NewTheTrumpArchive(), Target: jane(), Fixtures: []crawlertest.ImportFixture{
		{Name: "json", Files: one(t, "thetrumparchive.json"), Records: 5, Refused: map[string]int{}, Ends: true},
		{Name: "csv", Files: one(t, "thetrumparchive.csv"), Records: 8, Refused: map[string]int{"no id": 1, "damaged id": 1, "not CSV": 1}},
		{Name: "condensed", Files: one(t, "condensed.json"), Records: 8, Ends: true},
		{Name: "deleted", Files: one(t, "deleted.json"), Records: 3, Refused: map[string]int{"damaged id": 1}, Ends: true},
		{Name: "ids", Files: one(t, "ids.json"), Records: 3, Refused: map[string]int{"no text": 3}, Ends: true},
		{Name: "graphql", Files: one(t, "graphql.json"), Records: 1, Refused: map[string]int{"another kind of import": 1}},
		{Name: "a page", Files: map[string][]byte{"a": []byte(" <html>")}, Nothing: true},
	}})
}

// TestGolden holds what is made of each fixture.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		im    *x.Importer
		files []string
	}{
		{x.NewTwitter(), []string{"v11.json", "v11.jsonl", "condensed.json", "graphql.json", "graphql-lines.jsonl", "v2.json", "archive"}},
		{x.NewTheTrumpArchive(), []string{"thetrumparchive.json", "thetrumparchive.csv", "deleted.json", "ids.json"}},
	} {
		for _, name := range c.files {
			t.Run(c.im.Info().Kind+"/"+name, func(t *testing.T) {
				fsys := fstest.MapFS{}
				if name == "archive" {
					for path, b := range archive(t) {
						fsys[path] = &fstest.MapFile{Data: b}
					}
				} else {
					fsys[name] = &fstest.MapFile{Data: fixture(t, name)}
				}
				golden(t, name, render(t, c.im, fsys))
			})
		}
	}
}

// render writes what an import yields as text.
func render(t *testing.T, im *x.Importer, fsys fstest.MapFS) string {
	t.Helper()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	for batch, err := range im.Import(t.Context(), fsys, jane()) {
		if err != nil {
			t.Fatal(err)
		}
		if err := enc.Encode(batch); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestZone: a date without zone is of the zone that is given, and results name it.
func TestZone(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	file := fstest.MapFS{"a.csv": {Data: []byte("id,text,isRetweet,isDeleted,device,favorites,retweets,date\n9000000000,Good morning.,f,f,Desk,1,2,2010-02-03 10:00:00\n")}}
	for name, tt := range map[string]struct {
		im     *x.Importer
		parser string
		hour   int
	}{
		"none":  {x.NewTheTrumpArchive().In(nil), "thetrumparchive/1", 10},
		"Paris": {x.NewTheTrumpArchive().In(paris), "thetrumparchive/1 Europe/Paris", 9},
	} {
		for b, err := range tt.im.Import(t.Context(), file, jane()) {
			if err != nil || len(b.Items) != 1 {
				t.Fatalf("%s: %+v, %v", name, b, err)
			}
			if at := b.Items[0].Published; at.Hour() != tt.hour || tt.im.Info().Parser != tt.parser {
				t.Errorf("%s: %s, parser %q", name, at, tt.im.Info().Parser)
			}
		}
	}
}
