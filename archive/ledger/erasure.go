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

// The first lines of the texts. No origin has a space, so no checkpoint begins
// like this.
const (
	erasureHeader = "onrecord erasure v1"
	doneHeader    = "onrecord erasure done v1"
	givenUpHeader = "onrecord lost lines given up v1"
)

// maxErasureNote is the largest note of an erasure, in bytes.
const maxErasureNote = 8 << 10

// ErrErasure reports an erasure, or the claim that one was carried out or that lost
// lines are given up, that no key of the ledger has signed. Whoever can write to the
// bucket can put such a one there; it orders nothing and ends nothing.
var ErrErasure = errors.New("an erasure that no key has signed")

// An ErasureText is what the note of an erasure says. The erasure itself is in
// its event.
type ErasureText struct {
	Case      string
	Statement string   // id
	Sum       [32]byte // SHA-256 of the canonical erasure
}

// An ErasureDoneText is what the note of archive.erasure_done says.
type ErasureDoneText struct {
	Case     string
	Of       int64    // ledger index of the erasure
	Sum      [32]byte // SHA-256 of the canonical erasure of the event: what the store keeps
	Replicas []string // those that have answered, as the event names them
}

// A GivenUpText is what the note of an event says that gives lost lines up.
type GivenUpText struct {
	Sum [32]byte // SHA-256 of the lines, as the event names them
}

// A noted is what a note of this file says.
type noted interface {
	text(origin string) string // by a key of that origin
	check() error              // refuses values that would be lines of their own
}

func (e ErasureText) text(origin string) string {
	return fmt.Sprintf("%s\n%s\ncase %s\nstatement %s\nerasure %x\n", erasureHeader, origin, e.Case, e.Statement, e.Sum)
}

func (e ErasureText) check() error { return checkWords(e.Case, e.Statement) }

func (d ErasureDoneText) text(origin string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\ncase %s\nof %d\nerasure %x\n", doneHeader, origin, d.Case, d.Of, d.Sum)
	for _, r := range d.Replicas {
		fmt.Fprintf(&b, "replica %s\n", r)
	}
	return b.String()
}

func (d ErasureDoneText) check() error { return checkWords(append([]string{d.Case}, d.Replicas...)...) }

func (g GivenUpText) text(origin string) string {
	return fmt.Sprintf("%s\n%s\nlines %x\n", givenUpHeader, origin, g.Sum)
}

func (g GivenUpText) check() error { return nil }

// checkWords refuses what is no word on a line.
func checkWords(words ...string) error {
	for _, s := range words {
		if s == "" || len(s) > 200 || strings.ContainsFunc(s, unicode.IsControl) {
			return fmt.Errorf("%w: %.40q is no case, statement or replica", ErrErasure, s)
		}
	}
	return nil
}

// SignErasure returns the note of an erasure whose event is to follow h, signed
// by the key in force there. ErrKeyChanged says that this machine does not have
// it.
func (l *Ledger) SignErasure(h Head, e ErasureText) (string, error) { return l.signNote(h, e) }

// SignErasureDone is SignErasure of the event that says that one was carried
// out.
func (l *Ledger) SignErasureDone(h Head, d ErasureDoneText) (string, error) { return l.signNote(h, d) }

// SignGivenUp is SignErasure of an event that gives lost lines up.
func (l *Ledger) SignGivenUp(h Head, g GivenUpText) (string, error) { return l.signNote(h, g) }

// SignGivenUp returns the note of an event that gives lost lines up and brings the
// key that signs it.
func SignGivenUp(s note.Signer, g GivenUpText) (string, error) {
	b, err := note.Sign(&note.Note{Text: g.text(s.Name())}, s)
	if err != nil {
		return "", fmt.Errorf("ledger: sign what is given up: %w", err)
	}
	return string(b), nil
}

func (l *Ledger) signNote(h Head, e noted) (string, error) {
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
	return r.checkNote(signed, e, index)
}

// CheckErasureDone is CheckErasure of the event that says that one was carried
// out.
func (r *Keyring) CheckErasureDone(signed string, d ErasureDoneText, index int64) error {
	return r.checkNote(signed, d, index)
}

// CheckGivenUp is CheckErasure of an event that gives lost lines up.
func (r *Keyring) CheckGivenUp(signed string, g GivenUpText, index int64) error {
	return r.checkNote(signed, g, index)
}

func (r *Keyring) checkNote(signed string, e noted, index int64) error {
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
