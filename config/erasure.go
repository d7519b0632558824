// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package config

// ErasureImpossible is the only value of storage.erasure: the operator knows
// that the store keeps what is erased (Object Lock, versions that can't be
// removed), and answers for it.
const ErasureImpossible = "impossible"

// erasure checks storage.erasure.
func (k *checker) erasure() {
	if e := k.Storage.Erasure; e != "" && e != ErasureImpossible {
		k.fault("storage.erasure", "leave it out, or say "+ErasureImpossible, "%q is not a value of it", e)
	}
}
