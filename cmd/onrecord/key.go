// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
)

// cursorPurpose names what the derived key is for.
const cursorPurpose = "onrecord/v1 cursor mac"

// deriveKey derives a key of 32 bytes for one purpose from the log key (HKDF
// with SHA-256, RFC 5869). Nothing of the log key follows from it.
func deriveKey(secret, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, purpose, 32)
	if err != nil {
		panic(err) // only a key longer than 255 digests can't be derived
	}
	return key
}

// newLogKey makes a log key for a ledger of the given origin and writes it to
// the state directory, readable by its owner only. It returns the signer and
// the public key. A key that is there already is never replaced.
func newLogKey(stateDir, origin string) (note.Signer, string, error) {
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return nil, "", fmt.Errorf("log key: %w", err)
	}
	path := filepath.Join(stateDir, keyFile)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, "", fmt.Errorf("log key: %w", err)
	}
	_, err = f.WriteString(private + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, "", fmt.Errorf("log key: %w", err)
	}
	s, err := note.NewSigner(private)
	return s, public, err
}
