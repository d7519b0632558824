// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package bucket is the protocol between the archive and the place where its
// bytes are kept: a folder, an S3 bucket, a map in memory.
//
// A bucket holds two kinds of things under one key space. Objects are written
// once and never change. Registers are small bodies that move by
// compare-and-swap; they are all the coordination that many machines need to
// write to one archive.
//
// # What an error means
//
// [ErrExists], [ErrConflict], [ErrNotExist], [ErrKey], [ErrRange], [ErrSum]
// and [ErrCondition] are answers: the write did not happen. Any other error
// from Create or Swap leaves it open whether the write happened, since a store
// may write and lose the reply. Callers find out by reading.
//
// # Keys
//
// A key is lower-case ASCII letters, digits and ". _ - /", in segments of 1 to
// 199 bytes that are neither "." nor "..", at most 900 bytes in all. No key is
// a segment-wise prefix of another.
package bucket

import (
	"context"
	"errors"
	"io"
	"iter"
)

// These are the answers of a bucket that callers branch on.
var (
	// ErrNotExist reports that nothing is stored under the key.
	ErrNotExist = errors.New("no such object")
	// ErrExists reports that Create found an object under the key.
	ErrExists = errors.New("object exists")
	// ErrConflict reports that the condition of a Swap did not hold.
	ErrConflict = errors.New("register has moved")
	// ErrKey reports a key outside the rules above.
	ErrKey = errors.New("not a valid key")
	// ErrRange reports a read outside the object.
	ErrRange = errors.New("range outside the object")
	// ErrSum reports that the bytes of a Body are not those that it promised.
	ErrSum = errors.New("bytes do not match their digest")
	// ErrCondition reports the zero Condition, which means nothing.
	ErrCondition = errors.New("no condition given")
	// ErrTooLarge reports a register above MaxRegister, or an object above
	// MaxObject or above what the reader has room for.
	ErrTooLarge = errors.New("too large")
	// ErrKeeps reports a store that keeps what is replaced and removed, by its rules
	// or by what these credentials may do: see Eraser.
	ErrKeeps = errors.New("the store keeps what is erased")
)

// MaxRegister is the largest body of a register, in bytes.
const MaxRegister = 1 << 20

// MaxObject is the largest object of an archive, in bytes: what S3 takes in one
// PUT. Only a PUT has the conditions that Create and Replace need, so what is
// larger could be neither copied to such a store nor erased there. Whoever makes
// objects keeps below it.
const MaxObject = 5 << 30

// A Tag names the bytes that a register held at one moment. It is opaque; the
// zero Tag names nothing and matches nothing.
type Tag struct{ s string }

// NewTag returns the tag spelled s. It is for implementations of Bucket and
// for those who keep a tag over a restart (see Tag.String).
func NewTag(s string) Tag { return Tag{s} }

// String returns the spelling of t, to be given to NewTag again.
func (t Tag) String() string { return t.s }

// IsZero reports whether t names nothing.
func (t Tag) IsZero() bool { return t.s == "" }

// A Condition says when a Swap may write. The zero Condition is refused with
// ErrCondition: there is no value that means "overwrite whatever is there".
type Condition struct {
	absent bool
	tag    Tag
}

// Absent holds while nothing is stored under the key.
func Absent() Condition { return Condition{absent: true} }

// Matches holds while the register holds the bytes that t names. With the zero
// Tag it is the zero Condition.
func Matches(t Tag) Condition { return Condition{tag: t} }

// Parts returns what c demands, for implementations of Bucket: absent, or a
// tag. It returns ErrCondition for the zero Condition.
func (c Condition) Parts() (absent bool, tag Tag, err error) {
	if !c.absent && c.tag.IsZero() {
		return false, Tag{}, ErrCondition
	}
	return c.absent, c.tag, nil
}

// A Body is the content of an object to be written. Open may be called more
// than once; a Bucket compares what it reads with Size and SHA256.
type Body struct {
	Size   int64
	SHA256 [32]byte
	Open   func() (io.ReadCloser, error)
}

// An Object is an open range of a stored object. Size is that of the whole
// object, in bytes.
type Object struct {
	io.ReadCloser
	Size int64
}

// Info is one row of a listing.
type Info struct {
	Key  string
	Size int64
}

// A Bucket keeps objects and registers. It is safe for concurrent use. Every
// call ends when its context ends.
type Bucket interface {
	// Create stores an immutable object, whole and durable, or nothing.
	// ErrExists says that the key is taken, by whatever bytes.
	Create(ctx context.Context, key string, body Body) error

	// Open reads n bytes of an object from offset off; n < 0 reads to the end.
	// A range that does not lie inside the object is ErrRange.
	Open(ctx context.Context, key string, off, n int64) (Object, error)

	// Load reads a register and the tag of what it read, such that a Swap with
	// that tag fails if anybody has written in between.
	Load(ctx context.Context, key string) ([]byte, Tag, error)

	// Swap writes a register if cond holds, durably, and returns the tag of
	// what it wrote; ErrConflict if cond does not hold.
	Swap(ctx context.Context, key string, cond Condition, body []byte) (Tag, error)

	// List yields the objects and registers under prefix (a key's beginning,
	// "" for all) whose key is greater than after, in byte order of the keys.
	// An error comes alone and ends the sequence.
	List(ctx context.Context, prefix, after string) iter.Seq2[Info, error]
}

// A Pruner removes partial tiles of the ledger ("log/tile/….p/…"), the only
// objects that are ever collected; it refuses every other key with ErrKey.
// Pruning what is not there is no error.
type Pruner interface {
	Prune(ctx context.Context, key string) error
}

// An Eraser is a Bucket in which an erasure can be carried out (record.md 5):
// the one act that replaces or removes bytes. Only archive's call for erasure,
// and the upkeep of snapshots, use it.
type Eraser interface {
	// Replace puts body in place of the object's bytes, whose SHA-256 is was,
	// whole and durable, and removes every older version of it that the store
	// keeps. ErrConflict says that the bytes are others, ErrNotExist that there
	// are none. After any other error either bytes may be there.
	Replace(ctx context.Context, key string, was [32]byte, body Body) error

	// Remove removes an object below "views/" or DamagedFolder, and every version
	// of it; any other key is ErrKey. What is not there is no error.
	Remove(ctx context.Context, key string) error

	// Forget removes every older version of a register below "state/" that the
	// store keeps, and leaves what it is now; any other key is ErrKey. A register
	// that is not there is no error.
	Forget(ctx context.Context, key string) error

	// Erases returns nil if replaced and removed bytes are really gone, and
	// ErrKeeps, with the reason, where the store keeps them, such as Object Lock.
	// Any other error is that of a store that could not be asked.
	Erases(ctx context.Context) error
}
