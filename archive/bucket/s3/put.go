// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"

	"onrecord/archive/bucket"
)

const (
	sumHeader  = "x-amz-checksum-sha256"
	abortAfter = 10 * time.Second // that an upload given up is still cleaned away
	maxParts   = 10_000           // of S3
)

// Create implements bucket.Bucket.
func (b *Bucket) Create(ctx context.Context, key string, body bucket.Body) error {
	if err := bucket.CheckKey(key); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("create %s: %w", key, err)
	}
	var err error
	if body.Size > b.o.PartSize {
		err = b.createParts(ctx, key, body)
	} else {
		_, err = b.put(ctx, "create", key, bucket.Absent(), body)
	}
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
	rctx, a, cancel := b.begin(ctx, body.Size)
	defer cancel()
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

// createParts sends a large object in parts; it appears with the last request,
// if nothing lies under the key by then.
func (b *Bucket) createParts(ctx context.Context, key string, body bucket.Body) (err error) {
	if _, err := b.stat(ctx, "create", key); err == nil {
		return fmt.Errorf("create %s: %w", key, bucket.ErrExists) // before hours of upload
	} else if !isMissing(err) {
		return err
	}
	r, err := openBody(body)
	if err != nil {
		return fmt.Errorf("create %s: %w", key, err)
	}
	defer r.close()
	rctx, a, cancel := b.begin(ctx, 0)
	id, err := b.core.NewMultipartUpload(rctx, b.at.Bucket, b.name(key), minio.PutObjectOptions{
		UserMetadata: map[string]string{"x-amz-checksum-algorithm": "SHA256"},
	})
	cancel()
	if err != nil {
		return b.fail(ctx, rctx, a, "create", key, err)
	}
	defer func() {
		if err != nil {
			b.abort(ctx, key, id)
		}
	}()
	parts, err := b.sendParts(ctx, key, id, body.Size, r)
	if err != nil {
		return err
	}
	o, err := conditional(bucket.Absent())
	if err != nil {
		return err
	}
	rctx, a, cancel = b.begin(ctx, body.Size) // a store may copy the parts together
	defer cancel()
	if _, err = b.core.CompleteMultipartUpload(rctx, b.at.Bucket, b.name(key), id, parts, o); err != nil {
		return b.fail(ctx, rctx, a, "create", key, err)
	}
	return nil
}

// sendParts sends the parts, one after another, through one buffer. r refuses
// the last byte of a body that is not what it promises.
func (b *Bucket) sendParts(ctx context.Context, key, id string, size int64, r *bodyReader) ([]minio.CompletePart, error) {
	partSize := max(b.o.PartSize, (size+maxParts-1)/maxParts)
	buf := make([]byte, partSize)
	var parts []minio.CompletePart
	for sent := int64(0); sent < size; {
		n, err := io.ReadFull(r, buf[:min(partSize, size-sent)])
		if err != nil {
			return nil, fmt.Errorf("create %s: %w", key, r.fault())
		}
		sum := sha256.Sum256(buf[:n])
		encoded := base64.StdEncoding.EncodeToString(sum[:])
		rctx, a, cancel := b.begin(ctx, int64(n))
		part, err := b.core.PutObjectPart(rctx, b.at.Bucket, b.name(key), id, len(parts)+1, bytes.NewReader(buf[:n]), int64(n), minio.PutObjectPartOptions{
			Sha256Hex: hex.EncodeToString(sum[:]), CustomHeader: http.Header{http.CanonicalHeaderKey(sumHeader): {encoded}},
		})
		cancel()
		if err != nil {
			return nil, b.fail(ctx, rctx, a, "create", key, err)
		}
		parts = append(parts, minio.CompletePart{PartNumber: len(parts) + 1, ETag: part.ETag, ChecksumSHA256: encoded})
		sent += int64(n)
	}
	return parts, nil
}

// abort gives the parts of an upload back, as well as it can; a store's rule
// for incomplete uploads does the rest.
func (b *Bucket) abort(ctx context.Context, key, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortAfter)
	defer cancel()
	_ = b.core.AbortMultipartUpload(ctx, b.at.Bucket, b.name(key), id) // nothing rests on it
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
