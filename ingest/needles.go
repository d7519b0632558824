// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"strings"

	"onrecord"
)

// A needles finds which of many traces a text holds, in one pass over the text:
// what that costs hardly depends on how many they are. It finds what Trace.in of
// each of them finds.
type needles struct {
	byEnd map[uint64][]needle // by their last bytes
	ends  []uint64            // a bit for each hash of such an end: most places of a text are none
}

// A needle is a text that tells of a statement.
type needle struct {
	of    onrecord.StatementID
	text  string
	alone bool // it counts only where it stands alone
}

// endLength is by how many of its last bytes a needle is found; none is shorter.
// Names differ at their ends, and begin alike.
const endLength = minLocal

const (
	endMask  = 1<<(8*endLength) - 1
	hashBits = 18
)

// hashed spreads the ends over the bits (Knuth's multiplicative hashing).
func hashed(end uint64) uint64 { return end * 0x9e3779b97f4a7c15 >> (64 - hashBits) }

// newNeedles gathers what traces look for.
func newNeedles(traces map[onrecord.StatementID]*Trace) *needles {
	n := &needles{byEnd: make(map[uint64][]needle), ends: make([]uint64, 1<<hashBits/64)}
	for id, t := range traces {
		for _, s := range t.names {
			n.add(needle{id, s, true})
			if strings.Contains(s, "/") {
				n.add(needle{id, strings.ReplaceAll(s, "/", `\/`), true})
			}
		}
		for _, s := range t.locals {
			n.add(needle{id, s, true})
		}
		for _, s := range t.texts {
			n.add(needle{id, string(s), false})
		}
	}
	return n
}

func (n *needles) add(s needle) {
	end := uint64(0)
	for _, c := range []byte(s.text[len(s.text)-endLength:]) {
		end = end<<8 | uint64(c)
	}
	n.byEnd[end] = append(n.byEnd[end], s)
	n.ends[hashed(end)/64] |= 1 << (hashed(end) % 64)
}

// in adds to found the statements that b holds anything of.
func (n *needles) in(b []byte, found map[onrecord.StatementID]bool) {
	end := uint64(0)
	for i, c := range b {
		end = (end<<8 | uint64(c)) & endMask
		if i < endLength-1 || n.ends[hashed(end)/64]&(1<<(hashed(end)%64)) == 0 {
			continue
		}
		for _, s := range n.byEnd[end] {
			if !found[s.of] && s.endsAt(b, i+1) {
				found[s.of] = true
			}
		}
	}
}

// endsAt reports whether s stands in b, and ends at an index.
func (s needle) endsAt(b []byte, end int) bool {
	begin := end - len(s.text)
	return begin >= 0 && string(b[begin:end]) == s.text && (!s.alone || standsAlone(b, begin, end))
}

// within returns the statements that a capture, whose answer without its content
// coding is body, holds anything of as text (Trace.within).
func (n *needles) within(x onrecord.Exchange, body []byte) map[onrecord.StatementID]bool {
	found := make(map[onrecord.StatementID]bool)
	for _, b := range [][]byte{[]byte(x.URL), x.Request, x.Response, x.Note, body, x.Payload} {
		n.in(b, found)
	}
	if x.Prior != nil {
		n.in([]byte(x.Prior.URL), found)
	}
	return found
}
