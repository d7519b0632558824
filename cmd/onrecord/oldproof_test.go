// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestProofFromBeforeTheKeyWasChanged checks a proof file that was given out
// under the log key before, in the archive that it is of, and elsewhere.
func TestProofFromBeforeTheKeyWasChanged(t *testing.T) {
	t.Parallel()
	c := crawled(t)
	path := filepath.Join(t.TempDir(), "old.proof")
	proof := c.get(t, "/api/v1/statements/"+string(c.id)+"/proof")
	if err := os.WriteFile(path, []byte(proof), 0o600); err != nil {
		t.Fatal(err)
	}
	c.rest(t)
	for range 2 {
		c.m.run(t, "ledger", "key", "rotate")
		wants(t, c.m.run(t, "verify", path), `^2 lines proven: `, `^checked with archive.example/log\+`)
	}
	wants(t, c.stranger(t, exitOK, "verify", path, "--key", c.key), `^2 lines proven: `)

	other := newMachines(t, 1, "      []\n")[0]
	out, err := other.try("verify", path)
	if exitOf(err) != exitMismatch {
		t.Errorf("in another archive: %v\n%s", err, out)
	}
}
