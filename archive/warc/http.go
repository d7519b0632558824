// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc

import (
	"bytes"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// A Message is an HTTP message as it stands in a block. Head and Body are parts
// of the block; what can't be made out is empty.
type Message struct {
	Status int    // of a response
	Method string // of a request
	Target string // of a request
	Header http.Header
	Head   []byte // first line and fields, with the empty line
	Body   []byte // as recorded: see Payload
}

// maxFields is how much of a head is read for its fields, in bytes: no client takes
// a longer one, and a block without an empty line is all head.
const maxFields = 1 << 20

// ParseHTTP reads an HTTP message, request or response, and forgives what real
// servers and real archives do: a status without a text, lines without a
// colon, bare line feeds, no empty line at all. Fields behind the first MiB of a
// head are passed over.
func ParseHTTP(block []byte) Message {
	m := Message{Head: block, Header: http.Header{}}
	if n := headEnd(block); n >= 0 {
		m.Head, m.Body = block[:n], block[n:]
	}
	first := true
	last := ""
	var folded []byte // the value in hand, where it has more than one line
	unfold := func() {
		if v := m.Header[last]; folded != nil {
			v[len(v)-1], folded = string(folded), nil
		}
	}
	for line := range bytes.Lines(m.Head[:min(len(m.Head), maxFields)]) {
		text := strings.TrimRight(string(line), "\r\n")
		switch {
		case first:
			m.firstLine(text)
			first = false
		case text == "":
		case (text[0] == ' ' || text[0] == '\t') && last != "":
			if v := m.Header[last]; folded == nil {
				folded = []byte(v[len(v)-1])
			}
			folded = append(append(folded, ' '), strings.TrimSpace(text)...)
		default:
			if name, value, ok := strings.Cut(text, ":"); ok && strings.TrimSpace(name) != "" {
				unfold()
				last = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))
				m.Header[last] = append(m.Header[last], strings.TrimSpace(value))
			}
		}
	}
	unfold()
	return m
}

func (m *Message) firstLine(line string) {
	a, rest, _ := strings.Cut(line, " ")
	if strings.HasPrefix(a, "HTTP/") {
		code, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		if n, err := strconv.Atoi(code); err == nil && n >= 100 && n <= 999 {
			m.Status = n
		}
		return
	}
	m.Method = a
	m.Target, _, _ = strings.Cut(rest, " ")
}

// Payload returns Body without its chunked transfer coding, if the head claims
// one and the body has it; else Body. Our own records have none; others' do.
func (m Message) Payload() []byte {
	if !strings.EqualFold(strings.TrimSpace(m.Header.Get("Transfer-Encoding")), "chunked") {
		return m.Body
	}
	if out, ok := dechunk(m.Body); ok {
		return out
	}
	return m.Body
}

// dechunk removes the chunked transfer coding (RFC 9112, 7.1). ok is false if b
// does not begin with a chunk. A body that ends early gives what it has.
func dechunk(b []byte) (out []byte, ok bool) {
	for len(b) > 0 {
		n := bytes.IndexByte(b, '\n')
		if n < 0 {
			return out, ok
		}
		size, _, _ := strings.Cut(string(b[:min(n, 256)]), ";")
		k, err := strconv.ParseUint(strings.TrimSpace(size), 16, 31)
		if err != nil {
			return out, ok
		}
		ok = true
		if b = b[n+1:]; k == 0 {
			return out, true
		}
		k = min(k, uint64(len(b)))
		out = append(out, b[:k]...)
		b = bytes.TrimPrefix(bytes.TrimPrefix(b[k:], []byte("\r")), []byte("\n"))
	}
	return out, ok
}
