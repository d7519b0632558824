// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Objects have their digests in the ledger; registers move, and have none. So
// the registers that are JSON objects end with a checksum of their own: the
// member "sum", in lower-case hex, is the SHA-256 of every byte before it.
const (
	sealBegin = `,"sum":"`
	sealEnd   = `"}`
	sealSize  = len(sealBegin) + 2*sha256.Size + len(sealEnd)
)

// Seal returns a JSON object, which has at least one member, with its checksum
// as the last member.
func Seal(object []byte) []byte {
	body := object[: len(object)-1 : len(object)-1]
	sum := sha256.Sum256(body)
	body = append(body, sealBegin...)
	body = hex.AppendEncode(body, sum[:])
	return append(body, sealEnd...)
}

// CheckSeal returns ErrSum unless body ends with the checksum of what stands
// before it.
func CheckSeal(body []byte) error {
	n := len(body) - sealSize
	if n < 0 {
		return fmt.Errorf("%d bytes, no checksum: %w", len(body), ErrSum)
	}
	if want := Seal(append(body[:n:n], '}')); string(want) != string(body) {
		return fmt.Errorf("the checksum at its end is not that of what stands before it: %w", ErrSum)
	}
	return nil
}
