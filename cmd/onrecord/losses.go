// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/catalog"
	"onrecord/ingest"
)

// Lines of the journal whose bytes are lost or damaged cost their own events and
// no others: docs/decisions/0018-holes.md. Until they come back, or the operator
// gives them up, nothing is judged that they may have told of.

// regainEvery is how often a serving process looks whether lost lines are back.
const regainEvery = time.Minute

// regainTries is how many lost visits one look asks for: those that repair puts
// back come together.
const regainTries = 256

// lostHint is what to do about lost lines.
const lostHint = "onrecord verify --repair puts them back from a replica; onrecord missing says what is lost, and gives it up"

// noteLost notes which lines are lost, for the pages: those ask often.
func (h *house) noteLost(ctx context.Context) error {
	list, err := h.catalog.Lost(ctx)
	if err != nil {
		return err
	}
	h.lines.Store(&list)
	return nil
}

// lost returns the lines that are lost, as they were noted last.
func (h *house) lostLines() []onrecord.LostLines {
	if list := h.lines.Load(); list != nil {
		return *list
	}
	return nil
}

// unsettled reports whether a lost visit may have withheld or erased a statement:
// until the operator has said what it was, no statement is shown. It asks the file
// that is read now, which may have taken another's place since lines were noted.
func (h *house) unsettled() bool {
	of, err := h.catalog.Unsettled(context.Background())
	return of || err != nil
}

// lostBanner is what every page says while lines are lost that nobody has given
// up; empty where there are none.
func (h *house) lostBanner() string {
	n := onrecord.Missing(h.lostLines())
	if n == 0 {
		return ""
	}
	return "Part of the record can't be read at the moment: " + count(n, "visit is", "visits are") + " missing. The status page says which."
}

// whole returns an error while lines are lost that may have told of the account
// of a source, and that nobody has given up.
func (h *house) whole(ctx context.Context, s ingest.Source, account string) error {
	list, err := h.catalog.LostOf(ctx, s.ID, s.Platform, account)
	if err != nil || len(list) == 0 {
		return err
	}
	return &failure{status: exitMismatch, hint: lostHint,
		err: fmt.Errorf("%s of the journal that may have told of %s are lost, the first is ledger no. %d: what was captured stays in the spool and is judged once they are back or given up",
			count(int(linesOf(list)), "line", "lines"), s.ID, list[0].From)}
}

// linesIn counts lines.
func linesIn(list []onrecord.Lines) (n int) {
	for _, l := range list {
		n += int(l.To - l.From)
	}
	return n
}

// linesOf counts lines.
func linesOf(list []onrecord.LostLines) (n int64) {
	for _, l := range list {
		n += l.To - l.From
	}
	return n
}

// back counts the lost lines that can be read again, and those that were tried: the
// first of each run. Where there are many, each call tries others until some are back.
func (h *house) back(ctx context.Context) (n, tried int, err error) {
	list, err := h.catalog.Lost(ctx)
	if err != nil || len(list) == 0 {
		return 0, 0, err
	}
	began := int(h.looked.Load())
	tried = min(len(list), regainTries)
	for i := range tried {
		there, err := h.archive.Regained(ctx, list[(began+i)%len(list)].From)
		if err != nil {
			return 0, 0, err
		}
		if there {
			n++
		}
	}
	if n == 0 {
		h.looked.Add(regainTries)
	}
	return n, tried, nil
}

// regain makes the catalog anew where lines that were lost can be read again: so
// it is what a rebuild makes of the whole record. Where others are lost since, it
// stays as it is.
func (h *house) regain(ctx context.Context) error {
	n, _, err := h.back(ctx)
	if err != nil || n == 0 {
		return err
	}
	return h.takeIn(ctx)
}

// takeIn makes the catalog anew, now that lines are back.
func (h *house) takeIn(ctx context.Context) error {
	check, err := h.keeps(ctx)
	if err != nil {
		return err
	}
	size, err := h.rebuildIf(ctx, h.catalogOptions(), nil, check)
	switch {
	case errors.Is(err, catalog.ErrLocked): // somebody else does
		return nil
	case errors.Is(err, errLosesMore):
		h.log.Warn("lost lines are back, and others are lost since: the catalog, which has those, stays as it is until onrecord verify --repair puts them back", "err", err)
		return nil
	case err == nil:
		_, err = h.catchUp(ctx, size)
	}
	if err != nil {
		return fmt.Errorf("lost lines are back, and the catalog can't be made anew: %w", err)
	}
	h.log.Warn("lines of the journal that were lost are back: the catalog was made anew")
	return h.noteLost(ctx)
}

