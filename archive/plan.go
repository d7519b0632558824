// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
	"onrecord/archive/spool"
)

// The names of the archive's own files in a spool.
const (
	lateFile = "late" // the name under which the visit lives on (record.md 1.7)
	planFile = "plan" // what Commit will put, written before it puts anything
	doneFile = "done" // where the visit is in the ledger, and the batch it came with (record.md 1.11)
)

// A lateNote is the content of lateFile.
type lateNote struct {
	Visit onrecord.VisitID `json:"visit"`
}

// A plan is what Commit will put. It is in the spool before the first put: the
// salts of the journal are random, so that only these bytes can be put again
// after a crash, and it restores objects that the bucket has lost. In the file
// the segment's bytes follow after a newline.
type plan struct {
	V        int                  `json:"v"`
	Visit    onrecord.VisitID     `json:"visit"`
	StateTag string               `json:"state_tag"` // the fence's condition; empty: absent
	From     int64                `json:"from"`
	Objects  []ObjectRef          `json:"objects"` // the journal segment is the last
	Next     onrecord.SourceState `json:"next"`
	Redacted bool                 `json:"redacted,omitempty"` // the objects are the spool's redacted copies
	Before   []onrecord.VisitID   `json:"before,omitempty"`   // names under which it was planned, and did not come into the ledger

	segment *segment
	fresh   bool // not in the ledger, as far as is known: it was planned or taken up just now
}

// mayReplace reports whether what the bucket has under the key of an object may
// be what the visit has put under another name, without what p redacts.
func (p *plan) mayReplace(key string) bool {
	return p.fresh && p.Redacted && key != journalKey(p.Visit)
}

// encode returns the bytes of planFile.
func (p *plan) encode() ([]byte, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("plan of visit %s: %w", p.Visit, err)
	}
	return append(append(b, '\n'), p.segment.bytes...), nil
}

// readPlan reads the plan in s for visit v; nil if there is none. The plan of
// a visit that lives on under another name is none.
func (a *Archive) readPlan(s *spool.Spool, v onrecord.VisitID) (*plan, error) {
	b, err := s.Get(planFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("plan of visit %s: %w", v, err)
	}
	head, rest, ok := bytes.Cut(b, []byte("\n"))
	p := &plan{}
	if err := json.Unmarshal(head, p); err != nil || !ok {
		return nil, fmt.Errorf("plan of visit %s: %w: %v", v, ErrMismatch, err)
	}
	if p.Visit != v {
		return nil, nil
	}
	if p.segment, err = a.code.parse(v, rest); err != nil {
		return nil, fmt.Errorf("plan of visit %s: %w: %w", v, ErrMismatch, err)
	}
	return p, nil
}

// A doneNote is the content of doneFile.
type doneNote struct {
	Visit onrecord.VisitID `json:"visit"`
	Index int64            `json:"index"`
	At    time.Time        `json:"at"`
	// The batch that the visit's leaves came with: its first index, the root
	// after it and its leaves. Where another process appended it, or the reply was
	// lost, the leaves are those of the visit, and there is no root.
	First int64  `json:"first"`
	Root  []byte `json:"root,omitempty"`
	Batch []byte `json:"batch,omitempty"`
	// Keys are the changes of the log key in the batch.
	Keys []ledger.Rotation `json:"keys,omitempty"`
}

// readDone reads the note that the visit in s was committed; nil if there is
// none for v.
func readDone(s *spool.Spool, v onrecord.VisitID) (*doneNote, error) {
	b, err := s.Get(doneFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("visit %s: %w", v, err)
	}
	return parseDone(b, v)
}

// packLeaves returns the bytes of leaves, one after the other.
func packLeaves(leaves []ledger.Leaf) []byte {
	out := make([]byte, 0, len(leaves)*ledger.LeafSize)
	for _, l := range leaves {
		b := l.Bytes()
		out = append(out, b[:]...)
	}
	return out
}

// ref returns what names the object with this body under key.
func ref(key string, body bucket.Body) ObjectRef {
	return ObjectRef{Key: key, Length: body.Size, SHA256: hex.EncodeToString(body.SHA256[:])}
}

// putObjects puts the objects of p from the spool. One that is there already
// must have the same bytes: it is a put whose reply was lost, or whose process
// died.
func (a *Archive) putObjects(ctx context.Context, s *spool.Spool, p *plan) error {
	for _, o := range p.Objects {
		var body bucket.Body
		if o.Key == journalKey(p.Visit) {
			body = bucket.Bytes(p.segment.bytes)
		} else {
			var err error
			if body, err = bodyIn(s, o.Key); err != nil {
				return fmt.Errorf("visit %s: %w", p.Visit, err)
			}
		}
		if got := ref(o.Key, body); got != o {
			return fmt.Errorf("visit %s: %w: the spool has %d bytes of %s with SHA-256 %s, not those that were planned",
				p.Visit, ErrMismatch, got.Length, o.Key, got.SHA256)
		}
		err := a.b.Create(ctx, o.Key, body)
		if errors.Is(err, bucket.ErrExists) {
			if err = a.checkObject(ctx, o); errors.Is(err, ErrMismatch) && p.mayReplace(o.Key) {
				err = a.putRedacted(ctx, o, body)
			}
		}
		if err != nil {
			return outOfReach(fmt.Errorf("put %s: %w", o.Key, err))
		}
	}
	return nil
}

// checkObject reads a whole object and compares length and SHA-256. What is
// missing is bucket.ErrNotExist, other bytes are ErrMismatch.
func (a *Archive) checkObject(ctx context.Context, o ObjectRef) error {
	r, err := a.b.Open(ctx, o.Key, 0, -1)
	if err != nil {
		return outOfReach(fmt.Errorf("%s: %w", o.Key, err))
	}
	defer r.Close()
	if r.Size != o.Length {
		return fmt.Errorf("%s: %w: %d bytes, not %d", o.Key, ErrMismatch, r.Size, o.Length)
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(r, o.Length+1)); err != nil {
		return outOfReach(fmt.Errorf("%s: %w", o.Key, err))
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != o.SHA256 {
		return fmt.Errorf("%s: %w: SHA-256 %s, not %s", o.Key, ErrMismatch, got, o.SHA256)
	}
	return nil
}
