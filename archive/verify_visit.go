// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// A citation is a reference to a capture, or to a payload of media, and the
// line that makes it.
type citation struct {
	ref   onrecord.CaptureRef
	index int64
}

// visit checks one visit: its segment against its leaves, then the objects
// that its visit line names and the captures that its lines cite.
func (v *verification) visit(ctx context.Context, job visitLeaves) error {
	id := job.leaves[0].Visit
	v.add(func(r *Report) { r.Visits++ })
	f := Finding{Kind: KindJournal, Object: journalKey(id), Offset: -1, Index: job.index}
	if job.leaves[0].Line == ledger.AbandonedLine {
		switch {
		case len(job.leaves) > 1:
			f.Reason = "an abandoned visit has other leaves"
			v.find(f)
		case job.leaves[0].Hash != [32]byte{}:
			f.Reason = "the leaf that abandons a visit has a hash"
			v.find(f)
		}
		return nil
	}
	body, hidden, err := v.shown(ctx, f.Object, MaxSegment)
	if err != nil {
		return v.judge(err, f)
	}
	var holes []bucket.Span
	if hidden != nil {
		v.withheld(hidden, f.Index, bucket.Span{})
		holes = hidden.Spans
	}
	s, err := v.a.code.parseAround(id, body, holes)
	if e, ok := errors.AsType[*segmentError](err); ok {
		v.segmentFault(f, e, body)
	}
	said := v.lines(job, s)
	v.add(func(r *Report) { r.Lines += said.good; r.Bytes += int64(len(body)) })
	for _, f := range v.history.add(said.links) {
		v.find(f)
	}
	cited := said.cited
	listed := map[string]bool{}
	// A visit line that is not the one in the ledger names nothing.
	if len(s.lines) > 0 && job.leaves[0].Line == 0 && sha256.Sum256(s.lines[0].text) == job.leaves[0].Hash {
		v.met(s.header, job.index)
		if s.header.Source == BuiltIn && len(holes) > 0 {
			f.Offset, f.Reason = holes[0].Offset, "an act of the operator is withheld; decisions are of statements, and are public themselves"
			v.find(f)
		}
		for _, o := range s.header.Objects {
			listed[o.Key] = true
			if err := v.object(ctx, o, cited[o.Key], job.index); err != nil {
				return err
			}
		}
	}
	for key, list := range cited {
		if listed[key] {
			continue
		}
		if err := v.citations(ctx, list); err != nil {
			return err
		}
	}
	return nil
}

// shown reads an object. Of one that a mirror withholds in part it reads the
// rest, with zeros in the holes, and returns what the mirror says of them. What is
// withheld from its beginning on comes as the mirror's error; that more is refused
// than the parts that the mirror names is ErrMismatch.
func (v *verification) shown(ctx context.Context, key string, limit int64) (body []byte, hidden *bucket.WithheldError, err error) {
	body, err = bucket.ReadAll(ctx, v.a.b, key, limit)
	const tries = 3 // more may be withheld while the rest is read
	for range tries {
		w, ok := errors.AsType[*bucket.WithheldError](err)
		if !ok || len(w.Spans) == 0 || w.Spans[0].Offset == 0 {
			return body, hidden, err
		}
		hidden = w
		body, err = v.around(ctx, w, limit)
	}
	if w, ok := errors.AsType[*bucket.WithheldError](err); ok {
		err = fmt.Errorf("%w: it is withheld, in case %.100q, beside the parts of it that are said to be, too", ErrMismatch, w.Case)
	}
	return body, hidden, err
}

// around reads an object around the parts that a mirror withholds.
func (v *verification) around(ctx context.Context, w *bucket.WithheldError, limit int64) ([]byte, error) {
	if w.Size > limit {
		return nil, fmt.Errorf("%s: %w: it is withheld in part, and is to have %d bytes", w.Key, bucket.ErrTooLarge, w.Size)
	}
	body := make([]byte, w.Size)
	at := int64(0)
	for _, hole := range append(slices.Clone(w.Spans), bucket.Span{Offset: w.Size}) {
		if hole.Offset < at || hole.Length < 0 || hole.Length > w.Size-hole.Offset {
			return nil, fmt.Errorf("%s: %w: the parts of it that are withheld are none, or out of order", w.Key, ErrMismatch)
		}
		if n := hole.Offset - at; n > 0 {
			r, err := v.a.b.Open(ctx, w.Key, at, n)
			if err != nil {
				return nil, err
			}
			if err := readInto(body[at:hole.Offset], r); err != nil {
				return nil, fmt.Errorf("read %s: %w", w.Key, err)
			}
		}
		at = hole.Offset + hole.Length
	}
	return body, nil
}

// met notes whose visit was last in the ledger.
func (v *verification) met(h VisitHeader, index int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if was, ok := v.last[h.Source]; !ok || index > was.index {
		v.last[h.Source] = ledgered{h.Visit, index}
	}
}

// segmentFault notes what is wrong with a segment as such. That the bytes behind
// the visit line are others follows from any line that is.
func (v *verification) segmentFault(f Finding, e *segmentError, body []byte) {
	if e.Line >= 0 {
		f.Offset, f.Index = e.Offset, f.Index+int64(e.Line)
	}
	f.Reason = e.Error()
	v.suspect(suspect{Finding: f, implied: e.Line < 0, unless: isValue(f.Object, int64(len(body)), sha256.Sum256(body))})
}

