// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"onrecord"
	"onrecord/crawler"
)

// A reading turns one document into a page.
type reading struct {
	door    *Door
	target  crawler.Target
	capture crawler.Capture
	doc     document
	home    string // the site's address in canonical form: as a link it names no item
}

func (r reading) page() crawler.Page {
	host := r.account()
	p := crawler.Page{Account: onrecord.AccountObservation{State: onrecord.AccountLive, ID: host, Handle: host}}
	if len(r.doc.entries) > MaxItems {
		// What is left out may be all that is new: the visit is not whole.
		r.doc.entries, p.Outcome = r.doc.entries[:MaxItems], onrecord.OutcomeTruncated
	}
	own := r.ownUpdated()
	if home, err := onrecord.CanonicalURL(resolve(r.base(), r.doc.home)); err == nil {
		r.home = home
	}
	seen := map[string]string{} // place on the page, by native id
	for _, e := range r.doc.entries {
		o := r.observe(e, host, own)
		_, place, _ := strings.Cut(o.URL, "#")
		if other, ok := seen[o.NativeID]; ok {
			// Two items with one address are the same statement listed twice,
			// unless they name different places on the page.
			if place == "" || other == "" || place == other || e.guid == "" {
				continue
			}
			o.NativeID = r.guidID(host, e)
			if _, ok := seen[o.NativeID]; ok {
				continue
			}
		}
		seen[o.NativeID] = place
		p.Items = append(p.Items, o)
	}
	for _, g := range r.doc.graves[:min(len(r.doc.graves), MaxItems)] {
		p.Items = append(p.Items, r.bury(g, host))
	}
	r.goOn(&p)
	return p
}

// account returns the stable id of the account: as configured, else the host
// of the configured address.
func (r reading) account() string {
	return cmp.Or(r.target.AccountID, hostOf(r.target.URL), hostOf(r.capture.Request.URL), hostOf(r.capture.URL))
}

// base is what relative addresses are resolved against.
func (r reading) base() string { return cmp.Or(r.capture.URL, r.capture.Request.URL, r.target.URL) }

func (r reading) observe(e entry, host string, own bool) onrecord.Observation {
	o := onrecord.Observation{State: onrecord.ItemLive}
	link := resolve(r.base(), e.link)
	o.ID = clip(strings.TrimSpace(e.guid))
	o.URL = clip(link)
	if id, err := onrecord.CanonicalURL(link); err == nil && id != r.home {
		o.NativeID = id
	} else {
		o.NativeID = r.guidID(host, e)
		if o.URL == "" && e.permalink {
			o.URL = clip(resolve("", e.guid))
		}
	}
	if id, err := onrecord.CanonicalURL(e.original); err == nil && id != o.NativeID {
		o.Aliases = append(o.Aliases, id)
	}
	if r.doc.identified && e.guid != "" {
		if id := r.guidID(host, e); id != o.NativeID {
			o.Aliases = append(o.Aliases, id)
		}
	}
	o.Content = r.content(e, cmp.Or(link, r.base()))
	o.Published, o.Precision = r.instant(o.Content.Published)
	if !own {
		o.Changed = r.changed(e)
	}
	return o
}

// guidID returns the native id of an item that has no link of its own. An item
// without a GUID that can stand in an id is named by the hash of it, or of
// title and date.
func (r reading) guidID(host string, e entry) string {
	guid := norm.NFC.String(strings.TrimSpace(e.guid))
	if guid != "" {
		if id := onrecord.GUIDNativeID(host, guid); onrecord.CheckNativeID(id) == nil {
			return id
		}
	} else {
		guid = cmp.Or(e.title, e.html, e.plain) + "\n" + e.published
	}
	sum := sha256.Sum256([]byte(guid))
	return onrecord.GUIDNativeID(host, "sha256:"+hex.EncodeToString(sum[:]))
}

func (r reading) content(e entry, base string) onrecord.Content {
	c := onrecord.Content{
		Type:      "article",
		Title:     titleText(e.title),
		Lang:      clip(strings.TrimSpace(cmp.Or(e.lang, r.doc.lang))),
		Published: clip(oneLine(e.published)),
	}
	if e.html != "" {
		c.HTML = e.html
		c.Text = onrecord.PlainText(e.html)
		c.Links = crawler.SteadyLinks(onrecord.LinksAt(base, e.html))
	} else {
		c.Text = strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "").Replace(e.plain))
	}
	for _, k := range e.categories {
		if k = oneLine(onrecord.PlainText(k)); k != "" && !slices.Contains(c.Categories, k) && len(c.Categories) < 100 {
			c.Categories = append(c.Categories, k)
		}
	}
	for _, m := range e.media {
		id := mediaID(base, m.url)
		same := func(o onrecord.Media) bool { return o.ID == id }
		if id != "" && len(c.Media) < 100 && !slices.ContainsFunc(c.Media, same) {
			c.Media = append(c.Media, crawler.MediaAt(onrecord.Media{ID: id}, base, m.url, m.kind))
		}
	}
	return c
}

