// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x

import (
	"bytes"
	"strings"

	"onrecord"
)

// A place is where in an answer the walk stands: what the objects around say
// of what they hold.
type place struct {
	status string // id of the status that an entry is for
	user   string // id of the user that an answer is about
	depth  int
}

// answer reads an answer of an interface: API v2's, or GraphQL's of any query.
// Each post, user, tombstone and cursor in it is a record; an answer without
// any is one.
func (r *run) answer(raw []byte) {
	before := r.records
	var d decoder
	d.reset(raw)
	var data, inc, errs, statuses []byte
	d.object(func(key []byte) {
		switch string(key) {
		case "statuses":
			statuses = d.raw()
		case "data":
			data = d.raw()
		case "includes":
			inc = d.raw()
		case "errors":
			errs = d.raw()
		default:
			d.skip()
		}
	})
	switch {
	case len(statuses) > 0: // a search of API v1.1
		r.list(statuses, r.post)
	case isV2(data):
		r.v2(data, inc)
	default:
		d.reset(raw)
		r.walk(&d, place{})
		r.whole(&d, raw)
	}
	if r.records == before || isV2Errors(errs) {
		r.failures(errs, before)
	}
}

// whole refuses a part of an answer that d could not read to its end.
func (r *run) whole(d *decoder, raw []byte) {
	if d.err != nil {
		r.refuse(reasonNotJSON, "", clip(string(raw)))
	}
}

// list reads the elements of an array, or the one value that stands in its
// place.
func (r *run) list(raw []byte, one func(raw []byte)) {
	var d decoder
	d.reset(raw)
	if d.peek() != '[' {
		one(raw)
		return
	}
	d.array(func() {
		if element := d.raw(); d.err == nil {
			one(element)
		}
	})
	r.whole(&d, raw)
}

// walk reads a part of a GraphQL answer. What stands within a post belongs to
// it.
func (r *run) walk(d *decoder, p place) {
	if p.depth++; p.depth > maxWalk {
		d.fail()
		return
	}
	switch d.peek() {
	case '[':
		d.array(func() { r.walk(d, p) })
	case '{':
		raw := d.raw()
		if d.err == nil {
			r.typed(raw, p)
		}
	default:
		d.skip()
	}
}

// typed reads an object by its __typename.
func (r *run) typed(raw []byte, p place) {
	name := p.enter(raw)
	before := r.records
	switch name {
	case "Tweet", "TweetWithVisibilityResults":
		r.post(raw)
		return
	case "TweetTombstone", "TweetUnavailable", "TweetPreviewDisplay":
		r.refuse(reasonUnavailable, p.status, explain(name, raw))
		return
	case "TimelineTimelineCursor":
		r.refuse(reasonNoStatement, "", "a cursor of the timeline")
		return
	case "UserUnavailable":
		r.userUnavailable(raw, p)
		return
	case "User":
		r.user(raw)
	}
	var d decoder
	d.reset(raw)
	d.object(func(key []byte) {
		if name == "User" && !bytes.HasPrefix(key, []byte("timeline")) {
			d.skip()
			return
		}
		r.walk(&d, p)
	})
	r.whole(&d, raw)
	if name == "TimelineTweet" && r.records == before {
		r.refuse(reasonUnavailable, p.status, "an entry without its post")
	}
}

// enter notes what an object says of what it holds, and returns its type.
func (p *place) enter(raw []byte) string {
	var d decoder
	var name string
	d.reset(raw)
	d.object(func(key []byte) {
		switch string(key) {
		case "__typename":
			name = d.str()
		case "entryId":
			if s := d.str(); isID(s[strings.LastIndexByte(s, '-')+1:]) && strings.Contains(s, "tweet-") {
				p.status = s[strings.LastIndexByte(s, '-')+1:]
			}
		case "rest_id":
			p.user = d.str()
		default:
			d.skip()
		}
	})
	return name
}

// explain returns what X says of a post that it does not show.
func explain(name string, raw []byte) string {
	var d decoder
	said := name
	var walk func(key []byte)
	walk = func(key []byte) {
		switch string(key) {
		case "reason", "text":
			if d.peek() == '"' {
				said = name + ": " + clip(d.str())
				return
			}
			d.object(walk)
		case "tombstone", "message":
			d.object(walk)
		default:
			d.skip()
		}
	}
	d.reset(raw)
	d.object(walk)
	return said
}

// post takes a post of an answer.
func (r *run) post(raw []byte) {
	var t tweet
	d := &decoder{}
	d.reset(raw)
	t.inner(d)
	if d.err != nil {
		r.refuse(reasonNotJSON, t.id, clip(string(raw)))
		return
	}
	r.take(&t)
}

// user takes what an answer says of a user: it is no statement.
func (r *run) user(raw []byte) {
	var u user
	var d decoder
	d.reset(raw)
	u.read(&d)
	if u.protected {
		u.protected = false
		r.account(u, onrecord.AccountPrivate, "protected")
		return
	}
	r.account(u, "", "")
}

// userUnavailable takes an answer that says that a user can't be shown.
func (r *run) userUnavailable(raw []byte, p place) {
	var reason string
	var d decoder
	d.reset(raw)
	d.object(func(key []byte) {
		switch string(key) {
		case "reason", "unavailable_reason":
			reason = d.str()
		default:
			d.skip()
		}
	})
	state := onrecord.AccountUnknown
	switch strings.ToLower(reason) {
	case "suspended":
		state = onrecord.AccountSuspended
	case "protected":
		state = onrecord.AccountPrivate
	}
	r.account(user{id: p.user}, state, reason)
}

// failures refuses what an answer says it has no answer for.
func (r *run) failures(errs []byte, before int64) {
	var d decoder
	d.reset(errs)
	if len(errs) > 0 {
		d.array(func() {
			var id, title, detail string
			d.object(func(key []byte) {
				switch string(key) {
				case "value", "resource_id":
					id = d.str()
				case "title":
					title = d.str()
				case "detail", "message":
					detail = d.str()
				default:
					d.skip()
				}
			})
			if !isID(id) {
				id = ""
			}
			r.refuse(reasonUnavailable, id, clip(firstOf(detail, title)))
		})
	}
	if r.records == before {
		r.refuse(reasonNoStatement, "", "an answer without posts")
	}
}

// isV2 reports whether data is that of API v2: a post, a user, or a list.
func isV2(data []byte) bool {
	var d decoder
	d.reset(data)
	plain := false
	look := func() {
		id, typed := false, false
		d.object(func(key []byte) {
			id = id || string(key) == "id"
			typed = typed || string(key) == "__typename" || string(key) == "result"
			d.skip()
		})
		plain = plain || id && !typed
	}
	switch d.peek() {
	case '{':
		look()
	case '[':
		d.array(look)
	}
	return plain && d.err == nil
}

// isV2Errors reports whether errors are API v2's, which name what is missing.
func isV2Errors(errs []byte) bool { return bytes.Contains(errs, []byte(`"resource_type"`)) }

// v2 takes the posts or users of an answer of API v2.
func (r *run) v2(data, inc []byte) {
	var in includes
	var d decoder
	d.reset(inc)
	if len(inc) > 0 {
		in.read(&d)
	}
	r.list(data, func(raw []byte) {
		var t tweet
		var u user
		var e decoder
		e.reset(raw)
		t.inner(&e)
		if !t.hasText && bytes.Contains(raw, []byte(`"username"`)) {
			e.reset(raw)
			u.read(&e)
			r.account(u, "", "")
			return
		}
		if e.err != nil {
			r.whole(&e, raw)
			return
		}
		in.join(&t)
		r.take(&t)
	})
}
