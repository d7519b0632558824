// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deeply values may be nested, maxWalk how deep in an answer a
// post may stand: each level there is read anew. X's own answers stay below 20.
const (
	maxDepth = 200
	maxWalk  = 40
)

// nesting returns how deep the objects and arrays of a JSON text are nested.
func nesting(b []byte) int {
	depth, most := 0, 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			depth++
			most = max(most, depth)
		case '}', ']':
			depth--
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		}
	}
	return most
}

var errJSON = errors.New("not JSON")

// A decoder reads one JSON value that is held in memory, token by token, so
// that the nine tenths of a post that nobody wants cost no more than looking
// for their end. What is skipped is checked for its brackets and strings only.
// After a mistake all methods do nothing and err says so.
type decoder struct {
	b     []byte
	pos   int
	depth int
	buf   []byte // of strings with escapes
	err   error
}

func (d *decoder) reset(b []byte) { d.b, d.pos, d.depth, d.err = b, 0, 0, nil }

func (d *decoder) fail() {
	if d.err == nil {
		d.err = errJSON
	}
}

// peek returns the first byte of the next token; 0 at the end or after a mistake.
func (d *decoder) peek() byte {
	if d.err != nil {
		return 0
	}
	for d.pos < len(d.b) {
		switch c := d.b[d.pos]; c {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return c
		}
	}
	return 0
}

// object calls f for each member of an object; f reads the value, and key is
// valid until it does. Any other value is skipped.
func (d *decoder) object(f func(key []byte)) {
	if d.peek() != '{' {
		d.skip()
		return
	}
	if d.depth++; d.depth > maxDepth {
		d.fail()
	}
	d.pos++
	for first := true; d.err == nil; first = false {
		c := d.peek()
		if c == '}' {
			d.pos++
			d.depth--
			return
		}
		if !first {
			if c != ',' {
				d.fail()
				return
			}
			d.pos++
			d.peek()
		}
		key := d.bytes()
		if d.peek() != ':' {
			d.fail()
			return
		}
		d.pos++
		f(key)
	}
}

// array calls f for each element of an array; f reads it. Any other value is
// skipped.
func (d *decoder) array(f func()) {
	if d.peek() != '[' {
		d.skip()
		return
	}
	if d.depth++; d.depth > maxDepth {
		d.fail()
	}
	d.pos++
	for first := true; d.err == nil; first = false {
		c := d.peek()
		if c == ']' {
			d.pos++
			d.depth--
			return
		}
		if !first {
			if c != ',' {
				d.fail()
				return
			}
			d.pos++
		}
		f()
	}
}

// str returns a string, or the digits of a number as they stand; of any other
// value nothing.
func (d *decoder) str() string {
	switch c := d.peek(); {
	case c == '"':
		return string(d.bytes())
	case c == '-' || '0' <= c && c <= '9':
		return string(d.raw())
	}
	d.skip()
	return ""
}

// count returns a number, which may stand in a string; 0 for what is none.
func (d *decoder) count() int64 {
	raw := bytes.Trim(d.raw(), `"`)
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// truth returns a boolean, which may be written as "t" or "f".
func (d *decoder) truth() bool { return isTrue(string(d.raw())) }

func isTrue(s string) bool {
	switch s {
	case "true", `"true"`, `"t"`, "t", "True", "TRUE", `"True"`, "1", `"1"`:
		return true
	}
	return false
}

// bytes returns a string's bytes, valid until the next call.
func (d *decoder) bytes() []byte {
	if d.peek() != '"' {
		d.fail()
		return nil
	}
	start := d.pos + 1
	i := start
	for ; i < len(d.b); i++ {
		if c := d.b[i]; c == '"' {
			d.pos = i + 1
			return d.b[start:i]
		} else if c == '\\' {
			break
		}
	}
	d.buf = append(d.buf[:0], d.b[start:i]...)
	for i < len(d.b) {
		c := d.b[i]
		switch {
		case c == '"':
			d.pos = i + 1
			return d.buf
		case c != '\\':
			d.buf = append(d.buf, c)
			i++
		default:
			if i = d.escape(i + 1); d.err != nil {
				return nil
			}
		}
	}
	d.fail()
	return nil
}

// escape reads what follows a backslash and returns where to go on.
func (d *decoder) escape(i int) int {
	if i >= len(d.b) {
		d.fail()
		return i
	}
	switch c := d.b[i]; c {
	case 'n':
		d.buf = append(d.buf, '\n')
	case 't':
		d.buf = append(d.buf, '\t')
	case 'r':
		d.buf = append(d.buf, '\r')
	case 'b':
		d.buf = append(d.buf, '\b')
	case 'f':
		d.buf = append(d.buf, '\f')
	case '"', '\\', '/':
		d.buf = append(d.buf, c)
	case 'u':
		r, ok := d.hex(i + 1)
		if !ok {
			d.fail()
			return i
		}
		if i += 4; utf16.IsSurrogate(r) && i+2 < len(d.b) && d.b[i+1] == '\\' && d.b[i+2] == 'u' {
			if low, ok := d.hex(i + 3); ok {
				if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
					r, i = both, i+6
				}
			}
		}
		d.buf = utf8.AppendRune(d.buf, r)
	default:
		d.fail()
	}
	return i + 1
}

func (d *decoder) hex(i int) (rune, bool) {
	if i+4 > len(d.b) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(d.b[i:i+4]), 16, 32)
	return rune(n), err == nil
}

// skip passes over a value.
func (d *decoder) skip() { d.raw() }

// raw returns a value as it stands.
func (d *decoder) raw() []byte {
	c := d.peek()
	start := d.pos
	depth := 0
	for i := d.pos; c != 0 && i < len(d.b); i++ {
		switch d.b[i] {
		case '"':
			if i = endOfString(d.b, i+1); i < 0 {
				d.fail()
				return nil
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth--; depth < 0 {
				d.fail()
				return nil
			}
		default:
			if depth == 0 {
				return d.primitive(i)
			}
			continue
		}
		if depth == 0 {
			d.pos = i + 1
			return d.b[start:d.pos]
		}
	}
	d.fail()
	return nil
}

// primitive returns a number, true, false or null that begins at i.
func (d *decoder) primitive(i int) []byte {
	start := i
	for ; i < len(d.b); i++ {
		switch d.b[i] {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			goto end
		}
	}
end:
	v := d.b[start:i]
	if c := v[:min(1, len(v))]; len(c) == 0 || c[0] != '-' && (c[0] < '0' || c[0] > '9') {
		if s := string(v); s != "true" && s != "false" && s != "null" {
			d.fail()
			return nil
		}
	}
	d.pos = i
	return v
}

// endOfString returns the place of the quotation mark that ends the string
// whose first byte is at i; -1 where none does.
func endOfString(b []byte, i int) int {
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return -1
}