// isValue returns whether an erasure says that an object is to have, or to have
// had, this length and SHA-256.
func isValue(key string, n int64, sum [32]byte) func(*Redactions) bool {
	return func(r *Redactions) bool {
		o, ok := r.Object(key)
		is := func(x onrecord.ObjectValue) bool { return x.Length == n && x.SHA256 == hex.EncodeToString(sum[:]) }
		return ok && (is(o.Value) || !r.done[o.Index] && slices.ContainsFunc(o.Before, is))
	}
}

// What the lines of a visit say.
type said struct {
	good  int64                 // lines that match their leaves
	cited map[string][]citation // by object
	links []link
}

// lines compares lines with leaves.
func (v *verification) lines(job visitLeaves, s *segment) said {
	f := Finding{Kind: KindJournal, Object: journalKey(job.leaves[0].Visit)}
	out := said{cited: map[string][]citation{}}
	for i, leaf := range job.leaves {
		f.Index, f.Offset = job.index+int64(i), -1
		if !job.partial && leaf.Line != uint32(i) {
			f.Reason = fmt.Sprintf("the leaf is of line %d, not %d", leaf.Line, i)
			v.find(f)
		}
		if int64(leaf.Line) >= int64(len(s.lines)) {
			if s.whole {
				f.Reason = fmt.Sprintf("line %d is missing", leaf.Line)
				v.find(f)
			}
			continue
		}
		line := s.lines[leaf.Line]
		if line.hidden {
			continue
		}
		if v.line(f, leaf, line, &out) {
			out.good++
		}
	}
	if last := job.leaves[len(job.leaves)-1].Line; !job.partial && int(last)+1 < len(s.lines) {
		v.find(Finding{Kind: KindJournal, Object: f.Object, Offset: s.lines[last+1].offset, Index: -1,
			Reason: fmt.Sprintf("the segment has %d lines, the ledger %d", len(s.lines), last+1)})
	}
	return out
}

// line compares one line with its leaf and notes what it says.
func (v *verification) line(f Finding, leaf ledger.Leaf, line segmentLine, out *said) bool {
	f.Offset = line.offset
	if sum := sha256.Sum256(line.text); sum != leaf.Hash {
		f.Reason = fmt.Sprintf("SHA-256 of line %d is %x, the leaf has %x", leaf.Line, sum, leaf.Hash)
		text := bytes.Clone(line.text)
		v.suspect(suspect{Finding: f, line: true, unless: func(r *Redactions) bool {
			number, ok := r.Line(f.Index)
			return ok && leaf.Line > 0 && bytes.Equal(text, Tombstone(number))
		}})
		return false
	}
	v.add(func(r *Report) { r.Decoded += int64(len(line.text)) + 1 })
	if leaf.Line == 0 {
		out.links = append(out.links, link{Finding: f, prev: -1, of: ofNothing})
		return true
	}
	e, err := onrecord.ParseEvent(line.text)
	if err != nil {
		f.Reason = err.Error()
		v.find(f)
		return true
	}
	out.links = append(out.links, v.linked(f, f.Index-int64(leaf.Line), e))
	cited := out.cited
	for _, ref := range e.Captures {
		cited[ref.Object] = append(cited[ref.Object], citation{ref, f.Index})
	}
	if m := e.Media; m != nil && m.At.Object != "" {
		ref := onrecord.CaptureRef{Object: m.At.Object, Offset: m.At.Offset, Length: m.At.Length, SHA256: m.SHA256}
		cited[ref.Object] = append(cited[ref.Object], citation{ref, f.Index})
	}
	e.Index, e.Visit = f.Index, leaf.Visit
	v.decision(e)
	if f.Index < v.trusted && needsNote(e) {
		v.mu.Lock()
		v.acts = append(v.acts, e)
		v.mu.Unlock()
	}
	return true
}

// citations checks captures in objects that another visit names, each once:
// all events of an import cite its file.
func (v *verification) citations(ctx context.Context, list []citation) error {
	for _, c := range list {
		if !v.first(c.ref) {
			continue
		}
		err := v.a.checkCapture(ctx, c.ref)
		if err == nil {
			continue
		}
		if w, ok := errors.AsType[*bucket.WithheldError](err); ok {
			v.refused(w, kindAt(c.ref.Object), bucket.Span{Offset: c.ref.Offset, Length: c.ref.Length}, c.index)
			continue
		}
		if !isAnswer(err) || errors.Is(err, context.Canceled) {
			return outOfReach(err)
		}
		v.suspect(citedWrong(c, err.Error()))
	}
	return nil
}

// citedWrong is a capture that is not what a line cites.
func citedWrong(c citation, reason string) suspect {
	return suspect{
		Finding: Finding{Kind: kindAt(c.ref.Object), Object: c.ref.Object, Offset: c.ref.Offset, Index: c.index, Reason: reason},
		unless:  isRecord(c.ref.Object, c.ref.Offset),
	}
}

// isRecord returns whether an erasure names a record of an object: the one that
// begins at an offset, or whose payload does.
func isRecord(key string, offset int64) func(*Redactions) bool {
	return func(r *Redactions) bool {
		o, ok := r.Object(key)
		return ok && slices.ContainsFunc(o.Records, func(s RedactedRecord) bool { return s.Offset <= offset && offset < s.Offset+s.Length })
	}
}

// first reports whether a capture is not among the last ones that were checked.
func (v *verification) first(ref onrecord.CaptureRef) bool {
	const remembered = 4096
	ref = onrecord.CaptureRef{Object: ref.Object, Offset: ref.Offset, Length: ref.Length, SHA256: ref.SHA256}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cited[ref] {
		return false
	}
	if len(v.cited) >= remembered {
		clear(v.cited)
	}
	v.cited[ref] = true
	return true
}
