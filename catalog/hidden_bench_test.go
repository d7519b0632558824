// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package catalog_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"onrecord"
	"onrecord/catalog"
)

// hiding is many with n of the statements seen once more and then withheld, every
// tenth of them erased, a hundred a visit.
func hiding(all []catalog.Entry, n int) []catalog.Entry {
	l := &ledger{next: all[len(all)-1].Index + 1}
	at := all[len(all)-1].Event.At.Add(24 * time.Hour)
	var list []catalog.Entry
	var events []onrecord.Event
	every := len(all) / n
	for i, k := 0, 0; i < len(all) && k < n; i++ {
		e := all[i].Event
		if e.Type != onrecord.StatementCreated || i < k*every {
			continue
		}
		k++
		at = at.Add(time.Second)
		seen := e
		seen.Type, seen.At, seen.By = onrecord.StatementSeen, at, at
		down := onrecord.Event{Type: onrecord.StatementWithheld, At: at, By: at, Figure: e.Figure, Account: e.Account, Statement: e.Statement, Prev: -1, Provenance: onrecord.Captured,
			Takedown: &onrecord.Takedown{Case: fmt.Sprint("T-", k), Ground: onrecord.GroundLaw, Reason: "personal data"},
			Erasure:  &onrecord.Erasure{Records: []onrecord.Span{{Object: e.Captures[0].Object, Offset: e.Captures[0].Offset, Length: 900}}, Leaves: []int64{all[i].Index}},
		}
		if k%10 == 0 {
			down.Type = onrecord.StatementErased
		}
		if events = append(events, seen, down); len(events) >= 200 || k == n {
			list, events = append(list, l.visit(at, e.Source, events...)...), nil
		}
	}
	return list
}

// BenchmarkHidden is what a reader waits for who asks for one object: behind a
// commit of one statement, which is counted too, with nothing new, and first after
// the catalog was opened, which is counted too.
func BenchmarkHidden(b *testing.B) {
	all := many(benchSize())
	for _, n := range []int{0, 1000, 10_000} {
		path := filepath.Join(b.TempDir(), "catalog.db")
		c := open(b, path)
		apply(b, c, all...)
		last := all[len(all)-1]
		if n > 0 {
			down := hiding(all, n)
			apply(b, c, down...)
			last = down[len(down)-1]
		}
		l := &ledger{next: last.Index + 1}
		ask := func(b *testing.B, c *catalog.Catalog) { askHidden(b, c, all[1].Event.Captures[0].Object) }
		b.Run(fmt.Sprintf("%d/opened", n), func(b *testing.B) {
			spent := cpu(b)
			for b.Loop() {
				other, err := catalog.Open(b.Context(), path, catalog.Options{MACKey: key, ReadOnly: true})
				if err != nil {
					b.Fatal(err)
				}
				ask(b, other)
				if err := other.Close(); err != nil {
					b.Fatal(err)
				}
			}
			spent()
		})
		ask(b, c)
		new := 0
		for _, asked := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d/commit,asked=%t", n, asked), func(b *testing.B) {
				spent := cpu(b)
				for b.Loop() {
					new++
					at := noon.Add(time.Duration(new) * time.Second)
					apply(b, c, l.visit(at, "masto", said(onrecord.StatementCreated, fmt.Sprint("new", new), "One more of them", at))...)
					if asked {
						ask(b, c)
					}
				}
				spent()
			})
		}
		b.Run(fmt.Sprintf("%d/request", n), func(b *testing.B) {
			spent := cpu(b)
			for b.Loop() {
				ask(b, c)
			}
			spent()
		})
		b.Run(fmt.Sprintf("%d/withheldnow", n), func(b *testing.B) {
			spent := cpu(b)
			for b.Loop() {
				if _, err := c.WithheldNow(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			spent()
		})
	}
}

func askHidden(b *testing.B, c *catalog.Catalog, key string) {
	b.Helper()
	if _, _, err := c.Hidden(b.Context(), key); err != nil {
		b.Fatal(err)
	}
}
