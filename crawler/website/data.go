// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website

import (
	"encoding/json"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Bounds of the structured data (JSON-LD, schema.org) of a page.
const (
	maxScripts = 32
	maxScript  = 512 << 10
	maxNodes   = 4000
	maxNesting = 16
)

// Data is what the structured data of a page says of its article.
type data struct {
	headline, body, published string
	categories                []string
}

var jsonLD = mustPick(`script[type="application/ld+json" i]`)

// dataOf reads the structured data of the article of a page. Of several
// articles it takes the one whose address is that of the page; where none or
// more than one is, none: which is meant would be a guess.
func dataOf(doc *page, addresses map[string]bool) data {
	f := finder{doc: doc}
	for i, n := range jsonLD.all(doc.root) {
		if i == maxScripts {
			break
		}
		var v any
		if s := scriptText(n); len(s) <= maxScript && json.Unmarshal([]byte(s), &v) == nil {
			f.walk(v, 0)
		}
	}
	if len(f.articles) == 1 {
		return dataFrom(f.articles[0])
	}
	var own []map[string]any
	for _, a := range f.articles {
		if f.isAt(a, addresses) {
			own = append(own, a)
		}
	}
	if len(own) == 1 {
		return dataFrom(own[0])
	}
	return data{}
}

// scriptText returns the text of a script without what stands in JSON by
// mistake: line ends within strings, and the marks of comments and CDATA.
func scriptText(n *html.Node) string {
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		b.WriteString(c.Data)
	}
	s := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, b.String())
	s = strings.TrimSpace(s)
	for _, mark := range []string{"<!--", "//<![CDATA[", "// <![CDATA[", "<![CDATA[", "/*<![CDATA[*/"} {
		s = strings.TrimSpace(strings.TrimPrefix(s, mark))
	}
	for _, mark := range []string{"-->", "//]]>", "// ]]>", "]]>", "/*]]>*/", ";"} {
		s = strings.TrimSpace(strings.TrimSuffix(s, mark))
	}
	return s
}

// A finder gathers the articles among nested values.
type finder struct {
	doc      *page
	articles []map[string]any
	nodes    int
}

func (f *finder) walk(v any, depth int) {
	if f.nodes++; f.nodes > maxNodes || depth > maxNesting {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			f.walk(e, depth+1)
		}
	case map[string]any:
		if isArticle(v["@type"]) {
			f.articles = append(f.articles, v)
			return
		}
		for _, key := range []string{"@graph", "mainEntity", "mainEntityOfPage", "itemListElement", "item"} {
			if e, ok := v[key]; ok {
				f.walk(e, depth+1)
			}
		}
	}
}

// isArticle reports whether a value of "@type" names a kind of article.
func isArticle(v any) bool {
	switch v := v.(type) {
	case string:
		name := v[strings.LastIndexAny(v, "/:#")+1:]
		return strings.HasSuffix(name, "Article") || strings.HasSuffix(name, "BlogPosting") || name == "Report" || name == "PressRelease" || name == "Statement"
	case []any:
		for _, e := range v {
			if s, ok := e.(string); ok && isArticle(s) {
				return true
			}
		}
	}
	return false
}

// isAt reports whether an article names one of these addresses as its own.
func (f *finder) isAt(a map[string]any, addresses map[string]bool) bool {
	for _, key := range []string{"mainEntityOfPage", "url", "@id"} {
		s := stringOf(a[key])
		if m, ok := a[key].(map[string]any); ok {
			s = stringOf(m["@id"])
		}
		if u, err := url.Parse(strings.TrimSpace(s)); err == nil && s != "" && addresses[canonical(f.doc.base.ResolveReference(u).String())] {
			return true
		}
	}
	return false
}

func dataFrom(a map[string]any) data {
	d := data{
		headline:  oneLine(unescape(stringOf(a["headline"]))),
		body:      stringOf(a["articleBody"]),
		published: oneLine(stringOf(a["datePublished"])),
	}
	switch k := a["articleSection"].(type) {
	case string:
		d.categories = append(d.categories, oneLine(unescape(k)))
	case []any:
		for _, e := range k {
			d.categories = append(d.categories, oneLine(unescape(stringOf(e))))
		}
	}
	return d
}

// unescape decodes character references, which many sites leave in JSON.
func unescape(s string) string { return html.UnescapeString(s) }

// stringOf returns a value that is a text, or the first of a list of texts.
func stringOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		if len(v) > 0 {
			s, _ := v[0].(string)
			return s
		}
	}
	return ""
}
