// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"onrecord/web"
)

// TestTextsInCode holds the catalogue and the code to each other: the code
// asks for no key that is missing, and no key is there for nobody. (Templates
// are held to it by New.)
func TestTextsInCode(t *testing.T) {
	keys, err := web.InCode()
	if err != nil {
		t.Fatal(err)
	}
	asked, prefixes := literals(t)
	for _, key := range keys {
		stem := strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")
		used := asked[key] || asked[stem] || slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
		if !used {
			t.Errorf("no code asks for %q", key)
		}
	}
	looksLikeKey := regexp.MustCompile(`^(time|span|window|line|word|heading|problem|understood|coverage|change|detail|title)\.[a-z_.]+$`)
	for key := range asked {
		if !looksLikeKey.MatchString(key) || strings.HasSuffix(key, ".") {
			continue
		}
		if !slices.Contains(keys, key) && !(slices.Contains(keys, key+".one") && slices.Contains(keys, key+".other")) {
			t.Errorf("code asks for %q, which is missing", key)
		}
	}
}

// literals returns the string literals of the code, and those that end in a
// dot: the beginnings of keys that a word completes.
func literals(t *testing.T) (whole map[string]bool, prefixes []string) {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	whole = map[string]bool{}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") || f.Name() == "templates.go" {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				s, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				whole[s] = true
				if strings.HasSuffix(s, ".") && len(s) > 2 {
					prefixes = append(prefixes, s)
				}
			}
			return true
		})
	}
	return whole, prefixes
}

// TestLabel holds that no wording of the label can hide whose copy it is.
func TestLabel(t *testing.T) {
	for label, ok := range map[string]bool{
		"": true,
		"Kept by the archive {archive}, not by {figure}": true,
		"Kept by {archive}, not by {figure}":             false,
		"{figure} in an archive":                         false,
		"An archive: {archive}":                          false,
		"{figure}":                                       false,
	} {
		o := options(build())
		o.Label = label
		if _, err := web.New(o); (err == nil) != ok {
			t.Errorf("label %q: %v", label, err)
		}
	}
}

func TestOptions(t *testing.T) {
	for name, change := range map[string]func(*web.Options){
		"no reader":   func(o *web.Options) { o.Statements = nil },
		"no searcher": func(o *web.Options) { o.Searcher = nil },
		"no evidence": func(o *web.Options) { o.Evidence = nil },
		"no clock":    func(o *web.Options) { o.Now = nil },
		"no name":     func(o *web.Options) { o.Archive.Name = " " },
		"no operator": func(o *web.Options) { o.Archive.Operator = "" },
		"no address":  func(o *web.Options) { o.Archive.URL = "" },
		"a path":      func(o *web.Options) { o.Archive.URL = "https://archive.example/sub" },
		"a scheme":    func(o *web.Options) { o.Archive.URL = "ftp://archive.example" },
	} {
		o := options(build())
		change(&o)
		if _, err := web.New(o); err == nil {
			t.Errorf("%s: New did not fail", name)
		}
	}
}
