// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package thumbnail

import (
	"errors"

	"golang.org/x/sys/unix"
)

// limit bounds the process for good: memory, processor time, and that it writes
// no file.
func limit() error {
	var errs []error
	for what, most := range map[int]uint64{
		unix.RLIMIT_DATA: 1 << 30, unix.RLIMIT_CPU: 15, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: 16,
	} {
		errs = append(errs, unix.Setrlimit(what, &unix.Rlimit{Cur: most, Max: most}))
	}
	return errors.Join(errs...)
}