// keepRegaining looks now and then whether lost lines are back. Repair puts one after
// the other back: the catalog is made anew when all are there, or no more come, and
// once for what is there.
func (h *house) keepRegaining(ctx context.Context) {
	var done, before int // lines that are back: taken in or refused, and at the look before
	for told := ""; ctx.Err() == nil; {
		n, tried, err := h.back(ctx)
		if err == nil && n > 0 && n != done && (n == tried || n == before) {
			if err = h.takeIn(ctx); err == nil {
				done = n
			}
		}
		if n == 0 && err == nil {
			done = 0
		}
		before = n
		if err != nil && ctx.Err() == nil && !errors.Is(err, archive.ErrUnreachable) && err.Error() != told {
			told = err.Error()
			h.log.Error("whether lost lines are back", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(regainEvery):
		}
	}
}

// errLosesMore reports a catalog that lacks lines that the one in use has.
var errLosesMore = errors.New("lines of the journal are lost that the catalog still has")

// keeps refuses to put a rebuilt catalog in the place of one that has applied
// lines that are lost now.
func (h *house) keeps(ctx context.Context) (check func(*catalog.Catalog) error, err error) {
	o := h.catalogOptions()
	o.ReadOnly = true
	old, err := catalog.Open(ctx, h.catalogPath(), o)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, catalog.ErrRebuild) { // none, or one that this program can't read
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("whether the catalog in use has more than what can be read now can't be told: %w", err)
	}
	have, _, err := old.Applied(ctx)
	var before []onrecord.LostLines
	if err == nil {
		before, err = old.Lost(ctx)
	}
	if err = errors.Join(err, old.Close()); err != nil {
		return nil, err
	}
	known := map[int64]bool{}
	for _, l := range before {
		for i := l.From; i < l.To; i++ {
			known[i] = true
		}
	}
	return func(c *catalog.Catalog) error {
		now, err := c.Lost(ctx)
		if err != nil {
			return err
		}
		for _, l := range now {
			for i := l.From; i < min(l.To, have); i++ {
				if !known[i] {
					return &failure{status: exitMismatch, hint: "onrecord verify --repair puts them back; --incomplete rebuilds without them",
						err: fmt.Errorf("%w, such as ledger no. %d of visit %s: it is left as it is", errLosesMore, i, l.Visit)}
				}
			}
		}
		return nil
	}, nil
}

// journal yields all lines, for an erasure: past lost ones if every one of them was
// given up, else it ends with the first, since it may be about what is erased.
func (h *house) journal(ctx context.Context) iter.Seq2[archive.Entry, error] {
	list, err := h.catalog.Lost(ctx)
	if err != nil {
		return func(yield func(archive.Entry, error) bool) { yield(archive.Entry{}, err) }
	}
	if len(list) == 0 || slices.ContainsFunc(list, func(l onrecord.LostLines) bool { return l.GivenUp < 0 }) {
		return h.archive.Walk(ctx, 0)
	}
	return h.archive.WalkPast(ctx, 0)
}

// ofLost adds the captures and media of visits whose lines are lost to those that are looked
// through: where nothing tells whose they were, for every account.
func (s *seeker) ofLost(ctx context.Context, lost map[onrecord.VisitID]string) error {
	sources := slices.Sorted(maps.Keys(s.sources))
	for v, source := range lost {
		if len(sources) == 0 {
			return nil
		}
		if source == "" {
			source = sources[0]
		}
		if !s.sources[source] {
			continue
		}
		name := v.Time().UTC().Format("2006/01/02/") + v.String()
		for _, key := range [...]string{"captures/" + name + ".warc.gz", "media/" + name + ".warc"} {
			if err := s.ofLostObject(ctx, source, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// ofLostObject adds an object of a lost visit, if it is there.
func (s *seeker) ofLostObject(ctx context.Context, source, key string) error {
	if slices.ContainsFunc(s.objects[source], func(o visitObject) bool { return o.key == key }) {
		return nil
	}
	r, err := s.h.archive.OpenObject(ctx, key)
	if errors.Is(err, bucket.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s.objects[source] = append(s.objects[source], visitObject{key: key})
	return r.Close()
}

// mayCopy refuses to make a snapshot of a catalog without lines that may come
// back: it would take the place of one that has them.
func (h *house) mayCopy(ctx context.Context) error {
	list, err := h.catalog.Lost(ctx)
	for _, l := range list {
		if l.GivenUp < 0 {
			return &failure{status: exitMismatch, hint: lostHint, err: fmt.Errorf("no snapshot is made while lines of the journal are lost: an earlier one may have them")}
		}
	}
	return err
}
