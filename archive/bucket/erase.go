// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"fmt"
	"strings"
)

// CheckReplace returns ErrKey unless key is that of an object whose bytes an
// erasure may replace: evidence and journal segments. It is for implementations
// of Eraser.
func CheckReplace(key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	switch folder, _, below := strings.Cut(key, "/"); folder {
	case "captures", "media", "journal":
		if below {
			return nil
		}
	}
	return fmt.Errorf("replace %q, which is neither evidence nor journal: %w", key, ErrKey)
}

// CheckRemove returns ErrKey unless key is that of a view, which can be made
// again, or below DamagedFolder, which belongs to nothing. It is for
// implementations of Eraser.
func CheckRemove(key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if !strings.HasPrefix(key, "views/") && !strings.HasPrefix(key, DamagedFolder) {
		return fmt.Errorf("remove %q, which is neither a view nor set aside: %w", key, ErrKey)
	}
	return nil
}

// CheckForget returns ErrKey unless key is that of a state. It is for
// implementations of Eraser.
func CheckForget(key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if !strings.HasPrefix(key, "state/") {
		return fmt.Errorf("forget older versions of %q, which is no state: %w", key, ErrKey)
	}
	return nil
}
