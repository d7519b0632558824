// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"bytes"
	"fmt"
	"strings"

	"onrecord/crawler"
)

// Bounds of a document. The parser recurses over elements of foreign name
// spaces, copies the name spaces in scope at each element that declares one,
// and joins the text between children of a foreign element piece by piece.
const (
	maxBody       = 16 << 20
	maxDepth      = 1000
	maxNamespaces = 128
	maxChildren   = 1000
)

// A shape is what a scan of an XML document's tags shows.
type shape struct {
	root       string // local name, lower case
	channel    bool   // there is a channel
	known      bool   // there is a title, link, id, updated, description, item or entry
	tombstones bool   // the name space of RFC 6721 is declared
}

// element is an open element during the scan.
type element struct {
	name       []byte
	namespaces int
	children   int
	foreign    bool // its name has a prefix, or it declares a name space
}

// inspect scans the tags of an XML document before the parser sees it. A
// document out of bounds is ErrDrift. Time is linear: each element is pushed
// and popped once.
func inspect(b []byte) (shape, error) {
	var s shape
	s.tombstones = bytes.Contains(b, []byte("http://purl.org/atompub/tombstones/1.0"))
	var stack []element
	scope := 0
	for i := 0; i < len(b); {
		n := bytes.IndexByte(b[i:], '<')
		if n < 0 {
			break
		}
		i += n
		if end := skipOther(b, i); end > i {
			i = end
			continue
		}
		end, name, namespaces, empty := readTag(b, i+1)
		if name[0] == '/' {
			for len(stack) > 0 {
				top := stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				scope -= top.namespaces
				if bytes.EqualFold(top.name, name[1:]) {
					break
				}
			}
			i = end
			continue
		}
		s.see(name, len(stack))
		if err := count(stack); err != nil {
			return s, err
		}
		scope += namespaces
		stack = append(stack, element{name: name, namespaces: namespaces, foreign: namespaces > 0 || bytes.IndexByte(name, ':') >= 0})
		if len(stack) > maxDepth || scope > maxNamespaces {
			return s, fmt.Errorf("nested %d deep with %d name spaces in scope: %w", len(stack), scope, crawler.ErrDrift)
		}
		if empty {
			stack = stack[:len(stack)-1]
			scope -= namespaces
		}
		i = end
	}
	return s, nil
}

// count adds a child to the innermost element.
func count(stack []element) error {
	if len(stack) < 3 {
		return nil // items are children of the root or of the channel
	}
	top := &stack[len(stack)-1]
	if top.children++; top.foreign && top.children > maxChildren {
		return fmt.Errorf("more than %d children of a foreign element %.40q: %w", maxChildren, top.name, crawler.ErrDrift)
	}
	return nil
}

// see notes what is known of a feed's structure.
func (s *shape) see(name []byte, depth int) {
	local := string(bytes.ToLower(name[bytes.LastIndexByte(name, ':')+1:]))
	if depth == 0 && s.root == "" {
		s.root = local
	}
	switch local {
	case "channel":
		s.channel = s.channel || depth == 1
	case "title", "link", "id", "updated", "description", "item", "entry":
		s.known = s.known || depth == 1 || depth == 2
	}
}

// skipOther returns where the comment, CDATA section, instruction or
// declaration at b[i:] ends, or i if there is a tag. A "<" that begins nothing
// is skipped alone.
func skipOther(b []byte, i int) int {
	rest := b[i:]
	until := func(mark string) int {
		if n := bytes.Index(rest, []byte(mark)); n >= 0 {
			return i + n + len(mark)
		}
		return len(b)
	}
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		return until("-->")
	case bytes.HasPrefix(rest, []byte("<![CDATA[")):
		return until("]]>")
	case bytes.HasPrefix(rest, []byte("<?")):
		return until("?>")
	case bytes.HasPrefix(rest, []byte("<!")):
		if open, end := bytes.IndexByte(rest, '['), bytes.IndexByte(rest, '>'); open >= 0 && open < end {
			return until("]>")
		}
		return until(">")
	case len(rest) < 2 || strings.IndexByte(" \t\r\n<=>&\"'", rest[1]) >= 0:
		return i + 1
	}
	return i
}

// readTag reads the tag whose name begins at b[i], with its slash if it is an
// end tag; it returns where the tag ends, how many name spaces it declares and
// whether it is empty.
func readTag(b []byte, i int) (end int, name []byte, namespaces int, empty bool) {
	start := i
	for i++; i < len(b) && strings.IndexByte(" \t\r\n/>", b[i]) < 0; {
		i++
	}
	name = b[start:i]
	for i < len(b) && b[i] != '>' {
		switch c := b[i]; {
		case c == '"' || c == '\'':
			n := bytes.IndexByte(b[i+1:], c)
			if n < 0 {
				return len(b), name, namespaces, false
			}
			i += n + 1
		case c == 'x' && bytes.HasPrefix(b[i:], []byte("xmlns")):
			namespaces++
		}
		i++
	}
	if i == len(b) {
		return i, name, namespaces, false
	}
	return i + 1, name, namespaces, b[i-1] == '/'
}
