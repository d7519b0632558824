// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package bucket_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"onrecord/archive/bucket"
)

func TestSealFindsEveryFlippedBit(t *testing.T) {
	object := []byte(`{"v":1,"n":7}`)
	sealed := bucket.Seal(object)
	if string(object) != `{"v":1,"n":7}` {
		t.Errorf("Seal has changed its argument: %s", object)
	}
	if err := bucket.CheckSeal(sealed); err != nil {
		t.Error(err)
	}
	if !json.Valid(sealed) {
		t.Errorf("no JSON: %s", sealed)
	}
	for i := range 8 * len(sealed) {
		bad := slices.Clone(sealed)
		bad[i/8] ^= 1 << (i % 8)
		if err := bucket.CheckSeal(bad); !errors.Is(err, bucket.ErrSum) {
			t.Errorf("bit %d is flipped: %v", i, err)
		}
	}
	for i := range sealed {
		if err := bucket.CheckSeal(sealed[:i]); !errors.Is(err, bucket.ErrSum) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
	if err := bucket.CheckSeal(append(sealed, '\n')); !errors.Is(err, bucket.ErrSum) {
		t.Errorf("a byte more: %v", err)
	}
}
