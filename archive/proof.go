// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"onrecord"
	"onrecord/archive/ledger"
)

// A ProofFile shows that journal lines were recorded no later than a
// checkpoint, and not changed since. It does not show that nothing came after,
// nor that the platform served what they say (record.md 2).
type ProofFile struct {
	V       int           `json:"v"` // 1
	Origin  string        `json:"origin"`
	Lines   []ProvenLine  `json:"lines"`
	Records []ProofRecord `json:"records,omitempty"` // the captures that the lines cite, on request
	// Keys are the changes of the log key, so that who has an older key, or a newer
	// one, can follow.
	Keys []ledger.Rotation `json:"keys,omitempty"`
}

// A ProvenLine is one journal line, or the leaf that abandons a visit, with
// its proof.
type ProvenLine struct {
	Visit onrecord.VisitID `json:"visit"`
	Line  uint32           `json:"line"`
	Text  string           `json:"text,omitempty"` // the line's bytes, salt included; none for ledger.AbandonedLine
	Proof string           `json:"proof"`          // C2SP tlog-proof with its checkpoint
}

// A ProofRecord is one WARC record as stored.
type ProofRecord struct {
	Ref   onrecord.CaptureRef `json:"ref"`
	Bytes []byte              `json:"bytes"` // base64
}

// Proof returns the proof file of the line at index, without its captures.
func (a *Archive) Proof(ctx context.Context, index int64) ([]byte, error) {
	f, err := a.ProofOf(ctx, false, index)
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(f, "", "  ")
}

// ProofOf returns the proof file of the lines at the given indexes, with the
// captures that they cite if records is set.
func (a *Archive) ProofOf(ctx context.Context, records bool, indexes ...int64) (ProofFile, error) {
	f := ProofFile{V: 1}
	for _, index := range indexes {
		text, leaf, err := a.Line(ctx, index)
		if err != nil {
			return f, fmt.Errorf("proof of index %d: %w", index, err)
		}
		if !utf8.Valid(text) {
			return f, fmt.Errorf("proof of index %d: %w: the line is not UTF-8", index, ErrMismatch)
		}
		proof, err := a.ledger.Proof(ctx, index)
		if err != nil {
			return f, outOfReach(fmt.Errorf("proof of index %d: %w", index, err))
		}
		f.Lines = append(f.Lines, ProvenLine{Visit: leaf.Visit, Line: leaf.Line, Text: string(text), Proof: string(proof)})
		if !records || leaf.Line == 0 || leaf.Line == ledger.AbandonedLine {
			continue
		}
		e, err := onrecord.ParseEvent(text)
		if err != nil {
			return f, fmt.Errorf("proof of index %d: %w: %w", index, ErrMismatch, err)
		}
		for _, ref := range e.Captures {
			b, err := a.Capture(ctx, ref)
			if err != nil {
				return f, fmt.Errorf("proof of index %d: %w", index, err)
			}
			f.Records = append(f.Records, ProofRecord{Ref: ref, Bytes: b})
		}
	}
	keys, err := a.Keys(ctx) // read last: what signed the checkpoints is among them
	if err != nil {
		return f, fmt.Errorf("proof: %w", err)
	}
	f.Origin, f.Keys = keys.InForce().Origin(), keys.Links()
	return f, nil
}

// CheckProof checks a proof file without any archive. It returns the ledger
// index of each line and the largest checkpoint that the file holds.
func CheckProof(b []byte, origin string, v note.Verifier) ([]int64, ledger.Checkpoint, error) {
	f, err := parseProof(b)
	if err != nil {
		return nil, ledger.Checkpoint{}, err
	}
	keys, err := ledger.NewKeyring(v, f.Keys)
	if err != nil {
		return nil, ledger.Checkpoint{}, fmt.Errorf("proof file: %w: it was made with other log keys, and none of its changes of the key leads to %s+%08x: %w", ErrMismatch, v.Name(), v.KeyHash(), err)
	}
	if f.Origin != origin && !(keys.Knows(f.Origin) && keys.Knows(origin)) {
		return nil, ledger.Checkpoint{}, otherLog(f, origin)
	}
	return f.check(keys)
}

// CheckProofWith checks a proof file as CheckProof does, with the keys of the
// ledger as somebody knows them who has its archive: also one from before the
// key was changed.
func CheckProofWith(b []byte, keys *ledger.Keyring) ([]int64, ledger.Checkpoint, error) {
	f, err := parseProof(b)
	if err != nil {
		return nil, ledger.Checkpoint{}, err
	}
	if !keys.Knows(f.Origin) {
		return nil, ledger.Checkpoint{}, otherLog(f, keys.InForce().Origin())
	}
	return f.check(keys)
}

func otherLog(f ProofFile, origin string) error {
	return fmt.Errorf("proof file: %w: it is of the log %.100q, the key is that of %q", ErrMismatch, f.Origin, origin)
}

// parseProof reads a proof file; nothing of it is checked.
func parseProof(b []byte) (f ProofFile, err error) {
	if err := json.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("proof file: %w", err)
	}
	switch {
	case f.V != 1:
		return f, fmt.Errorf("proof file: %w: it has version %d, this program reads version 1", ErrMismatch, f.V)
	case len(f.Lines) == 0:
		return f, fmt.Errorf("proof file: %w: it holds no line", ErrMismatch)
	}
	return f, nil
}

// check checks lines and records against the keys of the ledger.
func (f ProofFile) check(keys *ledger.Keyring) ([]int64, ledger.Checkpoint, error) {
	var newest ledger.Checkpoint
	var indexes []int64
	roots := map[int64][32]byte{} // by size
	var cited []onrecord.CaptureRef
	for i, l := range f.Lines {
		leaf := ledger.Leaf{Visit: l.Visit, Line: l.Line, Hash: sha256.Sum256([]byte(l.Text))}
		if l.Line == ledger.AbandonedLine {
			if l.Text != "" {
				return nil, newest, fmt.Errorf("proof file, line %d: %w: the leaf that abandons a visit has no line", i, ErrMismatch)
			}
			leaf.Hash = [32]byte{}
		}
		index, c, err := keys.CheckProof([]byte(l.Proof), leaf)
		if err != nil {
			return nil, newest, fmt.Errorf("proof file, line %d: %w", i, err)
		}
		if root, ok := roots[c.Size]; ok && root != c.Root {
			return nil, newest, fmt.Errorf("proof file, line %d: %w: it holds two checkpoints of size %d that are of two histories, both signed: keep it", i, ErrMismatch, c.Size)
		}
		roots[c.Size] = c.Root
		indexes = append(indexes, index)
		if c.Size >= newest.Size {
			newest = c
		}
		if e, err := onrecord.ParseEvent([]byte(l.Text)); err == nil {
			cited = append(cited, e.Captures...)
		}
	}
	for i, r := range f.Records {
		sum := fmt.Sprintf("%x", sha256.Sum256(r.Bytes))
		isIt := func(c onrecord.CaptureRef) bool {
			at := c.At.Equal(r.Ref.At)
			c.At = r.Ref.At
			return at && c == r.Ref && c.SHA256 == sum
		}
		if !slices.ContainsFunc(cited, isIt) {
			return nil, newest, fmt.Errorf("proof file, record %d: %w: no line cites these bytes as from there", i, ErrMismatch)
		}
	}
	return indexes, newest, nil
}
