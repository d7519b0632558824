// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package disk_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/disk"
)

// TestBusyNamesTheHolder holds the lock of a register as a process that hangs
// would.
func TestBusyNamesTheHolder(t *testing.T) {
	folder := t.TempDir()
	a := open(t, folder)
	tag, err := a.Swap(t.Context(), "r", bucket.Absent(), []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	locks, err := os.ReadDir(filepath.Join(folder, "+locks"))
	if err != nil || len(locks) != 1 {
		t.Fatalf("lock files: %v, %v", locks, err)
	}
	f, err := os.OpenFile(filepath.Join(folder, "+locks", locks[0].Name()), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatalf("the lock is not free after a swap: %v", err)
	}
	if _, err := f.WriteString("4711\n"); err != nil {
		t.Fatal(err)
	}
	b, err := disk.Open(folder, disk.Options{LockWait: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	_, err = b.Swap(t.Context(), "r", bucket.Matches(tag), []byte("2"))
	if !errors.Is(err, disk.ErrBusy) || !strings.Contains(err.Error(), "process 4711") {
		t.Errorf("Swap: %v, want ErrBusy with the pid", err)
	}
	var wg sync.WaitGroup
	for range 3 { // one waits for the process, the others for it
		wg.Go(func() {
			if _, _, err := b.Load(t.Context(), "r"); !errors.Is(err, disk.ErrBusy) || !strings.Contains(err.Error(), "process 4711") {
				t.Errorf("Load: %v, want ErrBusy with the pid", err)
			}
		})
	}
	wg.Wait()
	if err := f.Close(); err != nil { // the process dies, its pid stays
		t.Fatal(err)
	}
	if _, err = b.Swap(t.Context(), "r", bucket.Matches(tag), []byte("2")); err != nil {
		t.Errorf("after the holder's death: %v", err)
	}
}
