// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// metadata checks onrecord.json, as far as the first event vouches for it.
func (v *verification) metadata(ctx context.Context, size int64) error {
	f := Finding{Kind: KindMeta, Object: metaKey, Offset: -1, Index: -1}
	body, err := bucket.ReadAll(ctx, v.a.b, metaKey, maxMeta)
	if err == nil {
		err = v.vouched(ctx, body, size)
	}
	if err != nil {
		return v.judge(err, f)
	}
	return nil
}

// vouched compares onrecord.json with the digest in the first event. Its visit
// is the first in the ledger.
func (v *verification) vouched(ctx context.Context, body []byte, size int64) error {
	if size >= 2 {
		err := v.firstEvent(ctx, body)
		if !errors.Is(err, errUntold) {
			return err
		}
	}
	meta, err := parseMeta(body)
	if err == nil && meta.Origin != v.a.meta.Origin {
		err = fmt.Errorf("%w: it names log %s", ErrKey, meta.Origin)
	}
	return err
}

// errUntold reports that the first event can't be read: it is named where the
// journal is verified.
var errUntold = errors.New("the first event can't be read")

// firstEvent compares onrecord.json with what the first event says of it.
func (v *verification) firstEvent(ctx context.Context, body []byte) error {
	leaf, err := v.a.leaf(ctx, 1)
	if err != nil && !isAnswer(err) {
		return err
	} else if err != nil {
		return errUntold
	}
	s, err := v.a.readSegment(ctx, leaf.Visit)
	if err != nil && !isAnswer(err) {
		return err
	} else if err != nil {
		return errUntold
	}
	first, err := entry(1, leaf, s)
	if err != nil {
		return errUntold
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

// states checks that state registers are whole, that they name what is in the
// ledger, and that none is missing.
func (v *verification) states(ctx context.Context, size int64) error {
	if v.o.Outside {
		return nil
	}
	there := map[string]bool{}
	for info, err := range v.a.b.List(ctx, "state/", "") {
		if err != nil {
			return outOfReach(fmt.Errorf("list state/: %w", err))
		}
		source, ok := sourceOf(info.Key)
		if !ok {
			continue
		}
		// An older state is seen by the part that has the visit after it.
		there[source] = true
		mine := v.inPart(info.Key)
		if _, met := v.last[source]; !mine && !met {
			continue
		}
		if mine {
			v.report.States++
		}
		reg, _, err := v.a.load(ctx, source)
		if !mine && isAnswer(err) {
			continue // told by the part that it belongs to
		}
		if err == nil {
			err = v.state(ctx, source, reg, size)
		}
		if err != nil {
			if err := v.judge(err, Finding{Kind: KindState, Object: info.Key, Offset: -1, Index: -1}); err != nil {
				return err
			}
		}
	}
	for _, source := range v.sources() {
		if last := v.last[source]; !there[source] {
			v.find(Finding{Kind: KindState, Object: stateKey(source), Offset: -1, Index: last.index,
				Reason: fmt.Sprintf("is missing, visit %s of the source is in the ledger", last.visit)})
		}
	}
	return nil
}

// state checks a register against the ledger, which may have grown since.
func (v *verification) state(ctx context.Context, source string, reg register, size int64) error {
	if p := reg.Pending; p != nil && p.From > size {
		now, err := v.a.Size(ctx)
		if err != nil {
			return err
		}
		if p.From > now {
			return fmt.Errorf("%w: a visit is pending from index %d on, the ledger has %d leaves", ErrMismatch, p.From, now)
		}
	}
	done := reg.Done
	if last, ok := v.last[source]; ok && last.index > done.Index && (reg.Pending == nil || reg.Pending.Visit != last.visit) {
		return fmt.Errorf("%w: it is an older one: its last visit is at index %d, the ledger has visit %s of the source at %d", ErrMismatch, done.Index, last.visit, last.index)
	}
	if done.Index < 0 && done.Visit.IsZero() || v.last[source] == (ledgered{done.Visit, done.Index}) {
		return nil
	}
	leaf, err := v.a.leaf(ctx, max(done.Index, 0))
	switch {
	case err != nil && isAnswer(err) && done.Index < size:
		return nil // a tile is damaged, and named
	case err != nil:
		return fmt.Errorf("its last visit is at index %d: %w", done.Index, err)
	case done.Index < 0 || leaf.Visit != done.Visit || leaf.Line != 0:
		return fmt.Errorf("%w: its last visit is %s at index %d, the leaf there is line %d of %s", ErrMismatch, done.Visit, done.Index, leaf.Line, leaf.Visit)
	}
	return nil
}

// snapshots checks the snapshots of the catalog that are there against their
// notes. Losing one, or its note, is no finding: it is made again.
func (v *verification) snapshots(ctx context.Context, _ int64) error {
	if v.o.Outside {
		return nil
	}
	noted, _, err := v.a.snapshotSizes(ctx)
	if err != nil {
		return outOfReach(fmt.Errorf("list %s: %w", snapshotPrefix, err))
	}
	for _, size := range noted {
		key := Snapshot{Tree: ledger.Tree{Size: size}}.Key()
		if !v.inPart(key) {
			continue
		}
		f := Finding{Kind: KindSnapshot, Object: key + noteEnd, Offset: -1, Index: -1}
		s, err := v.note(ctx, f.Object, size)
		if err == nil {
			f.Object = key
			err = v.snapshot(ctx, s)
		}
		if err == nil || errors.Is(err, bucket.ErrNotExist) {
			continue
		}
		if err := v.judge(err, f); err != nil {
			return err
		}
	}
	return nil
}

// note reads the note of a snapshot and checks it against the ledger.
func (v *verification) note(ctx context.Context, key string, size int64) (Snapshot, error) {
	text, err := bucket.ReadAll(ctx, v.a.b, key, maxNote)
	if err != nil {
		return Snapshot{}, err
	}
	for _, wrong := range ledger.Signatures(text) {
		return Snapshot{}, fmt.Errorf("%w: %w", ErrMismatch, wrong)
	}
	s, err := v.a.readNote(ctx, key)
	switch {
	case err != nil:
		return s, err
	case s.Size != size:
		return s, fmt.Errorf("%w: the note is of size %d", ErrSnapshot, s.Size)
	case s.Size > v.tree.Size: // made since, or of what is not published
		return s, nil
	}
	if err := v.a.ledger.Extends(ctx, s.Tree, v.tree); err != nil && (!isAnswer(err) || !v.has(KindTile)) {
		return s, err
	}
	return s, nil
}

// has reports whether there are findings of a kind.
func (v *verification) has(kind string) bool {
	return slices.ContainsFunc(v.suspects, func(s suspect) bool { return s.Kind == kind })
}

// snapshot compares a snapshot with its note.
func (v *verification) snapshot(ctx context.Context, s Snapshot) error {
	r, err := v.a.b.Open(ctx, s.Key(), 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, r)
	if err != nil {
		return err
	}
	v.report.Snapshots++
	v.report.Bytes += n
	if got := [32]byte(sum.Sum(nil)); n != s.Length || got != s.SHA256 {
		return fmt.Errorf("%w: %d bytes with SHA-256 %x, the note has %d bytes with %x", ErrSnapshot, n, got, s.Length, s.SHA256)
	}
	return nil
}
