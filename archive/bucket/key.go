// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"fmt"
	"strings"
)

// These are the limits of a key, in bytes.
const (
	MaxKey     = 900
	MaxSegment = 199
)

// CheckKey returns ErrKey, wrapped with the key and the reason, unless key
// follows the rules of the package comment. That no key is a segment-wise
// prefix of another can't be seen from one key.
func CheckKey(key string) error {
	if len(key) == 0 || len(key) > MaxKey {
		return fmt.Errorf("key %.40q has %d bytes, not 1 to %d: %w", key, len(key), MaxKey, ErrKey)
	}
	for segment := range strings.SplitSeq(key, "/") {
		switch {
		case segment == "", len(segment) > MaxSegment:
			return fmt.Errorf("key %.240q has a segment of %d bytes, not 1 to %d: %w", key, len(segment), MaxSegment, ErrKey)
		case segment == ".", segment == "..":
			return fmt.Errorf("key %.240q has the segment %q: %w", key, segment, ErrKey)
		}
	}
	return checkBytes(key)
}

// CheckPrefix is CheckKey for the prefix of a listing: any beginning of a key,
// and "" for all.
func CheckPrefix(prefix string) error {
	if len(prefix) > MaxKey {
		return fmt.Errorf("prefix %.40q has %d bytes, more than %d: %w", prefix, len(prefix), MaxKey, ErrKey)
	}
	return checkBytes(prefix)
}

func checkBytes(key string) error {
	for i := range len(key) {
		c := key[i]
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-' || c == '/' {
			continue
		}
		return fmt.Errorf("key %.240q has the byte %q: %w", key, c, ErrKey)
	}
	return nil
}

// CheckPrune returns ErrKey unless key is that of a partial tile of the
// ledger, the only kind of object that a Pruner removes: log/tile/…, with one
// folder that ends in ".p" and directly below it a width.
func CheckPrune(key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	segments := strings.Split(key, "/")
	n := len(segments)
	if n < 5 || segments[0] != "log" || segments[1] != "tile" || !strings.HasSuffix(segments[n-2], ".p") || !isWidth(segments[n-1]) {
		return fmt.Errorf("prune %q, which is no partial tile: %w", key, ErrKey)
	}
	return nil
}

// isWidth reports whether s spells a number from 1 to 255.
func isWidth(s string) bool {
	if len(s) == 0 || len(s) > 3 || s[0] == '0' {
		return false
	}
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
		n = n*10 + int(c-'0')
	}
	return n <= 255
}

// CheckRange returns the length of the range of n bytes from off (n < 0: to
// the end) in an object of size bytes, or ErrRange. An empty range at the end
// of the object lies inside it.
func CheckRange(off, n, size int64) (int64, error) {
	if off < 0 || off > size || n > size-off {
		return 0, fmt.Errorf("%d bytes from %d of %d: %w", n, off, size, ErrRange)
	}
	if n < 0 {
		return size - off, nil
	}
	return n, nil
}

// CheckSwap checks the arguments of a Swap that need no store: ErrKey,
// ErrCondition or ErrTooLarge.
func CheckSwap(key string, cond Condition, body []byte) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if _, _, err := cond.Parts(); err != nil {
		return fmt.Errorf("swap %s: %w", key, err)
	}
	if len(body) > MaxRegister {
		return fmt.Errorf("swap %s: %d bytes, more than %d: %w", key, len(body), MaxRegister, ErrTooLarge)
	}
	return nil
}
