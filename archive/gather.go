// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/warc"
)

// maxBeside is the largest record that stands beside a capture: a request, a
// note of the visit loop, the warcinfo of the file. Larger ones are passed over.
const maxBeside = 1 << 20

// A Piece is one WARC record as it lies in the bucket.
type Piece struct {
	Object string
	Offset int64 // of its gzip member, in bytes of the object
	Length int64
	// Ref is the reference that names it; the zero value where it stands beside
	// a record that a reference names.
	Ref onrecord.CaptureRef
}

// Pieces returns the records that refs name in one object, and those that
// belong to them, in the object's order: its warcinfo record first, and behind
// each capture its request and the note about it. They are copied with
// OpenPiece.
func (a *Archive) Pieces(ctx context.Context, object string, refs []onrecord.CaptureRef) ([]Piece, error) {
	refs = slices.Clone(refs)
	slices.SortFunc(refs, func(x, y onrecord.CaptureRef) int { return int(min(max(x.Offset-y.Offset, -1), 1)) })
	refs = slices.CompactFunc(refs, func(x, y onrecord.CaptureRef) bool { return x.Offset == y.Offset })
	var list []Piece
	first, err := a.besides(ctx, object, 0, "")
	if err != nil {
		return nil, err
	}
	if len(refs) == 0 || refs[0].Offset > 0 {
		list = first[:min(1, len(first))]
	}
	for _, ref := range refs {
		if ref.Object != object {
			return nil, fmt.Errorf("capture of %s among those of %s: %w", ref.Object, object, ErrMismatch)
		}
		id, err := a.recordID(ctx, ref)
		if err != nil {
			return nil, err
		}
		list = append(list, Piece{Object: object, Offset: ref.Offset, Length: ref.Length, Ref: ref})
		more, err := a.besides(ctx, object, ref.Offset+ref.Length, id)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

// recordID returns the name of the record at ref, checked against ref.
func (a *Archive) recordID(ctx context.Context, ref onrecord.CaptureRef) (string, error) {
	r, err := a.OpenCapture(ctx, ref)
	if err != nil {
		return "", err
	}
	rec, err := warc.ReadRecord(r, ref, warc.ReaderOptions{MaxBlock: maxBeside, Skim: true})
	if err := errors.Join(err, r.Close()); err != nil {
		return "", recordError(ref.Object, err)
	}
	return rec.ID(), nil
}

// besides returns the records from offset at on, as long as they belong to the
// record named id; where id is empty, the first one, if it is a warcinfo.
func (a *Archive) besides(ctx context.Context, object string, at int64, id string) ([]Piece, error) {
	o, err := a.b.Open(ctx, object, at, -1)
	if errors.Is(err, bucket.ErrRange) {
		return nil, nil // a reference to the end of the object
	}
	if err != nil {
		return nil, captureError(onrecord.CaptureRef{Object: object, Offset: at}, err)
	}
	defer o.Close()
	var list []Piece
	// What stands behind may be a film: it is not read to its end to be passed over.
	few := &io.LimitedReader{R: o, N: maxBeside + 256<<10}
	for rec, err := range warc.Records(few, warc.ReaderOptions{MaxBlock: maxBeside}) {
		few.N = maxBeside + 256<<10
		if err != nil {
			if id == "" {
				return nil, recordError(object, err)
			}
			return list, nil // what stands behind is no matter of this capture
		}
		mine := id == "" && rec.Type() == "warcinfo" || id != "" && rec.Concurrent() == id
		if !mine || rec.Length == 0 {
			return list, nil
		}
		if _, err := rec.Verify(); err != nil {
			return nil, recordError(object, err)
		}
		list = append(list, Piece{Object: object, Offset: at + rec.Offset, Length: rec.Length})
		if id == "" {
			return list, nil
		}
	}
	return list, nil
}

// recordError words a record that is not what it must be.
func recordError(object string, err error) error {
	return fmt.Errorf("%s: %w: %w", object, ErrMismatch, err)
}

// OpenPiece opens the bytes of a record as they lie in the bucket. One that a
// reference names is checked against it, as OpenCapture does.
func (a *Archive) OpenPiece(ctx context.Context, p Piece) (io.ReadCloser, error) {
	if p.Ref.Length > 0 {
		return a.OpenCapture(ctx, p.Ref)
	}
	o, err := a.b.Open(ctx, p.Object, p.Offset, p.Length)
	if err != nil {
		return nil, captureError(onrecord.CaptureRef{Object: p.Object, Offset: p.Offset}, err)
	}
	return o.ReadCloser, nil
}
