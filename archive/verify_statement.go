// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
	"onrecord/archive/warc"
)

// VerifyStatement checks one statement: the lines at the given ledger indexes
// and those that they name as the ones before, back to the first; each against
// its leaf and the published checkpoint; then every capture and every attachment
// that they cite, and in a capture the record's own digests. A line about something else is a finding.
func (a *Archive) VerifyStatement(ctx context.Context, id onrecord.StatementID, indexes []int64) (Report, error) {
	v := &verification{a: a, begun: a.now(), cited: map[onrecord.CaptureRef]bool{}, hidden: map[string][]concealed{}}
	v.report.Withheld = map[string]Withheld{}
	c, err := a.Checkpoint(ctx)
	if err != nil {
		return v.report, fmt.Errorf("verify %s: %w", id, err)
	}
	if keys, err := a.Keys(ctx); err == nil { // else what is damaged there is no matter of this statement
		v.report.Keys = keys.Keys()
	}
	v.tree, v.trusted = c.Tree, c.Size
	v.report.Size, v.report.Root = c.Size, base64.StdEncoding.EncodeToString(c.Root[:])
	seen := map[int64]bool{}
	for todo := append([]int64(nil), indexes...); len(todo) > 0; {
		index := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[index] {
			continue
		}
		seen[index] = true
		prev, err := v.statementLine(ctx, id, index)
		if err != nil {
			return v.report, fmt.Errorf("verify %s: %w", id, err)
		}
		if prev >= 0 {
			todo = append(todo, prev)
		}
	}
	if err := v.concealed(ctx, c.Size); err != nil {
		return v.report, fmt.Errorf("verify %s: %w", id, err)
	}
	v.report.Findings = v.findings()
	return v.report, nil
}

// statementLine checks one line and what it cites, and returns the index that
// it names as the one before; -1 if there is none.
func (v *verification) statementLine(ctx context.Context, id onrecord.StatementID, index int64) (prev int64, err error) {
	f := Finding{Kind: KindJournal, Object: ledger.TileFolder, Offset: -1, Index: index}
	text, leaf, err := v.lineAt(ctx, index)
	if !leaf.Visit.IsZero() {
		f.Object = journalKey(leaf.Visit)
	}
	if errors.Is(err, ErrErased) {
		v.report.Erased++
		return -1, nil
	}
	var e onrecord.Event
	if err == nil {
		if e, err = onrecord.ParseEvent(text); err != nil {
			err = fmt.Errorf("%w: %w", ErrMismatch, err)
		}
	}
	if err != nil {
		return -1, v.judge(err, f)
	}
	if e.Statement != id {
		f.Reason = fmt.Sprintf("the line is of statement %q", e.Statement)
		v.find(f)
		return -1, nil
	}
	v.report.Lines++
	for _, ref := range e.Captures {
		if err := v.evidence(ctx, ref, index, v.record); err != nil {
			return -1, err
		}
	}
	if m := e.Media; m != nil && m.At.Object != "" {
		ref := onrecord.CaptureRef{Object: m.At.Object, Offset: m.At.Offset, Length: m.At.Length, SHA256: m.SHA256}
		if err := v.evidence(ctx, ref, index, v.a.checkCapture); err != nil {
			return -1, err
		}
	}
	if e.Prev >= index {
		f.Kind, f.Reason = KindPrev, fmt.Sprintf("it names index %d as the event before", e.Prev)
		v.find(f)
		return -1, nil
	}
	return e.Prev, nil
}

// evidence checks what the line at an index cites, once.
func (v *verification) evidence(ctx context.Context, ref onrecord.CaptureRef, index int64, check func(context.Context, onrecord.CaptureRef) error) error {
	if !v.first(ref) {
		return nil
	}
	err := check(ctx, ref)
	if err == nil {
		return nil
	}
	redacted, rerr := v.redacted(ctx, ref, err)
	if rerr != nil {
		return rerr
	}
	if redacted {
		v.report.Redacted++
		return nil
	}
	f := Finding{Kind: kindAt(ref.Object), Object: ref.Object, Offset: ref.Offset, Index: index}
	if w, ok := errors.AsType[*bucket.WithheldError](err); ok {
		v.refused(w, f.Kind, bucket.Span{Offset: ref.Offset, Length: ref.Length}, index)
		return nil
	}
	return v.judge(err, f)
}

