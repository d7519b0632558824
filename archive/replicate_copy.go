// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// findings are what a run of workers has found.
type findings struct {
	mu    sync.Mutex
	here  []Finding      // guarded by mu
	there []Finding      // guarded by mu
	lacks map[int64]bool // visits, by index, that could not be copied whole; guarded by mu
	harms map[harm]bool  // of there: what is to be looked at again; guarded by mu

	told map[named]bool  // what the lists hold: a run may be tried again; guarded by mu
	gone map[string]bool // the objects of here; guarded by mu
}

// A named is an entry of one of the lists.
type named struct {
	there bool
	f     Finding
}

// add adds f to one of the two lists.
func (f *findings) add(list *[]Finding, found Finding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.told == nil {
		f.told, f.gone = map[named]bool{}, map[string]bool{}
	}
	t := named{list == &f.there, found}
	if f.told[t] {
		return
	}
	f.told[t] = true
	*list = append(*list, found)
	if !t.there {
		f.gone[found.Object] = true
	}
}

// lack notes what the archive does not have, of the visit at index.
func (f *findings) lack(visit int64, found Finding) {
	f.add(&f.here, found)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lacks == nil {
		f.lacks = map[int64]bool{}
	}
	f.lacks[visit] = true
}

// lacking returns the visits that could not be copied whole.
func (f *findings) lacking() []int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []int64
	for i := range f.lacks {
		list = append(list, i)
	}
	return list
}

// A hereError is an error of the archive's own bucket.
type hereError struct{ err error }

func (e *hereError) Error() string { return "of the archive: " + e.err.Error() }
func (e *hereError) Unwrap() error { return e.err }

// together copies visits, some at the same time.
func (c *copying) together(ctx context.Context, jobs []visitLeaves) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.o.Workers)
	for _, job := range jobs {
		g.Go(func() error { return c.visit(ctx, job) })
		if ctx.Err() != nil {
			break
		}
	}
	return g.Wait()
}

// retry copies the visits again that lacked objects.
func (c *copying) retry(ctx context.Context) error {
	found := map[int64]bool{}
	for _, index := range c.note.Missing {
		if index >= c.to.Size {
			continue
		}
		job, err := c.visitAt(ctx, index)
		if err != nil {
			return err
		}
		if err := c.visit(ctx, job); err != nil {
			return err
		}
		found[index] = !slices.Contains(c.found.lacking(), index)
	}
	if len(found) > 0 {
		c.note.Missing = c.missing(found)
	}
	return nil
}

// visit copies the journal segment of a visit and the objects that it names.
func (c *copying) visit(ctx context.Context, job visitLeaves) error {
	if job.leaves[0].Line == ledger.AbandonedLine {
		return nil
	}
	c.visits.Add(1)
	key := journalKey(job.leaves[0].Visit)
	s, err := c.ours(ctx, job, key)
	if err != nil {
		return err
	}
	if s == nil {
		return nil
	}
	// The objects come before the segment that names them.
	for _, o := range s.header.Objects {
		if red, ok := c.red.Object(o.Key); ok {
			o = ObjectRef(red.Value)
		}
		if err := c.put(ctx, o, job.index, func() (io.ReadCloser, error) { return c.a.b.Open(ctx, o.Key, 0, -1) }); err != nil {
			return err
		}
		if err := c.lacksHere(ctx, o, job.index); err != nil {
			return err
		}
	}
	held := bucket.Bytes(s.bytes)
	return c.put(ctx, ref(key, held), job.index, held.Open)
}

