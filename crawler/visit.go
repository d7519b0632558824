// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"onrecord"
)

// maxRedirects is how many redirects of one request are followed.
const maxRedirects = 10

// barren is after how many pages in a row without a statement that is new to
// the visit a chain of older pages is given up: it leads nowhere.
const barren = 3

// errNotRecorded is what a replayed source answers to a request that the
// record does not hold.
var errNotRecorded = errors.New("not recorded")

// A fetcher makes requests: over the network, or from a record. An error other
// than errNotRecorded ends the visit.
type fetcher interface {
	fetch(h hop) (*answer, error)
}

// An item is a request that waits to be made.
type item struct {
	req   Request
	from  *page // whose answer asked for it; nil for the visit's own
	role  role
	chain int // pages without a new statement before it
	tried bool
	tries int // how often it failed out of the backlog
}

// A role is what a request is for.
type role int

const (
	roleFirst  role = iota // begins the visit
	roleLook               // a suspect
	roleCanary             // the statement that vouches for the door
	roleDetail             // Page.Follow, also out of the backlog
	roleNext               // Page.Next, also out of the backlog
)

// A page is an answer from which other requests come.
type page struct {
	req  Request
	role role
	lost bool // something that it asked for failed: it must be read again in full
	left bool // and must be asked for again: no visit does so by itself
}

// A visit is the loop over one fetcher. It is for one goroutine.
type visit struct {
	ctx context.Context
	job Job
	src fetcher
	res Result
	t   Target

	asked   map[string]bool // URL and state of the requests made
	ids     map[string]bool // statements seen in this visit
	homes   map[string]bool // hosts that the visit began with; others' refusals don't end it
	details []item
	next    []item
	left    []item // not made

	pagesLeft []*page // older pages of whose details some are left

	cursor    string // of the first page that gave one
	stop      bool   // make no further requests
	foreign   bool   // another account answers: nothing moves
	failures  int    // outages in a row
	short     string // why older pages are given up
	partly    string // why some are lost for good, though the cursor moves
	read      int    // details that were read
	unknown   int    // details whose structure the door does not know
	retryAt   time.Time
	there     bool // something has answered, robots.txt included
	skewKnown bool
	pages     map[string]*page // by URL, for validators
	fresh     map[string]onrecord.Validator
}

// Visit makes the visit that j describes. An error means that the visit could
// not be made or recorded, or that ctx has ended; Result then holds what was
// seen before. What the platform did wrong is no error but an outcome.
//
// The order is: what the door asks for first, the looks and the canary, the
// backlog, then details before older pages, and the checks last; a visit of checks
// only makes the looks and the checks. Redirects are followed to any
// host, each through guard, robots.txt, rate and record of its own, but never
// from https to http; secrets stay with their host. What a rate limit, a bot
// check or the budget leaves undone goes to the backlog.
func (c *Client) Visit(ctx context.Context, j Job) (Result, error) {
	if j.Recorder == nil || j.Door == nil {
		return Result{}, fmt.Errorf("visit %s: no door or no recorder", j.Source)
	}
	if j.Started.IsZero() {
		j.Started = c.now()
	}
	t := &trip{rec: j.Recorder, scrub: scrubber{j.Secrets}, floor: j.Door.Info().MinInterval, prior: priorOf(j.State)}
	return run(ctx, j, c.newLive(ctx, t))
}

// priorOf returns the kept captures that revisit records may refer to.
func priorOf(s onrecord.DoorState) func(string) *onrecord.Prior {
	return func(u string) *onrecord.Prior {
		v, ok := s.Validators[u]
		if !ok || v.KeptDigest == "" {
			return nil
		}
		return &onrecord.Prior{URL: u, At: v.KeptAt, Digest: v.KeptDigest}
	}
}

