// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"onrecord/archive/files"
)

// maxName is the longest name that Put takes, in bytes.
const maxName = 64

// SetMeta replaces the spool's Meta, durably. The visit may not change.
func (s *Spool) SetMeta(m Meta) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if m.Visit != s.visit {
		return fmt.Errorf("spool %s: meta of another visit: %s", s.visit, m.Visit)
	}
	if err := s.writeMeta(m); err != nil {
		return s.die("set meta", err)
	}
	s.meta = m
	return nil
}

func (s *Spool) writeMeta(m Meta) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.replace(metaFile, append(b, '\n'))
}

// Put stores a small file beside the captures, whole and durable, in place of
// what was there. A name is a lower-case letter followed by letters and dots,
// and none of the spool's own (ErrName).
func (s *Spool) Put(name string, b []byte) error {
	if err := checkName(name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if err := s.replace(name, b); err != nil {
		return s.die("put "+name, err)
	}
	return nil
}

// Get returns what was put under name; fs.ErrNotExist if nothing was.
func (s *Spool) Get(name string) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil {
		return nil, ErrClosed
	}
	b, err := os.ReadFile(s.path(name))
	if err != nil {
		return nil, fmt.Errorf("spool %s: %w", s.visit, err)
	}
	return b, nil
}

func checkName(name string) error {
	ok := name != "" && len(name) <= maxName && name[0] != '.' &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz.") == ""
	if !ok || strings.HasPrefix(name, redactedPrefix) || name == metaFile || name == indexFile || name == payloadsFile || name == mediaIndex || name == mediaPart {
		return fmt.Errorf("spool: %w: %.80q", ErrName, name)
	}
	return nil
}

// replace writes a file whole: beside the old one, synced, then in its place.
func (s *Spool) replace(name string, b []byte) error {
	tmp := s.path(name + "~") // "~" is in no name
	before := fileSize(s.path(name))
	if err := s.d.disk.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := s.open(name + "~")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, s.d.disk.Remove(tmp))
	}
	if err := s.d.disk.Rename(tmp, s.path(name)); err != nil {
		return err
	}
	s.count(int64(len(b)) - before)
	return files.SyncFolder(s.d.disk, s.dir)
}

// fileSize returns the size of a file, 0 if it is not there.
func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
