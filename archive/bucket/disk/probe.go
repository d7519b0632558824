// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"onrecord/archive/files"
)

// ErrFileSystem reports a file system that a bucket can't be kept on.
var ErrFileSystem = errors.New("the file system can't hold an archive")

// Probe tests whether the file system of folder, which must exist, has what a
// bucket needs: hard links that are refused where a name is taken, locks
// between open files, and folders that can be synced. Otherwise it returns
// ErrFileSystem with the reason. It leaves nothing behind.
func Probe(folder string) (err error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	name := "+probe-" + rand.Text()
	if err := root.Mkdir(name, 0o700); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.RemoveAll(name)) }()
	for _, test := range []struct {
		what string
		test func(*os.Root, string) error
	}{
		{"hard links", probeLink},
		{"locks", probeLock},
		{"syncing a folder", probeSync},
	} {
		if err := test.test(root, name); err != nil {
			return fmt.Errorf("%s: %s: %w: %w", folder, test.what, ErrFileSystem, err)
		}
	}
	return nil
}

func probeLink(root *os.Root, folder string) error {
	a, b := folder+"/a", folder+"/b"
	if err := root.WriteFile(a, []byte("a"), 0o600); err != nil {
		return err
	}
	if err := root.Link(a, b); err != nil {
		return err
	}
	if err := root.Link(a, b); !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("a link to a name that is taken gives %v", err)
	}
	body, err := root.ReadFile(b)
	if err == nil && string(body) != "a" {
		err = errors.New("a link shows other bytes")
	}
	return err
}

func probeLock(root *os.Root, folder string) (err error) {
	var both [2]*os.File
	for i := range both {
		f, err := root.OpenFile(folder+"/lock", os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		both[i] = f
	}
	first, err := files.TryLock(both[0])
	if err != nil {
		return err
	}
	if !first {
		return errors.New("a new file is locked")
	}
	second, err := files.TryLock(both[1])
	if err == nil && second {
		err = errors.New("a lock can be had twice")
	}
	return err
}

func probeSync(root *os.Root, folder string) error {
	return files.SyncFolder(files.In(root), folder)
}
