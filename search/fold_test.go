// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package search_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"onrecord/search"
)

func TestFold(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{" \n—… ", ""},
		{"Tariff MAN!", "tariff man"},
		{"don't don’t", "don t don t"},
		{"state-of-the-art", "state of the art"},
		{"U.S. 1,000.50", "u s 1 000 50"},
		{"snake_case", "snake case"},
		{"Élection e\u0301te\u0301 NOËL cœur Øre Łódź Straße", "election ete noel coeur ore lodz strasse"},
		{"ΟΔΥΣΣΕΎΣ οδυσσεύς", "οδυσσευσ οδυσσευσ"},
		{"Всё ЙОГУРТ мой край", "все йогурт мой край"},
		{"İstanbul ışık", "istanbul isik"},
		{"ﬁne ①② 𝐁𝐨𝐥𝐝 ＦＵＬＬ", "fine 12 bold full"},
		{"zero\u200bwidth so\u00adft \ufeffmark", "zerowidth soft mark"},
		{"أحمد إلى آخر ٱلعربية", "احمد الي اخر العربية"},
		{"الضَّرائِبُ عـــربي ١٢٣ ۱۲۳", "الضرايب عربي 123 123"},
		{"שָׁלוֹם", "שלום"},
		{"中国人民", "中国 国人 人民 民"},
		{"国", "国"},
		{"关于GDP的", "关于 于 gdp 的"},
		{"カメラ ｶﾞｷﾞ がき", "カメ メラ ラ ガギ ギ がき き"},
		{"か\u3099", "が"},
		{"대한민국", "대한 한민 민국 국"},
		{"ภาษาไทย", "ภา าษ ษา าไ ไท ทย ย"},
		{"தமிழ் नमस्ते", "தமிழ் नमस्ते"},
		{"ok🎉🎉🏽 ⚠️stop", "ok 🎉 🎉 ⚠ stop"},
		{"a\xffb\xc3", "a b"},
		{"\u0301lone mark", "lone mark"},
		{strings.Repeat("x", 100) + " y", strings.Repeat("x", 64) + " y"},
	} {
		if got := search.Fold(tt.in); got != tt.want {
			t.Errorf("Fold(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// marked shows the spans of a text in brackets.
func marked(text string, spans []search.Span) string {
	var b strings.Builder
	at := 0
	for _, s := range spans {
		b.WriteString(text[at:s.Start] + "[" + text[s.Start:s.End] + "]")
		at = s.End
	}
	return b.String() + text[at:]
}

func TestHighlight(t *testing.T) {
	for _, tt := range []struct{ q, text, want string }{
		{"tariff", "A TARIFF, tariffs and the Tariff.", "A [TARIFF], tariffs and the [Tariff]."},
		{"tariff*", "A TARIFF, tariffs", "A [TARIFF], [tariffs]"},
		{`"losers and haters"`, "Losers and haters; haters and losers", "[Losers and haters]; haters and losers"},
		{"a b", "a b", "[a] [b]"},
		{"élection", "L’e\u0301lection, ELECTION", "L’[e\u0301lection], [ELECTION]"},
		{"coeur", "le cœur", "le [cœur]"},
		{"-tax cut", "tax cut", "tax [cut]"},
		{"is:deleted", "deleted", "deleted"},
		{"中国", "在中国人", "在[中国]人"},
		{"国", "中国人和国", "中[国]人和[国]"},
		{"中国人", "中国人民", "[中国人]民"},
		{"state-of-the-art", "state of the art", "[state of the art]"},
		{"الضرائب", "كل الضَّرائِب", "كل [الضَّرائِب]"},
		{"bold", "𝐁𝐨𝐥𝐝!", "[𝐁𝐨𝐥𝐝]!"},
		{"x", "", ""},
	} {
		q, err := search.Parse(tt.q, search.ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := marked(tt.text, search.Highlight(tt.text, q)); got != tt.want {
			t.Errorf("%q marks %q, want %q", tt.q, got, tt.want)
		}
	}
}

func TestSnippet(t *testing.T) {
	long := strings.Repeat("before ", 40) + "the needle is here " + strings.Repeat("after ", 40)
	for _, tt := range []struct {
		q, text string
		n       int
		want    string
	}{
		{"needle", "a needle", 40, "a [needle]"},
		{"needle", long, 40, "…before the [needle] is here after after…"},
		{"nothing", long, 20, "before before…"},
		{"after", "one two three four five six after", 12, "…six [after]"},
		{"中国", strings.Repeat("人", 50) + "中国" + strings.Repeat("民", 50), 12, "…人人人人[中国]民民民民民民…"},
	} {
		q, err := search.Parse(tt.q, search.ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		text, spans := search.Snippet(tt.text, q, tt.n)
		if got := marked(text, spans); got != tt.want {
			t.Errorf("Snippet(%q, %d) = %q, want %q", tt.q, tt.n, got, tt.want)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		q     string
		texts []string
		want  bool
	}{
		{"tax cut", []string{"a tax cut"}, true},
		{"tax cut", []string{"a tax", "a cut"}, true},
		{`"tax cut"`, []string{"a tax", "cut"}, false},
		{"tax -cut", []string{"a tax", "a cut"}, false},
		{"tax is:deleted", []string{"tax"}, true},
		{"", nil, true},
	} {
		q, err := search.Parse(tt.q, search.ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := search.Matches(q, tt.texts...); got != tt.want {
			t.Errorf("Matches(%q, %q) = %v", tt.q, tt.texts, got)
		}
	}
}

// FuzzTokens holds that tokens point into the text in order, that folding is
// stable, and that every word of a text finds it.
func FuzzTokens(f *testing.F) {
	for _, s := range []string{
		"Tariff man", "L’e\u0301lection", "中国人GDP", "الضَّرائِب", "か\u3099ﬁ①", "a\xff\u200b", "ภาษาไทย", "🎉⚠️", "한국", "Z\u0300\u0301\u0302algo",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tokens := search.Tokens(s)
		last := 0
		var texts []string
		for _, tok := range tokens {
			if tok.Start < last || tok.End <= tok.Start || tok.End > len(s) || tok.Text == "" || len(tok.Text) > 64 || !utf8.ValidString(tok.Text) || strings.Contains(tok.Text, " ") {
				t.Fatalf("token %+v of %q", tok, s)
			}
			last = tok.Start
			texts = append(texts, tok.Text)
		}
		fold := search.Fold(s)
		if joined := strings.Join(texts, " "); joined != fold {
			t.Fatalf("tokens %q, folded %q", joined, fold)
		}
		if strings.ContainsAny(s, `"\“”„«»`) || len(s) > 200 || !utf8.ValidString(s) || len(tokens) == 0 {
			return
		}
		q, err := search.Parse(`"`+s+`"`, search.ParseOptions{})
		if err != nil {
			t.Fatalf("phrase %q: %v", s, err)
		}
		if !search.Matches(q, s) || len(search.Highlight(s, q)) == 0 {
			t.Fatalf("the phrase %q (%v) does not find itself (%q)", s, q.Words(), fold)
		}
		snippet, spans := search.Snippet(s, q, 10)
		for _, sp := range spans {
			if sp.Start < 0 || sp.End > len(snippet) || sp.Start >= sp.End {
				t.Fatalf("span %v of snippet %q", sp, snippet)
			}
		}
	})
}

func BenchmarkFold(b *testing.B) {
	for name, s := range map[string]string{
		"english": strings.Repeat("We will cut the Tariff on steel. ", 6), "french": strings.Repeat("L’élection a été reportée à l’été. ", 6),
		"russian": strings.Repeat("Мы снизим налоги и тарифы в этом году. ", 5), "chinese": strings.Repeat("中国人民的关税问题，", 10),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			for b.Loop() {
				search.Fold(s)
			}
		})
	}
}
