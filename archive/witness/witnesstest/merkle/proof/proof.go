// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package proof hands on the released package.
package proof

import (
	"errors"

	"github.com/transparency-dev/merkle"
	"released.example/merkle/proof"
)

// VerifyInclusion is that of the released package.
func VerifyInclusion(h merkle.LogHasher, index, size uint64, leaf []byte, hashes [][]byte, root []byte) error {
	return proof.VerifyInclusion(h, index, size, leaf, hashes, root)
}

// VerifyConsistency is that of the released package.
func VerifyConsistency(h merkle.LogHasher, from, to uint64, hashes [][]byte, fromRoot, toRoot []byte) error {
	return proof.VerifyConsistency(h, from, to, hashes, fromRoot, toRoot)
}

// VerifySubtreeConsistency is not in the released package. Witnesses here sign
// no subtrees.
func VerifySubtreeConsistency(merkle.LogHasher, uint64, uint64, uint64, [][]byte, []byte, []byte) error {
	return errors.New("subtrees are not read here")
}
