// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/minio/minio-go/v7"

	"onrecord/archive/bucket"
)

// A versioning says what a store keeps of what is replaced or removed.
type versioning int

const (
	unasked   versioning = iota
	unkept               // nothing: no versioning
	versioned            // older versions; also where versioning is suspended
)

// Prune implements bucket.Pruner. Where the store keeps versions, it removes
// them all, or a tile that is written again would meet a delete marker; where
// it may not, it leaves them.
func (b *Bucket) Prune(ctx context.Context, key string) error {
	if err := bucket.CheckPrune(key); err != nil {
		return err
	}
	state, err := b.keptLately(ctx)
	if err != nil {
		return err
	}
	if state == versioned {
		err := b.purge(ctx, "prune", key, false)
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != "AccessDenied" && e.Code != "InvalidRequest" {
			return err
		}
	}
	return b.remove(ctx, "prune", key, "")
}

// Replace implements bucket.Eraser. Where the bytes are those of body already,
// it removes older versions all the same: so one that was broken off between
// the two is brought to its end.
func (b *Bucket) Replace(ctx context.Context, key string, was [32]byte, body bucket.Body) error {
	if err := bucket.CheckReplace(key); err != nil {
		return err
	}
	sum, tag, err := b.digest(ctx, "replace", key)
	if err != nil {
		return absent(err)
	}
	if sum == was {
		_, err := b.put(ctx, "replace", key, bucket.Matches(tag), body)
		if err = refused(err, bucket.ErrConflict); err != nil {
			return err
		}
		return b.forget(ctx, key)
	}
	if sum == body.SHA256 {
		if err := b.forget(ctx, key); err != nil {
			return err
		}
	}
	return fmt.Errorf("replace %s: its SHA-256 is %x, not %x: %w", key, sum, was, bucket.ErrConflict)
}

// forget removes every version of an object but the newest.
func (b *Bucket) forget(ctx context.Context, key string) error {
	state, err := b.keeps(ctx)
	if err != nil || state != versioned {
		return err
	}
	return b.purge(ctx, "replace", key, true)
}

// Remove implements bucket.Eraser.
func (b *Bucket) Remove(ctx context.Context, key string) error {
	if err := bucket.CheckRemove(key); err != nil {
		return err
	}
	return b.clear(ctx, "remove", key)
}

// clear removes an object and every version of it.
func (b *Bucket) clear(ctx context.Context, op, key string) error {
	state, err := b.keeps(ctx)
	if err != nil {
		return err
	}
	if state == versioned {
		return b.purge(ctx, op, key, false)
	}
	return b.remove(ctx, op, key, "")
}

// Erases implements bucket.Eraser. It asks for the rules of the bucket, and
// tries: an object below "probe/" is written, replaced and removed.
func (b *Bucket) Erases(ctx context.Context) error {
	lock, err := b.lock(ctx)
	if err != nil {
		return kept("whether the store keeps what is erased is not known", err)
	}
	if lock.Mode != "" {
		return fmt.Errorf("%w: bucket %q keeps every version: %s", bucket.ErrKeeps, b.at.Bucket, lock)
	}
	key := "probe/" + strings.ToLower(rand.Text()) + "/erase"
	first, second := bucket.Bytes([]byte("onrecord: erase this\n")), bucket.Bytes([]byte("onrecord: erased\n"))
	tag, err := b.put(ctx, "create", key, bucket.Absent(), first)
	if err == nil {
		_, err = b.put(ctx, "replace", key, bucket.Matches(tag), second)
	}
	if err != nil {
		return kept("whether the store erases could not be tried", err)
	}
	if err := errors.Join(b.forget(ctx, key), b.clear(ctx, "remove", key)); err != nil {
		return kept("the store does not erase", err)
	}
	state, err := b.keeps(ctx)
	if err != nil || state != versioned {
		return err
	}
	for v, err := range b.versions(ctx, "erase", key) {
		if err != nil {
			return err
		}
		return fmt.Errorf("%w: version %s of %s is still there", bucket.ErrKeeps, v.VersionID, key)
	}
	return nil
}

