// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// meta puts right onrecord.json, by the digest that the first event has.
func (r *repair) meta(ctx context.Context, findings []Finding) error {
	wrong := of(findings, KindMeta)
	if len(wrong) == 0 {
		return nil
	}
	for _, c := range r.copies {
		body, err := vouchedMeta(ctx, c.a)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		held := bucket.Bytes(body)
		return r.mend(ctx, KindMeta, ref(metaKey, held), c.name, held.Open, true)
	}
	r.leave(wrong, "no copy has it as the first event says")
	return nil
}

// vouchedMeta returns the bytes of onrecord.json in an archive, if the first
// event, which the ledger has signed, vouches for them.
func vouchedMeta(ctx context.Context, a *Archive) ([]byte, error) {
	body, err := bucket.ReadAll(ctx, a.b, metaKey, maxMeta)
	if err != nil {
		return nil, err
	}
	line, _, err := a.Line(ctx, 1)
	if err != nil {
		return nil, err
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(body)); !strings.Contains(string(line), `"`+metaDigest+`":"`+sum+`"`) {
		return nil, fmt.Errorf("%s: %w: the first event has another digest", metaKey, ErrMismatch)
	}
	return body, nil
}

// RepairMeta puts back into a bucket what Open needs before it finds the
// archive: onrecord.json, and the changes of the log key, where they are lost or
// damaged. o.Verifier is the key of the archive, from outside the bucket.
func RepairMeta(ctx context.Context, b bucket.Bucket, from []RepairFrom, o Options) ([]Mended, error) {
	if o.Verifier == nil {
		return nil, fmt.Errorf("repair %s: %w: a key from outside the bucket is needed", metaKey, ErrKey)
	}
	last := fmt.Errorf("%w: no copy is given", ErrNoArchive)
	for _, f := range from {
		mended, err := repairOpening(ctx, b, f, o)
		if err == nil && len(mended) == 0 {
			return nil, fmt.Errorf("%s and the changes of the log key are as they must be", metaKey)
		}
		if err == nil || ctx.Err() != nil {
			return mended, err
		}
		last = fmt.Errorf("%s: %w", f.Name, err)
	}
	return nil, fmt.Errorf("repair %s: %w", metaKey, last)
}

// repairOpening is RepairMeta from one copy.
func repairOpening(ctx context.Context, b bucket.Bucket, f RepairFrom, o Options) ([]Mended, error) {
	o.Signer, o.StateDir = nil, ""
	a, err := openCopy(ctx, f.Bucket, o, func(ctx context.Context) (*ledger.Keyring, error) {
		links, err := ledger.ReadRotations(ctx, b)
		if err != nil {
			return nil, err
		}
		return ledger.NewKeyring(o.Verifier, links)
	})
	if err != nil {
		return nil, err
	}
	body, err := vouchedMeta(ctx, a)
	if err != nil {
		return nil, err
	}
	list := []ledger.Tile{{Key: metaKey, Bytes: body}}
	ring, err := a.Keys(ctx)
	if err != nil {
		return nil, err
	}
	point, err := a.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	if links := ring.Links(); len(links) > 0 {
		for t, err := range a.ledger.TilesOf(ctx, point.Tree, min(links[0].Index, point.Size)) {
			if err != nil {
				return nil, outOfReach(err)
			}
			if strings.HasPrefix(t.Key, keysFolder) {
				list = append(list, t)
			}
		}
	}
	r := &repair{a: &Archive{b: b, clock: a.clock, log: a.log}}
	for _, t := range list {
		kind, held := KindMeta, bucket.Bytes(t.Bytes)
		if t.Key != metaKey {
			kind = KindTile
		}
		if err := r.mend(ctx, kind, ref(t.Key, held), f.Name, held.Open, true); err != nil {
			return r.done.Mended, err
		}
		if len(r.done.Refused) > 0 {
			return r.done.Mended, errors.New(r.done.Refused[0])
		}
	}
	return r.done.Mended, nil
}

// keysFolder is where the changes of the log key are (record.md 2).
const keysFolder = "log/keys/"

