// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"onrecord/archive/bucket"
)

// maxCheckpoint bounds a signed checkpoint, in bytes; many witnesses fit in.
const maxCheckpoint = 64 << 10

// ErrCheckpoint reports text that is no checkpoint of this ledger, or one
// without a valid signature of its key.
var ErrCheckpoint = errors.New("not a valid checkpoint")

// GenerateKey returns a new Ed25519 key pair in the spelling of package note,
// named after the origin, which has neither spaces nor "+".
func GenerateKey(r io.Reader, origin string) (private, public string, err error) {
	if private, public, err = note.GenerateKey(r, origin); err != nil {
		return "", "", fmt.Errorf("ledger: %w", err)
	}
	if _, err := note.NewVerifier(public); err != nil {
		return "", "", fmt.Errorf("ledger: a key can't be named %q: %w", origin, err)
	}
	return private, public, nil
}

// checkpointText is the text of a C2SP tlog-checkpoint, unsigned.
func checkpointText(origin string, t Tree) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, t.Size, base64.StdEncoding.EncodeToString(t.Root[:]))
}

// sign returns the checkpoint of t, signed by s, after whom its origin is named.
// Its caller has written the mark.
func (l *Ledger) sign(t Tree, s note.Signer) ([]byte, error) {
	return note.Sign(&note.Note{Text: checkpointText(s.Name(), t)}, s)
}

// ParseCheckpoint checks the form of a C2SP tlog-checkpoint, its origin and
// the signature of v. Lines after the root and further signatures are allowed.
// Everything else is ErrCheckpoint.
func ParseCheckpoint(text []byte, origin string, v note.Verifier) (Checkpoint, error) {
	if len(text) > maxCheckpoint {
		return Checkpoint{}, fmt.Errorf("%w: %d bytes, more than %d", ErrCheckpoint, len(text), maxCheckpoint)
	}
	n, err := OpenNote(text, v)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	t, err := parseTree(n.Text, origin)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	return Checkpoint{Tree: t, Note: append([]byte(nil), text...)}, nil
}

// parseTree reads origin, size and root, one a line.
func parseTree(text, origin string) (Tree, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 {
		return Tree{}, errors.New("fewer than three lines")
	}
	if lines[0] != origin {
		return Tree{}, fmt.Errorf("origin is %.200q, not %q", lines[0], origin)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || size > maxSize || strconv.FormatInt(size, 10) != lines[1] {
		return Tree{}, fmt.Errorf("%.40q is no size", lines[1])
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return Tree{}, fmt.Errorf("root: %w", err)
	}
	return Tree{Size: size, Root: root}, nil
}

// parseHash reads a hash in base64, spelled in the one canonical way.
func parseHash(s string) ([32]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 32 || base64.StdEncoding.EncodeToString(b) != s {
		return [32]byte{}, fmt.Errorf("%.60q is no hash", s)
	}
	return [32]byte(b), nil
}

// Checkpoint loads the published checkpoint and checks its signature.
func (l *Ledger) Checkpoint(ctx context.Context) (Checkpoint, error) {
	c, _, err := l.checkpoint(ctx)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("ledger: %w", err)
	}
	return c, nil
}

func (l *Ledger) checkpoint(ctx context.Context) (Checkpoint, bucket.Tag, error) {
	text, tag, err := l.b.Load(ctx, CheckpointKey)
	if err != nil {
		return Checkpoint{}, bucket.Tag{}, err
	}
	c, err := l.parse(ctx, text)
	if err != nil {
		return Checkpoint{}, bucket.Tag{}, fmt.Errorf("%s: %w", CheckpointKey, err)
	}
	return c, tag, nil
}
