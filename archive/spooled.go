// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"onrecord"
)

// peekDone reads, without holding the spool of visit v, the note that it was
// committed; nil if there is none.
func (a *Archive) peekDone(v onrecord.VisitID) (*doneNote, error) {
	b, err := a.spool.Read(v, doneFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	name := v
	// The name is read after the note: a visit that is committed gets no other.
	late, err := a.spool.Read(v, lateFile)
	switch {
	case err == nil:
		name, err = parseLate(late)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("spool of visit %s: %w", v, err)
	}
	return parseDone(b, name)
}

// waits reports whether visit v, by the name of its spool, is still to be
// committed: it has a spool that does not say otherwise. Another process may
// have committed or dropped it.
func (a *Archive) waits(v onrecord.VisitID) bool {
	done, err := a.peekDone(v)
	return (done == nil || err != nil) && a.spool.Has(v)
}

// parseLate reads the content of lateFile.
func parseLate(b []byte) (onrecord.VisitID, error) {
	var n lateNote
	if err := json.Unmarshal(b, &n); err != nil || n.Visit.IsZero() {
		return onrecord.VisitID{}, fmt.Errorf("%w: new name of the visit: %v", ErrMismatch, err)
	}
	return n.Visit, nil
}

// parseDone reads the content of doneFile; nil if it is not of v.
func parseDone(b []byte, v onrecord.VisitID) (*doneNote, error) {
	n := &doneNote{}
	if err := json.Unmarshal(b, n); err != nil {
		return nil, fmt.Errorf("visit %s: note of its commit: %w: %w", v, ErrMismatch, err)
	}
	if n.Visit != v {
		return nil, nil
	}
	return n, nil
}
