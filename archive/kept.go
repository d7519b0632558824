// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"

	"onrecord"
	"onrecord/archive/bucket"
)

// Kept returns the objects that an erasure orders replaced and that have other
// bytes, as they are: in a store that can't erase that is what stays, and what
// archive.erasure_done names. An object that is not there keeps nothing.
func (a *Archive) Kept(ctx context.Context, o Ordered) ([]onrecord.ObjectValue, error) {
	red, err := a.Redactions(ctx)
	if err != nil {
		return nil, err
	}
	var list []onrecord.ObjectValue
	for _, v := range o.Erasure.Objects {
		sum, n, err := digestIn(ctx, a.b, v.Key)
		if errors.Is(err, bucket.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, outOfReach(err)
		}
		now := onrecord.ObjectValue{Key: v.Key, Length: n, SHA256: hex.EncodeToString(sum[:])}
		if now != v && !red.isLater(v.Key, now.SHA256, o.Index) {
			list = append(list, now)
		}
	}
	return list, nil
}

// keeps reports whether an object is said to have kept what was erased: by the
// event that the erasure at index was carried out as far as that could be.
func (r *Redactions) keeps(key string, index int64) bool {
	return r != nil && slices.ContainsFunc(r.kept[index], func(v onrecord.ObjectValue) bool { return v.Key == key })
}

// keepsAny reports whether the last erasure that names an object could not be
// carried out on it.
func (r *Redactions) keepsAny(key string) bool {
	o, ok := r.Object(key)
	return ok && r.keeps(key, o.Index)
}

// Keeps returns the objects that keep what erasures ordered replaced, because
// their store can't erase, by key.
func (r *Redactions) Keeps() (keys []string) {
	if r == nil {
		return nil
	}
	for key, o := range r.objects {
		if r.keeps(key, o.Index) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
