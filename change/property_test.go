// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/change"
)

var (
	seed      = flag.Uint64("seed", 0, "seed of the random histories; 0 takes the ones that are always run")
	histories = flag.Int("histories", 120, "number of random histories of each property")
)

// found are seeds that once found a mistake, or something rare.
var found = []uint64{89, 460, 1016, 2181, 4312, 4612, 6268}

// each runs f on random histories and names the seed of one that fails.
func each(t *testing.T, f func(t *testing.T, r *rand.Rand)) {
	n := uint64(*histories)
	if testing.Short() {
		n /= 8
	}
	seeds := []uint64{*seed}
	if *seed == 0 {
		seeds = slices.Clone(found)
		for s := range n {
			seeds = append(seeds, s+1)
		}
	}
	for _, s := range seeds {
		f(t, rand.New(rand.NewPCG(s, 0)))
		if t.Failed() {
			t.Fatalf("history of -seed %d", s)
		}
	}
}

// Whatever fails, is blocked, drifts or is shown in part, and whoever lies
// about it: what was never deleted is never called so on our own word.
func TestNothingThatFailsDeletes(t *testing.T) {
	troubles := []trouble{
		none, none, blocked, outage, drift, partial, glitch, vanished, emptyPage, soft404, banned, mirror, dump, late, signedLie,
	}
	seen := make(map[onrecord.EventType]int)
	each(t, func(t *testing.T, r *rand.Rand) {
		c := &crawl{r: r, tr: newTruth(r, 48*time.Hour, false), w: newWorld("mastodon"), looks: make(map[string][]change.Look)}
		var told []string
		now := epoch
		for range 40 {
			now = now.Add(time.Duration(1+r.IntN(120)) * time.Minute)
			tb := troubles[r.IntN(len(troubles))]
			told = append(told, now.Format(time.DateTime)+" "+string(tb))
			for _, e := range c.visit("masto", now, tb).Events {
				seen[e.Type]++
				told = append(told, "\t"+tell(e))
				if e.Type == onrecord.StatementDeleted && e.Provenance == onrecord.Captured {
					t.Errorf("%s, but nothing was ever deleted:\n%s", tell(e), strings.Join(told, "\n"))
					return
				}
			}
		}
		for id, k := range c.w.statements {
			if k.State == onrecord.StateDeleted && !k.LastSeen.IsZero() {
				t.Errorf("%s is %s", id, k.State)
			}
		}
	})
	for _, typ := range []onrecord.EventType{
		onrecord.StatementLooked, onrecord.SourceGap, onrecord.SourceFrozen, onrecord.SourceThawed,
		onrecord.AccountWasSuspended, onrecord.StatementDeleted,
	} {
		if seen[typ] == 0 && *seed == 0 {
			t.Errorf("no history had a %s: the property says nothing", typ)
		}
	}
}

// Every window of a history that really happened holds the instant at which it
// did.
func TestWindowsHoldTheTruth(t *testing.T) {
	troubles := []trouble{none, none, none, none, none, none, blocked, outage, drift, partial, glitch, soft404, late, mirror}
	seen := make(map[onrecord.EventType]int)
	each(t, func(t *testing.T, r *rand.Rand) {
		c := &crawl{r: r, tr: newTruth(r, 60*time.Hour, true), w: newWorld("mastodon"), looks: make(map[string][]change.Look)}
		if r.IntN(3) == 0 {
			c.offset = time.Duration(r.IntN(600)-300) * time.Second
		}
		sources := []string{"masto", "page", "second", "feed"}[:1+r.IntN(4)]
		var told []string
		now := epoch
		for range 60 {
			now = now.Add(time.Duration(1+r.IntN(120)) * time.Minute)
			tb, source := troubles[r.IntN(len(troubles))], sources[r.IntN(len(sources))]
			told = append(told, now.Format(time.DateTime)+" "+source+" "+string(tb))
			for _, e := range c.visit(source, now, tb).Events {
				seen[e.Type]++
				told = append(told, "\t"+tell(e))
				if !holds(c, e) {
					t.Errorf("%s does not hold the truth %+v:\n%s", tell(e), c.tr.find(e), strings.Join(told, "\n"))
					return
				}
			}
		}
		c.w.checkOrder(t, r, 1)
	})
	for _, typ := range []onrecord.EventType{
		onrecord.StatementCreated, onrecord.StatementEdited, onrecord.StatementDeleted, onrecord.StatementRestored,
		onrecord.AccountWasSuspended, onrecord.AccountRestored, onrecord.PlatformOffline, onrecord.PlatformOnline,
	} {
		if seen[typ] == 0 && *seed == 0 {
			t.Errorf("no history had a %s: the property says nothing", typ)
		}
	}
}

