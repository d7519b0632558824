// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/hex"
	"strings"
)

// Verify compares the block, and the payload where the record holds it, with
// the digests that the record promises. A mismatch is ErrDigest. checked is
// how many digests were compared: those of other algorithms than MD5, SHA-1,
// SHA-256 and SHA-512 are not.
func (r *Record) Verify() (checked int, err error) {
	if r.Skimmed > 0 {
		return r.verifySkimmed()
	}
	ok, known := matches(r.Get("WARC-Block-Digest"), r.Block)
	if known && !ok {
		return 0, &Error{Offset: r.Offset, Err: ErrDigest, Detail: "WARC-Block-Digest of " + r.ID()}
	}
	if known {
		checked++
	}
	n, err := r.verifyPayload()
	return checked + n, err
}

// VerifyPayload is Verify without hashing any byte twice: of a record that
// promises a digest of its payload it compares that one alone. It is enough
// where something else vouches for the rest, such as the CRC of a gzip member.
func (r *Record) VerifyPayload() (checked int, err error) {
	if n, err := r.verifyPayload(); n > 0 || err != nil {
		return n, err
	}
	return r.Verify()
}

// verifyPayload compares the payload, where the record holds it and promises a
// digest.
func (r *Record) verifyPayload() (checked int, err error) {
	promised := r.Get("WARC-Payload-Digest")
	if r.Skimmed > 0 || promised == "" || r.Type() == "revisit" || r.Get("WARC-Segment-Number") != "" {
		return 0, nil
	}
	payload := r.Block
	if r.http() {
		m := ParseHTTP(r.Block)
		payload = m.Body
		// WARC/1.1 means the payload without transfer coding; tools in use
		// hash the body as it stands in the block.
		if ok, _ := matches(promised, m.Payload()); ok {
			return 1, nil
		}
	}
	ok, known := matches(promised, payload)
	switch {
	case !known:
		return 0, nil
	case !ok:
		return 0, &Error{Offset: r.Offset, Err: ErrDigest, Detail: "WARC-Payload-Digest of " + r.ID()}
	}
	return 1, nil
}

// verifySkimmed is Verify of a block that was not kept: of a file, of which
// block and payload are the same.
func (r *Record) verifySkimmed() (checked int, err error) {
	for _, name := range [...]string{"WARC-Block-Digest", "WARC-Payload-Digest"} {
		value, ok := strings.CutPrefix(r.Get(name), "sha256:")
		if !ok || name == "WARC-Payload-Digest" && r.http() {
			continue
		}
		if value != r.SkimmedSHA256 {
			return checked, &Error{Offset: r.Offset, Err: ErrDigest, Detail: name + " of " + r.ID()}
		}
		checked++
	}
	return checked, nil
}

// http reports whether the block is an HTTP message.
func (r *Record) http() bool {
	return strings.HasPrefix(strings.ToLower(r.Get("Content-Type")), "application/http")
}

// matches reports whether b has the labelled digest; known is false if the
// label says nothing that can be checked. Values are hex or base32, as the
// standard leaves open.
func matches(labelled string, b []byte) (ok, known bool) {
	algo, value, found := strings.Cut(labelled, ":")
	if !found {
		return false, false
	}
	var sum []byte
	switch strings.ReplaceAll(strings.ToLower(algo), "-", "") {
	case "md5":
		s := md5.Sum(b)
		sum = s[:]
	case "sha1":
		s := sha1.Sum(b)
		sum = s[:]
	case "sha256":
		s := sha256.Sum256(b)
		sum = s[:]
	case "sha512":
		s := sha512.Sum512(b)
		sum = s[:]
	default:
		return false, false
	}
	var want []byte
	var err error
	if len(value) == 2*len(sum) {
		want, err = hex.DecodeString(value)
	} else {
		want, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(strings.ToUpper(value), "="))
	}
	return err == nil && bytes.Equal(want, sum), true
}
