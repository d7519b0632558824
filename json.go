// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// reader reads strict JSON from one buffer in one pass: valid UTF-8, no
// duplicate keys, bounded depth, no trailing data. The first error sticks and
// everything after it reads as zero.
type reader struct {
	b     []byte
	i     int
	depth int
	err   error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("byte %d: %s: %w", r.i, fmt.Sprintf(format, args...), ErrJSON)
		r.i = len(r.b)
	}
}

// peek skips white space and returns the next byte, 0 at the end.
func (r *reader) peek() byte {
	for r.i < len(r.b) {
		switch c := r.b[r.i]; c {
		case ' ', '\t', '\n', '\r':
			r.i++
		default:
			return c
		}
	}
	return 0
}

func (r *reader) expect(c byte) bool {
	if got := r.peek(); got != c || r.err != nil {
		r.fail("want %q, got %q", c, got)
		return false
	}
	r.i++
	return true
}

// end checks that nothing follows and returns the first error.
func (r *reader) end() error {
	if r.err == nil && r.peek() != 0 || r.err == nil && r.i < len(r.b) {
		r.fail("data after the value")
	}
	return r.err
}

// object calls field for each key; field must read the value.
func (r *reader) object(field func(key string)) {
	if r.depth++; r.depth > maxDepth {
		r.fail("deeper than %d", maxDepth)
	}
	if !r.expect('{') {
		return
	}
	var keys keySet
	for first := true; r.err == nil; first = false {
		if r.peek() == '}' {
			r.i++
			break
		}
		if !first && !r.expect(',') {
			return
		}
		key := r.key()
		if r.err == nil && !keys.add(key) {
			r.fail("duplicate key %.60q", key)
		}
		if !r.expect(':') {
			return
		}
		field(key)
	}
	r.depth--
}

// array calls element for each element, which it must read.
func (r *reader) array(element func()) {
	if r.depth++; r.depth > maxDepth {
		r.fail("deeper than %d", maxDepth)
	}
	if !r.expect('[') {
		return
	}
	for first := true; r.err == nil; first = false {
		if r.peek() == ']' {
			r.i++
			break
		}
		if !first && !r.expect(',') {
			return
		}
		element()
	}
	r.depth--
}

// keySet finds duplicates: in a list while the object is small, else in a map.
type keySet struct {
	few  [24]string
	n    int
	many map[string]bool
}

func (k *keySet) add(key string) bool {
	if k.many == nil {
		if slices.Contains(k.few[:k.n], key) {
			return false
		}
		if k.n < len(k.few) {
			k.few[k.n] = key
			k.n++
			return true
		}
		k.many = make(map[string]bool, 2*len(k.few))
		for _, f := range k.few {
			k.many[f] = true
		}
	}
	if k.many[key] {
		return false
	}
	k.many[key] = true
	return true
}

// key reads a string and allocates nothing if it is one of our keys.
func (r *reader) key() string {
	r.peek()
	if n := bytes.IndexByte(r.b[min(r.i+1, len(r.b)):], '"'); n >= 0 && r.b[r.i] == '"' {
		if k, ok := lineKeys[string(r.b[r.i+1:r.i+1+n])]; ok {
			r.i += n + 2
			return k
		}
	}
	return r.str()
}

func (r *reader) str() string {
	if !r.expect('"') {
		return ""
	}
	start := r.i
	for r.i < len(r.b) {
		switch c := r.b[r.i]; {
		case c == '"':
			s := r.b[start:r.i]
			r.i++
			return r.valid(s)
		case c == '\\':
			return r.escaped(start)
		case c < ' ':
			r.fail("control character in string")
			return ""
		}
		r.i++
	}
	r.fail("string without end")
	return ""
}

func (r *reader) valid(s []byte) string {
	if !utf8.Valid(s) {
		r.fail("string is not UTF-8")
		return ""
	}
	return string(s)
}

