// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram

import (
	"bytes"
	"fmt"
	"iter"
	"strings"

	"golang.org/x/net/html"

	"onrecord/crawler"
)

// maxBody bounds a page. Real ones have 50 to 500 KB.
const maxBody = 4 << 20

// endWithin is how far before the end of a body the end tag of its document
// must stand; Telegram puts a comment behind it.
const endWithin = 4 << 10

// parse returns the tree of a whole page. What is cut, too long or nested
// deeper than the 512 elements that html.Parse allows is ErrDrift.
func parse(body []byte) (*html.Node, error) {
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return nil, fmt.Errorf("an empty answer: %w", crawler.ErrDrift)
	case len(body) > maxBody:
		return nil, fmt.Errorf("a page of %d bytes, at most %d: %w", len(body), maxBody, crawler.ErrDrift)
	case !bytes.Contains(bytes.ToLower(body[max(0, len(body)-endWithin):]), []byte("</html>")):
		return nil, fmt.Errorf("no end of an HTML page, it may be cut: %w", crawler.ErrDrift)
	}
	doc, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, crawler.ErrDrift)
	}
	return doc, nil
}

// attr returns the value of an attribute; empty if there is none.
func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key && a.Namespace == "" {
			return a.Val
		}
	}
	return ""
}

// has reports whether n is an element of a class.
func has(n *html.Node, class string) bool {
	if n.Type != html.ElementNode {
		return false
	}
	for c := range strings.FieldsSeq(attr(n, "class")) {
		if c == class {
			return true
		}
	}
	return false
}

// all yields the elements of a class below n, in the order of the document.
func all(n *html.Node, class string) iter.Seq[*html.Node] {
	return func(yield func(*html.Node) bool) {
		for d := range n.Descendants() {
			if has(d, class) && !yield(d) {
				return
			}
		}
	}
}

// first returns the first element of a class below n, or nil.
func first(n *html.Node, class string) *html.Node {
	for d := range all(n, class) {
		return d
	}
	return nil
}

// element returns the first element of that name below n, or nil.
func element(n *html.Node, name string) *html.Node {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == name {
			return d
		}
	}
	return nil
}

// line returns the text below n as one line; nil has none.
func line(n *html.Node) string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// inner returns what stands in n, as HTML.
func inner(n *html.Node) string {
	var b strings.Builder
	for c := range n.ChildNodes() {
		if html.Render(&b, c) != nil {
			return ""
		}
	}
	return strings.TrimSpace(b.String())
}
