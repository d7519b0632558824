// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
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

// A tallied bucket counts how often each object is opened.
type tallied struct {
	*memory.Bucket
	mu    sync.Mutex
	times map[string]int // guarded by mu
}

func (o *tallied) Open(ctx context.Context, key string, off, n int64) (bucket.Object, error) {
	o.mu.Lock()
	o.times[key]++
	o.mu.Unlock()
	return o.Bucket.Open(ctx, key, off, n)
}

// TestErasedIsReadOnce: while another replica keeps an erasure from being done, one
// that has carried it out is not read again with each visit that is copied.
func TestErasedIsReadOnce(t *testing.T) {
	t.Parallel()
	w, to := newWorld(t), &tallied{Bucket: &memory.Bucket{}, times: map[string]int{}}
	a := w.init(t, &memory.Bucket{}, fastDir(t))
	publish(t, w, a)
	r := a.Replica(to)
	fill := func() {
		t.Helper()
		if _, err := r.Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	fill()
	o := order(t, w, a)
	if err := a.Erase(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	fill()
	if err := r.Erased(t.Context(), o); err != nil || len(holding(t, to)) > 0 {
		t.Fatal(err)
	}
	to.times = map[string]int{}
	publish(t, w, a)
	fill()
	err := r.Erased(t.Context(), o)
	for _, v := range o.Erasure.Objects {
		if n := to.times[v.Key]; n > 0 || err != nil {
			t.Errorf("%s is opened %d times, %v", v.Key, n, err)
		}
	}
	if len(to.times) == 0 {
		t.Error("nothing was copied")
	}
}
