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
	"maps"
	"slices"

	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// erasedIn checks the objects that erasures are said to have changed, each in its
// part: a part that did not meet the visit of one can't tell otherwise that its
// bytes are those before.
func (v *verification) erasedIn(ctx context.Context, r *Redactions) error {
	if r == nil {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(r.objects)) {
		o := r.objects[key]
		if !v.inPart(key) || !r.done[o.Index] {
			continue
		}
		if r.keeps(key, o.Index) {
			v.report.Kept++
			continue
		}
		if err := v.asErased(ctx, key, o); err != nil {
			return err
		}
	}
	return nil
}

// asErased finds whether an object is what the erasure that names it last has made
// of it.
func (v *verification) asErased(ctx context.Context, key string, o Redacted) error {
	f := Finding{Kind: kindAt(key), Object: key, Offset: -1, Index: o.Index}
	n, sum, err := v.digest(ctx, key)
	if w, ok := errors.AsType[*bucket.WithheldError](err); ok {
		v.withheld(w, o.Index, bucket.Span{})
		return nil
	}
	if err != nil {
		return v.judge(err, f)
	}
	if n != o.Value.Length || sum != o.Value.SHA256 {
		f.Reason = fmt.Sprintf("%d bytes with SHA-256 %s, it was erased, and has %d bytes with %s since", n, sum, o.Value.Length, o.Value.SHA256)
		v.find(f)
	}
	return nil
}

// digest returns length and SHA-256 of an object, as they are stored.
func (v *verification) digest(ctx context.Context, key string) (int64, string, error) {
	o, err := v.a.b.Open(ctx, key, 0, -1)
	if err != nil {
		return 0, "", err
	}
	sum := sha256.New()
	n, err := io.Copy(sum, o)
	return n, hex.EncodeToString(sum.Sum(nil)), errors.Join(err, o.Close())
}

// changes checks that each change of the log key is in the ledger where it says:
// its index is signed by nobody, and bounds what the key before it may sign.
func (v *verification) changes(ctx context.Context, _ int64) error {
	keys, err := v.a.ledger.Keys(ctx)
	if err != nil && !isAnswer(err) && !errors.Is(err, ledger.ErrRotation) {
		return outOfReach(err)
	} else if err != nil {
		return nil // named with the tiles
	}
	v.report.Keys = keys.Keys()
	for i, link := range keys.Links() {
		f := Finding{Kind: KindTile, Object: fmt.Sprintf("%s%d", ledger.KeysFolder, i+1), Offset: -1, Index: link.Index}
		if link.Index >= v.tree.Size {
			now, err := v.a.Size(ctx)
			if err != nil && !isAnswer(err) {
				return err
			}
			if err == nil && link.Index >= now {
				f.Reason = fmt.Sprintf("its event is to have index %d, the ledger has %d leaves", link.Index, now)
				v.find(f)
			}
			continue
		}
		leaf, err := v.a.leaf(ctx, link.Index)
		var s *segment
		if err == nil {
			s, err = v.a.readSegment(ctx, leaf.Visit)
		}
		var e Entry
		if err == nil {
			e, err = entry(link.Index, leaf, s)
		}
		switch _, hidden := errors.AsType[*bucket.WithheldError](err); {
		case err != nil && (hidden || isAnswer(err)):
			continue // what is damaged or hidden there is named
		case err != nil:
			return err
		case e.Event.Extra[keyRotation] != link.Note:
			f.Reason = "the line at its index is not the event that changes the key"
			v.find(f)
		}
	}
	return nil
}