// ours returns the segment of a visit. Where the archive's own is lost or damaged,
// which is noted, it is the replica's; nil where that is no better.
func (c *copying) ours(ctx context.Context, job visitLeaves, key string) (*segment, error) {
	body, err := bucket.ReadAll(ctx, c.a.b, key, MaxSegment)
	if err != nil {
		if w, hidden := errors.AsType[*bucket.WithheldError](err); hidden {
			err = w // of a mirror: it answers
		} else if err = outOfReach(fmt.Errorf("%s: %w", key, err)); !isAnswer(err) || errors.Is(err, context.Canceled) {
			return nil, &hereError{err}
		}
	}
	var s *segment
	if err == nil {
		s, err = c.segmentIn(job, key, body)
		if errors.Is(err, errErasing) && !c.red.keepsAny(key) {
			return nil, err
		}
	}
	if err == nil {
		return s, nil
	}
	f := Finding{Kind: KindJournal, Object: key, Offset: -1, Index: job.index, Reason: err.Error()}
	if s, ok := c.theirs(ctx, job); ok {
		f.Reason += "; the replica has it"
		c.found.add(&c.found.here, f)
		return s, nil
	}
	c.found.lack(job.index, f)
	return nil, nil
}

// segmentIn checks the bytes of a segment: they must be those that the leaves
// commit to, or what an erasure made of those.
func (c *copying) segmentIn(job visitLeaves, key string, body []byte) (*segment, error) {
	return checkSegment(c.a.code, c.red, job, key, body)
}

// checkSegment reads a segment whose bytes must be those that the leaves of its
// visit commit to, or, where red says so, what the last erasure made of them.
// What is left of before that is errErasing.
func checkSegment(code *coder, red *Redactions, job visitLeaves, key string, body []byte) (*segment, error) {
	s, err := code.parse(job.leaves[0].Visit, body)
	o, redacted := red.Object(key)
	if !redacted && err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	if len(s.lines) != len(job.leaves) {
		return nil, fmt.Errorf("%w: the segment has %d lines, the ledger %d", ErrMismatch, len(s.lines), len(job.leaves))
	}
	other := 0
	for i, leaf := range job.leaves {
		if leaf.Line != uint32(i) {
			return nil, fmt.Errorf("%w: leaf %d is of line %d", ErrMismatch, job.index+int64(i), leaf.Line)
		}
		if sum := sha256.Sum256(s.lines[i].text); sum == leaf.Hash {
			continue
		} else if i == 0 || !redacted {
			return nil, fmt.Errorf("%w: SHA-256 of line %d is %x, the leaf has %x", ErrMismatch, i, sum, leaf.Hash)
		}
		other++
	}
	if !redacted {
		return s, nil
	}
	switch got := ObjectRef(o.Value); {
	case ref(key, bucket.Bytes(body)) == got:
		return s, nil
	case other == 0 && err == nil, slices.ContainsFunc(o.Before, func(v onrecord.ObjectValue) bool { return ref(key, bucket.Bytes(body)) == ObjectRef(v) }):
		return nil, fmt.Errorf("%s: %w: it still has what index %d erased", key, errErasing, o.Index)
	}
	return nil, fmt.Errorf("%w: it is not what the erasure at index %d made of it", ErrMismatch, o.Index)
}

// put puts one object into the replica, if it is not there, and reads it back.
func (c *copying) put(ctx context.Context, o ObjectRef, visit int64, open func() (io.ReadCloser, error)) error {
	kind := kindOf(o.Key)
	switch err := checkIn(ctx, c.Replica.to, o); {
	case err == nil:
		return nil
	case errors.Is(err, ErrMismatch):
		if _, redacted := c.red.Object(o.Key); redacted {
			return c.carryOut(ctx, o)
		}
		c.harmed(Finding{Kind: kind, Object: o.Key, Offset: -1, Index: visit, Reason: "the replica holds other bytes: " + err.Error()})
		return nil
	case !errors.Is(err, bucket.ErrNotExist):
		return err
	}
	body, err := bodyOf(o, open)
	if err == nil {
		err = c.Replica.to.Create(ctx, o.Key, body)
	}
	if w, ok := errors.AsType[*bucket.WithheldError](err); ok { // the archive is read through a public mirror
		return c.lacksObject(ctx, o, visit, w)
	}
	if he, ok := errors.AsType[*hereError](err); ok {
		if err := outOfReach(he.err); !isAnswer(err) || errors.Is(err, context.Canceled) {
			return &hereError{err}
		}
	}
	switch {
	case err == nil, errors.Is(err, bucket.ErrExists): // another process copies, too
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, bucket.ErrSum), errors.Is(err, bucket.ErrNotExist):
		return c.lacksObject(ctx, o, visit, err)
	default:
		return outOfReach(fmt.Errorf("put %s: %w", o.Key, err))
	}
	if err := checkIn(ctx, c.Replica.to, o); err != nil {
		return fmt.Errorf("read back from the replica: %w", outOfReach(err))
	}
	c.objects.Add(1)
	c.bytes.Add(o.Length)
	return nil
}

