// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// errSelector reports a text that is no selector.
var errSelector = errors.New("no selector")

// A picker is a selector and what of the selected elements counts.
type picker struct {
	given string
	sel   cascadia.SelectorGroup
	attr  string // empty: the text
}

// attribute finds "@attribute" at the end of a selector.
var attribute = regexp.MustCompile(`^(.+)@([A-Za-z_:][-A-Za-z0-9_:.]*)$`)

// CheckSelector reports what is wrong with a selector of the configuration.
func CheckSelector(s string) error {
	_, err := pick(s)
	return err
}

// maxSelector bounds a selector, in bytes.
const maxSelector = 1 << 10

func pick(s string) (*picker, error) {
	p := &picker{given: s}
	css := strings.TrimSpace(s)
	if m := attribute.FindStringSubmatch(css); m != nil {
		css, p.attr = m[1], strings.ToLower(m[2])
	}
	if len(s) > maxSelector {
		return nil, fmt.Errorf("%d bytes, at most %d: %w", len(s), maxSelector, errSelector)
	}
	sel, err := cascadia.ParseGroup(css)
	if err != nil {
		return nil, fmt.Errorf("%q: %w: %w", s, errSelector, err)
	}
	p.sel = sel
	return p, nil
}

// mustPick is pick for the selectors of this package.
func mustPick(s string) *picker {
	p, err := pick(s)
	if err != nil {
		panic(err)
	}
	return p
}

// all returns the elements below n that p selects, in document order.
func (p *picker) all(n *html.Node) []*html.Node {
	if p == nil || n == nil {
		return nil
	}
	return cascadia.QueryAll(n, p.sel)
}

// first returns the first of them, or nil.
func (p *picker) first(n *html.Node) *html.Node {
	if p == nil || n == nil {
		return nil
	}
	return cascadia.Query(n, p.sel)
}

// outer returns those of all that are in no other of them.
func (p *picker) outer(n *html.Node) []*html.Node {
	var out []*html.Node
	taken := map[*html.Node]bool{}
	for _, m := range p.all(n) {
		inside := false
		for a := m.Parent; a != nil && !inside; a = a.Parent {
			inside = taken[a]
		}
		if !inside {
			taken[m] = true
			out = append(out, m)
		}
	}
	return out
}

// value returns what counts of an element that p selected, in one line.
func (p *picker) value(n *html.Node) string {
	if p.attr != "" {
		return oneLine(attr(n, p.attr))
	}
	return oneLine(text(n))
}

// attr returns the value of an attribute.
func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name && a.Namespace == "" {
			return a.Val
		}
	}
	return ""
}

// text returns the text within n, without scripts and styles.
func text(n *html.Node) string {
	var b strings.Builder
	for m := range n.Descendants() {
		if m.Type != html.TextNode || m.Parent != nil && (m.Parent.Data == "script" || m.Parent.Data == "style" || m.Parent.Data == "noscript") {
			continue
		}
		b.WriteString(m.Data)
		b.WriteByte(' ')
	}
	return strings.ToValidUTF8(b.String(), "\ufffd")
}

// glob reports whether an address is one that pattern describes: its path and
// query, or the whole address where the pattern has a scheme, with "*" for any
// run of characters. An empty pattern describes all.
func glob(pattern, address string) bool {
	if pattern == "" {
		return true
	}
	s := address
	if !strings.Contains(pattern, "://") {
		u, err := url.Parse(address)
		if err != nil {
			return false
		}
		s = u.RequestURI()
	}
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	if len(parts) == 1 {
		return s == ""
	}
	last := parts[len(parts)-1]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return strings.HasSuffix(s, last)
}
