// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"onrecord"
)

// maxIndex is beyond every ledger index.
const maxIndex = int64(math.MaxInt64)

// A stream is all that a list of events is narrowed by. There are few: the
// kinds of events of each source.
type stream struct {
	source, figure, platform string
	kind                     onrecord.EventType
}

func streamOf(e onrecord.Event) stream {
	return stream{e.Source, e.Figure, cmp.Or(e.Account.Platform, e.Platform), e.Type}
}

// stream returns the number of e's stream.
func (b *batch) stream(e onrecord.Event) (int64, error) {
	s := streamOf(e)
	if n, ok := b.streams[s]; ok {
		return n, nil
	}
	var n int64
	err := b.row(`SELECT n FROM streams WHERE source = $1 AND figure = $2 AND platform = $3 AND type = $4`, s.source, s.figure, s.platform, string(s.kind)).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		err = b.row(`INSERT INTO streams (source, figure, platform, type) VALUES ($1, $2, $3, $4) RETURNING n`, s.source, s.figure, s.platform, string(s.kind)).Scan(&n)
	}
	if err != nil {
		return 0, err
	}
	b.streams[s] = n
	return n, nil
}

// passing returns the streams that f lets through; all is true where f asks
// nothing of them.
func (v *view) passing(f onrecord.EventFilter) (list []int64, all bool, err error) {
	if len(f.Types) == 0 && f.Figure == "" && f.Platform == "" && f.Source == "" {
		return nil, true, nil
	}
	err = v.each(func(scan func(...any) error) error {
		var n int64
		var kind string
		if err := scan(&n, &kind); err != nil {
			return err
		}
		if len(f.Types) == 0 || slices.Contains(f.Types, onrecord.EventType(kind)) {
			list = append(list, n)
		}
		return nil
	}, `SELECT n, type FROM streams WHERE ($1 = '' OR source = $1) AND ($2 = '' OR figure = $2) AND ($3 = '' OR platform = $3) ORDER BY n DESC`,
		f.Source, f.Figure, f.Platform)
	return list, false, err
}

// indexes returns the ledger indexes of at most n events of the streams beyond
// at, nearest first, going towards the older ones or the newer ones. Streams
// are asked one by one, each only for what is nearer than the n nearest so far.
func (v *view) indexes(streams []int64, at int64, older bool, n int) ([]int64, error) {
	text := `SELECT i FROM events WHERE stream = $1 AND i > $2 AND i < $3 ORDER BY i LIMIT $4`
	lo, hi := at, maxIndex
	compare := func(a, b int64) int { return cmp.Compare(a, b) }
	if older {
		text = `SELECT i FROM events WHERE stream = $1 AND i > $2 AND i < $3 ORDER BY i DESC LIMIT $4`
		lo, hi = -1, at
		compare = func(a, b int64) int { return cmp.Compare(b, a) }
	}
	var list []int64
	for _, s := range streams {
		err := v.each(func(scan func(...any) error) error {
			var i int64
			err := scan(&i)
			list = append(list, i)
			return err
		}, text, s, lo, hi, n)
		if err != nil {
			return nil, err
		}
		if len(list) <= n {
			continue
		}
		slices.SortFunc(list, compare)
		list = list[:n]
		if older {
			lo = list[n-1]
		} else {
			hi = list[n-1]
		}
	}
	slices.SortFunc(list, compare)
	return list, nil
}

// EventsBefore returns at most limit events whose index is less than before
// and that f lets through, newest first. next is the index to go on from, or 0
// at the end. A before of 0 begins at the newest.
func (c *Catalog) EventsBefore(ctx context.Context, before int64, f onrecord.EventFilter, limit int) (list []onrecord.Event, next int64, err error) {
	limit = min(max(limit, 1), 1000)
	if before <= 0 {
		before = maxIndex
	}
	err = c.view(ctx, func(v *view) error {
		list, next, err = v.eventsAt(before, true, f, limit)
		return err
	})
	return list, next, err
}

// eventsAt returns a page of events on one side of an index.
func (v *view) eventsAt(at int64, older bool, f onrecord.EventFilter, limit int) (list []onrecord.Event, next int64, err error) {
	found, err := v.eventIndexes(at, older, f, limit+1)
	if err != nil {
		return nil, 0, err
	}
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1]
	}
	docs, err := v.eventDocs(found)
	if err != nil {
		return nil, 0, err
	}
	for _, i := range found {
		e, err := v.event(docs[i])
		if err != nil {
			return nil, 0, fmt.Errorf("event %d: %w", i, err)
		}
		list = append(list, e)
	}
	return list, next, nil
}

// eventIndexes finds the events of a page.
func (v *view) eventIndexes(at int64, older bool, f onrecord.EventFilter, n int) ([]int64, error) {
	order, side := `ORDER BY i`, `i > $1`
	if older {
		order, side = `ORDER BY i DESC`, `i < $1`
	}
	var found []int64
	collect := func(scan func(...any) error) error {
		var i int64
		err := scan(&i)
		found = append(found, i)
		return err
	}
	if f.Statement != "" {
		key, ok := packID(string(f.Statement))
		if !ok {
			return nil, nil
		}
		rest := f
		rest.Statement = ""
		streams, all, err := v.passing(rest)
		if err != nil {
			return nil, err
		}
		if all {
			return found, v.each(collect, `SELECT i FROM events WHERE id = $2 AND `+side+` `+order+` LIMIT $3`, at, key, n)
		}
		among, err := json.Marshal(streams)
		if err != nil {
			return nil, err
		}
		return found, v.each(collect, `SELECT i FROM events WHERE id = $2 AND `+side+` AND stream IN (SELECT value FROM json_each($4)) `+order+` LIMIT $3`, at, key, n, string(among))
	}
	streams, all, err := v.passing(f)
	if err != nil {
		return nil, err
	}
	if all {
		return found, v.each(collect, `SELECT i FROM events WHERE `+side+` `+order+` LIMIT $2`, at, n)
	}
	return v.indexes(streams, at, older, n)
}

func (v *view) eventDocs(list []int64) (map[int64][]byte, error) {
	docs := make(map[int64][]byte, len(list))
	if len(list) == 0 {
		return docs, nil
	}
	wanted, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	err = v.each(func(scan func(...any) error) error {
		var i int64
		var doc []byte
		err := scan(&i, &doc)
		docs[i] = doc
		return err
	}, `SELECT e.i, e.doc FROM json_each($1) AS j CROSS JOIN events AS e ON e.i = j.value`, string(wanted))
	return docs, err
}
