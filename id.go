// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

// A StatementID names a statement for ever: the first 10 bytes of
// SHA-256(platform "\n" native-id) in lower-case Crockford base32, 16
// characters. Anyone can compute it from the original.
type StatementID string

// A VersionID names one wording: the first 12 hex digits of the SHA-256 of the
// content record.
type VersionID string

// A VisitID is the ULID of a visit. Names roughly sort by time; no rule
// depends on that.
type VisitID [16]byte
