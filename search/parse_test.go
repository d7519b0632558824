// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package search_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord/search"
)

// paris is fixed, so that the tests need no zone files.
var paris = time.FixedZone("CET", 3600)

// sketch prints the clauses of q, one a word, for tables.
func sketch(q search.Query) string {
	var b strings.Builder
	for i, c := range q.Clauses() {
		if i > 0 {
			b.WriteString("; ")
		}
		if c.Not {
			b.WriteString("not ")
		}
		b.WriteString(string(c.Kind))
		switch {
		case c.Kind.IsText():
			for _, t := range c.Tokens {
				b.WriteString(" " + t.Text)
				if t.Prefix {
					b.WriteString("*")
				}
			}
		case !c.Time.IsZero():
			b.WriteString(" " + c.Time.Format(time.RFC3339))
		default:
			b.WriteString(" " + c.Value)
		}
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"  \t\n ", ""},
		{"tax cut", "word tax; word cut"},
		{"TAX", "word tax"},
		{"Été", "word ete"},
		{"don’t", "word don t"},
		{"state-of-the-art", "word state of the art"},
		{"-tax", "not word tax"},
		{"tax -cut", "word tax; not word cut"},
		{`"losers and haters"`, "phrase losers and haters"},
		{`“losers and haters” x1`, "phrase losers and haters; word x1"},
		{`«la liberté»`, "phrase la liberte"},
		{`„ein Wort“`, "phrase ein wort"},
		{`-"fake news"`, "not phrase fake news"},
		{`"a \"b\" c\\"`, "phrase a b c"},
		{`one"two three"four`, "word one; phrase two three; word four"},
		{"tarif*", "prefix tarif*"},
		{"-tarif*", "not prefix tarif*"},
		{"free-tra*", "prefix free tra*"},
		{"figure:jane-example", "figure jane-example"},
		{"Figure:Jane-Example", "figure jane-example"},
		{"platform:x -platform:mastodon", "platform x; not platform mastodon"},
		{"is:deleted", "is deleted"},
		{"-is:EDITED", "not is edited"},
		{"since:2021", "since 2020-12-31T23:00:00Z"},
		{"until:2021-01", "until 2020-12-31T23:00:00Z"},
		{"after:2021-01-06", "since 2021-01-05T23:00:00Z"},
		{"before:2021-01-06T12:30", "until 2021-01-06T11:30:00Z"},
		{"since:2021-01-06_12:30:00_UTC", "since 2021-01-06T12:30:00Z"},
		{"since:2021-01-06T12:30:00Z", "since 2021-01-06T12:30:00Z"},
		{"since:2021-01-06T12:30:00-05:00", "since 2021-01-06T17:30:00Z"},
		{"since:1609936200", "since 2021-01-06T12:30:00Z"},
		{`since:"2021-01-06"`, "since 2021-01-05T23:00:00Z"},
		{"12:30", "word 12 30"},
		{"https://example.com/a?b=c", "word https example com a b c"},
		{"note:this", "word note this"},
		{"50%", "word 50"},
		{"$50", "word 50"},
		{"jane@press.example", "word jane press example"},
		{"tax - cut", "word tax; word cut"},
		{"中国", "word 中国"},
		{"中国人民", "word 中国 国人 人民"},
		{"国", "word 国*"},
		{"الضَّرائِب", "word الضرايب"},
		{"🎉", "word 🎉"},
	} {
		q, err := search.Parse(tt.in, search.ParseOptions{Zone: paris})
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.in, err)
			continue
		}
		if got := sketch(q); got != tt.want {
			t.Errorf("Parse(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct {
		in, code string
		pos, n   int
		repaired string // "-" for none
	}{
		{"form:jane", search.CodeUnknownOperator, 0, 5, "figure:jane"},
		{"autor:jane", search.CodeUnknownOperator, 0, 6, "figure:jane"},
		{"acount:jane", search.CodeUnknownOperator, 0, 7, "figure:jane"},
		{"account:jane", search.CodeNotYet, 0, 8, "figure:jane"},
		{"on:mastodon", search.CodeNotYet, 0, 3, "platform:mastodon"},
		{"durng:2021", search.CodeUnknownOperator, 0, 6, "since:2021"},
		{"its:deleted", search.CodeUnknownOperator, 0, 4, "is:deleted"},
		{"aftr:2021", search.CodeUnknownOperator, 0, 5, "after:2021"},
		{"befor:2021", search.CodeUnknownOperator, 0, 6, "before:2021"},
		{"laang:fr", search.CodeUnknownOperator, 0, 6, "-"},
		{"tax sinc:2021", search.CodeUnknownOperator, 4, 5, "tax since:2021"},
		{"-fgure:a", search.CodeUnknownOperator, 1, 6, "-figure:a"},
		{"platfrom:x", search.CodeUnknownOperator, 0, 9, "platform:x"},
		{"from:jane", search.CodeNotYet, 0, 5, "figure:jane"},
		{"lang:fr", search.CodeNotYet, 0, 5, "-"},
		{"min_likes:5", search.CodeNotYet, 0, 10, "-"},
		{"a OR b", search.CodeNotYet, 2, 3, "a b"},
		{"a AND b", search.CodeNotYet, 2, 4, "a b"},
		{"a NOT b", search.CodeNotYet, 2, 4, "a -b"},
		{"a | b", search.CodeNotYet, 2, 1, "-"},
		{"(a b)", search.CodeNotYet, 0, 1, "-"},
		{"!tax", search.CodeNotYet, 0, 1, "-tax"},
		{"--tax", search.CodeNotYet, 0, 2, "-tax"},
		{"=été", search.CodeNotYet, 0, 1, "été"},
		{"#tag", search.CodeNotYet, 0, 1, "tag"},
		{"@name", search.CodeNotYet, 0, 1, "name"},
		{"$TAG", search.CodeNotYet, 0, 1, "TAG"},
		{`"a b"~3`, search.CodeNotYet, 5, 2, `"a b"`},
		{`tax "losers and`, search.CodeUnterminated, 4, 11, `tax "losers and"`},
		{"“losers", search.CodeUnterminated, 0, 9, "“losers”"},
		{`""`, search.CodeMissingValue, 0, 2, ""},
		{"is:", search.CodeMissingValue, 0, 3, "-"},
		{"is:delted", search.CodeUnknownValue, 3, 6, "is:deleted"},
		{"is:thread", search.CodeUnknownValue, 3, 6, "-"},
		{"figure:jane/x", search.CodeUnknownValue, 7, 6, "-"},
		{"platform:twiter", search.CodeUnknownValue, 9, 6, "platform:twitter"},
		{"since:yesterday", search.CodeBadDate, 6, 9, "-"},
		{"since:2021-02-30", search.CodeBadDate, 6, 10, "-"},
		{"since:1815", search.CodeBadDate, 6, 4, "-"},
		{"t*", search.CodeShortPrefix, 0, 2, "-"},
		{"*", search.CodeShortPrefix, 0, 1, "-"},
		{"ta*x", search.CodeWildcard, 2, 1, "tax"},
		{"…", search.CodeNothing, 0, 3, "-"},
		{"a\xffb", search.CodeEncoding, 1, 1, "-"},
		{strings.Repeat("x", 1025), search.CodeTooLong, 1024, 1, "-"},
		{strings.Repeat("x ", 65), search.CodeTooManyTerms, 128, 2, "-"},
	} {
		_, err := search.Parse(tt.in, search.ParseOptions{Platforms: []string{"twitter", "x"}})
		se, ok := errors.AsType[*search.SyntaxError](err)
		if !ok {
			t.Errorf("Parse(%.40q): error %v, want %s", tt.in, err, tt.code)
			continue
		}
		repaired, ok := se.Repair(tt.in)
		if !ok {
			repaired = "-"
		}
		got := fmt.Sprint(se.Code, se.Pos, se.Len, repaired)
		if want := fmt.Sprint(tt.code, tt.pos, tt.n, tt.repaired); got != want {
			t.Errorf("Parse(%.40q): %s (%v), want %s", tt.in, got, err, want)
		}
	}
}

