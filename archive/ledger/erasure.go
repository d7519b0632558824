// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/mod/sumdb/note"
)

// erasureHeader is the first line of an erasure's text. No origin has a space,
// so no checkpoint begins like this.
const erasureHeader = "onrecord erasure v1"

// maxErasureNote is the largest note of an erasure, in bytes.
const maxErasureNote = 2 << 10

// ErrErasure reports an erasure that no key of the ledger has signed. Whoever
// can write to the bucket can put such a one there; it orders nothing.
var ErrErasure = errors.New("an erasure that no key has signed")

// An ErasureText is what the note of an erasure says. The erasure itself is in
// its event.
type ErasureText struct {
	Case      string
	Statement string   // id
	Sum       [32]byte // SHA-256 of the canonical erasure
}

// text returns the note's text, by a key of that origin.
func (e ErasureText) text(origin string) string {
	return fmt.Sprintf("%s\n%s\ncase %s\nstatement %s\nerasure %x\n", erasureHeader, origin, e.Case, e.Statement, e.Sum)
}

// check refuses values that would be lines of their own.
func (e ErasureText) check() error {
	for _, s := range []string{e.Case, e.Statement} {
		if s == "" || len(s) > 200 || strings.ContainsFunc(s, unicode.IsControl) {
			return fmt.Errorf("%w: %.40q is no case or statement", ErrErasure, s)
		}
	}
	return nil
}

// SignErasure returns the note of an erasure whose event is to follow h, signed
// by the key in force there. ErrKeyChanged says that this machine does not have
// it.
func (l *Ledger) SignErasure(h Head, e ErasureText) (string, error) {
	if err := e.check(); err != nil {
		return "", fmt.Errorf("ledger: %w", err)
	}
	if l.o.Signer == nil {
		return "", ErrReadOnly
	}
	r, err := l.ringOf(h)
	if err != nil {
		return "", fmt.Errorf("ledger: %w", err)
	}
	s, err := l.signer(r.InForce())
	if err != nil {
		return "", fmt.Errorf("ledger: sign an erasure: %w", err)
	}
	b, err := note.Sign(&note.Note{Text: e.text(s.Name())}, s)
	if err != nil {
		return "", fmt.Errorf("ledger: sign an erasure: %w", err)
	}
	return string(b), nil
}

// CheckErasure returns nil if signed is the note of an erasure whose event has
// a ledger index, by a key that was in force there; else ErrErasure.
func (r *Keyring) CheckErasure(signed string, e ErasureText, index int64) error {
	if err := e.check(); err != nil {
		return err
	}
	if len(signed) > maxErasureNote {
		return fmt.Errorf("%w: a note of %d bytes", ErrErasure, len(signed))
	}
	err := errors.New("its note says something else")
	if signed == "" {
		err = errors.New("it has no note")
	}
	for i, k := range r.keys {
		if !strings.HasPrefix(signed, e.text(k.Origin())+"\n") {
			continue
		}
		if _, err = note.Open([]byte(signed), note.VerifierList(k.Verifier)); err == nil {
			err = r.mayHaveSigned(i, index+1)
		}
		if err == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: %w", ErrErasure, err)
}
