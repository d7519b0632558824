// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"onrecord"
	"onrecord/change"
)

// A world does for visits what the archive and its views do: it judges them
// one after the other, gives the events their places in the ledger, and folds
// them.
type world struct {
	platform   string
	statements map[onrecord.StatementID]onrecord.Known
	account    onrecord.KnownAccount
	others     map[string]*onrecord.KnownAccount // by id
	sources    map[string]*register
	events     []onrecord.Event
	next       int64 // ledger index
}

// A register is the state register of a source, and what the views know of it.
type register struct {
	known     onrecord.KnownSource
	runs      []onrecord.Run
	failing   *onrecord.Failing
	lastGood  time.Time
	accountID string
}

func newWorld(platform string) *world {
	return &world{
		platform:   platform,
		statements: make(map[onrecord.StatementID]onrecord.Known),
		others:     make(map[string]*onrecord.KnownAccount),
		sources:    make(map[string]*register),
		next:       1,
	}
}

func (w *world) register(source string) *register {
	if w.sources[source] == nil {
		w.sources[source] = &register{known: onrecord.KnownSource{Source: source}}
	}
	return w.sources[source]
}

// accountOf returns what is known of an account: the world's, or another.
func (w *world) accountOf(id string) *onrecord.KnownAccount {
	if id == "" || w.account.ID == "" || id == w.account.ID {
		return &w.account
	}
	if w.others[id] == nil {
		w.others[id] = &onrecord.KnownAccount{Platform: w.platform, ID: id}
	}
	return w.others[id]
}

// known composes what Between is to know of a source.
func (w *world) known(source string) change.Known {
	r := w.register(source)
	k := change.Known{
		Account: *w.accountOf(r.accountID), Source: r.known, Statements: w.statements, Base: w.next - 1,
		Runs: r.runs, Failing: r.failing, LastGood: r.lastGood,
	}
	if k.Account.ID == "" {
		k.Account.ID = r.accountID
	}
	return k
}

// visit judges a visit, commits and folds its events.
func (w *world) visit(v change.Visit) change.Result {
	r := w.register(v.Source)
	r.accountID = cmp.Or(r.accountID, v.AccountID)
	res := change.Between(w.known(v.Source), v)
	r.runs, r.failing = res.Runs, res.Failing
	r.accountID = cmp.Or(r.accountID, res.AccountID)
	if res.Good && !v.Late {
		r.lastGood = v.Ended
	}
	w.commit(res.Events)
	return res
}

// commit gives events their places in the ledger and folds them.
func (w *world) commit(events []onrecord.Event) {
	if len(events) == 0 {
		return
	}
	w.next++ // the visit line
	for i := range events {
		events[i].Index = w.next
		w.next++
		w.apply(events[i])
	}
	w.events = append(w.events, events...)
}

func (w *world) apply(e onrecord.Event) {
	w.accountOf(e.Account.ID).Apply(e)
	w.register(e.Source).known.Apply(e)
	if e.Type == onrecord.SourceLooked {
		for id, k := range w.statements {
			k.Apply(e)
			w.statements[id] = k
		}
		return
	}
	if e.Statement != "" {
		k := w.statements[e.Statement].Clone()
		k.Apply(e)
		w.statements[e.Statement] = k
	}
}

// checkOrder folds the world's events again in random orders, and twice, and
// wants the same statements, account and sources. Only runs keep their place
// after the events that they know.
func (w *world) checkOrder(t testing.TB, rng *rand.Rand, times int) {
	t.Helper()
	for range times {
		other := newWorld(w.platform)
		other.account.Platform, other.account.ID = w.account.Platform, w.account.ID
		list := slices.Clone(w.events)
		rng.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
		list = append(list, list[:len(list)/3]...)
		list = causal(list)
		for _, e := range list {
			other.apply(e)
		}
		diff := gocmp.Diff(w.statements, other.statements, cmpopts.EquateEmpty()) +
			gocmp.Diff(w.account, other.account, cmpopts.EquateEmpty()) +
			gocmp.Diff(w.others, other.others, cmpopts.EquateEmpty())
		for id, r := range w.sources {
			diff += gocmp.Diff(r.known, other.register(id).known, cmpopts.EquateEmpty())
		}
		if diff != "" {
			t.Fatalf("folding in another order gives another result (-ledger order +other):\n%s", diff)
		}
	}
}

