// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"

	"onrecord/archive/ledger"
)

// keys tells of a machine whose log key is not the one in force, and of
// witnesses that do not cosign.
func (d *doctor) keys(h *house, head ledger.Head, point ledger.Checkpoint) {
	ring, err := h.archive.KeysOf(head)
	if err != nil {
		return // told with the ledger
	}
	in := ring.InForce()
	mine := h.key.verifier
	if mine != nil && (mine.Name() != in.Verifier.Name() || mine.KeyHash() != in.Verifier.KeyHash()) {
		next, err := readKeyFile(filepath.Join(h.cfg.StateDir, nextKeyFile))
		if err == nil && next.Public == in.Public {
			d.warn("key", "the next command that writes puts it in place: onrecord crawl", "%s is in force, and not in place yet", nextKeyFile)
		} else {
			d.fail("key", "copy the new log.key from the machine that changed it: until then nothing is recorded here", "log.key is %s+%08x, the key in force is %s+%08x", mine.Name(), mine.KeyHash(), in.Verifier.Name(), in.Verifier.KeyHash())
		}
	}
	for _, w := range h.cosigners(point) {
		if w.Problem != "" {
			d.warn("witness", "ask its operator whether it runs, and knows this log and its key; nothing waits for it", "%s", w.words())
		}
	}
}
