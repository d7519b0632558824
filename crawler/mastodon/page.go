// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mastodon

import (
	"fmt"
	"net/url"
	"strings"

	"onrecord"
	"onrecord/crawler"
)

// maxStatuses is how many statuses of one page are read: more than any server
// gives.
const maxStatuses = 1000

// page reads a list of statuses.
func (r reading) page() (crawler.Page, error) {
	st, ok := parseState(r.capture.Request.State)
	if !ok {
		return crawler.Page{}, fmt.Errorf("page without its state: %w", crawler.ErrDrift)
	}
	var list []status
	if err := decode(r.capture.Body, &list); err != nil {
		return crawler.Page{}, err
	}
	if list == nil || len(list) > maxStatuses {
		return crawler.Page{}, fmt.Errorf("%d statuses in a list, at most %d: %w", len(list), maxStatuses, crawler.ErrDrift)
	}
	p := crawler.Page{}
	cur := parseCursor(r.target.Cursor)
	if cur.Account != st.Account {
		cur = cursor{Account: st.Account}
	}
	next := cur
	for i := range list {
		if err := r.status(&list[i], st, &p, cur, &next); err != nil {
			return crawler.Page{}, err
		}
	}
	r.span(list, st, &p)
	if r.capture.Request.Kind == kindPage {
		if len(list) > 0 {
			next.advance(&list[0])
		}
		p.Cursor = next.encode()
	}
	return p, nil
}

// status adds what one status of a list shows to p, and its edit to next.
func (r reading) status(s *status, st state, p *crawler.Page, cur cursor, next *cursor) error {
	if err := s.check(); err != nil {
		return err
	}
	if string(s.Account.ID) != st.Account {
		return fmt.Errorf("status %s in the list of account %s is by account %.40q: %w", s.ID, st.Account, s.Account.ID, crawler.ErrDrift)
	}
	actor, err := s.Account.actor()
	if err != nil {
		return err
	}
	own := actor + "#" + st.Account
	if r.target.AccountID == own {
		p.Account.ID = own
	} else {
		p.Account.ID = actor
	}
	// That it has statuses says nothing of an account that the look-up calls
	// suspended: lists are cached. What the status itself says, counts.
	s.Account.ending(&p.Account)
	if !s.public() {
		return nil
	}
	o, err := s.observe(actor)
	if err != nil {
		return err
	}
	p.Items = append(p.Items, o)
	if o.Changed.IsZero() {
		return nil
	}
	isNew := r.capture.Request.Kind == kindOlder || cur.Newest == "" || onrecord.CompareOrder(string(s.ID), cur.Newest) > 0
	if isNew || o.Changed.After(cur.Edited) {
		p.Follow = append(p.Follow, r.historyOf(s, o))
	}
	if o.Changed.After(next.Edited) {
		next.Edited = o.Changed
	}
	return nil
}

// advance moves the cursor to the newest status of the newest page, never back:
// the newest one may be gone.
func (c *cursor) advance(s *status) {
	if c.Newest != "" && onrecord.CompareOrder(string(s.ID), c.Newest) <= 0 && order(c.Newest) != "" {
		return
	}
	c.Newest = string(s.ID)
	c.NewestAt, _ = instant(s.CreatedAt)
}

// span says which part of the account's statuses the page shows whole, and
// where it goes on.
//
// Statuses are listed by falling id, so a page shows every one from its last to
// its first, the newest page also all that are newer than its first, and the
// last page all that are older than its last. Only decimal ids are compared:
// how others sort is their server's affair. A page that is not in this order
// (pinned statuses before the others) is no range.
func (r reading) span(list []status, st state, p *crawler.Page) {
	if len(list) == 0 {
		// The end of the history; or an account whose list its server
		// keeps back. Nobody can tell, so nothing follows from it.
		return
	}
	last := string(list[len(list)-1].ID)
	more := r.more(len(list))
	if inOrder(list, st.Max) {
		p.Range = onrecord.Range{From: last, FromIn: true, To: st.Max, ToIn: st.Max == ""}
		if more == no {
			p.Range.From = ""
		}
	}
	if more != no && last != st.Max && !st.reached(&list[len(list)-1]) {
		older := st
		older.Max = last
		p.Next = []crawler.Request{r.door.page(r.server, older)}
	}
}

// reached reports whether s is as old as the newest status of the last visit,
// or older: by id, or by date where ids can't be compared.
func (st state) reached(s *status) bool {
	if order(st.Stop) != "" && order(string(s.ID)) != "" {
		return onrecord.CompareOrder(string(s.ID), st.Stop) <= 0
	}
	at, ok := instant(s.CreatedAt)
	return st.Stop == string(s.ID) || ok && !st.StopAt.IsZero() && at.Before(st.StopAt)
}

// inOrder reports whether the ids are decimal and fall, from below max on.
func inOrder(list []status, max string) bool {
	above := max
	for i := range list {
		id := order(string(list[i].ID))
		if id == "" || above != "" && onrecord.CompareOrder(id, above) >= 0 || max != "" && order(max) == "" {
			return false
		}
		above = id
	}
	return true
}

// An answer to the question whether there are older statuses.
type answer int

const (
	no answer = iota
	maybe
	yes
)

// more reports whether the server has older statuses than the n of this page.
// It names the next page in a Link header while pages are full. A page without
// one that is short is the last, unless its length may be the most that this
// server gives.
func (r reading) more(n int) answer {
	for _, field := range r.capture.Header.Values("Link") {
		for link := range strings.SplitSeq(field, ",") {
			target, rel, _ := strings.Cut(link, ";")
			if strings.Contains(strings.ReplaceAll(rel, "'", `"`), `rel="next"`) && hasMax(target) {
				return yes
			}
		}
	}
	if n >= r.door.size || n >= 10 && (n%4 == 0 || n%5 == 0) {
		return maybe
	}
	return no
}

// hasMax reports whether a link's target, in angle brackets, asks for what is
// before a status.
func hasMax(target string) bool {
	u, err := url.Parse(strings.Trim(strings.TrimSpace(target), "<>"))
	return err == nil && u.Query().Get("max_id") != ""
}
