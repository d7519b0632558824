// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"onrecord"
)

// cursorItems is how many items a cursor remembers.
const cursorItems = 32

// maxPinned is how many items a site keeps at the top of its listing however
// old they are.
const maxPinned = 3

// indexMark stands in place of ids in the cursor of a visit that begins with an
// index of sitemaps.
const indexMark = "index"

// A cursor says where a visit stopped: when it was made, and the statement ids
// of the newest items of the listing. As text: Unix seconds, then the ids, each
// of 16 characters, with spaces between.
type cursor struct {
	at  time.Time // zero for none
	ids []string
}

func parseCursor(s string) cursor {
	var c cursor
	words := strings.Fields(s)
	if len(words) == 0 {
		return c
	}
	if n, err := strconv.ParseInt(words[0], 10, 64); err == nil {
		c.at = time.Unix(n, 0).UTC()
	}
	c.ids = words[1:]
	return c
}

func (c cursor) String() string {
	s := strconv.FormatInt(c.at.Unix(), 10)
	for _, id := range c.ids[:min(len(c.ids), cursorItems)] {
		s += " " + id
	}
	return s
}

// reached reports whether a listing shows where the last visit stopped, so that
// everything older is known: an item that the cursor names, below the few that
// a site pins to the top.
func (c cursor) reached(ids []string) bool {
	pinned := 0
	for pinned < len(ids) && slices.Contains(c.ids, ids[pinned]) {
		pinned++
	}
	if pinned > 0 && (pinned > maxPinned || pinned == len(ids) || pinned == len(c.ids)) {
		return true
	}
	return slices.ContainsFunc(ids[pinned:], func(id string) bool { return slices.Contains(c.ids, id) })
}

func statementID(native string) string { return string(onrecord.NewStatementID(Platform, native)) }
