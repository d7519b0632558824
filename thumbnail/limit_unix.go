// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package thumbnail

import (
	"errors"

	"golang.org/x/sys/unix"
)

// limit bounds the process for good: memory, processor time, and that it writes
// no file. Whoever waits for a page goes before who waits for a picture: the
// thread that decodes steps back. Limits and priority only go down from where they
// are, which everybody may do; that it stays where it is costs no picture.
func limit() error {
	if prio, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err == nil { // the kernel's: 20 less the nice value
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, min(20-prio+5, 19))
	}
	var errs []error
	for what, most := range map[int]uint64{
		unix.RLIMIT_DATA: 1 << 30, unix.RLIMIT_CPU: 15, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: 16,
	} {
		var now unix.Rlimit
		if err := unix.Getrlimit(what, &now); err != nil {
			errs = append(errs, err)
			continue
		}
		most = min(most, now.Max)
		errs = append(errs, unix.Setrlimit(what, &unix.Rlimit{Cur: most, Max: most}))
	}
	return errors.Join(errs...)
}
