// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxNativeID is the longest native id, in bytes.
const MaxNativeID = 2 << 10

// ErrID reports a string that is no id of the kind asked for.
var ErrID = errors.New("not an id")

// crockford is the alphabet of base32 by Douglas Crockford, in lower case: no
// i, l, o, u.
const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

// A StatementID names a statement for ever: the first 10 bytes of
// SHA-256(platform "\n" native-id) in lower-case Crockford base32, 16
// characters. Anyone can compute it from the original.
type StatementID string

// NewStatementID returns the id of the statement that platform knows as
// nativeID. It checks neither; see CheckNativeID.
func NewStatementID(platform, nativeID string) StatementID {
	sum := sha256.Sum256([]byte(platform + "\n" + nativeID))
	return StatementID(encode32(sum[:10], 0))
}

// ParseStatementID returns s as an id, or ErrID if it isn't 16 characters of
// lower-case Crockford base32. Other spellings are refused, so that one
// statement has one address.
func ParseStatementID(s string) (StatementID, error) {
	if len(s) != 16 || strings.Trim(s, crockford) != "" {
		return "", fmt.Errorf("statement id %.40q: %w: want 16 characters of lower-case Crockford base32", s, ErrID)
	}
	return StatementID(s), nil
}

// CheckNativeID reports why nativeID can't name a statement: it is empty,
// longer than MaxNativeID, not UTF-8, has white space around it or a control
// character in it. It can't tell whether nativeID is in Unicode normal form C,
// for which the standard library has no table: that is the duty of the doors,
// and the door suite holds them to it.
func CheckNativeID(nativeID string) error {
	switch {
	case nativeID == "":
		return fmt.Errorf("native id: %w: empty", ErrID)
	case len(nativeID) > MaxNativeID:
		return fmt.Errorf("native id %.40q…: %w: %d bytes, at most %d", nativeID, ErrID, len(nativeID), MaxNativeID)
	case !utf8.ValidString(nativeID):
		return fmt.Errorf("native id %.80q: %w: not UTF-8", nativeID, ErrID)
	case strings.TrimSpace(nativeID) != nativeID:
		return fmt.Errorf("native id %.80q: %w: white space around it", nativeID, ErrID)
	case strings.ContainsFunc(nativeID, unicode.IsControl):
		return fmt.Errorf("native id %.80q: %w: control character", nativeID, ErrID)
	}
	return nil
}

// A VersionID names one wording: the first 12 hex digits of the SHA-256 of the
// content record.
type VersionID string

// ParseVersionID returns s as an id, or ErrID if it isn't 12 lower-case hex
// digits.
func ParseVersionID(s string) (VersionID, error) {
	if len(s) != 12 || !isHex(s) {
		return "", fmt.Errorf("version id %.40q: %w: want 12 lower-case hex digits", s, ErrID)
	}
	return VersionID(s), nil
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// A VisitID is the ULID of a visit (github.com/ulid/spec): 48 bits of
// milliseconds since 1970 and 80 bits of entropy, big-endian. Names roughly
// sort by time; no rule depends on that.
type VisitID [16]byte

// NewVisitID returns an id with the time t, in milliseconds, and 80 bits read
// from entropy. A time before 1970 or after the year 10889 is ErrID.
func NewVisitID(t time.Time, entropy io.Reader) (VisitID, error) {
	ms := t.UnixMilli()
	if ms < 0 || ms >= 1<<48 {
		return VisitID{}, fmt.Errorf("visit id: %w: time %v has no place in a ULID", ErrID, t.UTC())
	}
	var id VisitID
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	if _, err := io.ReadFull(entropy, id[6:]); err != nil {
		return VisitID{}, fmt.Errorf("visit id: entropy: %w", err)
	}
	return id, nil
}

// ParseVisitID is the inverse of VisitID.String. Other spellings of a ULID,
// such as upper case, are ErrID.
func ParseVisitID(s string) (VisitID, error) {
	var id VisitID
	if len(s) != 26 || s[0] > '7' || strings.Trim(s, crockford) != "" {
		return id, fmt.Errorf("visit id %.40q: %w: want a ULID of 26 lower-case characters", s, ErrID)
	}
	// 26 characters carry 130 bits; the first two are zero.
	var acc uint32
	bits, n := -2, 0
	for i := range len(s) {
		acc = acc<<5 | uint32(strings.IndexByte(crockford, s[i]))
		if bits += 5; bits >= 8 {
			bits -= 8
			id[n] = byte(acc >> bits)
			n++
		}
	}
	return id, nil
}

// String returns id as 26 characters of lower-case Crockford base32.
func (id VisitID) String() string { return encode32(id[:], 2) }

// Time returns the time in id, UTC, with milliseconds.
func (id VisitID) Time() time.Time {
	var ms int64
	for _, b := range id[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms).UTC()
}

// IsZero reports whether id names no visit.
func (id VisitID) IsZero() bool { return id == VisitID{} }

// Compare orders ids by their bytes, which is also the order of their strings:
// -1, 0 or +1.
func (id VisitID) Compare(other VisitID) int { return bytes.Compare(id[:], other[:]) }

// MarshalText returns String, and nothing for the zero id.
func (id VisitID) MarshalText() ([]byte, error) {
	if id.IsZero() {
		return []byte{}, nil
	}
	return []byte(id.String()), nil
}

// UnmarshalText is the inverse of MarshalText.
func (id *VisitID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = VisitID{}
		return nil
	}
	v, err := ParseVisitID(string(text))
	if err == nil {
		*id = v
	}
	return err
}

// encode32 returns b in Crockford base32 after pad leading zero bits, which
// must make the number of bits a multiple of five.
func encode32(b []byte, pad int) string {
	out := make([]byte, 0, (len(b)*8+pad)/5)
	var acc uint32
	bits := pad
	for _, c := range b {
		acc = acc<<8 | uint32(c)
		for bits += 8; bits >= 5; {
			bits -= 5
			out = append(out, crockford[acc>>bits&31])
		}
	}
	return string(out)
}
