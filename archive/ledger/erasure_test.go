// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"onrecord/archive/ledger"
)

// TestErasureNote: the key that is in force at the event's index signs it, no
// other, and nothing else than what it says.
func TestErasureNote(t *testing.T) {
	t.Parallel()
	b, keys, _ := rotated(t)
	l, err := ledger.New(b, keyed(t, filepath.Join(t.TempDir(), "mark"), keys...))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := l.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := ledger.ErasureText{Case: "T-2026-014", Statement: "5qmwp306h4y8cvth", Sum: [32]byte{7}}
	words := "onrecord erasure v1\n" + origin + "\ncase T-2026-014\nstatement 5qmwp306h4y8cvth\nerasure 07" + strings.Repeat("00", 31) + "\n"
	h, _, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now, err := l.SignErasure(h, text)
	if err != nil || !strings.HasPrefix(now, words+"\n") {
		t.Fatalf("%q, %v", now, err)
	}
	by := func(n int) string {
		s, err := note.Sign(&note.Note{Text: words}, keys[n].signer)
		if err != nil {
			t.Fatal(err)
		}
		return string(s)
	}
	for _, c := range []struct {
		name   string
		signed string
		text   ledger.ErasureText
		index  int64
		good   bool
	}{
		{"as it was signed", now, text, 60, true},
		{"by the key in force", by(2), text, 50, true},
		{"by a later key", by(2), text, 30, false},
		{"by the key before", by(1), text, 30, true},
		{"by a key that was rotated away", by(1), text, 50, false},
		{"by the first key", by(0), text, 10, true},
		{"by the first key, later", by(0), text, 30, false},
		{"no note", "", text, 60, false},
		{"no signature", words + "\n", text, 60, false},
		{"another case", now, ledger.ErasureText{Case: "T-2", Statement: text.Statement, Sum: text.Sum}, 60, false},
		{"another statement", now, ledger.ErasureText{Case: text.Case, Statement: "6qmwp306h4y8cvth", Sum: text.Sum}, 60, false},
		{"another erasure", now, ledger.ErasureText{Case: text.Case, Statement: text.Statement}, 60, false},
		{"lines in a case", now, ledger.ErasureText{Case: "T-2026-014\nstatement 5qmwp306h4y8cvth", Statement: "x", Sum: text.Sum}, 60, false},
		{"a damaged signature", now[:len(now)-9] + "AAAAAAA=\n", text, 60, false},
	} {
		err := ring.CheckErasure(c.signed, c.text, c.index)
		if c.good != (err == nil) || !c.good && !errors.Is(err, ledger.ErrErasure) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := l.SignErasure(h, ledger.ErasureText{Case: "a\nb", Statement: "x"}); !errors.Is(err, ledger.ErrErasure) {
		t.Errorf("a case of two lines: %v", err)
	}
	reader, err := ledger.New(b, ledger.Options{Origin: origin, Verifier: keys[0].verifier(t)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.SignErasure(h, text); !errors.Is(err, ledger.ErrReadOnly) {
		t.Errorf("without a key: %v", err)
	}
}
