// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"onrecord"
	"onrecord/archive/bucket"
)

// A Withheld is what a mirror does not show in one case. A leaf says nothing of
// what its line is about, so what is hidden can't be compared with the decision:
// it can be counted only.
type Withheld struct {
	Lines      int64 `json:"lines"`
	Records    int64 `json:"records"` // of captures and media
	Bytes      int64 `json:"bytes"`
	Statements int64 `json:"statements"` // that signed decisions of the case name, and that are withheld or erased
}

// A concealed is what a mirror does not show of an object in one case.
type concealed struct {
	number string
	spans  []bucket.Span // what it names, and what else it was asked for and refused
	whole  bool          // it has named no parts
	index  int64         // of a line that led to it
}

// withheld notes what of an object is not shown: the parts that the mirror names,
// and more where it was asked for more than that. asked is what of one part, such
// as a record, was asked for; zero where the rest is asked for by itself.
func (v *verification) withheld(w *bucket.WithheldError, index int64, asked bucket.Span) {
	v.mu.Lock()
	defer v.mu.Unlock()
	list := v.hidden[w.Key]
	i := slices.IndexFunc(list, func(c concealed) bool { return c.number == w.Case })
	if i < 0 {
		list, i = append(list, concealed{number: w.Case, index: index}), len(list)
	}
	c := &list[i]
	c.whole = c.whole || len(w.Spans) == 0
	for _, s := range append(slices.Clone(w.Spans), asked) {
		if s.Length > 0 && !slices.Contains(c.spans, s) {
			c.spans = append(c.spans, s)
		}
	}
	v.hidden[w.Key] = list
}

// refused judges a mirror's refusal of a part of an object: it must lie, at least
// partly, in what the mirror says that it does not show. That is noted.
func (v *verification) refused(w *bucket.WithheldError, kind string, asked bucket.Span, index int64) {
	touches := func(s bucket.Span) bool {
		return s.Offset < asked.Offset+asked.Length && asked.Offset < s.Offset+s.Length
	}
	if len(w.Spans) > 0 && !slices.ContainsFunc(w.Spans, touches) {
		v.find(Finding{Kind: kind, Object: w.Key, Offset: asked.Offset, Index: index,
			Reason: fmt.Sprintf("it is withheld, in case %.100q, and is not among the parts of the object that are said to be", w.Case)})
		return
	}
	v.withheld(w, index, asked)
}

