// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// rotationHeader is the first line of a rotation's text. No origin has a space,
// so no checkpoint begins like this.
const rotationHeader = "onrecord log key v1"

// The limits of a chain of keys.
const (
	maxRotations    = 64      // links
	maxRotationNote = 4 << 10 // bytes of one
)

// ErrRotation reports a text that is no rotation of this ledger's key, or one
// that does not follow from the key before.
var ErrRotation = errors.New("not a valid change of the log key")

// ErrKeyChanged reports a ledger whose key in force this process does not have:
// it was rotated elsewhere, and log.key of this machine is an older one.
var ErrKeyChanged = errors.New("the log key was changed, and the new one is not here")

// A Rotation is one link of the chain of keys: the event at Index says, signed,
// that from there on another key signs. Note is a signed note (see
// RotationText); the key before has signed it, unless that was lost, and so has
// the new one, always.
type Rotation struct {
	Index int64  `json:"index"` // of the event's leaf
	Note  string `json:"note"`
}

// A RotationText is what the note of a rotation says.
type RotationText struct {
	Number int    // of this rotation, from 1
	Old    string // verifier key before, "name+hash+key"
	New    string // verifier key from there on
	At     Tree   // the ledger when the note was signed: it lies before the event
	// Last is, where New has another name than Old, the last tree that was known
	// of the old origin: the ledger was restarted (record.md 2), and what Last has
	// beyond At is lost. Else zero.
	Last Tree
}

// Restart reports whether a new origin begins with the new key.
func (r RotationText) Restart() bool { return nameOf(r.Old) != nameOf(r.New) }

// Before returns the origin before the rotation.
func (r RotationText) Before() string { return nameOf(r.Old) }

// nameOf returns the name in a verifier key.
func nameOf(public string) string {
	name, _, _ := strings.Cut(public, "+")
	return name
}

// text returns the note's text.
func (r RotationText) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nnumber %d\nold %s\nnew %s\nat %s\n", rotationHeader, r.Number, r.Old, r.New, treeWords(r.At))
	if r.Restart() {
		fmt.Fprintf(&b, "last %s\n", treeWords(r.Last))
	}
	return b.String()
}

func treeWords(t Tree) string {
	return strconv.FormatInt(t.Size, 10) + " " + base64.StdEncoding.EncodeToString(t.Root[:])
}

// SignRotation returns the note of a rotation, signed by both keys. old is nil
// where the key before is lost: then only those who have the new key from
// elsewhere can follow.
func SignRotation(r RotationText, old, fresh note.Signer) (string, error) {
	signers := []note.Signer{fresh}
	if old != nil {
		signers = []note.Signer{old, fresh}
	}
	if _, err := parseRotationText(r.text()); err != nil {
		return "", fmt.Errorf("ledger: %w", err)
	}
	b, err := note.Sign(&note.Note{Text: r.text()}, signers...)
	if err != nil {
		return "", fmt.Errorf("ledger: sign the change of the key: %w", err)
	}
	return string(b), nil
}

// ParseRotation reads the note of a rotation without checking who signed it;
// a Keyring does that.
func ParseRotation(signed string) (RotationText, error) {
	text, _, ok := strings.Cut(signed, "\n\n")
	if !ok || len(signed) > maxRotationNote {
		return RotationText{}, fmt.Errorf("%w: no signed note", ErrRotation)
	}
	return parseRotationText(text + "\n")
}

// parseRotationText is the inverse of text.
func parseRotationText(text string) (RotationText, error) {
	var r RotationText
	lines := strings.Split(text, "\n")
	if lines[0] != rotationHeader || len(lines) < 6 || len(lines) > 7 {
		return r, fmt.Errorf("%w: no %q", ErrRotation, rotationHeader)
	}
	value := func(i int, name string) string {
		v, _ := strings.CutPrefix(lines[i], name+" ")
		return v
	}
	var err error
	if r.Number, err = strconv.Atoi(value(1, "number")); err != nil {
		return r, fmt.Errorf("%w: %.40q", ErrRotation, lines[1])
	}
	r.Old, r.New = value(2, "old"), value(3, "new")
	if r.At, err = parseTreeWords(value(4, "at")); err == nil && len(lines) == 7 {
		r.Last, err = parseTreeWords(value(5, "last"))
	}
	for _, public := range []string{r.Old, r.New} {
		if _, keyErr := note.NewVerifier(public); keyErr != nil && err == nil {
			err = fmt.Errorf("key %.120q: %w", public, keyErr)
		}
	}
	switch {
	case err != nil:
		return r, fmt.Errorf("%w: %w", ErrRotation, err)
	case r.text() != text: // spelled in the one way, nothing else in it
		return r, fmt.Errorf("%w: not spelled as it must be", ErrRotation)
	case r.Number < 1 || r.Number > maxRotations || r.Old == r.New:
		return r, fmt.Errorf("%w: number %d, from %s to %s", ErrRotation, r.Number, r.Old, r.New)
	case r.Restart() && r.Last.Size < r.At.Size:
		return r, fmt.Errorf("%w: restarted at %d, where %d was the last known size", ErrRotation, r.At.Size, r.Last.Size)
	}
	return r, nil
}

func parseTreeWords(s string) (Tree, error) {
	size, hash, _ := strings.Cut(s, " ")
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || n < 0 || n > maxSize {
		return Tree{}, fmt.Errorf("%.40q is no size", size)
	}
	root, err := parseHash(hash)
	return Tree{Size: n, Root: root}, err
}

// GenerateKeys returns a new key pair for a ledger, as GenerateKey does, and
// its signer.
func GenerateKeys(r io.Reader, origin string) (private, public string, s note.Signer, err error) {
	if private, public, err = GenerateKey(r, origin); err != nil {
		return "", "", nil, err
	}
	s, err = note.NewSigner(private)
	return private, public, s, err
}
