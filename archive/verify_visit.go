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
	"io"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
	"onrecord/archive/warc"
)

// A citation is a reference to a capture, and the line that makes it.
type citation struct {
	ref   onrecord.CaptureRef
	index int64
}

// visit checks one visit: its segment against its leaves, then the objects
// that its visit line names and the captures that its lines cite.
func (v *verification) visit(ctx context.Context, job visitLeaves) error {
	id := job.leaves[0].Visit
	v.mu.Lock()
	v.report.Visits++
	v.mu.Unlock()
	if job.leaves[0].Line == ledger.AbandonedLine {
		if len(job.leaves) > 1 {
			v.find(Finding{Kind: KindJournal, Object: journalKey(id), Offset: -1, Index: job.index, Reason: "an abandoned visit has other leaves"})
		}
		return nil
	}
	f := Finding{Kind: KindJournal, Object: journalKey(id), Offset: -1, Index: job.index}
	body, err := bucket.ReadAll(ctx, v.a.b, f.Object, MaxSegment)
	if err != nil {
		return v.judge(err, f)
	}
	s, err := v.a.code.parse(id, body)
	if e, ok := errors.AsType[*segmentError](err); ok {
		v.find(Finding{Kind: KindJournal, Object: f.Object, Offset: e.Offset, Index: job.index + max(0, int64(e.Line)), Reason: e.Error()})
	}
	good, cited := v.lines(job, s, err == nil)
	v.mu.Lock()
	v.report.Lines += good
	v.report.Bytes += int64(len(body))
	v.mu.Unlock()
	listed := map[string]bool{}
	// A visit line that is not the one in the ledger names nothing.
	if len(s.lines) > 0 && job.leaves[0].Line == 0 && sha256.Sum256(s.lines[0].text) == job.leaves[0].Hash {
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

// lines compares lines with leaves, and returns how many match and the captures
// that those cite, by object. whole says that the segment was read to its end.
func (v *verification) lines(job visitLeaves, s *segment, whole bool) (good int64, cited map[string][]citation) {
	key := journalKey(job.leaves[0].Visit)
	cited = map[string][]citation{}
	for i, leaf := range job.leaves {
		index := job.index + int64(i)
		if !job.partial && leaf.Line != uint32(i) {
			v.find(Finding{Kind: KindJournal, Object: key, Offset: -1, Index: index, Reason: fmt.Sprintf("the leaf is of line %d, not %d", leaf.Line, i)})
		}
		if int64(leaf.Line) >= int64(len(s.lines)) {
			if whole {
				v.find(Finding{Kind: KindJournal, Object: key, Offset: -1, Index: index, Reason: fmt.Sprintf("line %d is missing", leaf.Line)})
			}
			continue
		}
		line := s.lines[leaf.Line]
		f := Finding{Kind: KindJournal, Object: key, Offset: line.offset, Index: index}
		if sum := sha256.Sum256(line.text); sum != leaf.Hash {
			f.Reason = fmt.Sprintf("SHA-256 of line %d is %x, the leaf has %x", leaf.Line, sum, leaf.Hash)
			v.find(f)
			continue
		}
		good++
		if leaf.Line == 0 {
			continue
		}
		e, err := onrecord.ParseEvent(line.text)
		if err != nil {
			f.Reason = err.Error()
			v.find(f)
			continue
		}
		for _, ref := range e.Captures {
			cited[ref.Object] = append(cited[ref.Object], citation{ref, index})
		}
	}
	if last := job.leaves[len(job.leaves)-1].Line; !job.partial && int(last)+1 < len(s.lines) {
		v.find(Finding{Kind: KindJournal, Object: key, Offset: s.lines[last+1].offset, Index: -1,
			Reason: fmt.Sprintf("the segment has %d lines, the ledger %d", len(s.lines), last+1)})
	}
	return good, cited
}

// citations checks captures in objects that another visit names, each once:
// all events of an import cite its file.
func (v *verification) citations(ctx context.Context, list []citation) error {
	for _, c := range list {
		if !v.first(c.ref) {
			continue
		}
		if err := v.a.checkCapture(ctx, c.ref); err != nil {
			f := Finding{Kind: KindCapture, Object: c.ref.Object, Offset: c.ref.Offset, Index: c.index}
			if err := v.judge(err, f); err != nil {
				return err
			}
		}
	}
	return nil
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
	if v.cited == nil || len(v.cited) >= remembered {
		v.cited = make(map[onrecord.CaptureRef]bool)
	}
	v.cited[ref] = true
	return true
}

// object checks a WARC object: its digest, each record with its own digests,
// and the captures in it that lines cite.
func (v *verification) object(ctx context.Context, o ObjectRef, cited []citation, index int64) error {
	f := Finding{Kind: KindCapture, Object: o.Key, Offset: -1, Index: index}
	r, err := v.a.b.Open(ctx, o.Key, 0, -1)
	if err != nil {
		return v.judge(err, f)
	}
	defer r.Close()
	h := sha256.New()
	counted := &counter{r: io.TeeReader(r, h)}
	var whole *bytes.Buffer
	var src io.Reader = counted
	if r.Size <= MaxCapture { // read once; above, cited captures are read again
		whole = &bytes.Buffer{}
		src = io.TeeReader(counted, whole)
	}
	records := v.records(src, f)
	if _, err := io.Copy(io.Discard, src); err != nil {
		return outOfReach(fmt.Errorf("%s: %w", o.Key, err))
	}
	v.mu.Lock()
	v.report.Objects++
	v.report.Records += records
	v.report.Bytes += counted.n
	v.mu.Unlock()
	if sum := hex.EncodeToString(h.Sum(nil)); counted.n != o.Length || sum != o.SHA256 {
		f.Reason = fmt.Sprintf("%d bytes with SHA-256 %s, the visit line has %d bytes with %s", counted.n, sum, o.Length, o.SHA256)
		v.find(f)
	}
	if whole == nil {
		return v.citations(ctx, cited)
	}
	for _, c := range cited {
		if reason := wrongAt(whole.Bytes(), c.ref); reason != "" {
			v.find(Finding{Kind: KindCapture, Object: o.Key, Offset: c.ref.Offset, Index: c.index, Reason: reason})
		}
	}
	return nil
}

// wrongAt says why ref does not point at its bytes in b; nothing if it does.
func wrongAt(b []byte, ref onrecord.CaptureRef) string {
	if ref.Offset < 0 || ref.Length < 0 || ref.Offset > int64(len(b)) || ref.Length > int64(len(b))-ref.Offset {
		return fmt.Sprintf("a capture of %d bytes is cited, the object has %d", ref.Length, len(b))
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(b[ref.Offset:ref.Offset+ref.Length])); sum != ref.SHA256 {
		return fmt.Sprintf("SHA-256 of the capture is %s, cited with %s", sum, ref.SHA256)
	}
	return ""
}

// records reads every record of a WARC file and returns how many there are.
func (v *verification) records(r io.Reader, f Finding) (n int64) {
	for rec, err := range warc.Records(r, warc.ReaderOptions{Skim: true}) {
		if err == nil {
			n++
			if _, err = rec.Verify(); err == nil {
				continue
			}
			f.Offset = rec.Offset
		}
		if e, ok := errors.AsType[*warc.Error](err); ok {
			f.Offset = e.Offset
		}
		f.Reason = err.Error()
		v.find(f)
	}
	return n
}

// A counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// vouched compares onrecord.json with the digest in the first event. Its visit
// is the first in the ledger.
func (v *verification) vouched(ctx context.Context, body []byte, size int64) error {
	if _, err := parseMeta(body); err != nil {
		return err
	}
	if size < 2 {
		return nil
	}
	leaf, err := v.leafAt(ctx, 1)
	if err != nil {
		return err
	}
	s, err := v.a.segment(ctx, leaf.Visit)
	switch {
	case err != nil && isAnswer(err):
		return nil // named where the journal is verified
	case err != nil:
		return err
	}
	first, err := entry(1, leaf, s)
	if err != nil {
		return nil
	}
	e := first.Event
	if e.Type != onrecord.ArchiveCreated {
		return fmt.Errorf("%w: the first event is %s, not %s", ErrMismatch, e.Type, onrecord.ArchiveCreated)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(body)); e.Extra[metaDigest] != sum {
		return fmt.Errorf("%w: SHA-256 is %s, the event %s has %v", ErrMismatch, sum, onrecord.ArchiveCreated, e.Extra[metaDigest])
	}
	return nil
}
