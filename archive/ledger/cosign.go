// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"

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
// key there is one signature: the last. Whoever calls has checked them.
func (l *Ledger) AddSignatures(ctx context.Context, c Checkpoint, lines ...[]byte) (ok bool, err error) {
	for _, line := range lines {
		if !isSignature(append(bytes.TrimRight(line, "\n"), '\n')) {
			return false, fmt.Errorf("ledger: add cosignatures: %.200q is no signature", line)
		}
	}
	for {
		now, tag, err := l.checkpoint(ctx)
		if err != nil {
			return false, fmt.Errorf("ledger: add cosignatures: %w", err)
		}
		if now.Tree != c.Tree || !bytes.Equal(textOf(now.Note), textOf(c.Note)) {
			return false, nil
		}
		text := withSignatures(now.Note, lines)
		if sameSignatures(text, now.Note) {
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

// sameSignatures reports whether two notes of one text have the same lines, in
// whatever order.
func sameSignatures(a, b []byte) bool {
	_, x := cutNote(a)
	_, y := cutNote(b)
	return slices.EqualFunc(slices.SortedFunc(bytes.Lines(x), bytes.Compare), slices.SortedFunc(bytes.Lines(y), bytes.Compare), bytes.Equal)
}

// textOf returns the part of a note that is signed.
func textOf(signed []byte) []byte {
	text, _, _ := bytes.Cut(signed, []byte("\n\n"))
	return text
}

// maxSignatures is how many signatures of a note its readers look at: package
// note takes one with more for malformed.
const maxSignatures = 100

// withSignatures adds lines, each in place of the one that its key has there.
// What is no signature, or is one too many for other readers, is left out: anybody
// who can write to the bucket can put such lines there. The log's own come first.
func withSignatures(signed []byte, lines [][]byte) []byte {
	text, there := cutNote(signed)
	origin, _, _ := bytes.Cut(text, []byte("\n"))
	own := slices.Concat([]byte("\u2014 "), origin, []byte(" "))
	var first, added, others [][]byte
	for _, line := range lines {
		line = spelled(append(bytes.TrimRight(line, "\n"), '\n'))
		if key := signatureKey(line); key != nil && !hasKey(added, key) {
			added = append(added, line)
		}
	}
	for line := range bytes.Lines(there) {
		line = spelled(line)
		key := signatureKey(line)
		switch {
		case key == nil || !isSignature(line) || hasKey(added, key):
		case bytes.HasPrefix(line, own):
			first = append(first, line)
		default:
			others = append(others, line)
		}
	}
	room := max(maxSignatures-len(first)-len(added), 0)
	list := slices.Concat(first, others[:min(len(others), room)], added)
	return bytes.Join(slices.Concat([][]byte{text, []byte("\n")}, list), nil)
}

// cutNote returns the part of a note that is signed, with its last newline, and
// the lines of its signatures.
func cutNote(signed []byte) (text, lines []byte) {
	i := bytes.LastIndex(signed, []byte("\n\n"))
	if i < 0 {
		return signed, nil
	}
	return signed[:i+1], signed[i+2:]
}

// isSignature reports whether a line has the form of a signature (C2SP
// signed-note).
func isSignature(line []byte) bool {
	_, err := note.Open(slices.Concat([]byte("x\n\n"), line), nil)
	_, unverified := errors.AsType[*note.UnverifiedNoteError](err)
	return unverified
}

// spelled returns a signature line in its one spelling: base64 has bits at its end
// that mean nothing, and not every program reads a line in which they are set.
// What is no signature stays as it is.
func spelled(line []byte) []byte {
	at := bytes.LastIndexByte(line, ' ') + 1
	sum, err := base64.StdEncoding.DecodeString(string(bytes.TrimSuffix(line[at:], []byte("\n"))))
	if err != nil || !isSignature(line) {
		return line
	}
	return append(base64.StdEncoding.AppendEncode(bytes.Clone(line[:at]), sum), '\n')
}

// OpenNote is note.Open with lines of other keys than those of vs left out, so
// that neither how many there are nor what they look like keeps the note from
// being read.
func OpenNote(signed []byte, vs ...note.Verifier) (*note.Note, error) {
	text, lines := cutNote(signed)
	known := append(bytes.Clone(text), '\n')
	for line := range bytes.Lines(lines) {
		if slices.ContainsFunc(vs, func(v note.Verifier) bool { return bytes.HasPrefix(line, keyPrefix(v)) }) {
			known = append(known, line...)
		}
	}
	if len(known) == len(text)+1 {
		return nil, fmt.Errorf("none of its %d lines of signatures is of a key that is known here", bytes.Count(lines, []byte("\n")))
	}
	return note.Open(known, note.VerifierList(vs...))
}

// keyPrefix is what signatureKey returns of the lines of a key.
func keyPrefix(v note.Verifier) []byte {
	hash := binary.BigEndian.AppendUint32(nil, v.KeyHash())
	return []byte("\u2014 " + v.Name() + " " + base64.StdEncoding.EncodeToString(hash)[:5])
}

// Signatures finds what is wrong with the signatures of a note beside those that
// make it valid: a line that is none, one that is not in its one spelling, more of
// them than other programs read, and one by a key of vs that is not its. offset is
// in the note.
func Signatures(signed []byte, vs ...note.Verifier) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		text, lines := cutNote(signed)
		offset, n := int64(len(text)+1), 0
		for line := range bytes.Lines(lines) {
			n++
			err := signature(text, line, vs)
			if err == nil && n == maxSignatures+1 {
				err = fmt.Errorf("more than %d signatures: other programs do not read it", maxSignatures)
			}
			if err != nil && !yield(offset, err) {
				return
			}
			offset += int64(len(line))
		}
	}
}

// signature says what is wrong with one line.
func signature(text, line []byte, vs []note.Verifier) error {
	if !isSignature(line) {
		return errors.New("a line that is no signature: other programs do not read it")
	}
	if !bytes.Equal(line, spelled(line)) {
		return errors.New("a signature with bits in its base64 that mean nothing: some programs do not read it")
	}
	for _, v := range vs {
		if !bytes.HasPrefix(line, keyPrefix(v)) {
			continue
		}
		_, err := note.Open(slices.Concat(text, []byte("\n"), line), note.VerifierList(v))
		if _, wrong := errors.AsType[*note.InvalidSignatureError](err); wrong {
			return fmt.Errorf("a signature that %s+%08x did not make", v.Name(), v.KeyHash())
		}
	}
	return nil
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

// hasKey reports whether one of lines is of a key, as signatureKey returns it.
func hasKey(lines [][]byte, key []byte) bool {
	return slices.ContainsFunc(lines, func(line []byte) bool { return bytes.HasPrefix(line, key) })
}

// Cosigners returns the names of those of vs whose valid signature stands
// under the checkpoint.
func (c Checkpoint) Cosigners(vs ...note.Verifier) []string {
	var names []string
	for _, v := range vs {
		if _, err := OpenNote(c.Note, v); err == nil {
			names = append(names, v.Name())
		}
	}
	return names
}
