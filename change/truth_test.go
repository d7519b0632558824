// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"onrecord"
	"onrecord/change"
)

// A truth is what really happened on a platform, which no visit ever sees as a
// whole. Posts are in the order of their making; ids are made by counting.
type truth struct {
	posts     []*post
	suspended []span // spans in which the account was suspended
	down      []span // spans in which nothing answered
}

type post struct {
	id     string
	made   time.Time
	texts  []text // oldest first; the first began when it was made
	absent []span // spans in which it was deleted
}

type text struct {
	since time.Time
	words string
}

// A span is [from, to); a zero to has no end.
type span struct{ from, to time.Time }

func (s span) holds(t time.Time) bool {
	return !t.Before(s.from) && (s.to.IsZero() || t.Before(s.to))
}

func within(list []span, t time.Time) bool {
	return slices.ContainsFunc(list, func(s span) bool { return s.holds(t) })
}

func (p *post) live(t time.Time) bool { return !t.Before(p.made) && !within(p.absent, t) }

func (p *post) at(t time.Time) string {
	words := ""
	for _, x := range p.texts {
		if !x.since.After(t) {
			words = x.words
		}
	}
	return words
}

// history is the platform's own list of the wordings until t.
func (p *post) history(t time.Time) []onrecord.Observation {
	var out []onrecord.Observation
	for _, x := range p.texts {
		if !x.since.After(t) {
			o := p.observe(t)
			o.Content.Text, o.Changed = x.words, x.since
			out = append(out, o)
		}
	}
	return out
}

func (p *post) observe(t time.Time) onrecord.Observation {
	return onrecord.Observation{
		Ref: onrecord.Ref{NativeID: p.id}, Order: p.id, State: onrecord.ItemLive,
		Content: onrecord.Content{Type: "post", Text: p.at(t)},
	}
}

var epoch = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// newTruth makes up a history of about the given length. Without ends, nothing
// is ever deleted, banned or down.
func newTruth(r *rand.Rand, length time.Duration, ends bool) *truth {
	moment := func() time.Time { return epoch.Add(time.Duration(r.Int64N(int64(length)))) }
	var made []time.Time
	for range 3 + r.IntN(22) {
		t := moment()
		if r.IntN(2) == 0 {
			t = epoch.Add(-time.Duration(1+r.IntN(1000)) * time.Minute) // before the first visit
		}
		made = append(made, t)
	}
	slices.SortFunc(made, time.Time.Compare)
	tr := &truth{}
	for i, t := range made {
		p := &post{id: strconv.Itoa(100 + i), made: t, texts: []text{{t, fmt.Sprintf("post %d", i)}}}
		for r.IntN(3) == 0 {
			words := fmt.Sprintf("post %d, wording %d", i, r.IntN(3)) // now and then an old one again
			if last := p.texts[len(p.texts)-1]; words != last.words {
				p.texts = append(p.texts, text{last.since.Add(time.Duration(1 + r.Int64N(int64(length/3)))), words})
			}
		}
		if ends && r.IntN(4) == 0 {
			s := span{from: t.Add(time.Duration(1 + r.Int64N(int64(length/2))))}
			if r.IntN(3) == 0 {
				s.to = s.from.Add(time.Duration(1 + r.Int64N(int64(length/3))))
			}
			p.absent = append(p.absent, s)
		}
		tr.posts = append(tr.posts, p)
	}
	if ends && r.IntN(3) == 0 {
		s := span{from: moment()}
		s.to = s.from.Add(time.Duration(1 + r.Int64N(int64(length/4))))
		tr.suspended = append(tr.suspended, s)
	}
	if ends && r.IntN(3) == 0 {
		s := span{from: moment()}
		s.to = s.from.Add(time.Duration(1+r.IntN(300)) * time.Minute)
		tr.down = append(tr.down, s)
	}
	return tr
}

// A crawler of tests visits a truth through a source, and fails as asked.
type crawl struct {
	r          *rand.Rand
	tr         *truth
	w          *world
	offset     time.Duration // of our clock, measured as skew
	unmeasured bool          // nobody measures it
	looks      map[string][]change.Look
}

