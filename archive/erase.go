// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
	"onrecord/archive/warc"
)

// ErrKeeps reports a store in which nothing can be erased: it keeps what is
// replaced and removed.
var ErrKeeps = bucket.ErrKeeps

// CanErase returns ErrKeeps, with the reason, if the bucket is of that kind.
func (a *Archive) CanErase(ctx context.Context) error {
	_, err := a.eraser(ctx)
	return err
}

// eraser returns the bucket as one in which something can be erased.
func (a *Archive) eraser(ctx context.Context) (bucket.Eraser, error) {
	e, ok := a.b.(bucket.Eraser)
	if !ok {
		return nil, ErrKeeps
	}
	if err := erases(ctx, e); err != nil {
		return nil, err
	}
	return e, nil
}

// erases is Erases: ErrKeeps says that the store keeps what is erased, any other
// error that nobody knows.
func erases(ctx context.Context, e bucket.Eraser) error {
	err := e.Erases(ctx)
	switch {
	case errors.Is(err, ErrKeeps):
		return err
	case errors.Is(err, errors.ErrUnsupported):
		return fmt.Errorf("%w: %w", ErrKeeps, err)
	}
	return outOfReach(err)
}

// PlanErasure completes an erasure of which Leaves and Records are known: it
// works out what each object that holds them will be. Nothing is changed.
// Leaves of the built-in source, of visit lines and of abandoned visits are
// ErrMismatch: there is nothing in them to erase. So is a record whose extent
// is not that of one.
func (a *Archive) PlanErasure(ctx context.Context, e onrecord.Erasure, number string) (onrecord.Erasure, error) {
	e.Leaves = slices.Compact(slices.Sorted(slices.Values(e.Leaves)))
	e.Records = slices.Clone(e.Records)
	slices.SortFunc(e.Records, compareSpans)
	e.Records = slices.Compact(e.Records)
	e.Objects = nil
	x, err := a.erasing(ctx, e, number)
	if err == nil {
		err = x.check(ctx)
	}
	if err != nil {
		return e, fmt.Errorf("plan an erasure: %w", err)
	}
	for _, key := range x.keys() {
		sum, n, err := x.digest(ctx, key)
		if err != nil {
			return e, fmt.Errorf("plan an erasure: %s: %w", key, err)
		}
		e.Objects = append(e.Objects, onrecord.ObjectValue{Key: key, Length: n, SHA256: hex.EncodeToString(sum[:])})
	}
	return e, nil
}

func compareSpans(x, y onrecord.Span) int {
	return cmp.Or(cmp.Compare(x.Object, y.Object), cmp.Compare(x.Offset, y.Offset), cmp.Compare(x.Length, y.Length))
}

// An erasing is an erasure on its way: what it does to each object.
type erasing struct {
	a       *Archive
	number  string // of the case
	records map[string][]onrecord.Span
	visits  map[string]onrecord.VisitID // by the key of the segment
	lines   map[string]map[uint32]bool  // by the same
}

// erasing sorts what e names by objects.
func (a *Archive) erasing(ctx context.Context, e onrecord.Erasure, number string) (*erasing, error) {
	x := &erasing{
		a: a, number: number, records: map[string][]onrecord.Span{}, visits: map[string]onrecord.VisitID{}, lines: map[string]map[uint32]bool{},
	}
	for _, r := range e.Records {
		if err := bucket.CheckReplace(r.Object); err != nil || r.Length <= 0 || r.Offset < 0 {
			return nil, fmt.Errorf("record at %d of %s: %w: %v", r.Offset, r.Object, ErrMismatch, err)
		}
		x.records[r.Object] = append(x.records[r.Object], r)
	}
	for _, index := range e.Leaves {
		leaf, err := a.leaf(ctx, index)
		if err != nil {
			return nil, err
		}
		if leaf.Line == 0 || leaf.Line == ledger.AbandonedLine {
			return nil, fmt.Errorf("index %d: %w: it is no event", index, ErrMismatch)
		}
		key := journalKey(leaf.Visit)
		if x.lines[key] == nil {
			x.visits[key], x.lines[key] = leaf.Visit, map[uint32]bool{}
		}
		x.lines[key][leaf.Line] = true
	}
	return x, nil
}

