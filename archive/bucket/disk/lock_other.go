// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package disk

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

// tryLock refuses: without flock, registers can't move by compare-and-swap.
func tryLock(*os.File) (bool, error) {
	return false, fmt.Errorf("file locks on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
