// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// ErrPlace reports a configuration written in a way in which Add finds no place
// for a source. The error shows what is to be added by hand.
var ErrPlace = errors.New("no place for the source in this file")

// Add returns data, which is a configuration at path, with source s of figure f
// added: at the end of the sources of the figure with that slug or, where there
// is none, with the figure at the end of the figures. Every other byte stays as
// it is, comments too. The result is checked as by Parse; f needs Slug and
// Name only.
func Add(path string, data []byte, f Figure, s Source, o Options) ([]byte, error) {
	crlf := []byte("\r\n")
	if n := bytes.Count(data, crlf); n > 0 && n == bytes.Count(data, []byte("\n")) {
		added, err := Add(path, bytes.ReplaceAll(data, crlf, []byte("\n")), f, s, o)
		return bytes.ReplaceAll(added, []byte("\n"), crlf), err
	}
	old, err := Parse(path, data, o)
	if err != nil {
		return nil, err
	}
	f.Sources = []Source{s}
	added, ok := old.insert(data, f)
	if !ok {
		return nil, handwork(f)
	}
	c, err := Parse(path, added, o)
	if err != nil {
		return nil, err
	}
	if !c.has(old, f) {
		return nil, handwork(f)
	}
	return added, nil
}

// handwork is ErrPlace, with what to write.
func handwork(f Figure) error {
	var p printer
	p.figures([]Figure{f})
	return fmt.Errorf("%w; add it yourself:\n%s", ErrPlace, p.Bytes())
}

// has reports whether c is old with one more source, of figure f.
func (c *Config) has(old *Config, f Figure) bool {
	want, i := slices.Clone(old.Figures), slices.IndexFunc(old.Figures, func(o Figure) bool { return o.Slug == f.Slug })
	got := slices.Clone(c.Figures)
	if i < 0 {
		want, i = append(want, Figure{Slug: f.Slug, Name: f.Name}), len(want)
	}
	if len(got) != len(want) || len(got[i].Sources) != len(want[i].Sources)+1 {
		return false
	}
	last := got[i].Sources[len(got[i].Sources)-1]
	got[i].Sources = got[i].Sources[:len(got[i].Sources)-1]
	for j := range want { // nil and empty are the same
		if len(want[j].Sources) == 0 && len(got[j].Sources) == 0 {
			want[j].Sources, got[j].Sources = nil, nil
		}
	}
	return reflect.DeepEqual(got, want) && last.ID == f.Sources[0].ID && last.Platform == f.Sources[0].Platform
}

// insert puts the source of f into data.
func (c *Config) insert(data []byte, f Figure) ([]byte, bool) {
	text := &lines{list: strings.SplitAfter(string(data), "\n")}
	i := slices.IndexFunc(c.Figures, func(o Figure) bool { return o.Slug == f.Slug })
	switch {
	case i < 0 && len(c.Figures) > 0:
		return text.below(c.at[fmt.Sprintf("figures[%d]", len(c.Figures)-1)], func(p *printer) { p.figures([]Figure{f}) }, 1, 1)
	case i < 0:
		return text.newList(c.at["figures"], "figures", 0, func(p *printer) { p.figures([]Figure{f}) }, 1)
	}
	source := func(p *printer) { p.source(f.Sources[0]) }
	figure := fmt.Sprintf("figures[%d]", i)
	if n := len(c.Figures[i].Sources); n > 0 {
		return text.below(c.at[fmt.Sprintf("%s.sources[%d]", figure, n-1)], source, 3, 0)
	}
	if at, ok := c.at[figure+".sources"]; ok {
		return text.newList(at, "sources", at.column-1, source, 3)
	}
	return text.newKey(c.at[figure], "sources", source, 3)
}

// lines are those of a file, with their ends.
type lines struct{ list []string }

// line returns line n, from 1.
func (l *lines) line(n int) string {
	if n < 1 || n > len(l.list) {
		return ""
	}
	return l.list[n-1]
}

// indent returns by how many spaces a line is indented; ok is false for one
// without content.
func indent(line string) (n int, ok bool) {
	rest := strings.TrimLeft(line, " ")
	return len(line) - len(rest), strings.TrimSpace(rest) != "" && !strings.HasPrefix(rest, "#")
}

