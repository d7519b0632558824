// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// keyFile is the name of the file in the state directory that holds the log
// key. It is the only secret of an archive.
const keyFile = "log.key"

// A logKey signs the ledger, and gives the key that authenticates cursors, so
// that a rebuilt catalog takes the cursors of the one before.
type logKey struct {
	signer   note.Signer   // nil where the file is not there
	verifier note.Verifier // of the same key; nil where the file is not there
	cursor   []byte
}

// readLogKey reads the log key. A machine without it may read an archive.
func readLogKey(stateDir string) (logKey, error) {
	path := filepath.Join(stateDir, keyFile)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return logKey{cursor: deriveKey("", cursorPurpose)}, nil
	} else if err != nil {
		return logKey{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return logKey{}, &failure{status: exitConfig, hint: "chmod 600 " + path, err: fmt.Errorf("%s can be read by others (mode %04o)", path, info.Mode().Perm())}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return logKey{}, err
	}
	secret := strings.TrimSpace(string(b))
	s, err := note.NewSigner(secret)
	if err != nil {
		return logKey{}, &failure{status: exitConfig, hint: "put it back from your backup", err: fmt.Errorf("%s: not a log key", path)}
	}
	v, err := verifierOf(secret)
	if err != nil {
		return logKey{}, fmt.Errorf("%s: %w", path, err)
	}
	return logKey{signer: s, verifier: v, cursor: deriveKey(secret, cursorPurpose)}, nil
}

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

// verifierOf returns the verifier of a private key in the form of note.GenerateKey:
// PRIVATE+KEY+name+hash+base64(algorithm 1, seed of Ed25519).
func verifierOf(private string) (note.Verifier, error) {
	public, err := publicOf(private)
	if err != nil {
		return nil, err
	}
	return note.NewVerifier(public)
}

// publicOf returns the public key of a private one, both in note's form.
func publicOf(private string) (string, error) {
	parts := strings.SplitN(private, "+", 5)
	if len(parts) != 5 {
		return "", errors.New("not a log key")
	}
	b, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(b) != 1+ed25519.SeedSize {
		return "", errors.New("not a log key")
	}
	return note.NewEd25519VerifierKey(parts[2], ed25519.NewKeyFromSeed(b[1:]).Public().(ed25519.PublicKey))
}

// newLogKey makes a log key for a ledger of the given origin and writes it to
// the state directory, readable by its owner only; a key that an attempt before
// left there for the same ledger is taken. It returns the signer and the public
// key. A key is never replaced.
func newLogKey(stateDir, origin string) (note.Signer, string, error) {
	path := filepath.Join(stateDir, keyFile)
	if b, err := os.ReadFile(path); err == nil {
		return oldLogKey(strings.TrimSpace(string(b)), path, origin)
	}
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return nil, "", fmt.Errorf("log key: %w", err)
	}
	if err := writeNew(path, []byte(private+"\n"), 0o600); err != nil {
		return nil, "", fmt.Errorf("log key: %w", err)
	}
	s, err := note.NewSigner(private)
	return s, public, err
}

// oldLogKey takes the key that is at path, if it is of the ledger origin.
func oldLogKey(private, path, origin string) (note.Signer, string, error) {
	s, err := note.NewSigner(private)
	if err != nil {
		return nil, "", &failure{status: exitFailed, hint: "put it back from your backup, or choose another folder", err: fmt.Errorf("%s is there and is no log key", path)}
	}
	if s.Name() != origin {
		return nil, "", &failure{
			status: exitFailed, hint: "onrecord init --origin " + s.Name() + " goes on with an attempt that failed; for another archive choose another folder",
			err: fmt.Errorf("%s is there already, the key of the ledger %s, not of %s", path, s.Name(), origin),
		}
	}
	public, err := publicOf(private)
	return s, public, err
}

// writeNew writes a file that must not be there, whole or not at all, synced, with
// its folder.
func writeNew(path string, text []byte, mode os.FileMode) error {
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err == nil {
		err = os.Link(f.Name(), path) // which refuses a name that is taken
	}
	return errors.Join(err, os.Remove(f.Name()), syncFolder(folder))
}

// syncFolder makes what was created in a folder durable.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
