// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"onrecord"
)

var (
	errShort    = errors.New("it ends too soon")
	errTrailing = errors.New("there is more than it says")
)

// A string begins with a number: its length shifted by 3, and how it is
// written.
const (
	asBytes  = iota // as it is
	asHex           // lower-case hex, as half as many bytes
	asID            // a statement id, as 10 bytes
	asName          // a number of the table names, in place of the length
	asBefore        // a string that this blob has already, by its place
	asDated         // a key of the bucket: 16 bytes of the visit, and the rest as a name
)

// maxName is the longest string that is kept as a name.
const maxName = 64

// longEnough is the length from which a string is noted for asBefore.
const longEnough = 8

func (e *encoder) head(n int, how uint64) {
	e.buf = binary.AppendUvarint(e.buf, uint64(n)<<3|how)
}

func (e *encoder) string(s string, intern bool) {
	if intern && s != "" && len(s) <= maxName {
		e.named(s, asName)
		return
	}
	if v, rest, ok := cutDated(s); ok {
		e.named(rest, asDated)
		e.buf = append(e.buf, v[:]...)
		return
	}
	if id, ok := packID(s); ok {
		e.head(0, asID)
		e.buf = append(e.buf, id...)
		return
	}
	if len(s) >= longEnough && len(s)%2 == 0 && strings.Trim(s, "0123456789abcdef") == "" {
		e.head(len(s)/2, asHex)
		e.buf, _ = hex.AppendDecode(e.buf, []byte(s))
		return
	}
	if len(s) >= longEnough {
		for i, old := range e.seen {
			if old == s {
				e.head(i, asBefore)
				return
			}
		}
		e.seen = append(e.seen, s)
	}
	e.head(len(s), asBytes)
	e.buf = append(e.buf, s...)
}

func (e *encoder) named(s string, how uint64) {
	n, err := e.name(s)
	if err != nil {
		e.fail(err)
		return
	}
	e.head(int(n), how)
}

func (d *decoder) string() string {
	h := d.uvarint()
	n := h >> 3
	switch h & 7 {
	case asBytes:
		s := string(d.take(n))
		if len(s) >= longEnough {
			d.seen = append(d.seen, s)
		}
		return s
	case asHex:
		return hex.EncodeToString(d.take(n))
	case asID:
		return unpackID(d.take(10))
	case asName:
		return d.named(n)
	case asDated:
		rest := d.named(n)
		var v onrecord.VisitID
		copy(v[:], d.take(16))
		return joinDated(v, rest)
	case asBefore:
		if n < uint64(len(d.seen)) {
			return d.seen[n]
		}
	}
	d.fail(fmt.Errorf("bad string head %d", h))
	return ""
}

func (d *decoder) named(n uint64) string {
	if d.err != nil {
		return ""
	}
	s, err := d.name(n)
	if err != nil {
		d.fail(err)
	}
	return s
}

func (d *decoder) take(n uint64) []byte {
	if d.err != nil || n > uint64(len(d.buf)) {
		d.fail(errShort)
		return nil
	}
	b := d.buf[:n]
	d.buf = d.buf[n:]
	return b
}

func (d *decoder) varbyte() byte {
	if b := d.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.buf)
	if n <= 0 {
		d.fail(errShort)
		return 0
	}
	d.buf = d.buf[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.buf)
	if n <= 0 {
		d.fail(errShort)
		return 0
	}
	d.buf = d.buf[n:]
	return v
}

// dateLayout is the part of a key that follows from its visit's time.
const dateLayout = "/2006/01/02/"

// cutDated cuts a key such as captures/2026/11/22/<visit>.warc.gz into its
// visit and "captures\n.warc.gz".
func cutDated(s string) (v onrecord.VisitID, rest string, ok bool) {
	i := strings.IndexByte(s, '/')
	if i < 0 || len(s) < i+len(dateLayout)+26 || len(s) > maxName+40 {
		return v, "", false
	}
	at := i + len(dateLayout)
	v, err := onrecord.ParseVisitID(s[at : at+26])
	if err != nil {
		return v, "", false
	}
	rest = s[:i] + "\n" + s[at+26:]
	return v, rest, joinDated(v, rest) == s
}

func joinDated(v onrecord.VisitID, rest string) string {
	before, after, _ := strings.Cut(rest, "\n")
	return before + v.Time().UTC().Format(dateLayout) + v.String() + after
}

// crockford is the alphabet of statement ids.
const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

// packID returns the 10 bytes of a statement id.
func packID(s string) ([]byte, bool) {
	if len(s) != 16 {
		return nil, false
	}
	b := make([]byte, 0, 10)
	var acc uint32
	bits := 0
	for i := range len(s) {
		n := strings.IndexByte(crockford, s[i])
		if n < 0 {
			return nil, false
		}
		acc, bits = acc<<5|uint32(n), bits+5
		if bits >= 8 {
			bits -= 8
			b = append(b, byte(acc>>bits))
		}
	}
	return b, true
}

// unpackID returns the statement id of 10 bytes.
func unpackID(b []byte) string {
	out := make([]byte, 0, 16)
	var acc uint32
	bits := 0
	for _, c := range b {
		acc, bits = acc<<8|uint32(c), bits+8
		for bits >= 5 {
			bits -= 5
			out = append(out, crockford[acc>>bits&31])
		}
	}
	return string(out)
}