// A trouble is how a visit goes wrong.
type trouble string

const (
	none      trouble = ""
	blocked   trouble = "blocked"
	outage    trouble = "outage"
	drift     trouble = "drift"
	partial   trouble = "partial"    // the second page fails
	glitch    trouble = "glitch"     // the list leaves posts out
	vanished  trouble = "vanished"   // the list leaves out half
	emptyPage trouble = "empty"      // the list is empty
	soft404   trouble = "soft 404"   // every own address says that it is gone
	banned    trouble = "banned"     // the account is called suspended, everything is gone
	mirror    trouble = "mirror"     // a mirror, which lies
	dump      trouble = "dump"       // an import that reports everything deleted
	late      trouble = "late"       // a visit that comes too late, with everything gone
	signedLie trouble = "signed lie" // a mirror that shows a signed deletion
)

// visit makes one visit that begins at t by the true clock.
func (c *crawl) visit(source string, t time.Time, tb trouble) change.Result {
	v := change.Visit{
		Source: source, Figure: "jane-example", Platform: "mastodon", Door: "api", Kind: "api", Parser: "api/1",
		Can:     onrecord.Capabilities{CompleteRanges: true, OwnAddress: true, AccountStates: true, EditSignal: true},
		Started: c.clock(t), Outcome: onrecord.OutcomeOK, Skew: c.offset,
	}
	if source == "feed" || source == "page" {
		v.Can.CompleteRanges = false
	}
	if c.unmeasured {
		v.Skew = 0
	}
	asked := t.Add(time.Duration(c.r.IntN(3000)) * time.Millisecond)
	if within(c.tr.down, asked) {
		tb = outage
	}
	switch tb {
	case blocked, drift:
		v.Outcome = onrecord.Outcome(tb)
		c.answer(&v, "page", asked).Outcome = v.Outcome
	case outage:
		v.Outcome, v.AllFailed, v.OtherAnswered = onrecord.OutcomeOutage, true, true
	default:
		asked = c.pages(&v, asked, tb)
		asked = c.ask(&v, asked, tb)
	}
	v.Ended = c.clock(asked.Add(5 * time.Second))
	c.change(&v, tb)
	res := c.w.visit(v)
	if !v.Late && v.Provenance == "" {
		c.looks[source] = res.Due
	}
	return res
}

// change turns a visit into one that may only add.
func (c *crawl) change(v *change.Visit, tb trouble) {
	switch tb {
	case mirror, signedLie:
		v.Door, v.Can.ThirdParty = "mirror", true
		for i := range v.Seen {
			for n := range v.Seen[i].Items {
				o := &v.Seen[i].Items[n]
				o.State, o.Signed = onrecord.ItemGone, tb == signedLie
			}
		}
	case dump:
		v.Source, v.Provenance = "dump", onrecord.Imported
		for i := range v.Seen {
			for n := range v.Seen[i].Items {
				v.Seen[i].Items[n].State = onrecord.ItemGone
			}
		}
	case late:
		v.Late = true
	}
}

func (c *crawl) clock(t time.Time) time.Time { return t.Add(c.offset) }

// answer adds an answer that was asked for at the given time and came a second
// later; what it shows is the truth of a moment between.
func (c *crawl) answer(v *change.Visit, kind string, asked time.Time) *onrecord.Seen {
	v.Seen = append(v.Seen, onrecord.Seen{
		Kind: kind, At: c.clock(asked.Add(time.Second)), Outcome: onrecord.OutcomeOK,
		Capture: onrecord.CaptureRef{Object: "captures/" + kind, At: c.clock(asked), Offset: int64(len(v.Seen))},
	})
	return &v.Seen[len(v.Seen)-1]
}

