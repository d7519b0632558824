// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// proofHeader is the first line of a C2SP tlog-proof.
const proofHeader = "c2sp.org/tlog-proof@v1"

// ErrProof reports a proof that does not show what it should.
var ErrProof = errors.New("not a valid proof")

// Proof returns a C2SP tlog-proof for the leaf at index, with the published
// checkpoint. CheckProof checks it. ErrIndex says that the leaf is not
// published.
func (l *Ledger) Proof(ctx context.Context, index int64) ([]byte, error) {
	c, _, err := l.checkpoint(ctx)
	if err != nil {
		return nil, fmt.Errorf("ledger: proof: %w", err)
	}
	if index < 0 || index >= c.Size {
		return nil, fmt.Errorf("ledger: proof of leaf %d of %d: %w", index, c.Size, ErrIndex)
	}
	path, err := tlog.ProveRecord(c.Size, index, l.reader(ctx, c.Tree))
	if err != nil {
		return nil, fmt.Errorf("ledger: proof of leaf %d: %w", index, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nindex %d\n", proofHeader, index)
	for _, h := range path {
		fmt.Fprintf(&b, "%s\n", base64.StdEncoding.EncodeToString(h[:]))
	}
	b.WriteString("\n")
	b.Write(c.Note)
	return []byte(b.String()), nil
}

// CheckProof checks a C2SP tlog-proof for leaf without any ledger, and returns
// the leaf's index and the checkpoint. What fails is ErrProof, and
// ErrCheckpoint where the checkpoint is to blame.
func CheckProof(proof []byte, leaf Leaf, origin string, v note.Verifier) (index int64, c Checkpoint, err error) {
	return checkProof(proof, leaf, func(text []byte) (Checkpoint, error) { return ParseCheckpoint(text, origin, v) })
}

// CheckProof checks a C2SP tlog-proof for leaf as the function of that name
// does, against the key that was in force at the size of its checkpoint.
func (r *Keyring) CheckProof(proof []byte, leaf Leaf) (index int64, c Checkpoint, err error) {
	return checkProof(proof, leaf, r.ParseCheckpoint)
}

func checkProof(proof []byte, leaf Leaf, parse func([]byte) (Checkpoint, error)) (index int64, c Checkpoint, err error) {
	index, path, text, err := parseProof(proof)
	if err != nil {
		return 0, Checkpoint{}, fmt.Errorf("ledger: %w: %w", ErrProof, err)
	}
	c, err = parse(text)
	if err != nil {
		return 0, Checkpoint{}, fmt.Errorf("ledger: %w: %w", ErrProof, err)
	}
	if index >= c.Size {
		return 0, Checkpoint{}, fmt.Errorf("ledger: %w: index %d in a ledger of %d", ErrProof, index, c.Size)
	}
	if err := tlog.CheckRecord(path, c.Size, c.Root, index, leaf.treeHash()); err != nil {
		return 0, Checkpoint{}, fmt.Errorf("ledger: %w: leaf %d: %w", ErrProof, index, err)
	}
	return index, c, nil
}

// parseProof takes a tlog-proof apart. An "extra" line is allowed and ignored.
func parseProof(proof []byte) (index int64, path tlog.RecordProof, checkpoint []byte, err error) {
	if len(proof) > 2*maxCheckpoint {
		return 0, nil, nil, fmt.Errorf("%d bytes", len(proof))
	}
	head, rest, ok := strings.Cut(string(proof), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || lines[0] != proofHeader {
		return 0, nil, nil, errors.New("no tlog-proof")
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || len(lines) > 64 {
		return 0, nil, nil, fmt.Errorf("%d lines", len(lines))
	}
	number, ok := strings.CutPrefix(lines[0], "index ")
	index, err = strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || index < 0 || strconv.FormatInt(index, 10) != number {
		return 0, nil, nil, fmt.Errorf("%.40q is no index", lines[0])
	}
	for _, line := range lines[1:] {
		h, err := parseHash(line)
		if err != nil {
			return 0, nil, nil, err
		}
		path = append(path, h)
	}
	return index, path, []byte(rest), nil
}
