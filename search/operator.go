// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package search

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// operators maps what may be written before ":" to what it asks for.
func operators() map[string]Kind {
	return map[string]Kind{
		"figure": KindFigure, "platform": KindPlatform, "is": KindIs,
		"since": KindSince, "after": KindSince, "until": KindUntil, "before": KindUntil,
	}
}

// notYet lists the operators of the full syntax that this release does not
// have, with what comes nearest to each, if anything does.
func notYet() map[string]string {
	return map[string]string{
		"from": "figure:", "author": "figure:", "account": "figure:", "on": "platform:", "to": "",
		"during": "since:", "within_time": "since:", "seen": "", "has": "", "filter": "",
		"type": "is:", "lang": "", "url": "", "domain": "", "source": "", "device": "",
		"min_likes": "", "min_reposts": "", "min_replies": "", "min_faves": "", "min_retweets": "",
		"deleted_after": "", "edits": "is:", "length": "", "id": "", "sha256": "",
		"conversation": "", "in": "", "sort": "",
	}
}

// isValues lists what is: takes.
func isValues() []string {
	return []string{
		IsLive, IsDeleted, IsGone, IsRestored, IsUnconfirmed, IsEdited,
		IsImported, IsOffline, IsWithheld, IsReply, IsRepost, IsQuote,
	}
}

// operatorKey returns the word before a ":" that s begins with, in lower case,
// and its length with the ":". n is 0 where s begins otherwise, and for
// https://.
func operatorKey(s string) (key string, n int) {
	i := 0
	for i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z' || s[i] == '_' || i > 0 && s[i] >= '0' && s[i] <= '9') {
		i++
	}
	if i == 0 || i == len(s) || s[i] != ':' || strings.HasPrefix(s[i:], "://") {
		return "", 0
	}
	return strings.ToLower(s[:i]), i + 1
}

// operator reads key:value, of which n bytes are the key and its ":". done is
// false where it is text after all; then nothing was consumed.
func (p *parser) operator(start int, not bool, key string, n int) (done bool, err error) {
	at := p.pos
	kind, ok := operators()[key]
	if !ok {
		return false, p.notOperator(start, key, n)
	}
	p.pos += n
	from := p.pos
	value, err := p.value()
	if err != nil {
		return true, err
	}
	if value == "" {
		return true, p.fault(CodeMissingValue, at, p.pos, "%s: has nothing behind it", key)
	}
	c := Clause{Kind: kind, Not: not, Value: value, Pos: start, Len: p.pos - start}
	if err := p.meaning(&c, from); err != nil {
		return true, err
	}
	p.clauses = append(p.clauses, c)
	return true, nil
}

// value reads a quoted value, or up to the next space.
func (p *parser) value() (string, error) {
	if closers, n := opening(p.q[p.pos:]); n > 0 {
		v, err := p.quoted(n, closers)
		return strings.TrimSpace(v), err
	}
	from := p.pos
	for p.pos < len(p.q) {
		r, size := utf8.DecodeRuneInString(p.q[p.pos:])
		if isSpace(r) {
			break
		}
		p.pos += size
	}
	return p.q[from:p.pos], nil
}

// meaning checks the value of c, which begins at from, and completes c.
func (p *parser) meaning(c *Clause, from int) error {
	switch c.Kind {
	case KindIs:
		c.Value = strings.ToLower(c.Value)
		return p.oneOf(c, from, isValues(), "is: takes")
	case KindFigure:
		c.Value = strings.ToLower(c.Value)
		return p.name(c, from, p.o.Figures, "the figures of this archive are")
	case KindPlatform:
		c.Value = strings.ToLower(c.Value)
		return p.name(c, from, p.o.Platforms, "the platforms of this archive are")
	}
	t, ok := ParseDate(c.Value, p.o.Zone)
	if !ok {
		return p.fault(CodeBadDate, from, p.pos,
			"“%s” is no date that %s: takes: write 2021, 2021-01, 2021-01-06, 2021-01-06T12:30 or Unix seconds, from 1900 to 2169", c.Value, c.Kind)
	}
	c.Time = t
	if c.Kind == KindSince && !c.Not && !p.o.Now.IsZero() && t.After(p.o.Now) {
		p.warn(WarnFuture, c.Pos, c.Pos+c.Len, "%s lies in the future", c.Value)
	}
	return nil
}

// name checks a slug or the name of a platform, against the known ones where
// they were given.
func (p *parser) name(c *Clause, from int, known []string, what string) error {
	ok := !strings.ContainsFunc(c.Value, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	})
	if !ok && len(known) == 0 {
		return p.fault(CodeUnknownValue, from, p.pos, "“%s” is no name: %s: takes lower-case letters, digits and “-”", c.Value, c.Kind)
	}
	if len(known) == 0 {
		return nil
	}
	return p.oneOf(c, from, known, what)
}

