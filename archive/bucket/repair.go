// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
)

// DamagedFolder is where damaged objects are kept as evidence. Nothing below it
// belongs to the record, and none of it is shown to strangers.
const DamagedFolder = "damaged/"

// A Repairer is a Bucket in which the place of a damaged object can be freed,
// for the right bytes to be created there. Only archive's repair uses it, which
// knows from the signed ledger what the right bytes are.
type Repairer interface {
	// SetAside moves the object's bytes, whose SHA-256 is was, to
	// AsideKey(key, was), whole and durable, and frees the key. ErrConflict says
	// that the bytes are others, ErrNotExist that there are none, ErrKey that it
	// is no object that is ever repaired: a register. After any other error the
	// bytes are under one of the two keys, or under both.
	SetAside(ctx context.Context, key string, was [32]byte) error
}

// AsideKey returns where SetAside moves the bytes of an object.
func AsideKey(key string, was [32]byte) string {
	return DamagedFolder + key + "/" + hex.EncodeToString(was[:8])
}

// CheckSetAside returns ErrKey unless key is that of an immutable object of an
// archive. It is for implementations of Repairer.
func CheckSetAside(key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if key == "onrecord.json" {
		return nil
	}
	for _, folder := range []string{"captures/", "media/", "journal/", "log/tile/", "log/keys/"} {
		if strings.HasPrefix(key, folder) {
			return nil
		}
	}
	return fmt.Errorf("set aside %q, which is no object of the record: %w", key, ErrKey)
}
