// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package warc writes and reads WARC/1.1 (ISO 28500:2017), the form in which
// evidence is kept.
//
// # What is written
//
// A file is a run of gzip members, one a record. The first record is a
// warcinfo; then each exchange is, in this order,
//
//	response | revisit | resource | metadata   the evidence: what a reference points at
//	request                                    as sent, without secrets
//	metadata                                   the visit loop's own note, application/json
//
// and the second and third name the first in WARC-Concurrent-To. A revisit
// replaces a response whose payload is that of an earlier, kept capture of the
// same URL (profile identical-payload-digest), or a 304 (server-not-modified).
// A resource is a file that no exchange brought. A metadata record in the
// first place says why there was no answer.
//
// Digests are SHA-256 in lower-case hex, labelled "sha256:". Dates have
// microseconds and are UTC. Two extension fields are ours: Onrecord-Done, when
// the answer was complete, and Onrecord-Failure, what ended an answer early.
//
// Payloads are kept as received after the transfer coding, and before the
// content coding, is removed. So that no reader takes such a payload for a
// chunked one, the field Transfer-Encoding of a response is written as
// X-Archive-Orig-Transfer-Encoding, as other archives do; [Captures] undoes
// it. No other byte of a head is changed.
//
// # What is read
//
// [Records] reads WARC 0.17 to 1.1 by anyone, compressed or not, within limits
// of memory, and goes on behind damage where it can. Nothing in a file makes
// it panic.
package warc

import (
	"errors"
	"fmt"
)

// These are the kinds of errors of a reader; an [*Error] wraps each.
var (
	// ErrMalformed reports bytes that are no WARC record.
	ErrMalformed = errors.New("malformed record")
	// ErrTruncated reports a file or range that ends inside a record.
	ErrTruncated = errors.New("truncated record")
	// ErrDigest reports bytes that do not have the digest promised for them.
	ErrDigest = errors.New("digest mismatch")
	// ErrGzip reports a gzip member that can't be inflated.
	ErrGzip = errors.New("damaged gzip member")
	// ErrTooLarge reports a header or a block above the reader's limit.
	ErrTooLarge = errors.New("record too large")
)

// ErrExchange reports an exchange that can't be written as it is.
var ErrExchange = errors.New("not a recordable exchange")

// An Error says where in a file reading met what. Err is one of the errors
// above; Offset is that of the record, in bytes of the file.
type Error struct {
	Offset int64
	Err    error
	Detail string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("warc: offset %d: %v", e.Offset, e.Err)
	}
	return fmt.Sprintf("warc: offset %d: %v: %s", e.Offset, e.Err, e.Detail)
}

// Unwrap returns the kind of e.
func (e *Error) Unwrap() error { return e.Err }

// The profiles of revisit records (WARC/1.1, 6.7).
const (
	ProfileIdentical   = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
	ProfileNotModified = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
)

const (
	dateFormat      = "2006-01-02T15:04:05.000000Z"
	origPrefix      = "X-Archive-Orig-"
	typeResponse    = "application/http;msgtype=response"
	typeRequest     = "application/http;msgtype=request"
	typeFields      = "application/warc-fields"
	typeJSON        = "application/json"
	typeOctets      = "application/octet-stream"
	fieldDone       = "Onrecord-Done"
	fieldFailure    = "Onrecord-Failure"
	maxHeader       = 64 << 10
	defaultMaxBlock = 64 << 20
)