// kept words an error of a store that erases nothing. One that these
// credentials meet with every call is the store's word; any other passes.
func kept(what string, err error) error {
	if e, ok := errors.AsType[*Error](err); ok && (isDenied(err) || e.Code == "InvalidRequest") {
		return fmt.Errorf("%w: %s: %w", bucket.ErrKeeps, what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// digest reads a whole object, and returns its SHA-256 and the tag of what it
// read.
func (b *Bucket) digest(ctx context.Context, op, key string) ([32]byte, bucket.Tag, error) {
	o, info, _, err := b.get(ctx, op, key, "")
	if err != nil {
		return [32]byte{}, bucket.Tag{}, err
	}
	defer o.Close()
	h := sha256.New()
	if _, err := io.Copy(h, o); err != nil {
		return [32]byte{}, bucket.Tag{}, err
	}
	tag, err := tagOf(op, key, info.ETag)
	return [32]byte(h.Sum(nil)), tag, err
}

// keptLately returns whether the bucket kept versions when it was last asked: enough for
// what is pruned, of which nothing has to be gone.
func (b *Bucket) keptLately(ctx context.Context) (versioning, error) {
	b.mu.Lock()
	state := b.states
	b.mu.Unlock()
	if state != unasked {
		return state, nil
	}
	return b.keeps(ctx)
}

// keeps asks whether the bucket keeps versions. Each erasure asks anew:
// versioning is switched on at any time.
func (b *Bucket) keeps(ctx context.Context) (versioning, error) {
	rctx, a, cancel := b.begin(ctx, 0)
	defer cancel()
	v, err := b.core.GetBucketVersioning(rctx, b.at.Bucket)
	if err != nil {
		err = b.fail(ctx, rctx, a, "versioning", "", err)
		if !isUnsupported(err) {
			return unasked, err
		}
	}
	state := unkept
	if v.Status != "" {
		state = versioned
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.states = state
	return state, nil
}

// purge removes every version of an object, less the newest one if asked to.
func (b *Bucket) purge(ctx context.Context, op, key string, newest bool) error {
	var ids []string
	for v, err := range b.versions(ctx, op, key) {
		if err != nil {
			return err
		}
		if !newest || !v.IsLatest {
			ids = append(ids, v.VersionID)
		}
	}
	for _, id := range ids {
		if err := b.remove(ctx, op, key, id); err != nil {
			return err
		}
	}
	return nil
}

// versions yields the versions of an object, delete markers among them. An
// error comes alone and ends the sequence.
func (b *Bucket) versions(ctx context.Context, op, key string) func(yield func(minio.ObjectInfo, error) bool) {
	return func(yield func(minio.ObjectInfo, error) bool) {
		rctx, a, cancel := b.begin(ctx, 0)
		defer cancel()
		for v := range b.core.ListObjectsIter(rctx, b.at.Bucket, minio.ListObjectsOptions{
			Prefix: b.name(key), Recursive: true, WithVersions: true,
		}) {
			if v.Err != nil {
				yield(v, b.fail(ctx, rctx, a, op, key, v.Err))
				return
			}
			if v.Key == b.name(key) && !yield(v, nil) {
				return
			}
		}
		if err := context.Cause(rctx); err != nil {
			yield(minio.ObjectInfo{}, b.fail(ctx, rctx, a, op, key, err))
		}
	}
}

// remove removes one version of an object, or what is there. What is not there
// is no error.
func (b *Bucket) remove(ctx context.Context, op, key, version string) error {
	rctx, a, cancel := b.begin(ctx, 0)
	defer cancel()
	if err := b.core.RemoveObject(rctx, b.at.Bucket, b.name(key), minio.RemoveObjectOptions{VersionID: version}); err != nil {
		if err = b.fail(ctx, rctx, a, op, key, err); !isMissing(err) {
			return err
		}
	}
	return nil
}