// run is the visit loop.
func run(ctx context.Context, j Job, src fetcher) (Result, error) {
	j.Budget = j.Budget.withDefaults()
	v := &visit{
		ctx: ctx, job: j, src: src, t: j.Target,
		asked: map[string]bool{}, ids: map[string]bool{}, homes: map[string]bool{},
		pages: map[string]*page{}, fresh: map[string]onrecord.Validator{},
	}
	v.t.Cursor = j.State.Cursor
	v.res.Started = j.Started.UTC().Truncate(time.Microsecond)
	v.res.Ended = v.res.Started
	v.res.received = map[string]time.Time{}
	err := v.all()
	v.finish()
	if err != nil {
		err = fmt.Errorf("visit %s: %w", j.Source, err)
	}
	return v.res, err
}

// all makes the requests in their order.
func (v *visit) all() error {
	if v.job.ChecksOnly {
		return v.alone()
	}
	if err := v.first(); err != nil {
		return err
	}
	if err := v.looks(); err != nil {
		return err
	}
	v.backlog()
	for {
		var it item
		switch {
		case len(v.details) > 0:
			it, v.details = v.details[0], v.details[1:]
		case len(v.next) > 0:
			it, v.next = v.next[0], v.next[1:]
		default:
			return v.checks()
		}
		if err := v.do(it); err != nil {
			return err
		}
	}
}

// first asks for what begins the visit. A look-up that finds the account and
// names no page of its own is followed by the first pages, for which the door
// gets the cursor that the look-up gave.
func (v *visit) first() error {
	lookup, err := v.begin()
	if err != nil {
		return err
	}
	if !lookup || v.t.AccountID == "" || v.stop || len(v.next)+len(v.details) > 0 {
		return nil
	}
	if v.cursor != "" {
		v.t.Cursor, v.cursor = v.cursor, ""
	}
	_, err = v.begin()
	return err
}

// begin makes the requests of Door.First and reports whether they were only
// look-ups.
func (v *visit) begin() (lookup bool, err error) {
	reqs, err := v.firstOf()
	if err != nil {
		return false, fmt.Errorf("door %s: %w", v.job.DoorID, err)
	}
	lookup = len(reqs) > 0
	for _, r := range reqs {
		lookup = lookup && r.Kind == "lookup"
		if err := v.do(item{req: r, role: roleFirst}); err != nil {
			return false, err
		}
	}
	return lookup, nil
}

// looks asks for the suspects, and for the canary where there are any.
func (v *visit) looks() error {
	if len(v.job.Looks) == 0 || !v.healthy() {
		return nil
	}
	for _, ref := range v.job.Looks {
		if err := v.look(ref, roleLook); err != nil {
			return err
		}
	}
	return v.vouch()
}

// look asks for one statement at its own address, where the platform has one.
func (v *visit) look(ref onrecord.Ref, r role) error {
	req, ok, err := v.lookOf(ref)
	if err != nil {
		v.problem("look for "+ref.NativeID, err)
	}
	if !ok {
		return nil
	}
	req.About = ref
	return v.do(item{req: req, role: r})
}

// healthy reports whether what began the visit went well enough to ask on.
func (v *visit) healthy() bool {
	return !v.stop && !v.foreign && (v.job.ChecksOnly || good(v.res.Outcome))
}

func good(o onrecord.Outcome) bool {
	return o == onrecord.OutcomeOK || o == onrecord.OutcomeNotModified
}

// backlog queues what earlier visits left, before the older pages of this one.
func (v *visit) backlog() {
	var old []item
	for _, b := range v.job.State.Backlog {
		it := item{req: Request{URL: b.URL, Header: b.Header, Kind: b.Kind, About: b.About, State: b.State,
			Conditional: b.Conditional, NoRedirect: b.NoRedirect, IfNew: b.IfNew}, role: roleNext, tries: b.Tries}
		if b.IfNew || b.About != (onrecord.Ref{}) {
			it.role = roleDetail
		}
		old = append(old, it)
	}
	v.next = append(old, v.next...)
	if !v.healthy() {
		v.left, v.next = append(v.left, v.next...), nil
		v.left, v.details = append(v.left, v.details...), nil
	}
}