// decision notes an event that withholds a statement, shows it again, or erases
// it.
func (v *verification) decision(e onrecord.Event) {
	if !decides(e) || e.Index >= v.trusted {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.decided = append(v.decided, e)
}

func decides(e onrecord.Event) bool {
	return e.Type == onrecord.StatementWithheld || e.Type == onrecord.StatementUnwithheld || e.Type == onrecord.StatementErased
}

// concealed judges what a mirror does not show: only what a decision in the
// signed ledger is about may be hidden, and of an object only parts. It counts
// the rest.
func (v *verification) concealed(ctx context.Context, size int64) error {
	if len(v.hidden) == 0 {
		return nil
	}
	if v.o.Parts != 1 { // decisions may be anywhere
		list, err := v.decisions(ctx, 0, v.trusted)
		if err != nil {
			return err
		}
		v.decided = list
	}
	live := v.liveCases(v.decided)
	unknown := func(list []concealed) bool {
		return slices.ContainsFunc(list, func(c concealed) bool { return live[c.number] == 0 })
	}
	if slices.ContainsFunc(slices.Collect(maps.Values(v.hidden)), unknown) { // it may be newer than the checkpoint
		list, err := v.meanwhile(ctx)
		if err != nil {
			return err
		}
		live = v.liveCases(append(v.decided, list...))
	}
	for _, key := range slices.Sorted(maps.Keys(v.hidden)) {
		for _, c := range v.hidden[key] {
			if reason := c.wrong(live); reason != "" {
				v.find(Finding{Kind: kindAt(key), Object: key, Offset: -1, Index: c.index, Reason: reason})
				continue
			}
			v.count(key, c, live[c.number])
		}
	}
	return nil
}

// count counts what a mirror may hide of an object, in a case about so many
// statements.
func (v *verification) count(key string, c concealed, statements int64) {
	n := v.report.Withheld[c.number]
	n.Statements = statements
	slices.SortFunc(c.spans, func(x, y bucket.Span) int { return cmp.Compare(x.Offset, y.Offset) })
	parts, end := int64(0), int64(0)
	for _, s := range c.spans {
		if s.Offset >= end {
			parts++
		}
		n.Bytes += max(0, s.Offset+s.Length-max(end, s.Offset))
		end = max(end, s.Offset+s.Length)
	}
	if strings.HasPrefix(key, "journal/") {
		n.Lines += parts
	} else {
		n.Records += parts
	}
	v.report.Withheld[c.number] = n
}

// wrong says why an object may not be withheld like this; nothing if it may. The
// first frame of a segment, and the first record of a WARC file, say whose visit
// it was and are of no statement.
func (c concealed) wrong(live map[string]int64) string {
	switch {
	case live[c.number] == 0:
		return fmt.Sprintf("it is withheld in case %.100q, and no decision in the signed ledger that is in force is of that case", c.number)
	case c.whole || slices.ContainsFunc(c.spans, func(s bucket.Span) bool { return s.Offset <= 0 }):
		return fmt.Sprintf("it is withheld from its beginning on, in case %.100q; decisions are of statements, which fill no object", c.number)
	}
	return ""
}

// liveCases returns how many statements are withheld or erased by each case: of
// each case about a statement the last decision counts (onrecord.Known.Cases), and
// once it is erased only its erasures. A site may go on hiding for a moment what
// is shown again: it reads the ledger, too.
func (v *verification) liveCases(decided []onrecord.Event) map[string]int64 {
	const moment = 2 * time.Minute
	slices.SortStableFunc(decided, func(x, y onrecord.Event) int { return int(x.Index - y.Index) })
	last := map[onrecord.StatementID]map[string]onrecord.EventType{}
	erased := map[onrecord.StatementID]string{}
	for _, e := range decided {
		if e.Takedown == nil {
			continue
		}
		if e.Type == onrecord.StatementErased {
			erased[e.Statement] = e.Takedown.Case
			continue
		}
		if e.Type == onrecord.StatementUnwithheld && e.At.After(v.begun.Add(-moment)) && e.At.Before(v.a.now().Add(moment)) {
			continue
		}
		if last[e.Statement] == nil {
			last[e.Statement] = map[string]onrecord.EventType{}
		}
		last[e.Statement][e.Takedown.Case] = e.Type
	}
	live := map[string]int64{}
	for _, number := range erased {
		live[number]++
	}
	for id, cases := range last {
		if _, ok := erased[id]; ok {
			continue
		}
		for number, t := range cases {
			if t == onrecord.StatementWithheld {
				live[number]++
			}
		}
	}
	return live
}

// meanwhile returns the decisions that were signed while the rest was read.
func (v *verification) meanwhile(ctx context.Context) ([]onrecord.Event, error) {
	c, err := v.a.ledger.Checkpoint(ctx)
	if err == nil && c.Size > v.tree.Size {
		if err = v.a.ledger.Extends(ctx, v.tree, c.Tree); err == nil {
			return v.decisions(ctx, v.tree.Size, c.Size)
		}
	}
	if err != nil && !isAnswer(err) {
		return nil, outOfReach(err)
	}
	return nil, nil
}

// decisions reads the operator's acts between two sizes that the checkpoint
// covers. What can't be read decides nothing.
func (v *verification) decisions(ctx context.Context, from, to int64) (list []onrecord.Event, err error) {
	acts, _, err := v.a.actsBetween(ctx, from, to)
	if err != nil {
		if isAnswer(err) && ctx.Err() == nil {
			return nil, nil
		}
		return nil, err
	}
	for _, at := range acts {
		leaf, err := v.a.leaf(ctx, at)
		if err != nil {
			return nil, err
		}
		s, err := v.a.readSegment(ctx, leaf.Visit)
		for i := at; err == nil && i < min(to, at+int64(len(s.lines))); i++ {
			var e Entry
			if leaf, err = v.a.leaf(ctx, i); err == nil {
				e, err = entry(i, leaf, s)
			}
			if err == nil && decides(e.Event) {
				list = append(list, e.Event)
			}
		}
		if _, hidden := errors.AsType[*bucket.WithheldError](err); err != nil && !hidden && !isAnswer(err) {
			return nil, err
		}
	}
	return list, nil
}
