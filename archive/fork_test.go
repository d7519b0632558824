// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"errors"
	"strings"
	"testing"

	"onrecord/archive"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// TestFork: the archive whose replica was made an archive learns so by the next
// look at it, and whether its own key has signed that. Another archive in the
// place of a replica is no fork.
func TestFork(t *testing.T) {
	t.Parallel()
	for _, signed := range []bool{true, false} {
		w, _, a, _ := filled(t, 4)
		var to memory.Bucket
		r := a.Replica(&to)
		if _, err := r.Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
			t.Fatal(err)
		}
		more(t, w, a, 4, 6) // what the replica has not: the fork lies before it
		h := heir(t, w, 7)
		o := adopted(t, w, h, fastDir(t))
		if signed {
			o.Old = w.signer
		}
		if _, err := archive.Adopt(t.Context(), &to, o); err != nil {
			t.Fatal(err)
		}
		_, replicated := r.Replicate(t.Context(), archive.ReplicateOptions{})
		for how, err := range map[string]error{"replicate": replicated, "check": r.Check(t.Context())} {
			f, ok := errors.AsType[*archive.ForkError](err)
			if !ok || !errors.Is(err, archive.ErrReplica) {
				t.Fatalf("%s: %v", how, err)
			}
			if f.Index != 11 || f.Key != h.public || f.Signed != signed || !strings.Contains(err.Error(), "onrecord adopt) at ledger no. 11") {
				t.Errorf("%s: %+v", how, f)
			}
		}
	}
	_, _, a, _ := filled(t, 4)
	other := newWorld(t)
	other.public, other.signer = otherKey(t)
	var to memory.Bucket
	other.init(t, &to, fastDir(t))
	err := a.Replica(&to).Check(t.Context())
	if _, ok := errors.AsType[*archive.ForkError](err); ok || !errors.Is(err, archive.ErrReplica) || !strings.Contains(err.Error(), ledger.HeadKey) {
		t.Errorf("another archive: %v", err)
	}
}
