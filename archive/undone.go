// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/warc"
)

// An Undone is an erasure that was carried out, as archive.erasure_done says, and
// the objects in which the bucket has again what it erased, by key.
type Undone struct {
	Ordered
	Objects []string
}

// Undone returns the erasures that were carried out and are not any more: objects
// were put back from an older copy, or this was a replica whose store can't erase.
// Erase carries them out anew. Other damage is for Verify to name, and so is what
// the ledger says the store keeps. Of segments it reads all, of other objects the
// heads of the records that were redacted.
func (a *Archive) Undone(ctx context.Context) ([]Undone, error) {
	red, err := a.Redactions(ctx)
	if err != nil {
		return nil, err
	}
	var list []Undone
	for _, o := range red.Erasures() {
		if !red.done[o.Index] {
			continue
		}
		u := Undone{Ordered: o}
		for _, v := range o.Erasure.Objects {
			if red.keepsAny(v.Key) {
				continue
			}
			back, err := a.isBack(ctx, o, v.Key, red)
			if err != nil && (!isAnswer(err) || ctx.Err() != nil) {
				return nil, outOfReach(err)
			}
			if back {
				u.Objects = append(u.Objects, v.Key)
			}
		}
		if len(u.Objects) > 0 {
			list = append(list, u)
		}
	}
	return list, nil
}

// isBack reports whether an object has something that the erasure o has removed.
func (a *Archive) isBack(ctx context.Context, o Ordered, key string, red *Redactions) (bool, error) {
	if strings.HasPrefix(key, "journal/") {
		return a.linesBack(ctx, o, key, red)
	}
	for _, s := range o.Erasure.Records {
		if s.Object != key {
			continue
		}
		r, err := a.b.Open(ctx, key, s.Offset, s.Length)
		if err != nil {
			return false, outOfReach(err)
		}
		redacted, err := warc.IsRedacted(r, s.Length)
		if cerr := r.Close(); err == nil {
			err = cerr
		}
		if err == nil && !redacted {
			return true, nil
		}
	}
	return false, ctx.Err()
}

// linesBack is isBack of a journal segment.
func (a *Archive) linesBack(ctx context.Context, o Ordered, key string, red *Redactions) (bool, error) {
	b, err := bucket.ReadAll(ctx, a.b, key, MaxSegment)
	if err != nil {
		return false, outOfReach(err)
	}
	sum := sha256.Sum256(b)
	if now, _ := red.Object(key); now.Value == (onrecord.ObjectValue{Key: key, Length: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}) {
		return false, nil
	}
	var s *segment
	for _, index := range o.Erasure.Leaves {
		leaf, err := a.leaf(ctx, index)
		if err != nil {
			return false, err
		}
		if journalKey(leaf.Visit) != key {
			continue
		}
		if s == nil {
			s, _ = a.code.parse(leaf.Visit, b) // that it is not whole is other damage
		}
		if int64(leaf.Line) < int64(len(s.lines)) && !isTombstone(s, leaf.Line) {
			return true, nil
		}
	}
	return false, nil
}
