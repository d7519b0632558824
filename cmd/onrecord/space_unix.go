// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package main

import "syscall"

// space returns the bytes that this user may still write on the disk of a
// path, and the size of that disk.
func space(path string) (free, size int64, err error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return 0, 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize), nil
}

// mayWrite asks whether this user may write a folder; nothing is written.
func mayWrite(dir string) error {
	const writeAndEnter = 2 | 1 // W_OK, X_OK
	return syscall.Access(dir, writeAndEnter)
}
