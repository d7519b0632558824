// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"onrecord/archive/bucket"
)

// corpseNote is what the key of the note beside a corpse ends in.
const corpseNote = ".json"

// A Corpse is what Repair has set aside: the damaged bytes of an object. It
// belongs to nothing, and can be removed.
type Corpse struct {
	Key    string    // where the bytes are
	Object string    // key of the object that they were found under
	Size   int64     // in bytes
	At     time.Time // when they were set aside, UTC; zero where that is not known

	noted bool // its note is there
}

// A corpseText is the content of a corpse's note.
type corpseText struct {
	V      int       `json:"v"`
	Object string    `json:"object"`
	SHA256 string    `json:"sha256"`
	At     time.Time `json:"at"`
}

// noteCorpse writes beside a corpse when it was set aside. That it can't is no
// harm: then nobody knows.
func (a *Archive) noteCorpse(ctx context.Context, key, object string, sum [32]byte) {
	body, err := json.Marshal(corpseText{1, object, hex.EncodeToString(sum[:]), a.now()})
	if err == nil {
		err = a.b.Create(ctx, key+corpseNote, bucket.Bytes(body))
	}
	if err != nil && !errors.Is(err, bucket.ErrExists) {
		a.log.DebugContext(ctx, "when damaged bytes were set aside could not be noted", "key", key, "err", err)
	}
}

// Corpses returns what Repair has set aside in the bucket, by key.
func (a *Archive) Corpses(ctx context.Context) ([]Corpse, error) {
	list, err := corpsesIn(ctx, a.b)
	if err != nil {
		return nil, err
	}
	for i, c := range list {
		if !c.noted {
			continue
		}
		body, err := bucket.ReadAll(ctx, a.b, c.Key+corpseNote, maxNote)
		if err = outOfReach(err); err != nil && !isAnswer(err) {
			return nil, fmt.Errorf("%s: %w", c.Key, err)
		}
		var text corpseText
		if err == nil && json.Unmarshal(body, &text) == nil {
			list[i].At = text.At
		}
	}
	return list, nil
}

// corpsesIn lists the corpses in a bucket, by key.
func corpsesIn(ctx context.Context, b bucket.Bucket) ([]Corpse, error) {
	var list []Corpse
	for info, err := range b.List(ctx, bucket.DamagedFolder, "") {
		if err != nil {
			return nil, outOfReach(fmt.Errorf("list %s: %w", bucket.DamagedFolder, err))
		}
		if key, ok := strings.CutSuffix(info.Key, corpseNote); ok && len(list) > 0 && list[len(list)-1].Key == key {
			list[len(list)-1].noted = true
			continue
		}
		object := strings.TrimPrefix(info.Key, bucket.DamagedFolder)
		if at := strings.LastIndexByte(object, '/'); at >= 0 {
			object = object[:at]
		}
		list = append(list, Corpse{Key: info.Key, Object: object, Size: info.Size})
	}
	return list, nil
}

// bury removes from b, before the object under key is replaced there, the
// corpses that may hold what is erased: those of the object, and those found
// under another key whose bytes are the object's. What else was found under
// other keys nobody can tell; doctor names it. It returns how many there were.
func bury(ctx context.Context, b bucket.Bucket, key string) (n int, err error) {
	list, err := corpsesIn(ctx, b)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	sum, _, err := digestIn(ctx, b, key)
	if err != nil && !errors.Is(err, bucket.ErrNotExist) {
		return 0, err
	}
	there := err == nil
	for _, c := range list {
		if c.Object != key && !(there && c.Key == bucket.AsideKey(c.Object, sum)) {
			continue
		}
		e, ok := b.(bucket.Eraser)
		if !ok {
			return n, fmt.Errorf("remove %s: %w", c.Key, ErrKeeps)
		}
		for _, k := range []string{c.Key + corpseNote, c.Key} {
			if err := e.Remove(ctx, k); err != nil {
				return n, outOfReach(fmt.Errorf("remove %s: %w", k, err))
			}
		}
		n++
	}
	return n, nil
}

// buried returns ErrMismatch if b has a corpse of the object under key.
func buried(ctx context.Context, b bucket.Bucket, key string) error {
	for info, err := range b.List(ctx, bucket.DamagedFolder+key+"/", "") {
		if err != nil {
			return outOfReach(fmt.Errorf("list %s: %w", bucket.DamagedFolder, err))
		}
		return fmt.Errorf("%s: %w: it holds what was erased", info.Key, ErrMismatch)
	}
	return nil
}

// discard removes an object that is made again, such as a snapshot, from the
// archive. What is not there is no error.
func (r *repair) discard(ctx context.Context, key string) error {
	e, ok := r.a.b.(bucket.Eraser)
	if !ok {
		return fmt.Errorf("%s: %w: the store can't remove", key, errors.ErrUnsupported)
	}
	return e.Remove(ctx, key)
}

// snapshots removes the snapshots of the catalog that findings name, note first:
// the next one is made by whoever serves. A copy has none to give.
func (r *repair) snapshots(ctx context.Context, findings []Finding) error {
	gone := map[string]bool{}
	for _, f := range of(findings, KindSnapshot) {
		key := strings.TrimSuffix(f.Object, noteEnd)
		if gone[key] {
			continue
		}
		gone[key] = true
		err := r.discard(ctx, key+noteEnd)
		if err == nil {
			err = r.discard(ctx, key)
		}
		switch {
		case err == nil:
			r.done.Mended = append(r.done.Mended, Mended{Kind: KindSnapshot, Object: key, Removed: true})
		case ctx.Err() != nil:
			return ctx.Err()
		default:
			r.done.Refused = append(r.done.Refused, err.Error())
		}
	}
	return nil
}
