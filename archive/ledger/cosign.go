// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"onrecord/archive/bucket"
)

// Consistency proves that the published tree to has the tree of size from as
// its beginning (RFC 6962, section 2.1.2): what a witness asks for. The proof of
// 0, and of the same size, is empty.
func (l *Ledger) Consistency(ctx context.Context, from int64, to Tree) ([][32]byte, error) {
	switch {
	case from < 0 || from > to.Size:
		return nil, fmt.Errorf("ledger: from %d to %d: %w", from, to.Size, ErrIndex)
	case from == 0 || from == to.Size:
		return nil, nil
	}
	proof, err := tlog.ProveTree(to.Size, from, l.reader(ctx, to))
	if err != nil {
		return nil, fmt.Errorf("ledger: from %d to %d: %w", from, to.Size, err)
	}
	hashes := make([][32]byte, len(proof))
	for i, h := range proof {
		hashes[i] = h
	}
	return hashes, nil
}

// AddSignatures appends note signatures, one line each, to the published
// checkpoint, if that is still the one of c's tree; ok says whether they are
// there now. A newer checkpoint is never replaced by an older one, and of one
// key there is one signature: the first. Whoever calls has checked them.
func (l *Ledger) AddSignatures(ctx context.Context, c Checkpoint, lines ...[]byte) (ok bool, err error) {
	for {
		now, tag, err := l.checkpoint(ctx)
		if err != nil {
			return false, fmt.Errorf("ledger: add cosignatures: %w", err)
		}
		if now.Tree != c.Tree || !bytes.Equal(textOf(now.Note), textOf(c.Note)) {
			return false, nil
		}
		text := withSignatures(now.Note, lines)
		if bytes.Equal(text, now.Note) {
			return true, nil
		}
		if _, err = l.parse(ctx, text); err != nil {
			return false, fmt.Errorf("ledger: add cosignatures: %w", err)
		}
		if _, err = l.b.Swap(ctx, CheckpointKey, bucket.Matches(tag), text); err == nil {
			return true, nil
		}
		if !errors.Is(err, bucket.ErrConflict) {
			return false, fmt.Errorf("ledger: add cosignatures: %w", err)
		}
	}
}

// textOf returns the part of a note that is signed.
func textOf(signed []byte) []byte {
	text, _, _ := bytes.Cut(signed, []byte("\n\n"))
	return text
}

// withSignatures appends the lines whose keys have not signed yet.
func withSignatures(signed []byte, lines [][]byte) []byte {
	out := bytes.Clone(signed)
	for _, line := range lines {
		line = append(bytes.TrimRight(line, "\n"), '\n')
		if key := signatureKey(line); key != nil && !hasSignature(out, key) {
			out = append(out, line...)
		}
	}
	return out
}

// signatureKey returns the beginning of a signature line that names its key:
// name and, in base64, the key's hash. Four bytes are five characters and a
// part of the sixth, which is compared with them.
func signatureKey(line []byte) []byte {
	const dash, hash = "\u2014 ", 5
	name := bytes.IndexByte(line[min(len(dash), len(line)):], ' ')
	if !bytes.HasPrefix(line, []byte(dash)) || name < 0 || len(line) < len(dash)+name+1+hash {
		return nil
	}
	return line[:len(dash)+name+1+hash]
}

func hasSignature(signed, key []byte) bool {
	for line := range bytes.Lines(signed) {
		if bytes.HasPrefix(line, key) {
			return true
		}
	}
	return false
}

// Cosigners returns the names of those of vs whose valid signature stands
// under the checkpoint.
func (c Checkpoint) Cosigners(vs ...note.Verifier) []string {
	n, err := note.Open(c.Note, note.VerifierList(vs...))
	if err != nil {
		return nil
	}
	var names []string
	for _, s := range n.Sigs {
		names = append(names, s.Name)
	}
	return names
}
