// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	maxFile  = 1 << 20 // of a configuration, in bytes
	maxDepth = 32      // of brackets in it: the parser is recursive
)

type position struct{ line, column int }

// A reader makes a Config of YAML, and notes where each value stands.
type reader struct {
	file     string
	at       map[string]position
	given    map[string]bool // paths of the durations that are there
	problems []Problem
	broken   bool // the file is no YAML: nothing more can be said of it
}

// A key reads the value of a key into the Config.
type key struct {
	name string
	read func(n ast.Node, path string)
}

func (r *reader) problem(n ast.Node, path, hint, format string, args ...any) {
	pos := place(n)
	r.problems = append(r.problems, Problem{
		File: r.file, Line: pos.line, Column: pos.column, Path: path,
		Message: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// place returns where a node begins.
func place(n ast.Node) position {
	switch m := n.(type) {
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return place(m.Values[0])
		}
	case *ast.MappingValueNode:
		return place(m.Key)
	}
	if n == nil {
		return position{}
	}
	return tokenPlace(n.GetToken())
}

func tokenPlace(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{}
	}
	return position{t.Position.Line, t.Position.Column}
}

// read reads data. The Config is as complete as the problems allow.
func (r *reader) read(data []byte) *Config {
	c := &Config{}
	root, ok := r.parse(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	if !ok {
		r.broken = true
		return c
	}
	r.mapping(root, "", []key{
		{"archive", r.section(
			key{"name", r.text(&c.Archive.Name)},
			key{"operator", r.section(
				key{"name", r.text(&c.Archive.Operator.Name)},
				key{"email", r.text(&c.Archive.Operator.Email)},
			)},
			key{"url", r.text(&c.Archive.URL)},
		)},
		{"storage", r.storage(&c.Storage)},
		{"state_dir", r.text(&c.StateDir)},
		{"spool_limit", r.size(&c.SpoolLimit)},
		{"log", r.section(key{"origin", r.text(&c.Log.Origin)}, key{"witnesses", list(r, &c.Log.Witnesses, r.witness)})},
		{"http", r.section(key{"listen", r.text(&c.HTTP.Listen)})},
		{"crawl", r.section(
			key{"contact", r.text(&c.Crawl.Contact)},
			key{"confirm_after", r.duration(&c.Crawl.ConfirmAfter)},
			key{"offline_after", r.duration(&c.Crawl.OfflineAfter)},
			key{"min_interval", r.duration(&c.Crawl.MinInterval)},
			key{"recheck", r.durations(&c.Crawl.Recheck)},
			key{"sweep", r.duration(&c.Crawl.Sweep)},
			key{"jitter", r.percent(&c.Crawl.Jitter)},
			key{"concurrency", r.number(&c.Crawl.Concurrency)},
			key{"allow_addresses", r.prefixes(&c.Crawl.AllowAddresses)},
		)},
		{"media", r.section(r.media(&c.Media)...)},
		{"dispatch", r.section(key{"url", r.text(&c.Dispatch.URL)})},
		{"figures", list(r, &c.Figures, r.figure)},
	})
	return c
}

func (r *reader) figure(f *Figure) []key {
	return []key{
		{"slug", r.text(&f.Slug)},
		{"name", r.text(&f.Name)},
		{"sources", list(r, &f.Sources, r.source)},
	}
}

func (r *reader) source(s *Source) []key {
	return []key{
		{"id", r.text(&s.ID)},
		{"platform", r.text(&s.Platform)},
		{"account", r.text(&s.Account)},
		{"account_id", r.text(&s.AccountID)},
		{"schedule", r.text(&s.Schedule)},
		{"doors", list(r, &s.Doors, r.door)},
	}
}

func (r *reader) door(d *Door) []key {
	return []key{
		{"id", r.text(&d.ID)},
		{"kind", r.text(&d.Kind)},
		{"url", r.text(&d.URL)},
		{"start", r.text(&d.Start)},
		{"sitemap", r.text(&d.Sitemap)},
		{"match", r.text(&d.Match)},
		{"item", r.text(&d.Item)},
		{"next", r.text(&d.Next)},
		{"title", r.text(&d.Title)},
		{"text", r.text(&d.Text)},
		{"date", r.text(&d.Date)},
		{"remove", r.texts(&d.Remove)},
		{"zone", r.text(&d.Zone)},
		{"base_url", r.text(&d.BaseURL)},
		{"original_url", r.text(&d.OriginalURL)},
	}
}

// parse returns the one document in data.
func (r *reader) parse(data []byte) (ast.Node, bool) {
	fail := func(pos position, format string, args ...any) (ast.Node, bool) {
		r.problems = append(r.problems, Problem{File: r.file, Line: pos.line, Column: pos.column, Message: fmt.Sprintf(format, args...)})
		return nil, false
	}
	if len(data) > maxFile {
		return fail(position{}, "%d bytes, at most %d", len(data), maxFile)
	}
	tokens := lexer.Tokenize(string(data))
	if pos, deep := tooDeep(tokens); deep {
		return fail(pos, "nested too deeply")
	}
	f, err := parser.Parse(tokens, 0)
	if err != nil {
		if e, ok := errors.AsType[yaml.Error](err); ok {
			return fail(tokenPlace(e.GetToken()), "%s", e.GetMessage())
		}
		return fail(position{}, "not YAML: %v", err)
	}
	var docs []ast.Node
	for _, d := range f.Docs {
		if d.Body != nil {
			docs = append(docs, d.Body)
		}
	}
	switch len(docs) {
	case 0:
		return fail(position{}, "empty")
	case 1:
		return docs[0], true
	}
	return fail(place(docs[1]), "a second document")
}

// tooDeep reports where brackets, or dashes and keys of one line, nest deeper
// than any configuration does.
func tooDeep(tokens token.Tokens) (position, bool) {
	depth, inLine, line := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			if t.Position.Line != line {
				line, inLine = t.Position.Line, 0
			}
			inLine++
		}
		if depth > maxDepth || inLine > maxDepth || t.Position.Column > 4096 && t.Position.IndentNum > 4096 {
			return tokenPlace(t), true
		}
	}
	return position{}, false
}