// escaped reads on a string that began at start and has an escape at r.i.
func (r *reader) escaped(start int) string {
	out := append(make([]byte, 0, 2*(r.i-start)+32), r.b[start:r.i]...)
	for r.i < len(r.b) {
		c := r.b[r.i]
		r.i++
		switch {
		case c == '"':
			return r.valid(out)
		case c < ' ':
			r.fail("control character in string")
			return ""
		case c != '\\':
			out = append(out, c)
			continue
		}
		if r.i == len(r.b) {
			break
		}
		c = r.b[r.i]
		r.i++
		if c == 'u' {
			out = utf8.AppendRune(out, r.unicode())
		} else if k := strings.IndexByte(`"\/bfnrt`, c); k >= 0 {
			out = append(out, "\"\\/\b\f\n\r\t"[k])
		} else {
			r.fail("escape \\%c", c)
		}
	}
	r.fail("string without end")
	return ""
}

// unicode reads what follows \u, with the second half of a surrogate pair.
func (r *reader) unicode() rune {
	c := r.hex4()
	if !utf16.IsSurrogate(c) {
		return c
	}
	if r.i+1 < len(r.b) && r.b[r.i] == '\\' && r.b[r.i+1] == 'u' {
		r.i += 2
		if c = utf16.DecodeRune(c, r.hex4()); c != utf8.RuneError {
			return c
		}
	}
	r.fail("half a surrogate pair")
	return 0
}

func (r *reader) hex4() rune {
	if r.i+4 > len(r.b) {
		r.fail("short \\u escape")
		return 0
	}
	var c rune
	for _, d := range r.b[r.i : r.i+4] {
		h := unhex(d)
		if h < 0 {
			r.fail("bad \\u escape")
			return 0
		}
		c = c<<4 | rune(h)
	}
	r.i += 4
	return c
}

func (r *reader) strs() []string {
	var list []string
	r.array(func() { list = append(list, r.str()) })
	return list
}

func (r *reader) bool() bool {
	for _, w := range []string{"true", "false"} {
		if r.word(w) {
			return w == "true"
		}
	}
	r.fail("want true or false")
	return false
}

func (r *reader) word(w string) bool {
	r.peek()
	if strings.HasPrefix(string(r.b[r.i:min(len(r.b), r.i+len(w))]), w) {
		r.i += len(w)
		return true
	}
	return false
}

// number returns the literal of a number by the grammar of RFC 8259.
func (r *reader) number() string {
	r.peek()
	start := r.i
	digits := func() int {
		from := r.i
		for r.i < len(r.b) && r.b[r.i] >= '0' && r.b[r.i] <= '9' {
			r.i++
		}
		return r.i - from
	}
	at := func(set string) bool {
		ok := r.i < len(r.b) && strings.IndexByte(set, r.b[r.i]) >= 0
		if ok {
			r.i++
		}
		return ok
	}
	at("-")
	ok := at("0") || digits() > 0
	if at(".") {
		ok = digits() > 0 && ok
	}
	if at("eE") {
		at("+-")
		ok = digits() > 0 && ok
	}
	if !ok || r.err != nil {
		r.fail("want a number")
		return "0"
	}
	return string(r.b[start:r.i])
}

func (r *reader) int64() int64 {
	n, err := strconv.ParseInt(r.number(), 10, 64)
	if err != nil {
		r.fail("want an integer of 64 bits")
	}
	return n
}

// time reads an RFC 3339 instant: UTC, truncated to microseconds.
func (r *reader) time() time.Time {
	s := r.str()
	if r.err != nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		r.fail("time %.40q is not RFC 3339", s)
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// any reads any value: string, json.Number, bool, nil, []any, map[string]any.
func (r *reader) any() any {
	switch c := r.peek(); {
	case c == '"':
		return r.str()
	case c == '{':
		m := map[string]any{}
		r.object(func(key string) { m[key] = r.any() })
		return m
	case c == '[':
		list := []any{}
		r.array(func() { list = append(list, r.any()) })
		return list
	case c == 't' || c == 'f':
		return r.bool()
	case r.word("null"):
		return nil
	}
	return json.Number(r.number())
}

// skip checks a value and drops it.
func (r *reader) skip() { r.any() }
