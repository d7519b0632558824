// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/spool"
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

// Erase carries out an erasure whose event is in the ledger: it replaces every
// object that the event names, removes what was set aside of them when they
// were damaged, the spools of their visits on this machine, every snapshot, and older
// versions of states.
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
	x, err := a.erasing(ctx, o, red)
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
	if err := a.forgetStates(ctx, e); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// forgetStates removes older versions of the states of all sources, where the
// store keeps such: they have cursors, bounds of runs, and digests of pages.
func (a *Archive) forgetStates(ctx context.Context, e bucket.Eraser) error {
	for info, err := range a.b.List(ctx, "state/", "") {
		if err == nil {
			err = e.Forget(ctx, info.Key)
		}
		if err != nil {
			return outOfReach(fmt.Errorf("older versions of states: %w", err))
		}
	}
	return nil
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
// they hold what is erased. The objects have just been read. Of the other
// committed visits it removes what was recorded and is in no object: looks that
// brought nothing new may show it, too.
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
		touched := touches(o.Erasure, id) || touches(o.Erasure, done.Visit)
		s, err := a.spool.TakeVisit(id)
		switch {
		case err == nil && touched:
			err = s.Remove()
		case err == nil:
			err = errors.Join(a.dropUnkept(s, done.Visit), s.Close())
		case !touched && (errors.Is(err, spool.ErrLocked) || errors.Is(err, fs.ErrNotExist)):
			continue // it is read back just now, and goes
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("spool of visit %s, which may hold what is erased: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

// dropUnkept removes what was recorded for a committed visit and is in none of
// its objects, payloads of repeats too: nothing asks for it any more.
func (a *Archive) dropUnkept(s *spool.Spool, v onrecord.VisitID) error {
	p, err := a.readPlan(s, v)
	if err != nil || p == nil {
		return err
	}
	for _, key := range [...]string{s.Object(), s.MediaObject()} {
		if slices.ContainsFunc(p.Objects, func(o ObjectRef) bool { return o.Key == key }) {
			if key == s.Object() { // which only refers to what was captured before
				if err := s.BlankPayloads(); err != nil {
					return err
				}
			}
			continue
		}
		if _, recorded := s.Recorded(key); !recorded {
			continue
		}
		if err := s.Discard(key); err != nil {
			return err
		}
	}
	return nil
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
