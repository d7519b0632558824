// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"onrecord"
)

func TestContentVectors(t *testing.T) {
	files, names := texts(t, "content.txtar")
	n := 0
	for _, name := range names {
		base, ok := strings.CutSuffix(name, "/content")
		if !ok {
			continue
		}
		n++
		var c onrecord.Content
		if err := json.Unmarshal([]byte(files[name]), &c); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(files[base+"/record"], string(c.Record())); d != "" {
			t.Errorf("%s: record (-want +got):\n%s", base, d)
		}
		if got, want := string(c.Version()), files[base+"/version"]; got != want {
			t.Errorf("%s: version %s, want %s", base, got, want)
		}
		if sum := fmt.Sprintf("%x", c.SHA256()); !strings.HasPrefix(sum, string(c.Version())) {
			t.Errorf("%s: version %s is not the beginning of %s", base, c.Version(), sum)
		}
	}
	if n == 0 {
		t.Fatal("no vectors")
	}
}

func TestContentJSONRoundTrip(t *testing.T) {
	c := onrecord.Content{
		Type: "quote", Title: "T", Text: "<b>&\u2028\x01", Spoiler: "S", Lang: "en", Published: "today",
		Categories: []string{"a", "b"}, Links: []string{"https://b.example/?x&y", "https://a.example/"},
		Media: []onrecord.Media{{ID: "2", Alt: "two"}, {ID: "1"}}, Poll: []string{"yes", "no"},
		ReplyTo: "1", RepostOf: "2", QuoteOf: "3", HTML: "<p>x</p>",
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	got := onrecord.Content{Text: "gone", Links: []string{"gone"}}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(c, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	without := c
	without.HTML = ""
	if c.Version() != without.Version() {
		t.Error("HTML moves the version")
	}
}

func TestContentRecordLeavesContentAlone(t *testing.T) {
	categories := []string{"b", "a"}
	c := onrecord.Content{Categories: categories}
	if got, want := string(c.Record()), `{"categories":["a","b"],"v":1}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !slices.Equal(categories, []string{"b", "a"}) {
		t.Error("Record sorted the caller's list")
	}
}

func TestContentBrokenUTF8(t *testing.T) {
	c := onrecord.Content{Text: "a\xff\xfeb\xc3"}
	if got, want := string(c.Record()), "{\"text\":\"a\ufffdb\ufffd\",\"v\":1}"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestContentUnmarshalRefuses(t *testing.T) {
	for _, s := range []string{`{}`, `{"v":2}`, `{"v":"1"}`, `{"v":1,"v":1}`, `{"v":1,"text":null}`, `{"v":1,"text":1}`,
		`{"v":1,"links":"x"}`, `{"v":1,"links":[1]}`, `{"v":1,"media":[{"id":"1","id":"2"}]}`, `{"v":1,"x":{"a":1,"a":2}}`, `[]`, `null`} {
		c := onrecord.Content{Text: "as it was"}
		if err := c.UnmarshalJSON([]byte(s)); !errors.Is(err, onrecord.ErrJSON) || c.Text != "as it was" {
			t.Errorf("%s: %v, %+v; want ErrJSON", s, err, c)
		}
	}
	var c onrecord.Content
	if err := c.UnmarshalJSON([]byte(`{"v":1,"new":{"a":[1,null,true]},"text":"x","media":[{"id":"1","blurhash":"x"}]}`)); err != nil || c.Text != "x" {
		t.Errorf("unknown keys: %+v, %v", c, err)
	}
}

// FuzzContentRecord: whatever is read can be written, and reads as the same.
func FuzzContentRecord(f *testing.F) {
	files, names := texts(f, "content.txtar")
	for _, name := range names {
		if strings.HasSuffix(name, "/content") {
			f.Add([]byte(files[name]))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var c, again onrecord.Content
		if c.UnmarshalJSON(b) != nil {
			return
		}
		record := c.Record()
		if !utf8.Valid(record) || !json.Valid(record) {
			t.Fatalf("record %q", record)
		}
		if err := again.UnmarshalJSON(record); err != nil || string(again.Record()) != string(record) {
			t.Fatalf("%s: again %s, %v", record, again.Record(), err)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	c := onrecord.Content{Type: "post", Text: strings.Repeat("Good morning, \"Exampleland\"!\n", 10), Lang: "en",
		Published: "2026-03-01T10:00:00.000Z", Links: []string{"https://jane.example/news"}}
	b.ReportAllocs()
	for b.Loop() {
		c.Record()
	}
}