// pages shows the account and its newest posts, on one page or two.
func (c *crawl) pages(v *change.Visit, asked time.Time, tb trouble) time.Time {
	s := c.answer(v, "page", asked)
	now := asked.Add(time.Duration(c.r.IntN(1000)) * time.Millisecond)
	s.Account = onrecord.AccountObservation{State: onrecord.AccountLive, ID: "7", Handle: "jane"}
	if within(c.tr.suspended, now) || tb == banned {
		s.Account.State = onrecord.AccountSuspended
		return asked.Add(2 * time.Second)
	}
	var shown []*post
	for _, p := range slices.Backward(c.tr.posts) {
		if p.live(now) && len(shown) < 12 {
			shown = append(shown, p)
		}
	}
	from := ""
	if len(shown) == 12 {
		from = shown[11].id
	}
	s.Range = onrecord.Range{From: from, FromIn: true, ToIn: true}
	for i, p := range shown {
		hidden := c.w.statements[onrecord.NewStatementID("mastodon", p.id)].Statement != "" &&
			(tb == glitch && c.r.IntN(6) == 0 || tb == vanished && i%2 == 0 || tb == emptyPage || tb == late)
		if !hidden {
			s.Items = append(s.Items, p.observe(now))
			s.Items[len(s.Items)-1].Partial = v.Source == "page"
		}
	}
	if v.Source == "page" {
		asked = c.details(v, shown, asked)
	}
	if tb == partial {
		s.Items = s.Items[:len(s.Items)/2]
		v.Outcome = onrecord.OutcomeRateLimited
		c.answer(v, "page", asked.Add(2*time.Second)).Outcome = onrecord.OutcomeRateLimited
	}
	if len(shown) > 0 && c.r.IntN(4) == 0 {
		asked = asked.Add(2 * time.Second)
		if p := shown[c.r.IntN(len(shown))]; p.live(asked) {
			h := c.answer(v, "history", asked)
			h.About, h.Items = onrecord.Ref{NativeID: p.id}, p.history(asked)
		}
	}
	return asked.Add(2 * time.Second)
}

// details reads the own pages of the posts that are new to the source.
func (c *crawl) details(v *change.Visit, shown []*post, asked time.Time) time.Time {
	for _, p := range shown {
		k := c.w.statements[onrecord.NewStatementID("mastodon", p.id)]
		if _, ok := k.Readings[onrecord.ReadingKey(v.Source, v.Door, v.Parser)]; ok || c.r.IntN(4) == 0 {
			continue
		}
		asked = asked.Add(2 * time.Second)
		if p.live(asked) && !within(c.tr.suspended, asked) {
			s := c.answer(v, "item", asked)
			s.About, s.Items = onrecord.Ref{NativeID: p.id}, []onrecord.Observation{p.observe(asked)}
		}
	}
	return asked
}

// rechecks picks a few known posts that nobody suspects.
func (c *crawl) rechecks() (refs []onrecord.Ref) {
	for _, p := range c.tr.posts {
		k, ok := c.w.statements[onrecord.NewStatementID("mastodon", p.id)]
		if ok && !k.Suspect() && c.r.IntN(6) == 0 {
			refs = append(refs, k.Ref)
		}
	}
	return refs
}

// ask asks suspects and a canary for their own addresses, and a few others.
func (c *crawl) ask(v *change.Visit, asked time.Time, tb trouble) time.Time {
	var refs []onrecord.Ref
	for _, l := range c.looks[v.Source] {
		if !l.At.After(c.clock(asked)) {
			refs = append(refs, l.Ref)
		}
	}
	for _, ref := range c.rechecks() {
		if !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	if n := len(refs); n > 0 {
		refs = append(refs, c.w.known(v.Source).Canaries(1, func(r onrecord.Ref) bool { return !slices.Contains(refs[:n], r) })...)
	}
	for _, ref := range refs {
		s := c.answer(v, "look", asked)
		now := asked.Add(time.Duration(c.r.IntN(1000)) * time.Millisecond)
		s.About = ref
		o := onrecord.Observation{Ref: ref, State: onrecord.ItemGone, Code: "404"}
		i := slices.IndexFunc(c.tr.posts, func(p *post) bool { return p.id == ref.NativeID })
		if c.tr.posts[i].live(now) && !within(c.tr.suspended, now) && tb != soft404 && tb != banned && tb != late {
			o = c.tr.posts[i].observe(now)
			o.Partial = v.Source == "feed" // its own page is none that this door reads
		}
		s.Items = append(s.Items, o)
		asked = asked.Add(2 * time.Second)
	}
	return asked
}