func (p *parser) oneOf(c *Clause, from int, known []string, what string) error {
	if slices.Contains(known, c.Value) {
		return nil
	}
	list := strings.Join(known, ", ")
	if len(known) > 20 {
		list = strings.Join(known[:20], ", ") + " …"
	}
	err := p.fault(CodeUnknownValue, from, p.pos, "“%s” is unknown: %s %s", c.Value, what, list)
	if near := nearest(c.Value, known); near != "" {
		err.suggest(near)
	}
	return err
}

// notOperator judges key:value whose key is no operator of this release: one
// of the full syntax and one that is nearly an operator are errors, anything
// else is text, with a warning.
func (p *parser) notOperator(start int, key string, n int) error {
	end := p.pos + n
	if instead, ok := notYet()[key]; ok {
		err := p.fault(CodeNotYet, p.pos, end, "this release does not have %s:", key)
		if instead != "" {
			err.Message += "; " + instead + " comes nearest"
			err.suggest(instead)
		}
		return err
	}
	if err := p.misspelt(key, end); err != nil {
		return err
	}
	stop := end
	for stop < len(p.q) {
		r, size := utf8.DecodeRuneInString(p.q[stop:])
		if isSpace(r) {
			break
		}
		stop += size
	}
	if stop > end {
		p.warn(WarnTextOperator, start, stop, "%s: is no operator; “%s” was searched as text", key, p.q[start:stop])
	}
	return nil
}

// misspelt returns the error of a key, up to end, that is nearly an operator;
// nil for one that is not. Only operators of this release are suggested.
func (p *parser) misspelt(key string, end int) error {
	own := nearest(key, slices.Collect(maps.Keys(operators())))
	other := nearest(key, slices.Collect(maps.Keys(notYet())))
	switch {
	case own == "" && other == "":
		return nil
	case other == "" || own != "" && distance(key, own) <= distance(key, other):
		return p.fault(CodeUnknownOperator, p.pos, end, "there is no %s: here; did you mean %s:?", key, own).suggest(own + ":")
	}
	err := p.fault(CodeUnknownOperator, p.pos, end, "there is no %s: here, and this release does not have %s:", key, other)
	if instead := notYet()[other]; instead != "" {
		err.Message += "; " + instead + " comes nearest"
		err.suggest(instead)
	}
	return err
}

// reserved refuses what the full syntax gives a meaning that this release does
// not have, where a word begins.
func (p *parser) reserved() error {
	rest := p.q[p.pos:]
	word := rest
	if i := strings.IndexFunc(rest, isSpace); i >= 0 {
		word = rest[:i]
	}
	next, _ := utf8.DecodeRuneInString(word[min(1, len(word)):])
	end := p.pos + 1
	switch {
	case word == "OR", word == "AND", word == "NOT":
		after := len(rest) - len(strings.TrimLeftFunc(rest[len(word):], isSpace))
		err := p.fault(CodeNotYet, p.pos, p.pos+after, "this release does not have %s; all words must be found anyway, and “-” excludes", word)
		if word == "NOT" {
			return err.suggest("-")
		}
		return err.suggest("")
	case strings.HasPrefix(word, "!") && isTokenStart(next):
		return p.fault(CodeNotYet, p.pos, end, "this release excludes with “-”, not with “!”").suggest("-")
	case (strings.HasPrefix(word, "=") || strings.HasPrefix(word, "+")) && isTokenStart(next):
		return p.fault(CodeNotYet, p.pos, end, "this release does not search letter by letter (“%s”)", word[:1]).suggest("")
	case strings.HasPrefix(word, "@") && isTokenStart(next):
		return p.fault(CodeNotYet, p.pos, end, "this release does not search mentions; without “@” the name is searched as a word").suggest("")
	case strings.HasPrefix(word, "#") && isTokenStart(next):
		return p.fault(CodeNotYet, p.pos, end, "this release does not search hashtags; without “#” the tag is searched as a word").suggest("")
	case strings.HasPrefix(word, "$") && isTokenStart(next) && (next < '0' || next > '9'):
		return p.fault(CodeNotYet, p.pos, end, "this release does not search cashtags; without “$” the tag is searched as a word").suggest("")
	}
	return nil
}

// nearest returns the candidate nearest to s within two edits, of which at most
// every second letter of the shorter one is changed; the first in byte order of
// equally near ones.
func nearest(s string, candidates []string) string {
	best, least := "", 3
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		d := distance(s, c)
		if d < least && 2*d <= min(len(s), len(c)) {
			best, least = c, d
		}
	}
	return best
}

// distance counts the insertions, deletions, changes and swaps of neighbouring
// bytes between a and b; 3 stands for 3 and more.
func distance(a, b string) int {
	if len(a)-len(b) > 2 || len(b)-len(a) > 2 || len(a) > 64 {
		return 3
	}
	var before, last []int
	for j := range len(b) + 1 {
		last = append(last, j)
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return min(last[len(b)], 3)
}
