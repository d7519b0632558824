// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"os"
	"testing"

	"onrecord/archive"
	"onrecord/internal/repotest"
)

// TestPartsFindDamage damages an object of each kind. What lies in one part is
// found by that part alone; registers, onrecord.json and what is above all entry
// bundles by each; nothing else is named by any. With ONRECORD_LONG every object,
// else one of a kind.
func TestPartsFindDamage(t *testing.T) {
	repotest.Large(t)
	l := live(t, 150)
	whole := l.verify(t, l.b, archive.VerifyOptions{})
	for kind, keys := range l.keys(t, whole.Size) {
		if os.Getenv("ONRECORD_LONG") == "" {
			keys = keys[len(keys)/2:][:1]
		}
		for _, key := range keys {
			b := l.b.Clone()
			b.Damage(key, flip)
			for _, n := range []int{1, 3, 30} {
				var by []int
				named := false
				for k := 1; k <= n; k++ {
					r := l.verify(t, b, archive.VerifyOptions{Part: k, Parts: n})
					if len(r.Findings) == 0 {
						continue
					}
					by = append(by, k)
					exact := expected(kind, "flip", r.Findings, []string{key})
					named = named || exact
					// Parts that a tile above the lowest is none of know only that the root is another.
					if !exact && (kind != archive.KindTile || n == 1) {
						t.Errorf("part %d of %d, %s: found %v", k, n, key, r.Findings)
					}
				}
				if !named {
					t.Errorf("%s: named by none of %d parts", key, n)
				}
				switch kind {
				case archive.KindMeta, archive.KindHead, archive.KindCheckpoint:
					if len(by) != n {
						t.Errorf("%s: found by %v of %d", key, by, n)
					}
				case archive.KindTile, "bundle", archive.KindCapture: // beside its own part those whose lines lead to it read it
				default:
					if len(by) != 1 {
						t.Errorf("%s: found by %v of %d", key, by, n)
					}
				}
			}
		}
	}
	// A lost object as well.
	for _, key := range []string{l.keys(t, whole.Size)[archive.KindCapture][1], l.keys(t, whole.Size)[archive.KindState][0]} {
		for _, n := range []int{3, 30} {
			if by := l.partOf(t, l.b, key, n); len(by) == 0 {
				t.Errorf("%s is missed by none of %d parts", key, n)
			}
		}
	}
}
