// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bufio"
	"bytes"
	_ "embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

//go:embed texts/en.txt
var english []byte

// texts is a catalogue: what the site says, by key.
type texts map[string]string

// parseTexts reads lines "key = text". Empty lines and lines that begin with
// "#" are skipped; quotes around a whole text are taken off.
func parseTexts(data []byte) (texts, error) {
	t := texts{}
	sc := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; sc.Scan(); n++ {
		line := sc.Text()
		if strings.TrimSpace(line) == "" || line[0] == '#' {
			continue
		}
		key, text, ok := strings.Cut(line, " = ")
		if !ok {
			return nil, fmt.Errorf("texts line %d: want \"key = text\", have %q", n, line)
		}
		if _, twice := t[key]; twice {
			return nil, fmt.Errorf("texts line %d: key %q is there twice", n, key)
		}
		if len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' {
			text = text[1 : len(text)-1]
		}
		t[key] = text
	}
	return t, sc.Err()
}

// f returns the text under key with its {names} replaced by the values in
// pairs of name and value.
func (t texts) f(key string, pairs ...any) string {
	return replace(t[key], pairs)
}

// n is f for a text that depends on a number: key.one for 1, else key.other.
// {n} is the number.
func (t texts) n(key string, n int64, pairs ...any) string {
	form := ".other"
	if n == 1 {
		form = ".one"
	}
	return t.f(key+form, append([]any{"n", number(n)}, pairs...)...)
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// replace fills the {names} in text with the values in pairs of name and
// value. It runs some 200 times a page: hence no regular expression.
func replace(text string, pairs []any) string {
	if len(pairs) == 0 {
		return text
	}
	var b strings.Builder
	for {
		start := strings.IndexByte(text, '{')
		end := strings.IndexByte(text[max(start, 0):], '}') + max(start, 0)
		if start < 0 || end < start {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:start])
		b.WriteString(value(text[start:end+1], pairs))
		text = text[end+1:]
	}
}

// value is what stands for {name}: itself, if there is no such pair.
func value(name string, pairs []any) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == name[1:len(name)-1] {
			if s, ok := pairs[i+1].(string); ok {
				return s
			}
			return fmt.Sprint(pairs[i+1])
		}
	}
	return name
}

// number prints n with commas between thousands.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
