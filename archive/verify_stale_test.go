// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
	"onrecord/internal/repotest"
)

// TestVerifyStaleTiles alters tiles that are left of smaller trees, which nothing
// reads but who has an older checkpoint: each is named, and set aside by a repair.
func TestVerifyStaleTiles(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	_, b, a, _ := filled(t, 300)
	size := verifiedAs(t, a, archive.VerifyOptions{}).Size
	stale := 0
	for info, err := range b.List(t.Context(), ledger.TileFolder, "") {
		if err != nil {
			t.Fatal(err)
		}
		now, ok := ledger.Stale(info.Key, size)
		if !ok {
			continue
		}
		if stale++; stale%20 != 1 && !strings.HasPrefix(info.Key, "log/tile/1/") {
			continue
		}
		harmed := b.Clone()
		harmed.Damage(info.Key, flip)
		o := archive.Options{Now: newWorld(t).now, PublicKey: newWorld(t).public}
		a, err := archive.Open(t.Context(), harmed, o)
		if err != nil {
			t.Fatal(err)
		}
		r, err := a.Verify(t.Context(), archive.VerifyOptions{})
		if err != nil || len(r.Findings) != 1 || r.Findings[0].Object != info.Key || r.Findings[0].Kind != archive.KindTile || !strings.Contains(r.Findings[0].Reason, now) {
			t.Errorf("%s: %v, %v", info.Key, r.Findings, err)
			continue
		}
		by := 0
		for k := 1; k <= 3; k++ {
			r, err := a.Verify(t.Context(), archive.VerifyOptions{Part: k, Parts: 3})
			if err != nil {
				t.Fatal(err)
			}
			by += len(r.Findings)
		}
		if by != 1 {
			t.Errorf("%s: found by %d of 3 parts", info.Key, by)
		}
		done, err := a.Repair(t.Context(), r.Findings, nil)
		if err != nil || len(done.Mended) != 1 || len(done.Left) > 0 {
			t.Errorf("%s: repaired %+v, %v", info.Key, done, err)
			continue
		}
		if _, _, err := harmed.Load(t.Context(), done.Mended[0].Aside); err != nil {
			t.Errorf("%s: set aside: %v", info.Key, err)
		}
		verifiedAs(t, a, archive.VerifyOptions{})
	}
	if stale < 20 {
		t.Fatalf("%d tiles of smaller trees", stale)
	}
	// Where the tile in force is damaged, only that is named.
	harmed := b.Clone()
	edge := ""
	for info, err := range b.List(t.Context(), "log/tile/0/", "") {
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := ledger.Stale(info.Key, size); !ok && strings.Contains(info.Key, ".p/") {
			edge = info.Key
		}
	}
	harmed.Damage(edge, flip)
	a, err := archive.Open(t.Context(), harmed, archive.Options{Now: newWorld(t).now, PublicKey: newWorld(t).public})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := a.Verify(t.Context(), archive.VerifyOptions{}); err != nil || len(r.Findings) != 1 || r.Findings[0].Object != edge {
		t.Errorf("%s: %v, %v", edge, r.Findings, err)
	}
}

// otherwise returns a signature line with a bit set that means nothing.
func otherwise(t *testing.T, line string) string {
	t.Helper()
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	bare := strings.TrimRight(line, "=\n")
	last := strings.IndexByte(digits, bare[len(bare)-1])
	if bare+"\n" == line || last&1 == 1 {
		t.Fatalf("%q has no such bit", line)
	}
	return bare[:len(bare)-1] + digits[last+1:last+2] + line[len(bare):]
}

// TestVerifyCosignatures writes lines under the checkpoint: those of strangers are
// no matter, one in the name of a witness that is not its is found.
func TestVerifyCosignatures(t *testing.T) {
	w, b, a, _ := filled(t, 3)
	private, public, err := note.GenerateKey(seeded(8), "witness.example/w")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	witness, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	point, err := a.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	line := func(text string) string {
		t.Helper()
		signed, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			t.Fatal(err)
		}
		_, lines, _ := strings.Cut(string(signed), "\n\n")
		return lines
	}
	text, _, _ := strings.Cut(string(point.Note), "\n\n")
	for _, c := range []struct {
		name, lines string
		known       int // findings with the witness's key
		unknown     int
	}{
		{"its signature", line(text + "\n"), 0, 0},
		{"one of another text", line("archive.example/log\n1\nAAAA\n"), 1, 0},
		{"a stranger's", "\u2014 nobody.example/n AAAAAAAAAAAA\n", 0, 0},
		{"no signature", "hello\n", 1, 1},
		{"its signature, otherwise spelled", otherwise(t, line(text+"\n")), 1, 1},
		{"a stranger's, otherwise spelled", "\u2014 nobody.example/n AAAAAAAAAAAAAB==\n", 1, 1},
		{"too many", strings.Repeat("\u2014 nobody.example/n AAAAAAAAAAAA\n", 300), 1, 1},
	} {
		_, tag, err := b.Load(t.Context(), ledger.CheckpointKey)
		if err == nil {
			_, err = b.Swap(t.Context(), ledger.CheckpointKey, bucket.Matches(tag), append(bytes.Clone(point.Note), c.lines...))
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []struct {
			witnesses []note.Verifier
			want      int
		}{{[]note.Verifier{witness}, c.known}, {nil, c.unknown}} {
			a := w.open(t, b, fastDir(t), 5)
			r, err := a.Verify(t.Context(), archive.VerifyOptions{Witnesses: v.witnesses})
			if err != nil || len(r.Findings) != v.want || r.Size != point.Size {
				t.Errorf("%s, %d witnesses: %v, %v", c.name, len(v.witnesses), r.Findings, err)
			}
			for _, f := range r.Findings {
				if f.Kind != archive.KindCheckpoint || f.Object != ledger.CheckpointKey || f.Offset < int64(len(point.Note)) {
					t.Errorf("%s: %s", c.name, f)
				}
			}
		}
	}
	if _, err := visit(t.Context(), w, a, "press-0", "it goes on"); err != nil {
		t.Errorf("a visit after that: %v", err)
	}
	verifiedAs(t, a, archive.VerifyOptions{Witnesses: []note.Verifier{witness}})
}