func (tr *truth) find(e onrecord.Event) post {
	i := slices.IndexFunc(tr.posts, func(p *post) bool { return p.id == e.NativeID })
	if i < 0 {
		return post{}
	}
	return *tr.posts[i]
}

// holds reports whether a first-hand event of one instant has a true instant of
// its kind in its window.
func holds(c *crawl, e onrecord.Event) bool {
	if e.Provenance != onrecord.Captured || e.Disputed {
		return !e.Disputed
	}
	p := c.tr.find(e)
	var truths []time.Time
	switch e.Type {
	case onrecord.StatementCreated:
		truths = append(truths, p.made)
		for _, s := range p.absent { // gone before we ever saw it, and back: it came to be seen then
			truths = append(truths, s.to)
		}
		for _, s := range c.tr.suspended {
			truths = append(truths, s.to)
		}
	case onrecord.StatementEdited:
		for i, x := range p.texts {
			if i > 0 && x.words == e.Content.Text {
				truths = append(truths, x.since)
			}
		}
	case onrecord.StatementDeleted:
		for _, s := range p.absent {
			truths = append(truths, s.from)
		}
	case onrecord.StatementRestored:
		for _, s := range p.absent {
			truths = append(truths, s.to)
		}
	case onrecord.AccountWasSuspended:
		for _, s := range c.tr.suspended {
			truths = append(truths, s.from)
		}
	case onrecord.AccountRestored:
		for _, s := range c.tr.suspended {
			truths = append(truths, s.to)
		}
	default:
		return true
	}
	// The truth is told by a true clock, the window by ours.
	return slices.ContainsFunc(truths, func(t time.Time) bool { return e.Window().Contains(t) })
}

// When every visit is good, the archive ends with the truth: what is deleted
// is called so, what is not is not, and every wording is the current one.
func TestGoodVisitsEndWithTheTruth(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		c := &crawl{r: r, tr: newTruth(r, 24*time.Hour, true), w: newWorld("mastodon"), looks: make(map[string][]change.Look)}
		c.tr.down = nil
		now := epoch
		for now.Before(epoch.Add(24 * time.Hour)) {
			now = now.Add(time.Duration(5+r.IntN(20)) * time.Minute)
			c.visit("masto", now, none)
		}
		if c.w.register("masto").known.Frozen != "" {
			return // a person has to look
		}
		for range 60 { // let looks settle
			now = now.Add(time.Hour)
			c.visit("masto", now, none)
		}
		if c.w.register("masto").known.Frozen != "" {
			return
		}
		for _, p := range c.tr.posts {
			k, ok := c.w.statements[onrecord.NewStatementID("mastodon", p.id)]
			if !ok || !visible(c.tr, p, now) {
				continue
			}
			canary := slices.ContainsFunc(c.tr.posts, func(q *post) bool { return q != p && q.live(now) })
			if got := k.State == onrecord.StateDeleted; got == p.live(now) && (got || canary) {
				t.Errorf("post %s is %s; truth: %+v", p.id, k.State, *p)
			}
			if want := p.observe(now).Content.Version(); p.live(now) && k.Version != want {
				t.Errorf("post %s has version %s, want %s; truth: %+v", p.id, k.Version, want, *p)
			}
		}
	})
}

