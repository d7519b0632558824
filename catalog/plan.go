// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"math"
	"slices"
	"strings"
	"time"

	"onrecord"
	"onrecord/search"
)

// A plan is a request as the tables can answer it: an expression of FTS5 for
// the words, and tests over the sidecar for everything else.
type plan struct {
	match  string // what the text must have; empty for nothing
	except string // what it must not have; empty for nothing

	from, to  int64 // seconds of the date, [from, to)
	accounts  []bool
	states    uint32 // a bit for each number of states()
	types     uint32
	flags     attr // of these …
	set       attr // … these must be set
	filtered  bool // accounts, states, types or flags ask anything
	bounded   bool // from or to ask anything
	withheld  bool // withheld statements were asked for
	queryText search.Query
}

// newPlan translates r. Every list and clause only narrows what came before.
func newPlan(r search.Request, side *sidecar) *plan {
	p := &plan{from: 0, to: math.MaxInt64, states: math.MaxUint32, types: math.MaxUint32, queryText: r.Query}
	p.texts(r.Query)
	p.lists(r, side)
	if r.Edited != nil {
		p.flag(attrEdited, *r.Edited)
	}
	p.since(r.Since)
	p.until(r.Until)
	for _, c := range r.Query.Clauses() {
		p.clause(c, side)
	}
	if !p.withheld {
		p.states &^= 1 << stateWithheld
	}
	return p
}

// texts builds the FTS5 expressions.
func (p *plan) texts(q search.Query) {
	var must, not []string
	for _, c := range q.Clauses() {
		switch {
		case !c.Kind.IsText():
		case c.Not:
			not = append(not, phrase(c.Tokens))
		default:
			must = append(must, phrase(c.Tokens))
		}
	}
	p.match, p.except = strings.Join(must, " AND "), strings.Join(not, " OR ")
	if p.match != "" && p.except != "" {
		p.match, p.except = "("+p.match+") NOT ("+p.except+")", ""
	}
}

// phrase writes tokens that stand side by side. Tokens hold neither quotes nor
// spaces.
func phrase(tokens []search.Token) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, t := range tokens {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strings.ReplaceAll(t.Text, `"`, `""`))
	}
	b.WriteByte('"')
	if n := len(tokens); n > 0 && tokens[n-1].Prefix {
		b.WriteString(" *")
	}
	return b.String()
}

// lists narrows by the lists of the request.
func (p *plan) lists(r search.Request, side *sidecar) {
	if len(r.Figures) > 0 {
		p.account(side, func(a *accountRow) bool { return slices.Contains(r.Figures, a.doc.Figure) })
	}
	if len(r.Platforms) > 0 {
		p.account(side, func(a *accountRow) bool { return slices.Contains(r.Platforms, a.doc.Known.Platform) })
	}
	if len(r.Accounts) > 0 {
		p.account(side, func(a *accountRow) bool {
			return slices.Contains(r.Accounts, a.doc.Known.Platform+"/"+a.doc.Known.ID)
		})
	}
	if len(r.States) > 0 {
		var mask uint32
		for i, s := range states() {
			if slices.Contains(r.States, s) {
				mask |= 1 << i
			}
		}
		p.state(mask, false)
	}
	if len(r.Types) > 0 {
		var mask uint32
		for i, t := range types() {
			if slices.Contains(r.Types, t) {
				mask |= 1 << i
			}
		}
		p.kind(mask, false)
	}
}

// clause narrows by a clause that is not of the text.
func (p *plan) clause(c search.Clause, side *sidecar) {
	switch c.Kind {
	case search.KindFigure:
		p.account(side, func(a *accountRow) bool { return (a.doc.Figure == c.Value) != c.Not })
	case search.KindPlatform:
		p.account(side, func(a *accountRow) bool { return (a.doc.Known.Platform == c.Value) != c.Not })
	case search.KindSince:
		if c.Not {
			p.until(c.Time)
		} else {
			p.since(c.Time)
		}
	case search.KindUntil:
		if c.Not {
			p.since(c.Time)
		} else {
			p.until(c.Time)
		}
	case search.KindIs:
		p.is(c)
	}
}

