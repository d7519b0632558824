// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
)

// A versioned bucket keeps what is replaced until that is forgotten, which is
// another call of the store: it may fail by itself.
type versioned struct {
	*memory.Bucket
	erases error // of Erases
	forget error // of the second call
	older  map[string]bool
}

func (b *versioned) Erases(context.Context) error { return b.erases }

func (b *versioned) Replace(ctx context.Context, key string, was [32]byte, body bucket.Body) error {
	now, err := bucket.ReadAll(ctx, b, key, 1<<20)
	if err != nil {
		return err
	}
	switch sha256.Sum256(now) {
	case was:
		if err := b.Bucket.Replace(ctx, key, was, body); err != nil {
			return err
		}
		b.older[key] = true
	case body.SHA256:
		err = bucket.ErrConflict
	default:
		return bucket.ErrConflict
	}
	if b.forget != nil {
		return b.forget
	}
	delete(b.older, key)
	return err
}

// TestReplicaWhoseStoreIsAway: an erasure that a replica could not carry out
// because its store did not answer is carried out by the next run, whether it is
// said to be done or not; one in a store that keeps everything is named.
func TestReplicaWhoseStoreIsAway(t *testing.T) {
	t.Parallel()
	away := errors.New("i/o timeout")
	for name, hurt := range map[string]func(*versioned){
		"before it is asked":        func(b *versioned) { b.erases = away },
		"before versions are gone":  func(b *versioned) { b.forget = away },
		"before, and it is refused": func(b *versioned) { b.erases = context.DeadlineExceeded },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _, replica, a := published(t)
			to := &versioned{Bucket: replica, older: map[string]bool{}}
			if err := a.Erase(t.Context(), order(t, w, a)); err != nil {
				t.Fatal(err)
			}
			hurt(to)
			got, err := a.Replica(to).Replicate(t.Context(), archive.ReplicateOptions{})
			if err == nil {
				t.Errorf("the run says that all is well: %+v", got)
			}
			to.erases, to.forget = nil, nil
			if _, err := a.Replica(to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
				t.Fatal(err)
			}
			if keys := holding(t, replica); len(keys) > 0 || len(to.older) > 0 {
				t.Errorf("the replica has it in %q, and older versions of %v", keys, to.older)
			}
		})
	}
	t.Run("it keeps everything", func(t *testing.T) {
		t.Parallel()
		w, _, replica, a := published(t)
		to := &versioned{Bucket: replica, older: map[string]bool{}, erases: fmt.Errorf("%w: object lock", bucket.ErrKeeps)}
		if err := a.Erase(t.Context(), order(t, w, a)); err != nil {
			t.Fatal(err)
		}
		got, err := a.Replica(to).Replicate(t.Context(), archive.ReplicateOptions{})
		if err != nil || len(got.There) != 2 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestEraseWhileTheStoreIsAway: that the store can't be asked is not that it
// keeps what is erased.
func TestEraseWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	w, b := newWorld(t), &versioned{Bucket: &memory.Bucket{}, older: map[string]bool{}}
	a := w.init(t, b, fastDir(t))
	publish(t, w, a)
	o := order(t, w, a)
	b.erases = errors.New("i/o timeout")
	if err := a.Erase(t.Context(), o); errors.Is(err, archive.ErrKeeps) || !errors.Is(err, archive.ErrUnreachable) {
		t.Errorf("away: %v", err)
	}
	b.erases, b.forget = nil, errors.New("i/o timeout")
	if err := a.Erase(t.Context(), o); err == nil {
		t.Error("older versions are there, and it says that it is done")
	}
	b.forget = nil
	if err := a.Erase(t.Context(), o); err != nil || len(b.older) > 0 || len(holding(t, b)) > 0 {
		t.Errorf("%v; older versions of %v", err, b.older)
	}
}
