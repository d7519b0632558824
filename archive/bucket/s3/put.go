// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/minio/minio-go/v7"

	"onrecord/archive/bucket"
)

const (
	sumHeader = "x-amz-checksum-sha256"
	// stride is how much of a body is to be sent within one wait, and the largest
	// that is sent without asking first whether its key is taken; in bytes.
	stride = 16 << 20
)

// Create implements bucket.Bucket.
func (b *Bucket) Create(ctx context.Context, key string, body bucket.Body) error {
	if err := bucket.CheckKey(key); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("create %s: %w", key, err)
	}
	if body.Size > stride {
		if _, err := b.stat(ctx, "create", key); err == nil {
			return fmt.Errorf("create %s: %w", key, bucket.ErrExists) // before hours of upload
		} else if !isMissing(err) {
			return err
		}
	}
	_, err := b.put(ctx, "create", key, bucket.Absent(), body)
	return refused(err, bucket.ErrExists)
}

// Swap implements bucket.Bucket.
func (b *Bucket) Swap(ctx context.Context, key string, cond bucket.Condition, body []byte) (bucket.Tag, error) {
	if err := bucket.CheckSwap(key, cond, body); err != nil {
		return bucket.Tag{}, err
	}
	if err := ctx.Err(); err != nil {
		return bucket.Tag{}, fmt.Errorf("swap %s: %w", key, err)
	}
	tag, err := b.put(ctx, "swap", key, cond, bucket.Bytes(body))
	return tag, refused(err, bucket.ErrConflict)
}

// put writes body in one request, if cond holds, and returns its tag.
func (b *Bucket) put(ctx context.Context, op, key string, cond bucket.Condition, body bucket.Body) (bucket.Tag, error) {
	o, err := conditional(cond)
	if err != nil {
		return bucket.Tag{}, err
	}
	if body.Size > b.o.Largest {
		return bucket.Tag{}, fmt.Errorf("%s %s: it has %d bytes, and an S3 store takes at most %d in one put: %w", op, key, body.Size, b.o.Largest, bucket.ErrTooLarge)
	}
	o.UserMetadata = map[string]string{sumHeader: base64.StdEncoding.EncodeToString(body.SHA256[:])}
	if body.Size == 0 {
		if err := body.CopyTo(ctx, io.Discard); err != nil { // no request reads it
			return bucket.Tag{}, fmt.Errorf("%s %s: %w", op, key, err)
		}
	}
	r, err := openBody(body)
	if err != nil {
		return bucket.Tag{}, fmt.Errorf("%s %s: %w", op, key, err)
	}
	defer r.close()
	rctx, a, cancel := b.begin(ctx, min(body.Size, stride))
	defer cancel()
	r.moved = a.more
	info, err := b.core.PutObject(rctx, b.at.Bucket, b.name(key), r, body.Size, "", hex.EncodeToString(body.SHA256[:]), o)
	if lie := r.fault(); lie != nil {
		return bucket.Tag{}, fmt.Errorf("%s %s: %w", op, key, lie)
	}
	if err != nil {
		return bucket.Tag{}, b.fail(ctx, rctx, a, op, key, err)
	}
	return tagOf(op, key, info.ETag)
}

// conditional returns the options of a put under cond. A put without a
// condition can't be made.
func conditional(cond bucket.Condition) (minio.PutObjectOptions, error) {
	var o minio.PutObjectOptions
	absent, tag, err := cond.Parts()
	switch {
	case err != nil:
		return o, err
	case absent:
		o.SetMatchETagExcept("*")
	default:
		o.SetMatchETag(tag.String())
	}
	return o, nil
}

// tagOf makes a tag of an ETag. A store that gives none has no registers.
func tagOf(op, key, etag string) (bucket.Tag, error) {
	if etag == "" || etag == "*" {
		return bucket.Tag{}, fmt.Errorf("%s %s: the store answers without an ETag", op, key)
	}
	return bucket.NewTag(etag), nil
}

// stat asks for the size and the tag of an object. A bucket that is not there
// looks like an object that is not: callers have seen the bucket, or ask again.
func (b *Bucket) stat(ctx context.Context, op, key string) (minio.ObjectInfo, error) {
	rctx, a, cancel := b.begin(ctx, 0)
	defer cancel()
	info, err := b.core.StatObject(rctx, b.at.Bucket, b.name(key), minio.StatObjectOptions{})
	if err != nil {
		return info, b.fail(ctx, rctx, a, op, key, err)
	}
	return info, nil
}