// end returns the line after which the block that begins in line n ends, whose
// lines are all indented by more than by.
func (l *lines) end(n, by int) int {
	last := n
	for i := n + 1; i <= len(l.list); i++ {
		in, ok := indent(l.line(i))
		if !ok {
			continue
		}
		if in <= by {
			break
		}
		last = i
	}
	// A comment that stands as deep as the block belongs to it.
	for i := last + 1; i <= len(l.list); i++ {
		if in, _ := indent(l.line(i)); in <= by || strings.TrimSpace(l.line(i)) == "" {
			break
		}
		last = i
	}
	return last
}

// below puts what write prints after the item of a list that begins at at, by a
// dash. write indents by level; skip lines are left out of its beginning.
func (l *lines) below(at position, write func(*printer), level, skip int) ([]byte, bool) {
	head := l.line(at.line)
	if at.column < 2 || at.column > len(head) {
		return nil, false
	}
	dash := strings.TrimRight(head[:at.column-1], " ")
	if !strings.HasSuffix(dash, "-") || strings.TrimLeft(dash, " ") != "-" {
		return nil, false // in brackets, or more than one dash in a line
	}
	return l.put(l.end(at.line, len(dash)-1), printed(write, level, skip, len(dash)-1)), true
}

// newList puts a list in the place of "[]" at at, or at the end of the file
// where there is no such key yet.
func (l *lines) newList(at position, key string, by int, write func(*printer), level int) ([]byte, bool) {
	skip := 0
	if key == "figures" {
		skip = 1 // p.figures writes the key
	}
	if at == (position{}) {
		return l.put(len(l.list), append([]byte(key+":\n"), printed(write, level, skip, 2)...)), true
	}
	line := l.line(at.line)
	head, tail, ok := strings.Cut(line, key+":")
	if !ok || strings.TrimSpace(head) != "" {
		return nil, false
	}
	value, comment, _ := strings.Cut(tail, "#")
	if v := strings.ReplaceAll(strings.TrimSpace(value), " ", ""); v != "" && v != "[]" && v != "null" && v != "~" {
		return nil, false
	}
	l.list[at.line-1] = head + key + ":" + ending(comment, line)
	return l.put(at.line, printed(write, level, skip, len(head)+2)), true
}

// ending returns what stands after a key: its comment, if it had one.
func ending(comment, line string) string {
	end := line[len(strings.TrimRight(line, "\r\n")):]
	if comment = strings.TrimRight(comment, "\r\n"); comment != "" {
		return " #" + comment + end
	}
	return end
}

// newKey puts a key with a list at the end of the item that begins at at.
func (l *lines) newKey(at position, key string, write func(*printer), level int) ([]byte, bool) {
	head := l.line(at.line)
	if at.column < 2 || at.column > len(head) || strings.TrimSpace(head[:at.column-1]) != "-" {
		return nil, false
	}
	by := at.column - 1
	text := append([]byte(strings.Repeat(" ", by)+key+":\n"), printed(write, level, 0, by+2)...)
	return l.put(l.end(at.line, strings.Index(head, "-")), text), true
}

// put returns the file with text after line n.
func (l *lines) put(n int, text []byte) []byte {
	var b bytes.Buffer
	for i, line := range l.list {
		if i == n {
			b.Write(text)
		}
		b.WriteString(line)
		if i == n-1 && line != "" && !strings.HasSuffix(line, "\n") {
			b.WriteByte('\n')
		}
	}
	if n >= len(l.list) {
		b.Write(text)
	}
	return b.Bytes()
}

// printed returns what write prints at level, indented by by instead, without
// its first skip lines.
func printed(write func(*printer), level, skip, by int) []byte {
	var p printer
	write(&p)
	var b bytes.Buffer
	for line := range strings.Lines(p.String()) {
		if skip > 0 {
			skip--
			continue
		}
		b.WriteString(strings.Repeat(" ", by))
		b.WriteString(strings.TrimPrefix(line, strings.Repeat("  ", level)))
	}
	return b.Bytes()
}
