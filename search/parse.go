// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package search

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ParseOptions are what the meaning of a query depends on beside its words.
type ParseOptions struct {
	// Zone is the zone in which dates without one are read; nil means UTC.
	Zone *time.Location
	// Now is compared with since:, to warn of a future one. Zero: no warning.
	Now time.Time
	// Figures and Platforms, where given, are the only values that figure: and
	// platform: take; another is an error with a suggestion.
	Figures, Platforms []string
}

// Parse reads a query.
//
// All clauses must hold. A clause is a word, a "phrase" (also in “ ” and « »),
// a prefix*, or an operator: figure:, platform:, is:, since: (after:), until:
// (before:). A "-" before it excludes. Words are whole words, compared after
// Fold; there is no stemming and no correction. Errors are *SyntaxError.
func Parse(q string, o ParseOptions) (Query, error) {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	p := parser{q: q, o: o}
	if err := p.check(); err != nil {
		return Query{}, err
	}
	for {
		p.space()
		if p.pos == len(q) {
			break
		}
		if err := p.clause(); err != nil {
			return Query{}, err
		}
		if len(p.clauses) > MaxTerms {
			return Query{}, p.fault(CodeTooManyTerms, p.clauses[MaxTerms].Pos, len(q),
				"a query has at most %d terms", MaxTerms)
		}
	}
	if len(p.clauses) == 0 && strings.TrimSpace(q) != "" {
		return Query{}, p.fault(CodeNothing, 0, len(q), "there is nothing in it that can be searched: the index holds words")
	}
	p.contradictions()
	return Query{clauses: p.clauses, warnings: p.warnings}, nil
}

type parser struct {
	q        string
	o        ParseOptions
	pos      int
	clauses  []Clause
	warnings []Warning
}

// fault returns an error over the bytes [from, to) without a suggestion.
func (p *parser) fault(code string, from, to int, format string, args ...any) *SyntaxError {
	return &SyntaxError{Pos: from, Len: to - from, Code: code, Message: fmt.Sprintf(format, args...)}
}

// suggest adds what could stand in place of the fault.
func (e *SyntaxError) suggest(s string) *SyntaxError {
	e.Suggestion, e.HasSuggestion = s, true
	return e
}

func (p *parser) check() error {
	if len(p.q) > MaxBytes {
		return p.fault(CodeTooLong, MaxBytes, len(p.q), "a query has at most %d bytes, this one has %d", MaxBytes, len(p.q))
	}
	for i, r := range p.q {
		if r != utf8.RuneError {
			continue
		}
		if _, n := utf8.DecodeRuneInString(p.q[i:]); n == 1 {
			return p.fault(CodeEncoding, i, i+1, "the query is not valid UTF-8")
		}
	}
	return nil
}