// lacksObject judges an object that the archive does not have as it must be.
func (c *copying) lacksObject(ctx context.Context, o ObjectRef, visit int64, cause error) error {
	if red, ok := c.red.Object(o.Key); ok && !errors.Is(cause, bucket.ErrNotExist) {
		// Before it is carried out, an erasure's object has the bytes of before.
		return fmt.Errorf("%s: %w: index %d orders other bytes", o.Key, errErasing, red.Index)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c.found.lack(visit, Finding{Kind: kindOf(o.Key), Object: o.Key, Offset: -1, Index: visit, Reason: cause.Error()})
	return nil
}

// bodyOf returns the body of an object that is read through open.
func bodyOf(o ObjectRef, open func() (io.ReadCloser, error)) (bucket.Body, error) {
	body := bucket.Body{Size: o.Length, Open: func() (io.ReadCloser, error) {
		r, err := open()
		if err != nil {
			return nil, &hereError{err}
		}
		return hereReader{r}, nil
	}}
	if n, err := hex.Decode(body.SHA256[:], []byte(o.SHA256)); err != nil || n != len(body.SHA256) || len(o.SHA256) != 64 {
		return body, fmt.Errorf("%s: %w: SHA-256 %q", o.Key, bucket.ErrSum, o.SHA256)
	}
	return body, nil
}

// A hereReader reads from the archive's own bucket.
type hereReader struct{ io.ReadCloser }

func (r hereReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = &hereError{err}
	}
	return n, err
}

// checkIn reads a whole object in b and compares length and SHA-256. What is
// missing is bucket.ErrNotExist, other bytes are ErrMismatch.
func checkIn(ctx context.Context, b bucket.Bucket, o ObjectRef) error {
	r, err := b.Open(ctx, o.Key, 0, -1)
	if err != nil {
		return outOfReach(fmt.Errorf("%s: %w", o.Key, err))
	}
	if r.Size != o.Length {
		return errors.Join(fmt.Errorf("%s: %w: %d bytes, not %d", o.Key, ErrMismatch, r.Size, o.Length), r.Close())
	}
	h := sha256.New()
	_, err = io.Copy(h, io.LimitReader(r, o.Length+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return outOfReach(fmt.Errorf("%s: %w", o.Key, err))
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != o.SHA256 {
		return fmt.Errorf("%s: %w: SHA-256 %s, not %s", o.Key, ErrMismatch, got, o.SHA256)
	}
	return nil
}

// digestIn returns the SHA-256 and the length of what b has under key.
func digestIn(ctx context.Context, b bucket.Bucket, key string) (sum [32]byte, n int64, err error) {
	r, err := b.Open(ctx, key, 0, -1)
	if err != nil {
		return sum, 0, outOfReach(fmt.Errorf("%s: %w", key, err))
	}
	h := sha256.New()
	n, err = io.Copy(h, r)
	if err = errors.Join(err, r.Close()); err != nil {
		return sum, n, outOfReach(fmt.Errorf("%s: %w", key, err))
	}
	return [32]byte(h.Sum(nil)), n, nil
}