// lineAt is Archive.Line by the checkpoint that the report is about, and around
// what a mirror withholds of the segment; the mirror's error says that the line is
// among that.
func (v *verification) lineAt(ctx context.Context, index int64) ([]byte, ledger.Leaf, error) {
	leaf, err := v.leafAt(ctx, index)
	if err != nil {
		return nil, leaf, err
	}
	text, same, err := v.a.Line(ctx, index)
	if err == nil && same != leaf {
		err = fmt.Errorf("index %d: %w: the checkpoint of size %d has another leaf there than the one that is published now", index, ErrMismatch, v.tree.Size)
	}
	if _, hidden := errors.AsType[*bucket.WithheldError](err); !hidden {
		return text, leaf, err
	}
	body, hidden, err := v.shown(ctx, journalKey(leaf.Visit), MaxSegment)
	if err != nil {
		return nil, leaf, err
	}
	var holes []bucket.Span
	if hidden != nil {
		holes = hidden.Spans
	}
	seg, damage := v.a.code.parseAround(leaf.Visit, body, holes)
	if int64(leaf.Line) < int64(len(seg.lines)) && seg.lines[leaf.Line].hidden {
		return nil, leaf, hidden
	}
	e, err := entry(index, leaf, seg)
	if err == nil {
		return e.Line, leaf, nil
	}
	red, rerr := v.a.Redactions(ctx)
	if number, ok := red.Line(index); ok && int64(leaf.Line) < int64(len(seg.lines)) && bytes.Equal(seg.lines[leaf.Line].text, Tombstone(number)) {
		return nil, leaf, fmt.Errorf("index %d: %w, case %s", index, ErrErased, number)
	}
	if rerr != nil && !isAnswer(rerr) {
		return nil, leaf, rerr
	}
	return nil, leaf, errors.Join(err, damage)
}

// leafAt returns the leaf at an index by the checkpoint that the report is about;
// of what that does not cover yet, by the head.
func (v *verification) leafAt(ctx context.Context, index int64) (ledger.Leaf, error) {
	if index >= v.tree.Size {
		return v.a.leaf(ctx, index)
	}
	for leaf, err := range v.a.ledger.LeavesOf(ctx, v.tree, index, index+1) {
		return leaf, outOfReach(err)
	}
	return ledger.Leaf{}, fmt.Errorf("leaf %d: %w", index, ledger.ErrIndex)
}

// redacted reports whether a capture that is not what a line cites, as err says,
// was redacted since.
func (v *verification) redacted(ctx context.Context, ref onrecord.CaptureRef, err error) (bool, error) {
	if !errors.Is(err, ErrMismatch) {
		return false, nil
	}
	red, rerr := v.a.Redactions(ctx)
	if rerr != nil && !isAnswer(rerr) {
		return false, outOfReach(rerr)
	}
	return rerr == nil && isRecord(ref.Object, ref.Offset)(red), nil
}

// record checks one WARC record: its bytes against ref, and its own digests.
func (v *verification) record(ctx context.Context, ref onrecord.CaptureRef) error {
	r, err := v.a.OpenCapture(ctx, ref)
	if err != nil {
		return err
	}
	defer r.Close()
	rec, err := warc.ReadRecord(r, ref, warc.ReaderOptions{Skim: true})
	if err == nil {
		_, err = rec.Verify()
	}
	for _, kind := range []error{warc.ErrMalformed, warc.ErrTruncated, warc.ErrDigest, warc.ErrGzip, warc.ErrTooLarge} {
		if errors.Is(err, kind) {
			return fmt.Errorf("%w: %w", ErrMismatch, err)
		}
	}
	if err == nil {
		if v.report.Records++; rec.Redacted() != "" {
			v.report.Redacted++
		}
		v.report.Bytes += ref.Length
	}
	return err
}