func isSpace(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

func (p *parser) space() {
	rest := strings.TrimLeftFunc(p.q[p.pos:], isSpace)
	p.pos = len(p.q) - len(rest)
}

// clause reads one term, with its "-".
func (p *parser) clause() error {
	start := p.pos
	not := strings.HasPrefix(p.q[p.pos:], "-")
	if not {
		p.pos++
	}
	if r, _ := utf8.DecodeRuneInString(p.q[p.pos:]); not && (p.pos == len(p.q) || isSpace(r)) {
		p.warn(WarnNothing, start, p.pos, "“-” stands alone and was left out; to exclude a word put it right before it")
		return nil
	}
	if strings.HasPrefix(p.q[p.pos:], "-") && not {
		return p.fault(CodeNotYet, start, p.pos+1, "“--” is no operator; one “-” excludes").suggest("-")
	}
	if closers, n := opening(p.q[p.pos:]); n > 0 {
		return p.phrase(start, not, n, closers)
	}
	if err := p.reserved(); err != nil {
		return err
	}
	if key, n := operatorKey(p.q[p.pos:]); n > 0 {
		done, err := p.operator(start, not, key, n)
		if done || err != nil {
			return err
		}
	}
	return p.word(start, not)
}

// opening returns the runes that may close the phrase that s begins with, and
// the length of its opening quote; 0 if s begins with none.
func opening(s string) (closers string, n int) {
	r, n := utf8.DecodeRuneInString(s)
	switch r {
	case '"':
		return `"`, n
	case '“':
		return `”"`, n
	case '„':
		return `“”"`, n
	case '«':
		return "»", n
	}
	return "", 0
}

// quoted reads a quoted value whose opening quote is n bytes long and moves
// behind it.
func (p *parser) quoted(n int, closers string) (string, error) {
	start := p.pos
	straight := closers == `"`
	var b strings.Builder
	for i := start + n; i < len(p.q); {
		r, size := utf8.DecodeRuneInString(p.q[i:])
		if straight && r == '\\' && i+1 < len(p.q) && (p.q[i+1] == '"' || p.q[i+1] == '\\') {
			b.WriteByte(p.q[i+1])
			i += 2
			continue
		}
		if strings.ContainsRune(closers, r) {
			p.pos = i + size
			return b.String(), nil
		}
		b.WriteRune(r)
		i += size
	}
	closer, _ := utf8.DecodeRuneInString(closers)
	return "", p.fault(CodeUnterminated, start, len(p.q), "the phrase that begins here has no closing quote").
		suggest(p.q[start:] + string(closer))
}

func (p *parser) phrase(start int, not bool, n int, closers string) error {
	value, err := p.quoted(n, closers)
	if err != nil {
		return err
	}
	if strings.TrimSpace(value) == "" {
		return p.fault(CodeMissingValue, start, p.pos, "there is nothing between the quotes").suggest("")
	}
	if rest := p.q[p.pos:]; len(rest) > 1 && rest[0] == '~' && rest[1] >= '0' && rest[1] <= '9' {
		end := p.pos + 1
		for end < len(p.q) && p.q[end] >= '0' && p.q[end] <= '9' {
			end++
		}
		return p.fault(CodeNotYet, p.pos, end, "this release does not search words near each other").suggest("")
	}
	p.text(Clause{Kind: KindPhrase, Not: not, Value: value, Tokens: QueryTokens(value, false)}, start)
	return nil
}

// word reads up to the next space or quote.
func (p *parser) word(start int, not bool) error {
	from := p.pos
	end := from
	for end < len(p.q) {
		r, size := utf8.DecodeRuneInString(p.q[end:])
		if _, n := opening(p.q[end:]); n > 0 || isSpace(r) {
			break
		}
		if strings.ContainsRune("()|", r) {
			return p.fault(CodeNotYet, end, end+size, "this release has no groups and no alternatives; put “%c” into quotes to search it as text", r)
		}
		end += size
	}
	p.pos = end
	value := p.q[from:end]
	c := Clause{Kind: KindWord, Not: not, Value: value}
	if i := strings.IndexByte(value, '*'); i >= 0 {
		if i != len(value)-1 {
			return p.fault(CodeWildcard, from+i, from+i+1, "“*” stands at the end of a word").suggest("")
		}
		c.Kind, c.Value = KindPrefix, value[:i]
	}
	c.Tokens = QueryTokens(c.Value, c.Kind == KindPrefix)
	if c.Kind == KindPrefix {
		if err := p.shortPrefix(c, from); err != nil {
			return err
		}
	}
	p.text(c, start)
	return nil
}

func (p *parser) shortPrefix(c Clause, from int) error {
	n := 0
	if len(c.Tokens) > 0 {
		n = utf8.RuneCountInString(c.Tokens[len(c.Tokens)-1].Text)
	}
	if n >= 2 || n == 1 && isDense([]rune(c.Tokens[len(c.Tokens)-1].Text)[0]) {
		return nil
	}
	return p.fault(CodeShortPrefix, from, p.pos, "“*” needs at least two letters or digits before it")
}

// text adds a text clause that began at start and ends here, unless the index
// holds nothing of it.
func (p *parser) text(c Clause, start int) {
	c.Pos, c.Len = start, p.pos-start
	if len(c.Tokens) == 0 {
		p.warn(WarnNothing, start, p.pos, "“%s” was left out: the index holds words, not punctuation", p.q[start:p.pos])
		return
	}
	p.clauses = append(p.clauses, c)
}

func (p *parser) warn(code string, from, to int, format string, args ...any) {
	p.warnings = append(p.warnings, Warning{
		Code: code, Pos: from, Len: to - from, Value: p.q[from:to], Message: fmt.Sprintf(format, args...),
	})
}

// contradictions warns where two clauses name two values of what a statement
// has only one of.
func (p *parser) contradictions() {
	first := map[string]Clause{}
	for _, c := range p.clauses {
		group := exclusive(c)
		if group == "" || c.Not {
			continue
		}
		f, ok := first[group]
		if !ok {
			first[group] = c
		} else if f.Value != c.Value {
			p.warn(WarnContradiction, c.Pos, c.Pos+c.Len, "no statement is both %s and %s", f, c)
		}
	}
}

// exclusive names the property of which c demands one value, if a statement
// has only one.
func exclusive(c Clause) string {
	switch c.Kind {
	case KindFigure, KindPlatform:
		return string(c.Kind)
	case KindIs:
		switch c.Value {
		case IsEdited, IsImported:
			return ""
		case IsReply, IsRepost, IsQuote:
			return "type"
		}
		return "state"
	}
	return ""
}
