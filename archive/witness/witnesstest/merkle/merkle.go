// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package merkle stands in for the version of transparency-dev/merkle that the
// witness asks for, which the module proxy does not have: it hands on the
// released one, and lacks what that lacks, subtrees.
package merkle

// A LogHasher is that of the released module, whose interface it is.
type LogHasher interface {
	EmptyRoot() []byte
	HashLeaf(leaf []byte) []byte
	HashChildren(l, r []byte) []byte
	Size() int
}