// check refuses what is never erased.
func (x *erasing) check(ctx context.Context) error {
	for key, v := range x.visits {
		s, err := x.a.segment(ctx, v)
		if err != nil {
			return err
		}
		if s.header.Source == BuiltIn {
			return fmt.Errorf("%s: %w: what the archive decided is not erased", key, ErrMismatch)
		}
	}
	return nil
}

// keys returns the keys of the objects that change, sorted.
func (x *erasing) keys() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for key := range x.records {
			if !yield(key) {
				return
			}
		}
		for key := range x.lines {
			if !yield(key) {
				return
			}
		}
	})
}

// digest returns digest and length of what becomes of an object as it is now.
func (x *erasing) digest(ctx context.Context, key string) (sum [32]byte, n int64, err error) {
	h := sha256.New()
	if n, err = x.write(ctx, h, key); err != nil {
		return sum, n, err
	}
	return [32]byte(h.Sum(nil)), n, nil
}

// write writes what becomes of an object as it is now, and returns its length.
func (x *erasing) write(ctx context.Context, w io.Writer, key string) (int64, error) {
	if lines := x.lines[key]; lines != nil {
		return x.tombstones(ctx, w, x.visits[key], lines)
	}
	var at int64
	for _, r := range x.records[key] {
		if r.Offset < at {
			return at, fmt.Errorf("record at %d: %w: it overlaps another", r.Offset, ErrMismatch)
		}
		if err := x.a.copyRange(ctx, w, key, at, r.Offset-at); err != nil {
			return at, err
		}
		red, err := x.a.redactionOf(ctx, r, x.number)
		if err != nil {
			return at, err
		}
		if _, err := red.WriteTo(w); err != nil {
			return at, err
		}
		at = r.Offset + r.Length
	}
	n, err := x.a.copyRest(ctx, w, key, at)
	return at + n, err
}

// tombstones writes what becomes of the segment of a visit.
func (x *erasing) tombstones(ctx context.Context, w io.Writer, v onrecord.VisitID, lines map[uint32]bool) (int64, error) {
	s, err := x.a.segment(ctx, v)
	if err != nil {
		return 0, err
	}
	left := map[uint32]bool{}
	for line := range lines {
		if !isTombstone(s, line) {
			left[line] = true
		}
	}
	b, err := redactSegment(s, left, x.number)
	if err != nil {
		return 0, err
	}
	n, err := w.Write(b)
	return int64(n), err
}

// isTombstone reports whether a line of s was erased before.
func isTombstone(s *segment, line uint32) bool {
	if int64(line) >= int64(len(s.lines)) {
		return false
	}
	_, err := onrecord.ParseEvent(s.lines[line].text)
	return err != nil // what is in the ledger is an event; its type is a tombstone's
}

// redactionOf reads the header of the record at a span.
func (a *Archive) redactionOf(ctx context.Context, at onrecord.Span, number string) (warc.Redaction, error) {
	r, err := a.b.Open(ctx, at.Object, at.Offset, at.Length)
	if err != nil {
		return warc.Redaction{}, outOfReach(err)
	}
	defer r.Close()
	red, err := warc.RedactionOf(r, at.Length, number)
	if err != nil {
		return red, fmt.Errorf("record at %d: %w: %w", at.Offset, ErrMismatch, err)
	}
	return red, nil
}

