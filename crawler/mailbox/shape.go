// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"

	"github.com/jhillyerd/enmime/v2/mediatype"
)

// What a message may be made of. The parser's time grows with the square of
// the number of parts and of the length of some headers, with length times
// depth, and doubles with each level of depth; real mails are far below these.
const (
	maxMultiparts = 12        // at the end of a message, each level asks the one below twice
	maxNested     = 256 << 20 // multiparts times length: each passes each byte on
	maxBoundaries = 1000      // lines that may part one part from the next
	maxHeader     = 256 << 10 // bytes of headers, of the message or of a part
	maxType       = 8 << 10   // bytes of a Content-Type or Content-Disposition
	maxText       = 4 << 20   // bytes of plain text, or of HTML without its pictures
)

// whole is a first Content-Type that says the message has no parts.
var whole = regexp.MustCompile(`(?is)\A(?:[^\n]*\n)*?content-type:\s*text/`)

// bounded returns a message with LF line ends, if its headers and its parts
// are so few that it can be parsed in reasonable time, or else why not.
func bounded(raw []byte) (body []byte, reason, detail string) {
	body = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	body = bytes.TrimLeft(body, "\r\n")
	n := headerLength(body)
	if n > maxHeader {
		return nil, reasonLong, fmt.Sprintf("its headers are longer than %d KiB", maxHeader>>10)
	}
	if whole.Match(body[:n]) {
		return body, "", ""
	}
	lines := 0
	for i := 0; i < len(body); {
		k := bytes.Index(body[i:], []byte("--"))
		if k < 0 {
			break
		}
		i += k + 2
		// the parser takes a boundary for one up to two bytes into a line
		if start := max(0, i-5); start > 0 && !bytes.ContainsAny(body[start:i-2], "\r\n") {
			continue
		}
		if lines++; lines > maxBoundaries {
			return nil, reasonDeep, fmt.Sprintf("more than %d lines that part it", maxBoundaries)
		}
		if headerLength(body[i:]) > maxHeader {
			return nil, reasonLong, fmt.Sprintf("the headers of a part are longer than %d KiB", maxHeader>>10)
		}
		if e := bytes.IndexByte(body[i:], '\n'); e >= 0 {
			i += e
		}
	}
	return body, "", ""
}

// headerLength returns how long the headers are: to the first empty line.
func headerLength(b []byte) int {
	if i := bytes.Index(b[:min(len(b), maxHeader+2)], []byte("\n\n")); i >= 0 {
		return i
	}
	return len(b)
}

// A typer parses the types of parts for the parser, which asks for each several
// times and takes the square of its length. It stops it from going deeper than
// the boundaries that it has given away.
type typer struct {
	max  int // boundaries
	seen map[string]mediaType
	part map[string]bool // boundaries so far
	over string          // what went beyond the bounds
}

type mediaType struct {
	name    string
	params  map[string]string
	invalid []string
	err     error
}

// newTyper returns one for a message of length bytes.
func newTyper(length int) *typer {
	return &typer{max: min(maxMultiparts, maxNested/max(1, length)), seen: map[string]mediaType{}, part: map[string]bool{}}
}

var errType = errors.New("a media type beyond bounds")

func (t *typer) parse(s string) (string, map[string]string, []string, error) {
	if len(s) > maxType {
		t.over = fmt.Sprintf("a Content-Type is longer than %d KiB", maxType>>10)
		return "", nil, nil, errType
	}
	m, ok := t.seen[s]
	if !ok {
		m.name, m.params, m.invalid, m.err = mediatype.Parse(s)
		t.seen[s] = m
	}
	if b := m.params["boundary"]; b != "" && m.err == nil {
		t.part[b] = true
		if len(t.part) > t.max || len(b) > 1000 {
			t.over = fmt.Sprintf("more than %d multiparts in a message of its length", t.max)
			return "", nil, nil, errType
		}
	}
	return m.name, maps.Clone(m.params), m.invalid, m.err
}
