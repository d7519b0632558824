// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package catalog_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"onrecord"
	"onrecord/catalog"
)

// changing is many with a tenth edited and a twentieth deleted afterwards, and
// the hourly looks of a year at each source.
func changing(n int) []catalog.Entry {
	all := many(n)
	l := &ledger{next: all[len(all)-1].Index + 1}
	at := all[len(all)-1].Event.At.Add(24 * time.Hour)
	var events []onrecord.Event
	flush := func(source string) {
		all = append(all, l.visit(at, source, events...)...)
		events = events[:0]
	}
	for i, en := range slices.Clone(all) {
		e := en.Event
		if e.Type != onrecord.StatementCreated || i%10 > 1 {
			continue
		}
		at = at.Add(time.Second)
		e.After, e.At, e.By, e.Captures, e.Engagement = at.Add(-5*time.Minute), at, at, nil, nil
		if i%10 == 0 {
			c := *e.Content
			c.Text += " edited"
			e.Type, e.Content, e.Version = onrecord.StatementEdited, &c, c.Version()
		} else if i%20 == 1 {
			e.Type, e.Content, e.Version, e.Grade, e.Look = onrecord.StatementDeleted, nil, "", onrecord.GradeD2, onrecord.LookGone
		} else {
			continue
		}
		if events = append(events, e); len(events) == 20 {
			flush(e.Source)
		}
	}
	for _, source := range []string{"x100", "x101", "mastodon100", "mastodon101", "truthsocial100", "truthsocial101"} {
		for hour := range 365 * 24 {
			from := at.Add(time.Duration(hour) * time.Hour)
			e := looked(source, from, from.Add(55*time.Minute), 12)
			e.Account = onrecord.AccountRef{Platform: source[:len(source)-3], ID: source[len(source)-3:], Handle: "jane"}
			if events = append(events, e); len(events) == 24 {
				flush(source)
			}
		}
		flush(source)
	}
	return all
}

var changed = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "onrecord-changed")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "catalog.db")
	c, err := catalog.Open(context.Background(), path, catalog.Options{MACKey: key})
	if err != nil {
		return "", err
	}
	if err := c.Apply(context.Background(), sequence(changing(benchSize()))); err != nil {
		return "", err
	}
	return path, c.Close()
})

// watched tells TestMain that there is a catalog to remove.
var watched bool

// BenchmarkWatch reads what /events, /deletions, /edits and /coverage show.
func BenchmarkWatch(b *testing.B) {
	watched = true
	path, err := changed()
	if err != nil {
		b.Fatal(err)
	}
	c := open(b, path)
	ctx := b.Context()
	size, _, err := c.Events(ctx, 0, onrecord.EventFilter{}, 1)
	if err != nil || len(size) != 1 {
		b.Fatal(err)
	}
	events := func(f onrecord.EventFilter) func() (int, error) {
		return func() (int, error) {
			list, _, err := c.EventsBefore(ctx, 0, f, 50)
			return len(list), err
		}
	}
	changes := func(f onrecord.ChangeFilter) func() (int, error) {
		f.Limit = 20
		return func() (int, error) {
			page, err := c.Changes(ctx, f)
			return len(page.List), err
		}
	}
	for _, one := range []struct {
		name string
		read func() (int, error)
	}{
		{"events", events(onrecord.EventFilter{})},
		{"events/figure", events(onrecord.EventFilter{Figure: "jane-example"})},
		{"events/platform", events(onrecord.EventFilter{Platform: "x"})},
		{"events/source", events(onrecord.EventFilter{Source: "x100"})},
		{"events/source+created", events(onrecord.EventFilter{Source: "x100", Types: []onrecord.EventType{onrecord.StatementCreated}})},
		{"events/none", func() (int, error) {
			_, err := events(onrecord.EventFilter{Source: "x100", Platform: "gab"})()
			return 1, err
		}},
		{"deletions", changes(onrecord.ChangeFilter{Kind: onrecord.ChangeDeleted})},
		{"deletions/platform", changes(onrecord.ChangeFilter{Kind: onrecord.ChangeDeleted, Platforms: []string{"x"}})},
		{"edits", changes(onrecord.ChangeFilter{Kind: onrecord.ChangeEdited})},
		{"days/year", func() (int, error) {
			list, err := c.Days(ctx, onrecord.DaysFilter{})
			return len(list), err
		}},
	} {
		b.Run(one.name, func(b *testing.B) {
			done := cpu(b)
			for b.Loop() {
				if n, err := one.read(); err != nil || n == 0 {
					b.Fatalf("%d read, error %v", n, err)
				}
			}
			done()
		})
	}
}
