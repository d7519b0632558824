// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord/web"
)

func TestDiffWords(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"same", "a b", "a b", []string{"=a b"}},
		{"number", "a 25% tariff.", "a 50% tariff.", []string{"=a ", "-25%", "+50%", "= tariff."}},
		{"neighbours are one change", "on the first Tuesday", "on any last Tuesday", []string{"=on ", "-the first", "+any last", "= Tuesday"}},
		{"added", "one two", "one and two", []string{"=one ", "+and ", "=two"}},
		{"removed at the end", "one two.", "one", []string{"=one", "- two."}},
		{"from nothing", "", "all", []string{"+all"}},
		{"punctuation", "ours.", "ours!", []string{"=ours", "-.", "+!"}},
		{"Chinese by characters", "今天下雨", "今天下雪", []string{"=今天下", "-雨", "+雪"}},
		{"Arabic by words", "يوم الاثنين", "يوم الجمعة", []string{"=يوم ", "-الاثنين", "+الجمعة"}},
	} {
		if d := cmp.Diff(c.want, web.DiffWords(c.old, c.new)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

// TestDiffBounded holds that no pair of texts takes long.
func TestDiffBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	text := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte(byte('a' + r.IntN(26)))
			b.WriteByte(' ')
		}
		return b.String()
	}
	for _, n := range []int{500, 5_000, 60_000} {
		old, new := text(n), text(n)
		start := time.Now()
		sides(t, old, new)
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%d words took %v", n, took)
		}
	}
}

// sides fails unless the edits give both texts back.
func sides(t *testing.T, old, new string) {
	t.Helper()
	var a, b strings.Builder
	for _, e := range web.DiffWords(old, new) {
		if e[0] != '+' {
			a.WriteString(e[1:])
		}
		if e[0] != '-' {
			b.WriteString(e[1:])
		}
	}
	if a.String() != old || b.String() != new {
		t.Fatalf("old %.80q became %.80q, new %.80q became %.80q", old, a.String(), new, b.String())
	}
}

func FuzzDiffWords(f *testing.F) {
	f.Add("We will impose a 25% tariff.", "We will impose a 50% tariff.")
	f.Add("", "x")
	f.Add("a b c a b b a", "c b a b a c")
	f.Add("\xff a", "\xfe a")
	f.Fuzz(sides)
}
