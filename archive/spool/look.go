// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"onrecord"
)

// The methods below look at spools without holding them. What they read was
// put whole (rename), and may be changed or gone at the next look.

// Visits returns the visits that have a spool here, held or not, in the order
// of their ids.
func (d *Dir) Visits() ([]onrecord.VisitID, error) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	var ids []onrecord.VisitID
	for _, e := range entries {
		if id, err := onrecord.ParseVisitID(e.Name()); err == nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// Has reports whether v has a spool here, held or not. Only where it certainly
// has none is the answer no.
func (d *Dir) Has(v onrecord.VisitID) bool {
	_, err := os.Lstat(filepath.Join(d.dir, v.String()))
	return !os.IsNotExist(err)
}

// MetaOf reads the Meta of v's spool. Where that is not there or is none, the error
// is ErrDamaged, and fs.ErrNotExist too in the former case; any other may pass.
func (d *Dir) MetaOf(v onrecord.VisitID) (Meta, error) {
	s := d.spool(Meta{Visit: v}, nil)
	s.dir = filepath.Join(d.dir, v.String())
	if err := s.readMeta(); err != nil {
		return Meta{}, fmt.Errorf("spool %s: %w", v, err)
	}
	return s.meta, nil
}

// Read returns what was put under name in v's spool; fs.ErrNotExist if nothing
// was, or if v has none.
func (d *Dir) Read(v onrecord.VisitID, name string) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(d.dir, v.String(), name))
	if err != nil {
		return nil, fmt.Errorf("spool %s: %w", v, err)
	}
	return b, nil
}

// TakeVisit takes over the spool of v, as Take does. ErrLocked says that it is
// held, fs.ErrNotExist that there is none, ErrDamaged what Take says of it.
func (d *Dir) TakeVisit(v onrecord.VisitID) (*Spool, error) {
	name := v.String()
	path := filepath.Join(d.dir, name)
	lock, err := lockDir(path)
	if err != nil {
		return nil, fmt.Errorf("spool %s: %w", name, err)
	}
	s := d.spool(Meta{Visit: v}, lock)
	s.dir = path
	if err := s.restore(); errors.Is(err, ErrDamaged) {
		return nil, fmt.Errorf("spool %s: %w; move %s away to go on without it", name, errors.Join(err, lock.Close()), path)
	} else if err != nil {
		return nil, fmt.Errorf("spool %s: %w", name, errors.Join(err, lock.Close()))
	}
	return s, nil
}
