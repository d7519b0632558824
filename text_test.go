// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"onrecord"
)

// texts returns the files of a txtar archive in testdata by name, and the
// names in order. The line end before the next file is not part of a file.
func texts(t testing.TB, name string) (map[string]string, []string) {
	t.Helper()
	a, err := txtar.ParseFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	files, names := map[string]string{}, []string{}
	for _, f := range a.Files {
		if _, ok := files[f.Name]; ok {
			t.Fatalf("%s: %s is there twice", name, f.Name)
		}
		files[f.Name] = strings.TrimSuffix(string(f.Data), "\n")
		names = append(names, f.Name)
	}
	return files, names
}

// textCases calls f for each case of testdata/text.txtar.
func textCases(t testing.TB, f func(name, html, text string, links []string)) {
	t.Helper()
	files, names := texts(t, "text.txtar")
	n := 0
	for _, name := range names {
		base, ext, _ := strings.Cut(name, ".")
		html := files[name]
		switch ext {
		case "txt", "links":
			continue
		case "json":
			if err := json.Unmarshal([]byte(html), &html); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		case "html":
		default:
			t.Fatalf("%s: unknown kind of file", name)
		}
		text, ok := files[base+".txt"]
		if !ok {
			t.Fatalf("%s has no .txt", name)
		}
		var links []string
		if l := files[base+".links"]; l != "" {
			links = strings.Split(l, "\n")
		}
		f(base, html, text, links)
		n++
	}
	if n < 40 {
		t.Fatalf("%d cases, want 40 at least", n)
	}
}

func TestPlainTextVectors(t *testing.T) {
	textCases(t, func(name, html, text string, links []string) {
		if d := cmp.Diff(text, onrecord.PlainText(html)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		if d := cmp.Diff(links, onrecord.Links(html)); d != "" && (links != nil || !strings.Contains(name, "quote-inline")) {
			t.Errorf("%s links (-want +got):\n%s", name, d)
		}
	})
}

func TestLinksAt(t *testing.T) {
	const html = `<a href="/a">a</a> <a href="b?x=1">b</a> <a href="//c.example/">c</a> <a href="https://d.example/">d</a>
		<a href="#top">top</a> <a href="mailto:x@y.example">m</a> <a href="">e</a> <a href="http://[">f</a> <p class="quote-inline"><a href="/q">q</a></p>`
	want := []string{"https://jane.example/a", "https://jane.example/news/b?x=1", "https://c.example/", "https://d.example/", "http://["}
	if d := cmp.Diff(want, onrecord.LinksAt("https://jane.example/news/", html)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestPlainTextIsLinear gives inputs on which a careless parser takes
// quadratic time or recursion without end: hours, not the seconds allowed to a
// busy machine.
func TestPlainTextIsLinear(t *testing.T) {
	const most = 10 << 20
	for _, unit := range []string{"<", "<a", "<a ", "<a href=", `<a href="https://x.example">`, "</", "<!", "<!--", "<!-- --", "&", "&lt", "&a", "&#", "<p>", "<pre>", "<br>", "<div><p>", "<svg>", `<p class="quote-inline">`, "<script>", "</script", "<script></scrip", " ", "\n", "\xff", "\x00", "a<", "='", `<a class="&amp;`, "<td>"} {
		size := most / 5
		if unit == "<" {
			size = most
		}
		html := strings.Repeat(unit, size/len(unit))
		start := time.Now()
		text := onrecord.PlainText(html)
		if d := time.Since(start); d > 30*time.Second {
			t.Errorf("%d MiB of %q took %v", size>>20, unit, d)
		}
		if len(text) > 3*len(html) {
			t.Errorf("%q: %d bytes became %d", unit, len(html), len(text))
		}
	}
}

// FuzzPlainText: the result is UTF-8 without carriage returns or NUL, has no
// space around it but within pre, and is not much longer than the input.
func FuzzPlainText(f *testing.F) {
	textCases(f, func(_, html, _ string, _ []string) { f.Add(html) })
	f.Fuzz(func(t *testing.T, html string) {
		text := onrecord.PlainText(html)
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\r\x00") {
			t.Fatalf("%q: %q", html, text)
		}
		if len(text) > 3*len(html) {
			t.Fatalf("%d bytes became %d", len(html), len(text))
		}
		if !strings.Contains(strings.ToLower(html), "<pre") && strings.Trim(text, " \n\t\f") != text {
			t.Fatalf("%q: white space around %q", html, text)
		}
		if links := onrecord.Links(html); slices.Contains(links, "") {
			t.Fatalf("%q: empty link", html)
		}
	})
}

func BenchmarkPlainText(b *testing.B) {
	html := strings.Repeat(`<p>The Ministry of Examples said today that &#8220;everything&#8221; is an <a href="https://jane.example/plan">example</a>, as <em>Jane Example</em> had put it before the committee.</p>`+"\n", 33)
	b.SetBytes(int64(len(html)))
	b.ReportAllocs()
	for b.Loop() {
		onrecord.PlainText(html)
	}
}
