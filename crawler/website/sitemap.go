// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html/charset"

	"onrecord"
	"onrecord/crawler"
)

// Bounds of a sitemap (sitemaps.org): the protocol allows 50,000 addresses and
// 50 MiB, uncompressed.
const (
	maxMap      = 50 << 20
	maxMapURLs  = 50_000
	maxMapDepth = 16
	maxMaps     = 200 // sitemaps of one index that are asked for
)

// hintSlack is how far the clock of a site may lag behind ours before a change
// that its sitemap reports is missed.
const hintSlack = 10 * time.Minute

// An entry is one address of a sitemap.
type entry struct {
	loc     string
	lastmod string
	changed time.Time // lastmod as an instant; zero if it can't be read
	whole   bool      // lastmod is a day and no time
}

// sitemap reads a sitemap, or an index of sitemaps. What it names is asked for,
// the latest first: unknown items, and, as a hint, known ones that changed since
// the last visit. It shows no statements itself: many sites name in it for years
// what is long gone.
func (r reading) sitemap() (crawler.Page, error) {
	p, ok, err := r.refused()
	if !ok {
		return p, err
	}
	body, err := gunzip(r.capture.Body)
	if err != nil {
		return p, err
	}
	entries, index, err := readMap(body)
	if err != nil {
		return p, err
	}
	since := parseCursor(r.capture.Request.State)
	for i := range entries {
		r.date(&entries[i])
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return b.changed.Compare(a.changed) })
	p.Account = r.account()
	p.Cursor = cursor{at: r.capture.At}.String()
	if index {
		p.Cursor = cursor{r.capture.At, []string{indexMark}}.String()
		return p, r.deeper(&p, entries, since)
	}
	return p, r.named(&p, entries, since)
}

// date reads when an entry was changed.
func (r reading) date(e *entry) {
	t, precision, ok := crawler.ParseDate(e.lastmod, r.door.zone)
	if ok {
		e.changed, e.whole = t, precision != onrecord.PrecisionSecond && precision != onrecord.PrecisionMinute
	}
}

// changedSince reports whether an entry was changed since the last visit, which
// is no where either time is not known.
func (e entry) changedSince(c cursor) bool {
	if e.changed.IsZero() || c.at.IsZero() {
		return false
	}
	if e.whole {
		return !e.changed.Add(24 * time.Hour).Before(c.at)
	}
	return e.changed.After(c.at.Add(-hintSlack))
}

// deeper asks for the sitemaps that an index names: all of them at first, later
// those that may have changed.
func (r reading) deeper(p *crawler.Page, entries []entry, since cursor) error {
	kind := kindMap2
	switch r.capture.Request.Kind {
	case kindMap2:
		kind = kindMap3
	case kindMap3:
		return fmt.Errorf("indexes of sitemaps nested deeper than three: %w", crawler.ErrDrift)
	}
	for _, e := range entries {
		at := r.own(e.loc)
		if at == "" || !since.at.IsZero() && !e.changed.IsZero() && !e.changedSince(since) || len(p.Follow) == maxMaps {
			continue
		}
		p.Follow = append(p.Follow, mapRequest(at, kind, r.capture.Request.State, false))
	}
	return nil
}

// named asks for the items that a sitemap names.
func (r reading) named(p *crawler.Page, entries []entry, since cursor) error {
	own := map[string]bool{r.home(): true, canonical(r.target.URL): true}
	for _, e := range entries {
		at := r.own(e.loc)
		id := canonical(at)
		if id == "" || own[id] || !glob(r.door.match, at) {
			continue
		}
		own[id] = true
		if len(p.Follow) == maxRequests {
			p.Short = fmt.Sprintf("a sitemap of %d addresses: only the %d items changed last are asked for", len(entries), maxRequests)
			break
		}
		p.Follow = append(p.Follow, itemRequest(onrecord.Ref{NativeID: id, URL: at}, "", !e.changedSince(since)))
	}
	if len(p.Follow) == 0 && (len(entries) == 0 || r.door.match != "") {
		return fmt.Errorf("a sitemap of %d addresses, none of an item%s: %w", len(entries), r.matching(), crawler.ErrDrift)
	}
	return nil
}

// own resolves an address of a sitemap; nothing for one of another site, which
// no sitemap speaks for.
func (r reading) own(loc string) string {
	base, err := url.Parse(r.capture.URL)
	if err != nil {
		return ""
	}
	at := resolve(base, loc)
	if !crawler.SameSite(hostOf(at), r.host()) {
		return ""
	}
	return at
}

// gunzip returns a sitemap as XML: many are compressed files (.xml.gz).
func gunzip(b []byte) ([]byte, error) {
	if !bytes.HasPrefix(b, []byte("\x1f\x8b")) {
		if len(b) > maxMap {
			return nil, fmt.Errorf("a sitemap of %d bytes, at most %d: %w", len(b), maxMap, crawler.ErrDrift)
		}
		return b, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("a compressed sitemap: %w: %w", err, crawler.ErrDrift)
	}
	out, err := io.ReadAll(io.LimitReader(z, maxMap+1))
	if err == nil && len(out) > maxMap {
		err = fmt.Errorf("more than %d bytes", maxMap)
	}
	if err != nil {
		return nil, fmt.Errorf("a compressed sitemap: %w: %w", err, crawler.ErrDrift)
	}
	return out, nil
}

// readMap reads the entries of a sitemap, or of an index.
func readMap(body []byte) (entries []entry, index bool, err error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	d.Strict = false
	d.CharsetReader = charset.NewReaderLabel
	var path []string
	var e entry
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, false, fmt.Errorf("a sitemap: %w: %w", err, crawler.ErrDrift)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if path = append(path, strings.ToLower(t.Name.Local)); len(path) > maxMapDepth {
				return nil, false, fmt.Errorf("a sitemap nested deeper than %d: %w", maxMapDepth, crawler.ErrDrift)
			}
			if len(path) == 2 {
				e = entry{}
			}
		case xml.EndElement:
			if len(path) == 2 && e.loc != "" && len(entries) < maxMapURLs {
				entries = append(entries, e)
			}
			path = path[:max(len(path)-1, 0)]
		case xml.CharData:
			e.take(path, t)
		}
		switch {
		case len(path) != 1:
		case path[0] == "sitemapindex":
			index = true
		case path[0] != "urlset":
			return nil, false, fmt.Errorf("no sitemap, but an XML document with the root %.40q: %w", path[0], crawler.ErrDrift)
		}
	}
	if len(entries) == 0 {
		return nil, false, fmt.Errorf("a sitemap without addresses: %w", crawler.ErrDrift)
	}
	return entries, index, nil
}

// take adds text to the field that path names.
func (e *entry) take(path []string, text []byte) {
	if len(path) != 3 && len(path) != 4 || len(text) > 4*onrecord.MaxNativeID {
		return
	}
	s := strings.TrimSpace(string(text))
	switch {
	case len(path) == 3 && path[2] == "loc":
		e.loc += s
	case len(path) == 3 && path[2] == "lastmod":
		e.lastmod += s
	case len(path) == 4 && path[2] == "news" && path[3] == "publication_date":
		e.lastmod = cmp.Or(e.lastmod, s)
	}
}
