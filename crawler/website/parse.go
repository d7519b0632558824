// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website

import (
	"bytes"
	"fmt"
	"mime"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/charset"

	"onrecord"
	"onrecord/crawler"
)

// Bounds of a page. The parser of x/net/html refuses what nests deeper than 512
// elements; maxWork bounds the elements that it makes, see weigh.
const (
	maxPage = 16 << 20
	maxWork = 1 << 20
)

// A page is a parsed HTML document.
type page struct {
	root *html.Node
	base *url.URL // what links on it are relative to
}

// parse reads an answer as HTML.
func (r reading) parse() (*page, error) {
	c := r.capture
	at, err := url.Parse(c.URL)
	if err != nil || at.Host == "" {
		return nil, fmt.Errorf("address of the answer %.200q: %w", c.URL, crawler.ErrDrift)
	}
	if len(c.Body) > maxPage {
		return nil, fmt.Errorf("a page of %d bytes, at most %d: %w", len(c.Body), maxPage, crawler.ErrDrift)
	}
	body := toUTF8(c.Body, c.Header.Get("Content-Type"))
	if !looksLikeHTML(body) {
		return nil, fmt.Errorf("no HTML, begins with %.40q: %w", body[:min(len(body), 40)], crawler.ErrDrift)
	}
	if work := weigh(body); work > maxWork {
		return nil, fmt.Errorf("a page of %d elements, at most %d: %w", work, maxWork, crawler.ErrDrift)
	}
	root, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", crawler.ErrDrift, err)
	}
	p := &page{root: root, base: at}
	if b := baseOf.first(root); b != nil {
		if u, err := at.Parse(strings.TrimSpace(attr(b, "href"))); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
			p.base = u
		}
	}
	return p, nil
}

var baseOf = mustPick("base[href]")

// looksLikeHTML reports whether a document has a tag or a declaration at all.
func looksLikeHTML(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n\f\ufeff")
	if len(b) == 0 || b[0] == '{' || b[0] == '[' || bytes.HasPrefix(b, []byte("<?xml")) && !bytes.Contains(b[:min(len(b), 1024)], []byte("<html")) {
		return false
	}
	return bytes.IndexByte(b[:min(len(b), 4096)], '<') >= 0
}

// toUTF8 returns a page in UTF-8. The encoding is, in this order: what the byte
// order mark says; UTF-8, if the bytes are UTF-8 beyond ASCII, whatever is
// declared (a wrong declaration is common, UTF-8 by accident is not); the
// header's; the one that a meta element declares; windows-1252.
func toUTF8(body []byte, contentType string) []byte {
	if rest, ok := bytes.CutPrefix(body, []byte("\xef\xbb\xbf")); ok {
		body = rest
	} else if marked := bytes.HasPrefix(body, []byte("\xff\xfe")) || bytes.HasPrefix(body, []byte("\xfe\xff")); marked ||
		!utf8.Valid(body) || bytes.IndexByte(body, 0x1b) >= 0 {
		if _, params, err := mime.ParseMediaType(contentType); !marked && (err != nil || strings.HasPrefix(strings.ToLower(params["charset"]), "utf-16")) {
			contentType = "" // UTF-16 has a mark, or can't be meant
		}
		if enc, _, _ := charset.DetermineEncoding(body, contentType); enc != nil {
			if out, err := enc.NewDecoder().Bytes(body); err == nil {
				body = out
			}
		}
	}
	if !utf8.Valid(body) {
		body = bytes.ToValidUTF8(body, []byte("\ufffd"))
	}
	return body
}

// formatting elements are opened again by the parser in every block that
// follows until they are closed; scopes keep them apart. Of a and nobr only one
// is open at a time.
func formatting(name string) bool {
	switch name {
	case "b", "big", "code", "em", "font", "i", "s", "small", "strike", "strong", "tt", "u":
		return true
	}
	return false
}

func scope(name string) bool {
	switch name {
	case "applet", "object", "marquee", "td", "th", "caption", "template":
		return true
	}
	return false
}

// weigh estimates from above how many elements the parser makes of a page: each
// tag, times the formatting elements left open before it. It stops at maxWork.
func weigh(b []byte) int {
	z := html.NewTokenizer(bytes.NewReader(b))
	z.SetMaxBuf(maxPage)
	open, levels, work := 0, []int{0}, 0
	for work <= maxWork {
		t := z.Next()
		if t == html.ErrorToken {
			break
		}
		if t != html.StartTagToken && t != html.EndTagToken && t != html.SelfClosingTagToken {
			continue
		}
		work += 1 + open
		raw, _ := z.TagName()
		name, top := string(raw), len(levels)-1
		switch {
		case t == html.EndTagToken && formatting(name):
			if levels[top] > 0 {
				levels[top]--
				open--
			}
		case formatting(name):
			levels[top]++
			open++
		case t == html.EndTagToken && scope(name) && top > 0:
			open -= levels[top]
			levels = levels[:top]
		case t == html.StartTagToken && scope(name):
			levels = append(levels, 0)
		}
	}
	return work
}

// canonical is onrecord.CanonicalURL, or nothing.
func canonical(address string) string {
	id, err := onrecord.CanonicalURL(address)
	if err != nil {
		return ""
	}
	return id
}