// causal moves each run behind the events up to its base.
func causal(list []onrecord.Event) []onrecord.Event {
	var out, wait []onrecord.Event
	left := make(map[int64]int)
	for _, e := range list {
		left[e.Index]++
	}
	ready := func(e onrecord.Event) bool {
		for i := range left {
			if i <= e.Run.Base && left[i] > 0 {
				return false
			}
		}
		return true
	}
	for _, e := range list {
		if e.Type == onrecord.SourceLooked {
			wait = append(wait, e)
			left[e.Index]--
			continue
		}
		out = append(out, e)
		left[e.Index]--
		if left[e.Index] > 0 {
			continue
		}
		wait = slices.DeleteFunc(wait, func(r onrecord.Event) bool {
			if ready(r) {
				out = append(out, r)
				return true
			}
			return false
		})
	}
	return append(out, wait...)
}

// clock words t: without its date where that is the date of the event.
func clock(t, event time.Time) string {
	layout := "15:04"
	if t.Second() != 0 || t.Nanosecond() != 0 {
		layout = "15:04:05.999"
	}
	if t.Format(time.DateOnly) != event.Format(time.DateOnly) {
		layout = "2006-01-02T" + layout
	}
	return t.Format(layout)
}

// tell words an event as stories do.
func tell(e onrecord.Event) string {
	f := []string{string(e.Type)}
	add := func(ok bool, w ...string) {
		if ok {
			f = append(f, w...)
		}
	}
	add(e.Statement != "", e.NativeID)
	if e.Run != nil {
		return tellRun(e)
	}
	add(!e.After.IsZero(), "after", clock(e.After, e.At))
	f = append(f, "by", clock(e.By, e.At))
	add(!e.By.Equal(e.At), "at", clock(e.At, e.At))
	add(e.Disputed, "disputed")
	add(e.Grade != "", string(e.Grade))
	add(e.Look != "", string(e.Look))
	add(e.Code != "", "code", e.Code)
	add(e.State != "" && e.Type != onrecord.AccountIdentityChanged, string(e.State))
	if e.Gap != nil {
		f = append(f, map[bool]string{true: "opened", false: "closed"}[e.Gap.Open], e.Gap.Reason)
	}
	add(e.Reason != "", "reason", strconv.Quote(e.Reason))
	if strings.HasPrefix(string(e.Type), "account.") {
		add(e.Account.Handle != "", "handle", e.Account.Handle)
	}
	if e.Type == onrecord.AccountIdentityChanged {
		f = append(f, "observed", e.Observed.ID)
	}
	if e.Content != nil {
		f = append(f, strconv.Quote(e.Content.Text))
	}
	add(!e.Changed.IsZero(), "changed", clock(e.Changed, e.At))
	add(e.Provenance != onrecord.Captured, string(e.Provenance))
	for _, a := range e.Aliases {
		f = append(f, "alias", a)
	}
	return strings.Join(f, " ")
}

func tellRun(e onrecord.Event) string {
	r := e.Run
	s := fmt.Sprintf("%s %s from %s until %s visits %d", e.Type, r.Door, clock(r.From, time.Time{}), clock(r.Until, r.From), r.Visits)
	if !r.Range.IsZero() {
		s += " range " + r.Range.From + ".." + r.Range.To
	}
	if r.Account != "" {
		s += " account " + string(r.Account)
	}
	s += fmt.Sprintf(" except %d seen %d", len(r.Except), len(r.Seen))
	if len(r.Unread) > 0 {
		s += fmt.Sprintf(" unread %d", len(r.Unread))
	}
	for _, a := range r.Asked {
		s += " asked at " + clock(a.At, r.From) + fmt.Sprintf(" read %d live %d gone %d unclear %d", len(a.Read), len(a.Live), len(a.Gone), len(a.Unclear))
	}
	return s
}

// tellKnown words what is known of a statement.
func (w *world) tellKnown(native string, texts map[onrecord.VersionID]string, now time.Time) string {
	k, ok := w.statements[onrecord.NewStatementID(w.platform, native)]
	if !ok {
		return native + " unknown"
	}
	f := []string{native, string(k.State)}
	if under := k.StateUnder(w.account.State, w.offline()); under != k.State {
		f = append(f, "shown", string(under))
	}
	if k.Grade != "" {
		f = append(f, string(k.Grade))
	}
	if k.LastSeen.IsZero() {
		f = append(f, "never seen")
	} else {
		f = append(f, "seen", clock(k.LastSeen, now))
	}
	if k.Version != "" {
		f = append(f, strconv.Quote(texts[k.Version]), "of", strconv.Itoa(len(k.Versions)))
	}
	return strings.Join(f, " ")
}

func (w *world) offline() bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(w.sources)), func(r *register) bool { return r.known.Offline })
}
