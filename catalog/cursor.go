// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"

	"onrecord"
	"onrecord/search"
)

// A cursor is a place in a list: beside a statement, which need not be in the
// list any more. As text it is base64url of 19 bytes, the order and direction,
// the sort key (the second of the place in time, or the bits of the score) and
// the id, with the first 8 bytes of their HMAC-SHA256.
type cursor struct {
	order search.Sort
	back  bool    // the page before the place
	sec   int64   // where the order is one of time
	score float64 // where it is relevance
	id    onrecord.StatementID
}

const (
	cursorBody = 1 + 8 + 10
	cursorMAC  = 8
)

// orders are the numbers of the orders in cursors.
func orders() []search.Sort {
	return []search.Sort{search.Newest, search.Oldest, search.Relevance, byChange(onrecord.ChangeDeleted), byChange(onrecord.ChangeReported), byChange(onrecord.ChangeEdited)}
}

// byChange is the order of a list of changes, whose key is a time in
// microseconds: a place in one list is none in another. No search can ask for
// it.
func byChange(kind onrecord.ChangeKind) search.Sort { return search.Sort("change " + kind) }

func (c *Catalog) mac(body []byte) []byte {
	h := hmac.New(sha256.New, c.o.MACKey)
	h.Write(body)
	return h.Sum(nil)[:cursorMAC]
}

func (c *Catalog) printCursor(k cursor) string {
	b := make([]byte, 1, cursorBody+cursorMAC)
	for i, o := range orders() {
		if o == k.order {
			b[0] = byte(i << 1)
		}
	}
	b[0] |= byte(boolInt(k.back))
	if k.order == search.Relevance {
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(k.score))
	} else {
		b = binary.BigEndian.AppendUint64(b, uint64(k.sec))
	}
	id, _ := packID(string(k.id))
	b = append(b, id...)
	return base64.RawURLEncoding.EncodeToString(append(b, c.mac(b)...))
}

// parseCursor reads a cursor that this archive made; any other is
// search.ErrCursor.
func (c *Catalog) parseCursor(s string) (k cursor, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != cursorBody+cursorMAC {
		return k, search.ErrCursor
	}
	body := b[:cursorBody]
	if !hmac.Equal(b[cursorBody:], c.mac(body)) || int(body[0]>>1) >= len(orders()) {
		return k, search.ErrCursor
	}
	k.order, k.back = orders()[body[0]>>1], body[0]&1 == 1
	key := binary.BigEndian.Uint64(body[1:])
	if k.order == search.Relevance {
		k.score = math.Float64frombits(key)
	} else {
		k.sec = int64(key)
	}
	k.id = onrecord.StatementID(unpackID(body[9:]))
	return k, nil
}