func (p *plan) is(c search.Clause) {
	byValue := map[string]onrecord.State{
		search.IsLive: onrecord.StateLive, search.IsDeleted: onrecord.StateDeleted, search.IsGone: onrecord.StateGoneWithAccount,
		search.IsRestored: onrecord.StateRestored, search.IsUnconfirmed: onrecord.StateUnconfirmed,
		search.IsOffline: onrecord.StatePlatformOffline, search.IsWithheld: onrecord.StateWithheld,
	}
	switch c.Value {
	case search.IsEdited:
		p.flag(attrEdited, !c.Not)
	case search.IsImported:
		p.flag(attrImported, !c.Not)
	case search.IsReply, search.IsRepost, search.IsQuote:
		p.kind(bit(types(), c.Value), c.Not)
	default:
		p.state(bit(states(), byValue[c.Value]), c.Not)
	}
}

// bit returns the mask of one value of a list.
func bit[T comparable](list []T, v T) uint32 { return 1 << max(slices.Index(list, v), 0) }

func (p *plan) state(mask uint32, not bool) {
	p.filtered = true
	if not {
		p.states &^= mask
		return
	}
	p.states &= mask
	p.withheld = p.withheld || mask&(1<<stateWithheld) != 0
}

func (p *plan) kind(mask uint32, not bool) {
	p.filtered = true
	if not {
		mask = ^mask
	}
	p.types &= mask
}

// flag demands that a flag is set or not; both at once is never true.
func (p *plan) flag(f attr, set bool) {
	p.filtered = true
	if p.flags&f != 0 && (p.set&f != 0) != set {
		p.types = 0
	}
	p.flags |= f
	if set {
		p.set |= f
	}
}

func (p *plan) account(side *sidecar, ok func(*accountRow) bool) {
	p.filtered = true
	if p.accounts == nil {
		p.accounts = make([]bool, len(side.accounts))
		for i := range p.accounts {
			p.accounts[i] = true
		}
	}
	for i, a := range side.accounts {
		p.accounts[i] = p.accounts[i] && a != nil && ok(a)
	}
}

// since and until narrow the span of dates. Dates are known to the second, so
// a bound within a second is moved to its end.
func (p *plan) since(t time.Time) {
	if !t.IsZero() {
		p.bounded, p.from = true, max(p.from, ceil(t))
	}
}

func (p *plan) until(t time.Time) {
	if !t.IsZero() {
		p.bounded, p.to = true, min(p.to, ceil(t))
	}
}

func ceil(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		t = t.Add(time.Second)
	}
	return t.Unix() - epoch
}

// passes reports whether the statement at place i of the sidecar is asked for,
// its text apart.
func (p *plan) passes(side *sidecar, i int) bool {
	a := side.attrs[i]
	if p.bounded {
		if sec := side.second(side.rows[i]); sec < p.from || sec >= p.to {
			return false
		}
	}
	if !p.filtered {
		return p.withheld || a.state() != stateWithheld
	}
	return (p.accounts == nil || p.accounts[a.account()]) &&
		p.states>>side.state(a)&1 == 1 && p.types>>a.kind()&1 == 1 && a&p.flags == p.set
}

// plain reports whether the expression and a span of rowids say it all.
func (p *plan) plain(side *sidecar) bool {
	return !p.filtered && (!p.bounded || len(side.moved) == 0)
}

// span returns the rowids [lo, hi] that a plain plan asks for.
func (p *plan) span() (lo, hi int64) {
	if !p.bounded {
		return 0, math.MaxInt64
	}
	if p.from >= p.to || p.to <= 0 {
		return 1, 0
	}
	hi = int64(math.MaxInt64)
	if p.to < 1<<33 {
		hi = p.to<<idBits - 1
	}
	if p.from >= 1<<33 {
		return 1, 0
	}
	return max(p.from, 0) << idBits, hi
}