// mapping reads a mapping that has these keys and no others. Null is nothing.
func (r *reader) mapping(n ast.Node, path string, keys []key) {
	if n == nil || n.Type() == ast.NullType {
		return
	}
	m, ok := n.(ast.MapNode)
	if !ok {
		r.problem(n, path, "", "want keys and values, got %s", describe(n))
		return
	}
	seen := map[string]bool{}
	for it := m.MapRange(); it.Next(); {
		name := it.Key().GetToken().Value
		sub := name
		if path != "" {
			sub = path + "." + name
		}
		i := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
		switch {
		case i < 0:
			known := make([]string, len(keys))
			for i, k := range keys {
				known[i] = k.name
			}
			r.problem(it.Key(), sub, didYouMean(name, known), "unknown key")
		case seen[name]:
			r.problem(it.Key(), sub, "", "a second time")
		default:
			r.at[sub] = place(it.Key())
			if v := it.Value(); v != nil && v.Type() != ast.NullType {
				r.at[sub] = place(v)
				keys[i].read(v, sub)
			}
		}
		seen[name] = true
	}
}

func (r *reader) section(keys ...key) func(ast.Node, string) {
	return func(n ast.Node, path string) { r.mapping(n, path, keys) }
}

// list reads a list of mappings.
func list[T any](r *reader, dst *[]T, keys func(*T) []key) func(ast.Node, string) {
	return func(n ast.Node, path string) {
		r.each(n, path, func(n ast.Node, path string) {
			var v T
			r.mapping(n, path, keys(&v))
			*dst = append(*dst, v)
		})
	}
}

func (r *reader) each(n ast.Node, path string, read func(ast.Node, string)) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		r.problem(n, path, "", "want a list, got %s", describe(n))
		return
	}
	for i, v := range s.Values {
		sub := fmt.Sprintf("%s[%d]", path, i)
		r.at[sub] = place(v)
		read(v, sub)
	}
}

// text reads a text. A number is one, as it is written: ids are often numbers.
func (r *reader) text(dst *string) func(ast.Node, string) {
	return func(n ast.Node, path string) {
		switch v := n.(type) {
		case *ast.StringNode:
			*dst = v.Value
		case *ast.LiteralNode:
			*dst = v.Value.Value
		case *ast.IntegerNode, *ast.FloatNode:
			*dst = strings.TrimSpace(n.GetToken().Value)
		default:
			r.problem(n, path, "put it in quotes", "want a text, got %s", describe(n))
		}
	}
}

func (r *reader) texts(dst *[]string) func(ast.Node, string) {
	return func(n ast.Node, path string) {
		r.each(n, path, func(n ast.Node, path string) {
			var v string
			r.text(&v)(n, path)
			*dst = append(*dst, v)
		})
	}
}

func (r *reader) duration(dst *time.Duration) func(ast.Node, string) {
	return func(n ast.Node, path string) {
		var v string
		r.text(&v)(n, path)
		d, err := time.ParseDuration(v)
		if v != "" && err != nil {
			r.problem(n, path, "such as 90s, 10m, 1h30m", "%q is no duration", v)
		}
		r.given[path] = true
		*dst = d
	}
}

func (r *reader) durations(dst *[]time.Duration) func(ast.Node, string) {
	return func(n ast.Node, path string) {
		r.given[path] = true
		r.each(n, path, func(n ast.Node, path string) {
			var d time.Duration
			r.duration(&d)(n, path)
			*dst = append(*dst, d)
		})
	}
}

// number reads a whole number.
func (r *reader) number(dst *int) func(ast.Node, string) {
	return r.whole(dst, "", "such as 32", "%q is no whole number")
}

// percent reads a share, in whole percent.
func (r *reader) percent(dst *int) func(ast.Node, string) {
	return r.whole(dst, "%", "such as 10%", "%q is no percentage")
}

func (r *reader) whole(dst *int, unit, hint, wrong string) func(ast.Node, string) {
	return func(n ast.Node, path string) {
		var v string
		r.text(&v)(n, path)
		d, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(v, unit)))
		if v != "" && err != nil {
			r.problem(n, path, hint, wrong, v)
		}
		r.given[path] = true
		*dst = d
	}
}

func (r *reader) prefixes(dst *[]netip.Prefix) func(ast.Node, string) {
	return func(n ast.Node, path string) {
		r.each(n, path, func(n ast.Node, path string) {
			var v string
			r.text(&v)(n, path)
			p, err := netip.ParsePrefix(v)
			if err != nil {
				r.problem(n, path, "such as 127.0.0.0/8 or ::1/128", "%q is no network", v)
				return
			}
			*dst = append(*dst, p.Masked())
		})
	}
}

// describe names what a node is, for people.
func describe(n ast.Node) string {
	switch n.(type) {
	case nil:
		return "nothing"
	case ast.MapNode:
		return "keys and values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.AliasNode, *ast.AnchorNode:
		return "a YAML anchor or alias, which this file has none of"
	case *ast.TagNode:
		return "a YAML tag, which this file has none of"
	case *ast.NullNode:
		return "nothing"
	}
	return fmt.Sprintf("%.40q", n.GetToken().Value)
}
