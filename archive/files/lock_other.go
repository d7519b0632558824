// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package files

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

// TryLock refuses: without flock two processes could write at once.
func TryLock(*os.File) (bool, error) {
	return false, fmt.Errorf("file locks on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