func TestParseWarnings(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ in, want string }{
		{"note:this", "text-operator 0 9"},
		{"tax & cut", "not-searchable 4 1"},
		{"tax -", "not-searchable 4 1"},
		{"figure:a figure:b", "contradiction 9 8"},
		{"figure:a figure:a", ""},
		{"is:live is:deleted", "contradiction 8 10"},
		{"is:live is:edited", ""},
		{"is:reply is:quote", "contradiction 9 8"},
		{"since:2027", "future 0 10"},
		{"since:2026", ""},
		{"12:30 https://a.example", ""},
	} {
		q, err := search.Parse(tt.in, search.ParseOptions{Now: now})
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.in, err)
			continue
		}
		var got []string
		for _, w := range q.Warnings() {
			got = append(got, fmt.Sprint(w.Code, " ", w.Pos, " ", w.Len))
		}
		if g := strings.Join(got, "; "); g != tt.want {
			t.Errorf("Parse(%q) warns %q, want %q", tt.in, g, tt.want)
		}
	}
}

func TestWords(t *testing.T) {
	q, err := search.Parse(`Tax "Losers and Haters" tarif* -sad is:deleted 国`, search.ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"tax", "losers and haters", "tarif*", "国*"}
	if diff := cmp.Diff(want, q.Words()); diff != "" {
		t.Error(diff)
	}
}

// clauses drops what moves when a query is printed: the positions.
func clauses(q search.Query) []search.Clause {
	var out []search.Clause
	for _, c := range q.Clauses() {
		c.Pos, c.Len = 0, 0
		for i := range c.Tokens {
			c.Tokens[i].Start, c.Tokens[i].End = 0, 0
		}
		out = append(out, c)
	}
	return out
}

// FuzzParse holds that no query panics, that errors point into the query, and
// that the canonical form means the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "tax cut", `-"fake news" tarif*`, "figure:a since:2021-01-06T12:30", "form:x", `"a \"b`, "“x”y«z»", "中国人 国",
		"is:live -is:edited", "a\xff", "-- ! = # @ $ ( ) |", "until:1609936200 x\u200by é e\u0301", `re:"x y"`, `"\\" x`,
	} {
		f.Add(s)
	}
	o := search.ParseOptions{Zone: paris}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := search.Parse(s, o)
		if err != nil {
			se, ok := errors.AsType[*search.SyntaxError](err)
			if !ok || se.Pos < 0 || se.Len < 0 || se.Pos+se.Len > len(s) || se.Code == "" {
				t.Fatalf("Parse(%q): bad error %#v", s, err)
			}
			return
		}
		printed := q.String()
		if len(printed) > search.MaxBytes {
			return
		}
		again, err := search.Parse(printed, o)
		if err != nil {
			t.Fatalf("Parse(%q) printed %q, which is refused: %v", s, printed, err)
		}
		if diff := cmp.Diff(clauses(q), clauses(again)); diff != "" {
			t.Fatalf("Parse(%q) printed %q, which means something else:\n%s", s, printed, diff)
		}
	})
}