// visits puts right the segments and the evidence that findings name, and all
// those of visits that were lost with the end of the ledger.
func (r *repair) visits(ctx context.Context, findings []Finding) error {
	wrong := of(findings, KindJournal, KindCapture, KindMedia)
	if len(wrong) == 0 && r.back == r.tree.Size {
		return nil
	}
	jobs, err := r.jobs(ctx, findings)
	if err != nil {
		return err
	}
	if err := r.acts(ctx); err != nil {
		return err
	}
	if r.red, err = r.redactions(ctx); err != nil {
		return err
	}
	mended := map[string]bool{}
	for _, job := range jobs {
		before := len(r.done.Mended)
		s, err := r.segment(ctx, job)
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		// Nobody could tell before whether what a lost segment names is there.
		all := job.index >= r.back || len(r.done.Mended) > before
		mended[journalKey(job.leaves[0].Visit)] = true
		for _, o := range s.header.Objects {
			if !all && !slices.ContainsFunc(wrong, func(f Finding) bool { return f.Object == o.Key }) {
				continue
			}
			ok, err := r.evidence(ctx, o)
			if err != nil {
				return err
			}
			mended[o.Key] = ok
		}
	}
	for _, f := range wrong {
		if !mended[f.Object] {
			r.leave([]Finding{f}, cmp.Or(r.spare[f.Object], "no copy has it as the ledger says"))
		}
	}
	return nil
}

// jobs returns the visits that findings are about: those whose segment is
// named, whose lines are, or whose evidence is by its name.
func (r *repair) jobs(ctx context.Context, findings []Finding) ([]visitLeaves, error) {
	keys, places := map[string]bool{}, []int64{}
	for _, f := range findings {
		switch f.Kind {
		case KindJournal, KindCapture, KindMedia:
			name, _, _ := strings.Cut(path.Base(f.Object), ".")
			keys[name] = true
			if f.Index >= 0 {
				places = append(places, f.Index)
			}
		}
	}
	slices.Sort(places)
	var jobs []visitLeaves
	var job visitLeaves
	keep := func() {
		if len(job.leaves) == 0 || job.leaves[0].Line == ledger.AbandonedLine {
			return
		}
		at, _ := slices.BinarySearch(places, job.index)
		cited := at < len(places) && places[at] < job.index+int64(len(job.leaves))
		if cited || keys[job.leaves[0].Visit.String()] || job.index >= r.back {
			jobs = append(jobs, job)
		}
	}
	at := int64(0)
	for leaf, err := range r.a.ledger.LeavesOf(ctx, r.tree, 0, r.tree.Size) {
		if err != nil {
			return nil, fmt.Errorf("the tiles are still damaged: %w", outOfReach(err))
		}
		if len(job.leaves) > 0 && job.leaves[0].Visit != leaf.Visit {
			keep()
			job = visitLeaves{index: at}
		}
		job.leaves = append(job.leaves, leaf)
		at++
	}
	keep()
	return jobs, nil
}

// segment returns the segment of a visit as the ledger has it: the archive's
// own, or a copy's, which is put in its place. It returns nil if there is none.
func (r *repair) segment(ctx context.Context, job visitLeaves) (*segment, error) {
	key := journalKey(job.leaves[0].Visit)
	own, err := bucket.ReadAll(ctx, r.a.b, key, MaxSegment)
	if err == nil {
		if s, err := checkSegment(r.a.code, r.red, job, key, own); err == nil {
			return s, nil
		}
	} else if !isAnswer(err) || ctx.Err() != nil {
		return nil, outOfReach(fmt.Errorf("%s: %w", key, err))
	}
	if spared, err := r.spared(ctx, key, job.leaves[0].Visit); err != nil || spared {
		return nil, err
	}
	for _, c := range r.copies {
		body, err := bucket.ReadAll(ctx, c.b, key, MaxSegment)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			continue
		}
		s, err := checkSegment(r.a.code, r.red, job, key, body)
		if err != nil {
			continue
		}
		held := bucket.Bytes(body)
		before := len(r.done.Mended)
		if err := r.mend(ctx, KindJournal, ref(key, held), c.name, held.Open, r.kept(key)); err != nil || len(r.done.Mended) > before {
			return s, err
		}
	}
	return nil, nil
}

// evidence puts right one object of evidence. It reports whether it is good now.
func (r *repair) evidence(ctx context.Context, o ObjectRef) (bool, error) {
	red, erased := r.red.Object(o.Key)
	if erased {
		o = ObjectRef(red.Value)
	}
	switch err := checkIn(ctx, r.a.b, o); {
	case err == nil:
		return true, nil
	case !isAnswer(err) || ctx.Err() != nil:
		return false, err
	}
	if spared, err := r.spared(ctx, o.Key, onrecord.VisitID{}); err != nil || spared {
		return false, err
	}
	for _, c := range r.copies {
		if err := checkIn(ctx, c.b, o); err != nil {
			if ctx.Err() != nil {
				return false, ctx.Err()
			}
			continue
		}
		before := len(r.done.Mended)
		err := r.mend(ctx, kindOf(o.Key), o, c.name, func() (io.ReadCloser, error) { return c.b.Open(ctx, o.Key, 0, -1) }, r.kept(o.Key))
		if err != nil || len(r.done.Mended) > before {
			return err == nil, err
		}
	}
	return false, nil
}
