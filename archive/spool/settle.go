// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package spool

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"onrecord/archive/bucket"
	"onrecord/archive/files"
)

// LoadRedacted has WARC and Media be the redacted copies that an earlier process
// made, where there are any: what was planned then.
func (s *Spool) LoadRedacted() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	for name, r := range map[string]*redacted{redactedWARC: &s.red, redactedMedia: &s.redMedia} {
		f, err := os.Open(s.path(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it is in its place
		}
		if err == nil {
			r.sum = sha256.New()
			r.size, err = io.Copy(r.sum, f)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			return fmt.Errorf("spool %s: %w", s.visit, err)
		}
	}
	return nil
}

// Recorded returns an object as it was recorded, whether it was redacted since
// or not; false if there is none of that key.
func (s *Spool) Recorded(key string) (bucket.Body, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
	case key == s.Object() && s.warcSize > 0:
		return bodyOf(s.path(s.warcName()), s.warcSize, s.sum), true
	case key == s.MediaObject() && s.media.size > 0:
		return bodyOf(s.path(s.mediaName()), s.media.size, s.media.sum), true
	}
	return bucket.Body{}, false
}

// Settle puts the redacted copies into the places of what was recorded, which is
// gone then; Entries passes it over. Without copies it does nothing.
func (s *Spool) Settle() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if s.red.sum == nil && s.redMedia.sum == nil {
		return nil
	}
	err := s.replace(settlingFile, nil)
	if err == nil {
		err = s.settle()
	}
	if err != nil {
		return s.die("settle what was redacted", err)
	}
	s.sum, s.warcSize, s.red = s.red.sum, s.red.size, redacted{}
	if s.redMedia.sum != nil {
		s.media.sum, s.media.size, s.redMedia = s.redMedia.sum, s.redMedia.size, redacted{}
	}
	s.idxSize, s.media.idx = fileSize(s.path(indexFile)), fileSize(s.path(mediaIndex))
	return nil
}

// Discard removes what was recorded for an object, and the index of it, from a
// spool that was taken over: the visit goes on as one that has recorded nothing
// there. Only what no plan names may go. A crash leaves it as it was, or without.
func (s *Spool) Discard(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	index, rest := indexFile, []string{s.warcName(), payloadsFile}
	if key == s.MediaObject() {
		index, rest = mediaIndex, []string{s.mediaName()}
	} else if key != s.Object() {
		return fmt.Errorf("spool %s: %s is no object of it", s.visit, key)
	}
	if err := s.replace(index, nil); err != nil { // first: what it does not name is cut by whoever takes the spool over
		return s.die("discard what was recorded", err)
	}
	for _, name := range rest {
		n := fileSize(s.path(name))
		if err := s.d.disk.Remove(s.path(name)); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return s.die("discard what was recorded", err)
		}
		s.count(-n)
	}
	if err := files.SyncFolder(s.d.disk, s.dir); err != nil {
		return s.die("discard what was recorded", err)
	}
	if key == s.MediaObject() {
		s.media.size, s.media.idx = 0, 0
	} else {
		s.warcSize, s.idxSize, s.paySize = 0, 0, 0
	}
	return nil
}

// BlankPayloads makes blank what lies beside the WARC, payloads that it only refers
// to, in the spool of a visit that was judged: nobody reads them any more. A crash
// leaves them as they were, or blank.
func (s *Spool) BlankPayloads() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := fileSize(s.path(payloadsFile))
	if s.err != nil || n == 0 {
		return s.err
	}
	if err := s.replace(payloadsFile, make([]byte, n)); err != nil {
		return s.die("blank what was recorded", err)
	}
	return nil
}

// settle goes on with a Settle. The files that are open are closed: nothing more
// is recorded.
func (s *Spool) settle() error {
	var errs []error
	for _, f := range []*files.File{&s.warc, &s.index, &s.payloads, &s.media.warc, &s.media.index} {
		if *f != nil {
			errs = append(errs, (*f).Close())
		}
		*f = nil
	}
	s.w = nil
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, m := range [...][2]string{
		{redactedWARC, s.warcName()}, {redactedIndex, indexFile}, {redactedPayloads, payloadsFile},
		{redactedMedia, s.mediaName()}, {redactedMediaIndex, mediaIndex},
	} {
		old := fileSize(s.path(m[1]))
		err := s.d.disk.Rename(s.path(m[0]), s.path(m[1]))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		s.count(-old)
	}
	if err := files.SyncFolder(s.d.disk, s.dir); err != nil {
		return err
	}
	if err := s.d.disk.Remove(s.path(settlingFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return files.SyncFolder(s.d.disk, s.dir)
}

// settleOn goes on with a Settle that a process has not lived to end.
func (s *Spool) settleOn() error {
	_, err := os.Stat(s.path(settlingFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = s.settle()
	}
	return err
}
