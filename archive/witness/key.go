// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package witness

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"onrecord/archive/ledger"
)

// The key types of C2SP signed-note that a witness may have.
const (
	algEd25519     = 1
	algCosignature = 4 // Ed25519 for cosignature/v1
	algMLDSA44     = 6
)

// A verifier checks Ed25519 cosignatures, cosignature/v1 (C2SP
// tlog-cosignature).
type verifier struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

// NewVerifier returns the verifier of a witness's cosignatures, by its key as
// the witness publishes it, "name+hash+key". A key of the type of plain Ed25519
// signatures is taken for one of cosignatures. ML-DSA-44 is not supported.
func NewVerifier(vkey string) (note.Verifier, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	hash, encoded, ok := strings.Cut(rest, "+")
	key, err := base64.StdEncoding.DecodeString(encoded)
	switch {
	case !ok || err != nil || len(key) == 0:
		return nil, errors.New(`not of the form "name+hash+key"`)
	case name == "" || !utf8.ValidString(name) || strings.IndexFunc(name, unicode.IsSpace) >= 0:
		return nil, fmt.Errorf("%q is no name of a key", name)
	case hash != fmt.Sprintf("%08x", keyHash(name, key)):
		return nil, fmt.Errorf("its hash is %.20s, that of its name and key %08x: a letter is wrong", hash, keyHash(name, key))
	case key[0] == algMLDSA44:
		return nil, errors.New("it is an ML-DSA-44 key, which this release does not read: use the witness's Ed25519 key")
	case key[0] != algEd25519 && key[0] != algCosignature || len(key) != 1+ed25519.PublicKeySize:
		return nil, fmt.Errorf("type %d with %d bytes is no Ed25519 key", key[0], len(key)-1)
	}
	key[0] = algCosignature
	return verifier{name: name, hash: keyHash(name, key), key: key[1:]}, nil
}

// keyHash is the hash of a key, its type before it, in package note's spelling.
func keyHash(name string, key []byte) uint32 {
	h := sha256.New()
	h.Write([]byte(name + "\n"))
	h.Write(key)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// Name implements note.Verifier.
func (v verifier) Name() string { return v.name }

// KeyHash implements note.Verifier.
func (v verifier) KeyHash() uint32 { return v.hash }

// Verify implements note.Verifier: a time in seconds, then an Ed25519 signature
// of it and the text.
func (v verifier) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	return ed25519.Verify(v.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text), sig[8:])
}

// lastSecond is the last one, by Unix time, that RFC 3339 has a spelling for: the
// end of the year 9999.
const lastSecond = 253402300799

// cosignature finds the witness's valid signature of a checkpoint among the
// lines that it answered, and returns its line and its time.
func cosignature(checkpoint, lines []byte, v note.Verifier) (line []byte, at time.Time, err error) {
	text, _, ok := bytes.Cut(checkpoint, []byte("\n\n"))
	if !ok {
		return nil, at, errors.New("no checkpoint")
	}
	n, err := ledger.OpenNote(bytes.Join([][]byte{text, lines}, []byte("\n\n")), v)
	if err != nil {
		return nil, at, fmt.Errorf("no valid cosignature of %s+%08x in its answer: %w", v.Name(), v.KeyHash(), err)
	}
	sig := n.Sigs[0]
	b, err := base64.StdEncoding.DecodeString(sig.Base64)
	if err != nil || len(b) < 12 {
		return nil, at, errors.New("no time in the cosignature")
	}
	seconds := binary.BigEndian.Uint64(b[4:])
	if seconds > lastSecond { // which nobody can write down
		return nil, at, fmt.Errorf("the cosignature's time is %d seconds after 1970", seconds)
	}
	return []byte("\u2014 " + sig.Name + " " + sig.Base64 + "\n"), time.Unix(int64(seconds), 0).UTC(), nil
}

// CosignedAt returns the time of a witness's cosignature under a checkpoint; ok
// is false where there is none.
func CosignedAt(checkpoint []byte, v note.Verifier) (at time.Time, ok bool) {
	_, lines, _ := bytes.Cut(checkpoint, []byte("\n\n"))
	_, at, err := cosignature(checkpoint, lines, v)
	return at, err == nil
}
