// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// maxStored is the largest stored block of deflate (RFC 1951, 3.2.4).
const maxStored = 0xffff

// Of a payload, this many parts of this many bytes are looked at.
const (
	sampleParts = 16
	samplePart  = 256
)

// incompressible reports whether gzip would make nothing of p: pictures, films
// and what a server has compressed are stored, as fast as they are copied. It
// compares how often two bytes of a sample are equal with how often they are in
// noise; real files that deflate makes smaller by more than a twentieth are
// beyond 1.35 times that, text beyond 10 times.
func incompressible(p []byte) bool {
	if len(p) < sampleParts*samplePart {
		return false
	}
	var seen [256]int
	for i := range sampleParts {
		at := (len(p) - samplePart) * (2*i + 1) / (2 * sampleParts)
		for _, c := range p[at : at+samplePart] {
			seen[c]++
		}
	}
	const n = sampleParts * samplePart
	equal := -n
	for _, c := range seen {
		equal += c * c
	}
	return equal*256*100 <= 135*n*(n-1)
}

// storeMember appends a gzip member (RFC 1952) with the parts in stored blocks.
func storeMember(out *bytes.Buffer, parts ...[]byte) {
	total := 0
	for _, p := range parts {
		total += len(p)
	}
	out.Grow(total + total/maxStored*5 + 32)
	out.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff})
	sum, left, room := uint32(0), total, 0
	for _, p := range parts {
		sum = crc32.Update(sum, crc32.IEEETable, p)
		for len(p) > 0 {
			if room == 0 {
				room = min(left, maxStored)
				last := byte(0)
				if room == left {
					last = 1
				}
				out.Write([]byte{last, byte(room), byte(room >> 8), byte(^room), byte(^room >> 8)})
			}
			n := min(len(p), room)
			out.Write(p[:n])
			p, room, left = p[n:], room-n, left-n
		}
	}
	out.Write(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, sum), uint32(total)))
}