// However wrong our clock was: once it is right and nothing changes any more,
// visits do not go on to record the same changes.
func TestWrongClocksDoNotStutter(t *testing.T) {
	troubles := []trouble{none, none, none, blocked, outage, drift, vanished, emptyPage, banned}
	seen := make(map[onrecord.EventType]int)
	each(t, func(t *testing.T, r *rand.Rand) {
		c := &crawl{r: r, tr: newTruth(r, 24*time.Hour, true), w: newWorld("mastodon"), looks: make(map[string][]change.Look)}
		now := epoch
		for now.Before(epoch.Add(24 * time.Hour)) {
			now = now.Add(time.Duration(5+r.IntN(60)) * time.Minute)
			c.offset = 0
			if r.IntN(3) == 0 {
				c.offset = time.Duration(r.IntN(40*24)-240) * time.Hour
			}
			c.unmeasured = r.IntN(2) == 0
			c.visit("masto", now, troubles[r.IntN(len(troubles))])
		}
		now, c.offset, c.tr.down, c.tr.suspended = epoch.Add(72*time.Hour), 0, nil, nil
		told := make(map[string]bool)
		for n := range 8 {
			now = now.Add(10 * time.Minute)
			for _, e := range c.visit("masto", now, none).Events {
				seen[e.Type]++
				if e.Type == onrecord.SourceLooked || e.Look == onrecord.LookGone || e.Look == onrecord.LookUnclear {
					continue // of which there may be several
				}
				key := fmt.Sprint(e.Type, e.Statement, e.Version, e.Changed, e.State)
				if e.Gap != nil {
					key += e.Gap.Reason
				}
				if told[key] {
					t.Errorf("visit %d after the clock was put right: again %s", n, tell(e))
				}
				told[key] = true
			}
		}
	})
	for _, typ := range []onrecord.EventType{onrecord.SourceGap, onrecord.SourceThawed, onrecord.PlatformOnline, onrecord.AccountRestored, onrecord.StatementEdited} {
		if seen[typ] == 0 && *seed == 0 {
			t.Errorf("no history had a %s: the property says nothing", typ)
		}
	}
}

// visible reports whether the newest page would show the post if it were live.
func visible(tr *truth, p *post, now time.Time) bool {
	newer := 0
	for _, q := range tr.posts {
		if q.made.After(p.made) && q.live(now) {
			newer++
		}
	}
	return newer < 11
}

// Between changes nothing that it is given, and says the same twice.
func TestBetweenIsPure(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	c := &crawl{r: r, tr: newTruth(r, 48*time.Hour, true), w: newWorld("mastodon"), looks: make(map[string][]change.Look)}
	now := epoch
	for range 80 {
		now = now.Add(30 * time.Minute)
		v := change.Visit{
			Source: "masto", Platform: "mastodon", Door: "api", Parser: "api/1", Started: now, Ended: now,
			Can: onrecord.Capabilities{CompleteRanges: true, OwnAddress: true, AccountStates: true},
		}
		c.ask(&v, c.pages(&v, now, none), none)
		k := c.w.known("masto")
		before := deepCopy(k)
		one := change.Between(k, v)
		if diff := gocmp.Diff(before, k); diff != "" {
			t.Fatalf("Between changed what is known (-before +after):\n%s", diff)
		}
		if diff := gocmp.Diff(one, change.Between(k, v)); diff != "" {
			t.Fatalf("Between says two things (-first +second):\n%s", diff)
		}
		c.looks["masto"] = c.w.visit(v).Due
	}
	if len(c.w.events) < 20 {
		t.Fatalf("only %d events: the test says nothing", len(c.w.events))
	}
}

func deepCopy(k change.Known) change.Known {
	out := k
	out.Statements = make(map[onrecord.StatementID]onrecord.Known)
	for id, s := range k.Statements {
		out.Statements[id] = s.Clone()
	}
	out.Account, out.Source, out.Runs = k.Account.Clone(), k.Source.Clone(), slices.Clone(k.Runs)
	for i := range out.Runs {
		out.Runs[i].Seen, out.Runs[i].Except = slices.Clone(out.Runs[i].Seen), slices.Clone(out.Runs[i].Except)
		out.Runs[i].Unread, out.Runs[i].Asked = slices.Clone(out.Runs[i].Unread), slices.Clone(out.Runs[i].Asked)
	}
	return out
}