// mediaID returns the address of an attachment without query and fragment.
func mediaID(base, address string) string {
	id := resolve(base, address)
	if i := strings.IndexAny(id, "?#"); i >= 0 {
		id = id[:i]
	}
	return clip(id)
}

// instant reads a claimed date.
func (r reading) instant(s string) (time.Time, onrecord.Precision) {
	t, p, ok := crawler.ParseDate(s, r.door.zone)
	if !ok {
		return time.Time{}, ""
	}
	return t, p
}

// ownUpdated reports whether the feed stamps every entry with its own time, so
// that "updated" says when the feed was made and nothing of the entries.
func (r reading) ownUpdated() bool {
	if len(r.doc.entries) < 2 || r.doc.entries[0].updated == "" {
		return false
	}
	return !slices.ContainsFunc(r.doc.entries, func(e entry) bool { return e.updated != r.doc.entries[0].updated })
}

// changed returns when an entry's wording began, by its own claim. A claim
// within a minute of the capture, or after it, is the clock of a server that
// stamps as it answers.
func (r reading) changed(e entry) time.Time {
	t, p := r.instant(e.updated)
	if p != onrecord.PrecisionSecond && p != onrecord.PrecisionMinute {
		return time.Time{}
	}
	if !r.capture.At.IsZero() && t.After(r.capture.At.Add(-time.Minute)) {
		return time.Time{}
	}
	return t
}

// bury turns a tombstone into the observation of a deletion that the publisher
// issued.
func (r reading) bury(g grave, host string) onrecord.Observation {
	o := onrecord.Observation{State: onrecord.ItemGone, Code: "deleted-entry", Signed: true}
	o.ID = clip(strings.TrimSpace(g.ref))
	o.NativeID = r.guidID(host, entry{guid: cmp.Or(g.ref, g.link)})
	if link := resolve(r.base(), g.link); link != "" {
		o.URL = clip(link)
		if id, err := onrecord.CanonicalURL(link); err == nil {
			o.Aliases = []string{o.NativeID}
			o.NativeID = id
		}
	}
	o.Changed, _ = r.instant(g.when)
	return o
}

// cursorItems is how many items a cursor remembers.
const cursorItems = 32

// goOn sets the cursor and the way to older items. A cursor is the statement
// ids of the newest items, each 16 characters: one of them on a page means
// that everything older is known, and one may be deleted without harm.
func (r reading) goOn(p *crawler.Page) {
	var ids []string
	for _, o := range p.Items {
		if o.State == onrecord.ItemLive {
			ids = append(ids, string(onrecord.NewStatementID(Platform, o.NativeID)))
		}
	}
	if r.capture.Request.Kind != kindOlder && len(ids) > 0 {
		p.Cursor = strings.Join(ids[:min(len(ids), cursorItems)], " ")
	}
	older := resolve(r.base(), r.doc.older)
	if older == "" || older == r.capture.URL || older == r.capture.Request.URL || len(older) > onrecord.MaxNativeID {
		return
	}
	for id := range strings.FieldsSeq(r.capture.Request.State) {
		if slices.Contains(ids, id) {
			return
		}
	}
	p.Next = []crawler.Request{pageRequest(older, kindOlder, r.capture.Request.State)}
}

// titleText returns a title as one line of plain text. Titles are text in some
// formats and HTML in others, and publishers mix them up: what looks like a tag
// is one only if HTML has it.
func titleText(s string) string {
	if !htmlTag.MatchString(s) {
		s = strings.ReplaceAll(s, "<", "&lt;")
	}
	return oneLine(onrecord.PlainText(s))
}

// htmlTag finds the elements that stand in titles.
var htmlTag = regexp.MustCompile(`(?i)</?(?:a|abbr|b|bdi|big|br|cite|code|del|div|em|font|h[1-6]|hr|i|img|ins|kbd|li|mark|ol|p|pre|q|s|script|small|span|strike|strong|style|sub|sup|time|tt|u|ul|wbr)(?:\s[^>]*)?/?>`)

// oneLine joins lines and collapses white space.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// clip drops what is too long to be what it claims: an id, an address, a date.
func clip(s string) string {
	if len(s) > onrecord.MaxNativeID {
		return ""
	}
	return s
}
