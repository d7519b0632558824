// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package filestest_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"onrecord/archive/files"
	"onrecord/archive/files/filestest"
)

// steps are those of a register that is replaced as it should be, or with one
// of the syncs left out.
func replace(fsys files.FS, without string) error {
	f, err := fsys.Open("new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte("second"))
	if err == nil && without != "file" {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fsys.Rename("new", "register"); err != nil {
		return err
	}
	if without != "folder" {
		return files.SyncFolder(fsys, ".")
	}
	return nil
}

// all are the operations that a disk carries out.
var all = []filestest.Kind{
	filestest.Write, filestest.Sync, filestest.Rename, filestest.Link, filestest.Create, filestest.Mkdir, filestest.Truncate, filestest.Remove,
}

func machine(t *testing.T, o filestest.Options) (*filestest.Machine, files.FS, string) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "register"), []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Counts = all
	m, err := filestest.New(folder, o)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return m, files.Seam{Wrap: m.Wrap(folder)}.Over(files.In(root)), folder
}

// after returns the register on a copy of m.
func after(t *testing.T, m *filestest.Machine, k filestest.Keep) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := m.Copy(to, k); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(to, "register"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestPowerCut leaves out each sync in turn: a power cut shows it.
func TestPowerCut(t *testing.T) {
	for without, want := range map[string]string{"": "second", "file": "", "folder": "first"} {
		m, fsys, _ := machine(t, filestest.Options{})
		if err := replace(fsys, without); err != nil {
			t.Fatal(err)
		}
		if got := after(t, m, filestest.Keep{}); got != want {
			t.Errorf("without the sync of %q the register is %q, want %q", without, got, want)
		}
		if got := after(t, m, filestest.Keep{All: true}); got != "second" {
			t.Errorf("without the sync of %q and without a power cut the register is %q", without, got)
		}
	}
}

// TestAnyOrder keeps by chance: each outcome that a disk may have is met.
func TestAnyOrder(t *testing.T) {
	seen := map[string]bool{}
	m, fsys, _ := machine(t, filestest.Options{})
	f, err := fsys.Open("new", os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("sec")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Close(), fsys.Rename("new", "register")); err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(64) {
		seen[after(t, m, filestest.Keep{Seed: seed + 1})] = true
	}
	for _, want := range []string{"first", "", "s", "se", "sec"} {
		if !seen[want] {
			t.Errorf("64 power cuts never left %q: %v", want, seen)
		}
	}
}

// TestEveryPoint strikes each operation in each way.
func TestEveryPoint(t *testing.T) {
	m, fsys, _ := machine(t, filestest.Options{})
	if err := replace(fsys, ""); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, op := range m.Ops() {
		kinds = append(kinds, string(op.Kind))
	}
	if got, want := strings.Join(kinds, " "), "create write sync rename sync"; got != want {
		t.Fatalf("recorded %s, want %s", got, want)
	}
	for at := range len(kinds) {
		for _, how := range []filestest.How{filestest.Before, filestest.After, filestest.Refused, filestest.Lied} {
			died := 0
			m, fsys, folder := machine(t, filestest.Options{At: at + 1, How: how, Died: func() { died++ }})
			err := replace(fsys, "")
			dies := how == filestest.Before || how == filestest.After
			switch op, ok := m.Struck(); {
			case !ok || op.N != at+1:
				t.Errorf("point %d %s: struck %v, %v", at+1, how, op, ok)
			case dies != errors.Is(err, filestest.ErrDead) || dies != (died == 1):
				t.Errorf("point %d %s: %v, died %d times", at+1, how, err, died)
			case !dies && !errors.Is(err, syscall.EIO) && !errors.Is(err, syscall.ENOSPC):
				t.Errorf("point %d %s: %v", at+1, how, err)
			}
			done := at >= 3 && !(at == 3 && (how == filestest.Before || how == filestest.Refused))
			b, err := os.ReadFile(filepath.Join(folder, "register"))
			if err != nil || (string(b) == "second") != done {
				t.Errorf("point %d %s: the register is %q, %v", at+1, how, b, err)
			}
			if dies && !errors.Is(fsys.Remove("register"), filestest.ErrDead) {
				t.Errorf("point %d %s: the dead go on", at+1, how)
			}
			sync := slices.Contains([]int{2, 4}, at)
			if _, err := fsys.Open("other", os.O_WRONLY|os.O_CREATE, 0o600); !dies && sync != errors.Is(err, files.ErrSync) {
				t.Errorf("point %d %s: the next write: %v", at+1, how, err)
			}
		}
	}
}

// TestPast keeps what was written past the machine, such as a database.
func TestPast(t *testing.T) {
	m, fsys, folder := machine(t, filestest.Options{})
	if err := fsys.Mkdir("locks", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"catalog.db", "catalog.db-shm", "locks/one"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(t.TempDir(), "copy")
	if err := m.Copy(to, filestest.Keep{}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"catalog.db": true, "catalog.db-shm": false, "locks/one": false} {
		if _, err := os.Stat(filepath.Join(to, name)); (err == nil) != want {
			t.Errorf("%s in the copy: %v", name, err)
		}
	}
}
