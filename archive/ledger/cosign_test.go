// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// put replaces the published checkpoint, as anybody can who writes to the bucket.
func put(t *testing.T, b bucket.Bucket, text []byte) {
	t.Helper()
	_, tag, err := b.Load(t.Context(), ledger.CheckpointKey)
	if err == nil {
		_, err = b.Swap(t.Context(), ledger.CheckpointKey, bucket.Matches(tag), text)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// signatureOf is the line of a key under the text of a checkpoint.
func signatureOf(t *testing.T, s note.Signer, c ledger.Checkpoint) []byte {
	t.Helper()
	text, _, _ := strings.Cut(string(c.Note), "\n\n")
	signed, err := note.Sign(&note.Note{Text: text + "\n"}, s)
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(signed), "\n\n")
	return []byte(line)
}

// TestGarbageUnderACheckpoint writes lines under a checkpoint that nobody who is
// known has signed: it is read all the same, nobody is taken for a cosigner, what
// is found says where, and the next signature takes away what no other program
// would read.
func TestGarbageUnderACheckpoint(t *testing.T) {
	witness, stranger := newKey(t, "witness.example/w"), newKey(t, "stranger.example/s")
	other := func(c ledger.Checkpoint) ledger.Checkpoint { // the same size, another root
		return ledger.Checkpoint{Note: bytes.Replace(c.Note, []byte("\n10\n"), []byte("\n9\n"), 1)}
	}
	many := func(n int) string {
		var s strings.Builder
		for i := range n {
			fmt.Fprintf(&s, "\u2014 nobody.example/%d AAAAAAAAAAAA\n", i)
		}
		return s.String()
	}
	for _, c := range []struct {
		name     string
		lines    func(ledger.Checkpoint) string
		problems int // with the witness's key
		cosigned bool
		left     int // signatures once the witness has signed
	}{
		{"a stranger's signature", func(c ledger.Checkpoint) string { return string(signatureOf(t, stranger.signer, c)) }, 0, false, 3},
		{"a stranger's, of another text", func(c ledger.Checkpoint) string { return string(signatureOf(t, stranger.signer, other(c))) }, 0, false, 3},
		{"the witness's", func(c ledger.Checkpoint) string { return string(signatureOf(t, witness.signer, c)) }, 0, true, 2},
		{"the witness's, of another text", func(c ledger.Checkpoint) string { return string(signatureOf(t, witness.signer, other(c))) }, 1, false, 2},
		{"no base64", func(ledger.Checkpoint) string { return "\u2014 nobody.example/n !!!!!!!!!\n" }, 1, false, 2},
		{"no line of a signature", func(ledger.Checkpoint) string { return "hello\n" }, 1, false, 2},
		{"as many as others read", func(ledger.Checkpoint) string { return many(99) }, 0, false, 100},
		{"more than others read", func(ledger.Checkpoint) string { return many(400) }, 1, false, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b memory.Bucket
			l := create(t, &b, options(t))
			grow(t, l, 10, 10)
			point, err := l.Checkpoint(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			put(t, &b, append(bytes.Clone(point.Note), c.lines(point)...))
			now, err := l.Checkpoint(t.Context())
			if err != nil || now.Tree != point.Tree {
				t.Fatalf("not read: %+v, %v", now.Tree, err)
			}
			if got := len(now.Cosigners(witness.verifier(t))) > 0; got != c.cosigned {
				t.Errorf("cosigned: %v", got)
			}
			n := 0
			for offset, err := range ledger.Signatures(now.Note, witness.verifier(t)) {
				if n++; offset < int64(len(point.Note)) || now.Note[offset-1] != '\n' || err == nil {
					t.Errorf("at %d of %d: %v", offset, len(point.Note), err)
				}
			}
			if n != c.problems {
				t.Errorf("%d problems, want %d", n, c.problems)
			}
			if ok, err := l.AddSignatures(t.Context(), now, signatureOf(t, witness.signer, point)); err != nil || !ok {
				t.Fatal(ok, err)
			}
			if now, err = l.Checkpoint(t.Context()); err != nil || len(now.Cosigners(witness.verifier(t))) != 1 {
				t.Errorf("cosigned after that: %v", err)
			}
			for offset, err := range ledger.Signatures(now.Note, witness.verifier(t)) {
				t.Errorf("left at %d: %v", offset, err)
			}
			if got := strings.Count(string(now.Note), "\u2014 "); got != c.left {
				t.Errorf("%d signatures are left, want %d", got, c.left)
			}
			grow(t, l, 11, 1) // the next checkpoint begins anew
			if now, err = l.Checkpoint(t.Context()); err != nil || strings.Count(string(now.Note), "\u2014 ") != 1 {
				t.Errorf("the next: %v\n%s", err, now.Note)
			}
		})
	}
}

// TestForgedLogSignature has a line in the log's own name that is not its: that is
// no checkpoint.
func TestForgedLogSignature(t *testing.T) {
	var b memory.Bucket
	l := create(t, &b, options(t))
	grow(t, l, 3, 3)
	point, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	put(t, &b, bytes.Replace(point.Note, []byte("\n3\n"), []byte("\n2\n"), 1))
	if c, err := l.Checkpoint(t.Context()); err == nil {
		t.Errorf("believed: %+v", c.Tree)
	}
}