// do makes one request, unless there is a reason not to, and takes in what its
// answer shows.
func (v *visit) do(it item) error {
	key := it.req.URL + "\n" + it.req.State
	if it.role == roleLook || it.role == roleCanary {
		key += "\nlook" // asked for whatever else is
	}
	switch {
	case it.req.IfNew && v.job.Known != nil && v.job.Known(it.req.About), v.asked[key]:
		return nil
	case v.stop || v.spent():
		v.left = append(v.left, it)
		return nil
	}
	v.asked[key] = true
	if why := checkRequest(it.req); why != "" {
		v.problem(it.req.URL, errors.New(why))
		it.lose()
		return nil
	}
	a, trouble, err := v.chase(it)
	switch {
	case errors.Is(err, errNotRecorded):
		v.res.Cut, v.stop = true, true
		v.left = append(v.left, it)
		return nil
	case err != nil:
		return err
	}
	v.take(it, a, trouble)
	return nil
}

// spent reports whether the budget is used up.
func (v *visit) spent() bool {
	b := v.job.Budget
	return v.res.Requests >= b.Requests || v.res.Bytes >= b.Bytes || v.res.Ended.Sub(v.res.Started) >= b.Time
}

// lose says that the page that asked for it must be read again in full.
func (it item) lose() {
	if it.from != nil {
		it.from.lost = true
	}
}

// chase makes a request and those to which redirects lead, and returns the
// last answer, and a verdict where they could not be followed to their end.
func (v *visit) chase(it item) (a *answer, trouble *verdict, err error) {
	h := hop{req: it.req, url: it.req.URL}
	if it.req.Conditional && v.job.State.Parser == v.job.Door.Info().Parser {
		h.val = v.job.State.Validators[it.req.URL]
	}
	for {
		a, err = v.src.fetch(h)
		if err != nil {
			return nil, nil, err
		}
		v.count(a)
		at, err := url.Parse(a.x.URL)
		if err != nil || it.req.NoRedirect || a.note.Verdict != "" {
			return a, nil, nil
		}
		to := redirectTarget(a.x.Status, a.header, at)
		if to == nil {
			return a, nil, nil
		}
		if h.n == maxRedirects {
			return a, &verdict{outcome: onrecord.OutcomeDrift, reason: fmt.Sprintf("more than %d redirects", maxRedirects)}, nil
		}
		if why := fetchable(to, a.x.URL); why != "" {
			return a, &verdict{outcome: onrecord.OutcomeBlocked, reason: "redirect refused: " + why}, nil
		}
		h.from, h.url, h.n = a.x.URL, to.String(), h.n+1
	}
}

// count takes in what every exchange tells, whatever it shows.
func (v *visit) count(a *answer) {
	v.res.Requests++
	v.res.Bytes += int64(len(a.x.Payload))
	v.res.Ended = later(v.res.Ended, a.x.Done)
	v.res.OtherAnswered = v.res.OtherAnswered || a.note.OtherAnswered
	v.there = v.there || a.note.HostAnswered || answers(a)
	if v.res.RobotsNote == "" {
		v.res.RobotsNote = a.note.Robots
		if a.x.Status == 0 {
			v.res.RobotsNote = a.note.Reason
		}
	}
	if date := a.header.Get("Date"); date != "" {
		v.clock(a, date)
	}
}

// clock compares our clock with that of the answer a. The smallest difference
// of a visit counts: pages that were made earlier carry an earlier Date.
func (v *visit) clock(a *answer, field string) {
	date, err := http.ParseTime(field)
	if err != nil {
		return
	}
	// A cache sends the Date of the origin and how long ago that was.
	if age, err := strconv.ParseUint(a.header.Get("Age"), 10, 31); err == nil {
		date = date.Add(time.Duration(age) * time.Second)
	}
	skew := a.x.Done.Sub(date).Truncate(time.Second)
	if !v.skewKnown || skew.Abs() < v.res.Skew.Abs() {
		v.res.Skew, v.skewKnown = skew, true
	}
}
