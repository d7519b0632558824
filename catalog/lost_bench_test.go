// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"testing"

	"onrecord"
	"onrecord/catalog"
)

// BenchmarkLost is what a commit of one statement costs in a catalog with lost
// visits, given up or not, and with it what a page asks of them.
func BenchmarkLost(b *testing.B) {
	for _, n := range []int{0, 1000, 10_000} {
		for _, given := range []bool{false, true} {
			b.Run(fmt.Sprintf("lost=%d/given=%v", n, given), func(b *testing.B) {
				c, l := missing(b, n, given)
				for i := 0; b.Loop(); i++ {
					apply(b, c, l.visit(noon, "masto", said(onrecord.StatementCreated, strconv.Itoa(1_000_000+i), "words", noon))...)
					if _, err := c.Unsettled(b.Context()); err != nil {
						b.Fatal(err)
					}
					if list, err := c.Lost(b.Context()); err != nil || len(list) != n {
						b.Fatal(len(list), err)
					}
				}
			})
		}
	}
}

// missing is a catalog in which every second visit is lost, n in all.
func missing(t testing.TB, n int, given bool) (*catalog.Catalog, *ledger) {
	c, l := temporary(t), &ledger{}
	var list []catalog.Entry
	var lines []onrecord.Lines
	for i := range n {
		v := onrecord.VisitID{}
		binary.BigEndian.PutUint64(v[:], uint64(i+1))
		gone := lost(l.visit(noon, "masto", happened(onrecord.StatementDeleted, "17", noon)), onrecord.LineLost, v)
		lines = append(lines, onrecord.Lines{From: gone[0].Index, To: gone[1].Index + 1})
		list = append(append(list, gone...), l.visit(noon, "masto", said(onrecord.StatementCreated, strconv.Itoa(1000+i), "words", noon))...)
	}
	for given && len(lines) > 0 {
		e := happened(onrecord.ArchiveGaveUp, "", noon)
		e.Source = "archive"
		e.Extra, lines = onrecord.GiveUp(lines)
		list = append(list, l.visit(noon, "archive", e)...)
	}
	if len(list) > 0 {
		apply(t, c, list...)
	}
	return c, l
}
