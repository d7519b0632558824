// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"text/template/parse"

	"onrecord"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static/style.css
var styleSheet []byte

//go:embed static/favicon.svg
var icon []byte

// pages are the templates, by the name of the page.
type pages map[string]*template.Template

// shared are the files that every page is parsed with.
var shared = []string{"templates/layout.html", "templates/parts.html"}

// loadPages parses the templates and checks that they and the texts know each
// other: every text that is asked for is there, and none is there for nobody.
func loadPages(t texts) (pages, error) {
	base, err := template.New("").Funcs(template.FuncMap{
		"t": t.f, "n": t.n, "number": number, "plain": plain, "len64": len64, "int64": func(n int) int64 { return int64(n) },
	}).Option("missingkey=error").ParseFS(templateFiles, shared...)
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	p, asked := pages{}, map[string]bool{}
	for _, file := range files {
		if slices.Contains(shared, file) {
			continue
		}
		one, err := template.Must(base.Clone()).ParseFS(templateFiles, file)
		if err != nil {
			return nil, err
		}
		for _, part := range one.Templates() {
			if part.Tree != nil {
				keysIn(part.Tree.Root, asked)
			}
		}
		p[strings.TrimSuffix(strings.TrimPrefix(file, "templates/"), ".html")] = one
	}
	return p, t.checkKeys(asked)
}

// keysIn collects the keys that a template asks for: the first argument of t
// and n.
func keysIn(node parse.Node, asked map[string]bool) {
	switch node := node.(type) {
	case *parse.ListNode:
		if node == nil {
			return
		}
		for _, n := range node.Nodes {
			keysIn(n, asked)
		}
	case *parse.ActionNode:
		keysIn(node.Pipe, asked)
	case *parse.TemplateNode:
		keysIn(node.Pipe, asked)
	case *parse.IfNode:
		keysInBranch(&node.BranchNode, asked)
	case *parse.WithNode:
		keysInBranch(&node.BranchNode, asked)
	case *parse.RangeNode:
		keysInBranch(&node.BranchNode, asked)
	case *parse.PipeNode:
		if node == nil {
			return
		}
		for _, cmd := range node.Cmds {
			keysIn(cmd, asked)
		}
	case *parse.CommandNode:
		keyOfCall(node, asked)
		for _, arg := range node.Args {
			keysIn(arg, asked)
		}
	}
}

func keysInBranch(b *parse.BranchNode, asked map[string]bool) {
	keysIn(b.Pipe, asked)
	keysIn(b.List, asked)
	keysIn(b.ElseList, asked)
}

func keyOfCall(cmd *parse.CommandNode, asked map[string]bool) {
	if len(cmd.Args) < 2 {
		return
	}
	name, isName := cmd.Args[0].(*parse.IdentifierNode)
	key, isText := cmd.Args[1].(*parse.StringNode)
	if !isName || !isText {
		return
	}
	switch name.Ident {
	case "t":
		asked[key.Text] = true
	case "n":
		asked[key.Text+".one"], asked[key.Text+".other"] = true, true
	}
}

// inCode are the beginnings of the keys that code asks for and templates
// don't. A test holds the code to them.
var inCode = []string{
	"label", "tombstone.", "takedowns.state.", "takedowns.ground.", "title.", "time.", "span.", "month.", "mon.", "window.", "line.", "word.", "heading.", "problem.", "understood.", "coverage.", "change.", "detail.",
	"platform.", "type.", "state.", "outcome.", "account.", "grade.", "event.", "provenance.", "reason.",
}

// checkKeys reports keys that are missing and keys that nobody asks for.
func (t texts) checkKeys(asked map[string]bool) error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(asked)) {
		if _, ok := t[key]; !ok {
			errs = append(errs, fmt.Errorf("texts: %q is missing", key))
		}
	}
	for _, key := range closedKeys() {
		if _, ok := t[key]; !ok {
			errs = append(errs, fmt.Errorf("texts: %q is missing", key))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(t)) {
		code := slices.ContainsFunc(inCode, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
		if !asked[key] && !code {
			errs = append(errs, fmt.Errorf("texts: nobody asks for %q", key))
		}
	}
	return errors.Join(errs...)
}

// closedKeys are the keys of the closed lists: each word of theirs has a text.
func closedKeys() []string {
	var keys []string
	for _, s := range states {
		keys = append(keys, "state."+string(s))
	}
	for _, t := range types {
		keys = append(keys, "type."+t)
	}
	for name := range problemStatus {
		keys = append(keys, "problem."+name, "problem.about."+name)
	}
	for _, g := range []onrecord.Grade{onrecord.GradeD0, onrecord.GradeD1, onrecord.GradeD2, onrecord.GradeD3, onrecord.GradeD4} {
		keys = append(keys, "grade."+string(g))
	}
	slices.Sort(keys)
	return keys
}

// An asset is a file that is served under its own digest, for ever.
type asset struct {
	name, hash, kind string
	data             []byte
}

func (a asset) path() string { return "/static/" + a.hash + "/" + a.name }

type assets struct{ css, icon asset }

func loadAssets() (assets, error) {
	make := func(name, kind string, data []byte) asset {
		sum := sha256.Sum256(data)
		return asset{name: name, hash: hex.EncodeToString(sum[:6]), kind: kind, data: data}
	}
	if len(styleSheet) == 0 || len(icon) == 0 {
		return assets{}, errors.New("style sheet or icon is empty")
	}
	return assets{
		css:  make("style.css", "text/css; charset=utf-8", styleSheet),
		icon: make("favicon.svg", "image/svg+xml", icon),
	}, nil
}

// asset serves /static/{hash}/{name}.
func (s *server) asset(r *http.Request) (reply, error) {
	for _, a := range []asset{s.assets.css, s.assets.icon} {
		if r.URL.Path == a.path() {
			return reply{Type: a.kind, Cache: cacheForever, Strong: true, Body: a.data}, nil
		}
	}
	return reply{}, onrecord.ErrNotFound
}

// favicon serves the icon to those who ask at the old address.
func (s *server) favicon(*http.Request) (reply, error) {
	return reply{Type: s.assets.icon.kind, Cache: cacheStatement, Body: s.assets.icon.data}, nil
}

// robots serves /robots.txt: pages may be found, searches need not be walked.
func (s *server) robots(*http.Request) (reply, error) {
	body := "User-agent: *\nDisallow: /search\nDisallow: /api/\n"
	return reply{Type: "text/plain; charset=utf-8", Cache: cacheStatement, Body: []byte(body)}, nil
}

// len64 is the length of a list, for texts that depend on it.
func len64(list any) int64 { return int64(reflect.ValueOf(list).Len()) }