// copyRange copies n bytes of an object from off.
func (a *Archive) copyRange(ctx context.Context, w io.Writer, key string, off, n int64) error {
	if n == 0 {
		return nil
	}
	r, err := a.b.Open(ctx, key, off, n)
	if err != nil {
		return outOfReach(err)
	}
	_, err = io.CopyN(w, r, n)
	return errors.Join(err, r.Close())
}

// copyRest copies an object from off to its end.
func (a *Archive) copyRest(ctx context.Context, w io.Writer, key string, off int64) (int64, error) {
	r, err := a.b.Open(ctx, key, 0, -1)
	if err != nil {
		return 0, outOfReach(err)
	}
	size := r.Size
	if err := r.Close(); err != nil {
		return 0, err
	}
	if off > size {
		return 0, fmt.Errorf("%w: %d bytes, and a record ends at %d", ErrMismatch, size, off)
	}
	return size - off, a.copyRange(ctx, w, key, off, size-off)
}

// Erase carries out an erasure whose event is in the ledger: it replaces every
// object that the event names, removes what was set aside of them when they
// were damaged, the spools of their visits on this machine, and every snapshot.
// What is done already is passed over, so that it can be called again after a
// crash; it is the only thing that replaces objects that are in the record
// (record.md 5). Erasures are carried out in their order. Where the store can't
// erase it is ErrKeeps, and no more is done than what is on this machine: Kept
// says what stays.
func (a *Archive) Erase(ctx context.Context, o Ordered) error {
	e, err := a.eraser(ctx)
	if errors.Is(err, ErrKeeps) {
		return errors.Join(err, a.dropSpools(o))
	}
	if err != nil {
		return err
	}
	red, err := a.Redactions(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(red.erasures, func(x Ordered) bool { return x.Index == o.Index }) {
		return fmt.Errorf("erase: index %d: %w: the ledger orders no erasure there", o.Index, ErrMismatch)
	}
	x, err := a.erasing(ctx, o.Erasure, o.Takedown.Case)
	if err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	var errs []error
	for _, v := range o.Erasure.Objects {
		_, err := bury(ctx, a.b, v.Key)
		if err == nil {
			err = x.replace(ctx, e, v, o, red)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("erase: %s: %w", v.Key, err))
		}
	}
	if err := a.dropSpools(o); err != nil {
		errs = append(errs, err)
	}
	if err := a.RemoveSnapshots(ctx); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// replaceTries is how often an object that another process replaces, too, is
// looked at.
const replaceTries = 3

// replace gives one object the value that the erasure orders, unless a later
// one has replaced it since.
func (x *erasing) replace(ctx context.Context, e bucket.Eraser, v onrecord.ObjectValue, o Ordered, red *Redactions) error {
	var last error
	for range replaceTries {
		was, n, err := digestIn(ctx, x.a.b, v.Key)
		if err != nil {
			return err
		}
		if now := hex.EncodeToString(was[:]); now == v.SHA256 && n == v.Length || red.isLater(v.Key, now, o.Index) {
			return x.replacedBefore(ctx, e, v.Key, was, n)
		}
		sum, size, err := x.digest(ctx, v.Key)
		if err != nil {
			return err
		}
		if hex.EncodeToString(sum[:]) != v.SHA256 || size != v.Length {
			return fmt.Errorf("%w: it would become SHA-256 %x, the event orders %s", ErrMismatch, sum, v.SHA256)
		}
		last = e.Replace(ctx, v.Key, was, bucket.Body{Size: size, SHA256: sum, Open: func() (io.ReadCloser, error) {
			r, w := io.Pipe()
			go func() {
				_, err := x.write(ctx, w, v.Key)
				w.CloseWithError(err)
			}()
			return r, nil
		}})
		if last == nil || !errors.Is(last, bucket.ErrConflict) {
			break
		}
	}
	if last != nil {
		return outOfReach(last)
	}
	return checkIn(ctx, x.a.b, ObjectRef(v))
}

// replacedBefore ends a replacement that was broken off, where a store with
// versions has the new one and the old one still. What it is given to replace is
// not there, so that nothing else changes.
func (x *erasing) replacedBefore(ctx context.Context, e bucket.Eraser, key string, now [32]byte, n int64) error {
	err := e.Replace(ctx, key, [32]byte{}, bucket.Body{Size: n, SHA256: now, Open: func() (io.ReadCloser, error) {
		return x.a.b.Open(ctx, key, 0, -1)
	}})
	if errors.Is(err, bucket.ErrConflict) {
		return nil
	}
	return outOfReach(err)
}

// isLater reports whether sum is what an erasure after that at index makes of
// the object.
func (r *Redactions) isLater(key, sum string, index int64) bool {
	for _, o := range r.erasures {
		if o.Index <= index {
			continue
		}
		for _, v := range o.Erasure.Objects {
			if v.Key == key && v.SHA256 == sum {
				return true
			}
		}
	}
	return false
}

// dropSpools removes the spools of committed visits that the erasure touches:
// they hold what is erased. The objects have just been read.
func (a *Archive) dropSpools(o Ordered) error {
	if a.spool == nil {
		return nil
	}
	ids, err := a.spool.Visits()
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		done, err := a.peekDone(id)
		if err != nil || done == nil {
			continue // not committed: it is judged again, knowing of the erasure
		}
		if !touches(o.Erasure, id) && !touches(o.Erasure, done.Visit) {
			continue
		}
		s, err := a.spool.TakeVisit(id)
		if err == nil {
			err = s.Remove()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("spool of visit %s, which holds what is erased: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

// touches reports whether an object of a visit is replaced.
func touches(e onrecord.Erasure, v onrecord.VisitID) bool {
	return names(e, journalKey(v)) || names(e, dated("captures", v, ".warc.gz")) || names(e, dated("media", v, ".warc"))
}

// erasedSince reports whether an erasure touches a visit at a ledger index, by any
// of its names. ErrUnknown says that one may.
func (a *Archive) erasedSince(ctx context.Context, index int64, visits ...onrecord.VisitID) (bool, error) {
	r, err := a.Redactions(ctx)
	if err == nil {
		err = r.Known(index + 1)
	}
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(r.erasures, func(o Ordered) bool {
		return slices.ContainsFunc(visits, func(v onrecord.VisitID) bool { return touches(o.Erasure, v) })
	}), nil
}

// Forget removes from the state of a source what tells of an erased statement:
// forget changes the state. Whether there was anything or not, a visit that is
// under way loses its fence by it, and is judged as a late one: it was judged
// before, or its plan was made before, without knowing of the erasure.
func (a *Archive) Forget(ctx context.Context, source string, forget func(*onrecord.SourceState)) error {
	if err := a.writable(); err != nil {
		return err
	}
	var last error
	for range fenceTries {
		reg, tag, err := a.settled(ctx, source)
		if err != nil || tag.IsZero() {
			return err
		}
		next := reg
		if next.SourceState, err = cloned(reg.SourceState); err != nil {
			return err
		}
		forget(&next.SourceState)
		body, _, err := a.body(reg, next)
		if err != nil {
			return err
		}
		if _, last = a.b.Swap(ctx, stateKey(source), condition(tag), body); last == nil {
			a.memory.forget(source)
			return nil
		}
		if isAnswer(last) && !errors.Is(last, bucket.ErrConflict) {
			break
		}
	}
	return outOfReach(fmt.Errorf("%s: %w", stateKey(source), last))
}

// OpenObject opens a whole object of evidence, for whoever looks through it.
// Nothing of it is checked: what is read is compared with nothing.
func (a *Archive) OpenObject(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := bucket.CheckReplace(key); err != nil {
		return nil, err
	}
	r, err := a.b.Open(ctx, key, 0, -1)
	if err != nil {
		return nil, outOfReach(fmt.Errorf("%s: %w", key, err))
	}
	return r, nil
}
