// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package disk_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/buckettest"
	"onrecord/archive/bucket/disk"
	"onrecord/archive/files"
)

// childVar names the folder in which a child process makes childIncrements.
const (
	childVar        = "ONRECORD_DISK_TEST_CHILD"
	childIncrements = 100
)

func open(t testing.TB, folder string) *disk.Bucket {
	t.Helper()
	b, err := disk.Open(folder, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return b
}

// openSync opens a bucket in which sync stands for the Sync of each file.
func openSync(t *testing.T, folder string, sync func(name string, f files.File) error) *disk.Bucket {
	t.Helper()
	b, err := disk.Open(folder, disk.Options{Files: files.Seam{Wrap: func(real files.FS) files.FS { return syncing{real, sync} }}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return b
}

// syncing is a file system with another Sync.
type syncing struct {
	files.FS
	sync func(name string, f files.File) error
}

func (s syncing) Open(name string, flag int, perm fs.FileMode) (files.File, error) {
	f, err := s.FS.Open(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return syncFile{f, name, s.sync}, nil
}

type syncFile struct {
	files.File
	name string
	sync func(name string, f files.File) error
}

func (f syncFile) Sync() error { return f.sync(f.name, f.File) }

func TestBucket(t *testing.T) {
	buckettest.Run(t, func(t *testing.T) bucket.Bucket { return open(t, t.TempDir()) })
}

func BenchmarkBucket(b *testing.B) {
	buckettest.Benchmarks(b, func(b *testing.B) bucket.Bucket { return open(b, b.TempDir()) })
}

// TestTwoBuckets checks that two Buckets of one process see one another.
func TestTwoBuckets(t *testing.T) {
	folder := t.TempDir()
	bs := []*disk.Bucket{open(t, folder), open(t, folder)}
	var wg sync.WaitGroup
	for _, b := range bs {
		for range 4 {
			wg.Go(func() {
				for range 20 {
					if err := buckettest.Increment(t, b, "r"); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	if body, _, err := bs[0].Load(t.Context(), "r"); err != nil || string(body) != "160" {
		t.Errorf("register counts %s, %v; want 160", body, err)
	}
}

// TestTwoProcesses races increments of this process with those of another.
func TestTwoProcesses(t *testing.T) {
	if folder := os.Getenv(childVar); folder != "" {
		b := open(t, folder)
		for range childIncrements {
			if err := buckettest.Increment(t, b, "r"); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	folder := t.TempDir()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTwoProcesses$")
	child.Env = append(os.Environ(), childVar+"="+folder)
	var out strings.Builder
	child.Stdout, child.Stderr = &out, &out
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	b := open(t, folder)
	mine := 0
	for {
		if err := buckettest.Increment(t, b, "r"); err != nil {
			t.Fatal(err)
		}
		mine++
		body, _, err := b.Load(t.Context(), "r")
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := strconv.Atoi(string(body)); mine >= childIncrements && n >= mine+childIncrements {
			break
		}
		if mine > 100*childIncrements {
			break
		}
	}
	if err := child.Wait(); err != nil {
		t.Fatalf("child: %v\n%s", err, out.String())
	}
	body, _, err := b.Load(t.Context(), "r")
	if want := strconv.Itoa(mine + childIncrements); err != nil || string(body) != want {
		t.Errorf("register counts %s, %v; want %s", body, err, want)
	}
}

// TestFailedSync checks that after an fsync that failed nothing more is
// written, until the bucket is opened again.
func TestFailedSync(t *testing.T) {
	broken := errors.New("input/output error")
	for nth := 1; nth <= 6; nth++ {
		folder := t.TempDir()
		n := 0
		b := openSync(t, folder, func(_ string, f files.File) error {
			if n++; n == nth {
				return broken
			}
			return f.Sync()
		})
		first := b.Create(t.Context(), "deep/folder/k", bucket.Bytes([]byte("x")))
		if first == nil {
			_, first = b.Swap(t.Context(), "deep/r", bucket.Absent(), []byte("x"))
		}
		if !errors.Is(first, broken) {
			t.Fatalf("sync %d: %v, want the error of the disk", nth, first)
		}
		_, err := b.Swap(t.Context(), "other", bucket.Absent(), nil)
		if !errors.Is(err, disk.ErrSync) || !errors.Is(err, broken) {
			t.Errorf("sync %d: Swap after it: %v, want ErrSync and why", nth, err)
		}
		if err := b.Create(t.Context(), "other", bucket.Bytes(nil)); !errors.Is(err, disk.ErrSync) {
			t.Errorf("sync %d: Create after it: %v, want ErrSync", nth, err)
		}
		if err := b.Prune(t.Context(), "log/tile/0/000.p/1"); !errors.Is(err, disk.ErrSync) {
			t.Errorf("sync %d: Prune after it: %v, want ErrSync", nth, err)
		}
		again := open(t, folder)
		if err := again.Create(t.Context(), "other", bucket.Bytes(nil)); err != nil {
			t.Errorf("sync %d: opened again: %v", nth, err)
		}
	}
}

// TestSyncs counts what a durable put costs, and that every new folder is
// synced into its parent.
func TestSyncs(t *testing.T) {
	var synced []string
	b := openSync(t, t.TempDir(), func(name string, f files.File) error {
		synced = append(synced, filepath.Base(name))
		return f.Sync()
	})
	for i, want := range []int{
		1 + 3 + 1, // file; ".", a, b hold new folders; c
		1 + 1,     // file; c
	} {
		synced = nil
		if err := b.Create(t.Context(), fmt.Sprintf("a/b/c/%d", i), bucket.Bytes(nil)); err != nil {
			t.Fatal(err)
		}
		if len(synced) != want {
			t.Errorf("put %d synced %q, want %d syncs", i, synced, want)
		}
	}
	synced = nil
	if err := b.Create(t.Context(), "a/b/c/0", bucket.Bytes(nil)); !errors.Is(err, bucket.ErrExists) || len(synced) != 1 {
		t.Errorf("ErrExists (%v) after syncs of %q, want one: of the folder, whose writer may not have come so far", err, synced)
	}
}

// TestTakeOver checks that what a process renamed before it died with the lock
// is made durable before anybody builds on it.
func TestTakeOver(t *testing.T) {
	folder := t.TempDir()
	var synced []string
	b := openSync(t, folder, func(name string, f files.File) error {
		synced = append(synced, filepath.Base(name))
		return f.Sync()
	})
	if _, err := b.Swap(t.Context(), "reg/r", bucket.Absent(), []byte("1")); err != nil {
		t.Fatal(err)
	}
	locks, err := filepath.Glob(filepath.Join(folder, "+locks", "*"))
	if err != nil || len(locks) != 1 {
		t.Fatalf("lock files: %v, %v", locks, err)
	}
	if err := os.WriteFile(locks[0], []byte("4711\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	synced = nil
	for range 2 {
		if _, _, err := b.Load(t.Context(), "reg/r"); err != nil {
			t.Fatal(err)
		}
	}
	if len(synced) != 1 || synced[0] != "reg" {
		t.Errorf("two loads after a death synced %q, want the folder once", synced)
	}
}

// TestLeftovers checks that temporary files of a process that died go when the
// next one writes, that those of a living one stay, and that neither is listed.
func TestLeftovers(t *testing.T) {
	folder := t.TempDir()
	tmp := filepath.Join(folder, "+tmp")
	if err := os.MkdirAll(filepath.Join(tmp, "DEAD"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"DEAD.lock", "DEAD/FILE"} {
		if err := os.WriteFile(filepath.Join(tmp, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, b := open(t, folder), open(t, folder)
	for i, one := range []*disk.Bucket{a, b, a} {
		if err := one.Create(t.Context(), fmt.Sprint("k", i), bucket.Bytes([]byte("x"))); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(tmp)
	if err != nil || len(entries) != 4 { // two folders in use and their locks
		t.Errorf("+tmp holds %v, %v", entries, err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "DEAD") {
			t.Errorf("%s is still there", e.Name())
		}
	}
	for info, err := range a.List(t.Context(), "", "") {
		if err != nil || !strings.HasPrefix(info.Key, "k") {
			t.Errorf("listed: %s, %v", info.Key, err)
		}
	}
}

// TestOutside checks that a link in the folder leads nowhere.
func TestOutside(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, target := range map[string]string{"link": outside, "file": filepath.Join(outside, "secret")} {
		if err := os.Symlink(target, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	b := open(t, folder)
	for _, key := range []string{"link/secret", "file"} {
		if o, err := b.Open(t.Context(), key, 0, -1); err == nil {
			_ = o.Close()
			t.Errorf("%s can be read", key)
		}
	}
	if err := b.Create(t.Context(), "link/new", bucket.Bytes(nil)); err == nil {
		t.Error("a file was written outside")
	}
	for info, err := range b.List(t.Context(), "", "") {
		t.Errorf("listed: %s, %v", info.Key, err)
	}
	if _, err := os.Stat(filepath.Join(outside, "new")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("outside: %v", err)
	}
}

// TestObjectNeverSwapped checks that a tag of an object does not help.
func TestObjectNeverSwapped(t *testing.T) {
	b := open(t, t.TempDir())
	if err := b.Create(t.Context(), "o", bucket.Bytes([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	_, tag, err := b.Load(t.Context(), "o")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Swap(t.Context(), "o", bucket.Matches(tag), []byte("y")); !errors.Is(err, bucket.ErrKey) {
		t.Errorf("Swap over an object: %v, want ErrKey", err)
	}
}

// TestReplaceWhateverTheMode has a copy of a bucket that did not keep the modes
// of its files.
func TestReplaceWhateverTheMode(t *testing.T) {
	folder := t.TempDir()
	b := open(t, folder)
	key := "captures/2026/03/01/v.warc.gz"
	if err := b.Create(t.Context(), key, bucket.Bytes([]byte("before"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(folder, filepath.FromSlash(key)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := b.Replace(t.Context(), key, sha256.Sum256([]byte("before")), bucket.Bytes([]byte("after"))); err != nil {
		t.Error(err)
	}
	if body, err := bucket.ReadAll(t.Context(), b, key, 10); err != nil || string(body) != "after" {
		t.Errorf("%q, %v", body, err)
	}
}

func TestKeyBelowKey(t *testing.T) {
	b := open(t, t.TempDir())
	if err := b.Create(t.Context(), "a/b", bucket.Bytes(nil)); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "a/b/c", "a/b/c/d"} {
		if err := b.Create(t.Context(), key, bucket.Bytes(nil)); !errors.Is(err, bucket.ErrKey) {
			t.Errorf("Create(%s): %v, want ErrKey", key, err)
		}
	}
}

func TestProbe(t *testing.T) {
	folder := t.TempDir()
	if err := disk.Probe(folder); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("Probe left %v, %v", left, err)
	}
	if err := disk.Probe(filepath.Join(folder, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Probe of nothing: %v", err)
	}
	// /proc has neither links nor new files.
	if err := disk.Probe("/proc"); err == nil {
		t.Error("Probe took /proc")
	}
}
