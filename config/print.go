// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Print returns c as YAML, with defaults filled in and paths absolute. It
// parses to the same Config.
func (c *Config) Print() []byte {
	var p printer
	p.section(0, "archive")
	p.value(1, "name", c.Archive.Name)
	p.section(1, "operator")
	p.value(2, "name", c.Archive.Operator.Name)
	p.value(2, "email", c.Archive.Operator.Email)
	p.value(1, "url", c.Archive.URL)
	p.storage(c.Storage)
	p.value(0, "state_dir", c.StateDir)
	p.line(0, "spool_limit: "+formatSize(c.SpoolLimit))
	p.section(0, "log")
	p.value(1, "origin", c.Log.Origin)
	p.witnesses(c.Log.Witnesses)
	p.section(0, "http")
	p.value(1, "listen", c.HTTP.Listen)
	p.section(0, "crawl")
	p.value(1, "contact", c.Crawl.Contact)
	p.value(1, "confirm_after", short(c.Crawl.ConfirmAfter))
	p.value(1, "offline_after", short(c.Crawl.OfflineAfter))
	p.value(1, "min_interval", short(c.Crawl.MinInterval))
	p.spans(1, "recheck", c.Crawl.Recheck)
	p.value(1, "sweep", short(c.Crawl.Sweep))
	p.value(1, "jitter", strconv.Itoa(c.Crawl.Jitter)+"%")
	p.line(1, "concurrency: "+strconv.Itoa(c.Crawl.Concurrency))
	networks := make([]string, len(c.Crawl.AllowAddresses))
	for i, n := range c.Crawl.AllowAddresses {
		networks[i] = n.String()
	}
	p.list(1, "allow_addresses", networks)
	p.media(c.Media)
	if c.Dispatch.URL != "" {
		p.section(0, "dispatch")
		p.value(1, "url", c.Dispatch.URL)
	}
	p.figures(c.Figures)
	return p.Bytes()
}

// A printer writes YAML in one style: two spaces a level, and quotes wherever
// another reader of YAML might see something else than a text.
type printer struct{ bytes.Buffer }

func (p *printer) line(level int, text string) {
	p.WriteString(strings.Repeat("  ", level))
	p.WriteString(text)
	p.WriteByte('\n')
}

func (p *printer) section(level int, key string) { p.line(level, key+":") }

// value writes a key, unless its value is empty.
func (p *printer) value(level int, key, value string) {
	if value != "" {
		p.line(level, key+": "+quote(value))
	}
}

func (p *printer) list(level int, key string, values []string) {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = quote(v)
	}
	p.line(level, key+": ["+strings.Join(quoted, ", ")+"]")
}

// spans writes a list of durations. They need no quotes.
func (p *printer) spans(level int, key string, list []time.Duration) {
	texts := make([]string, len(list))
	for i, d := range list {
		texts[i] = short(d)
	}
	p.line(level, key+": ["+strings.Join(texts, ", ")+"]")
}

func (p *printer) figures(figures []Figure) {
	if len(figures) == 0 {
		p.line(0, "figures: []")
		return
	}
	p.section(0, "figures")
	for _, f := range figures {
		p.line(1, "- slug: "+quote(f.Slug))
		p.value(2, "name", f.Name)
		if len(f.Sources) == 0 {
			continue
		}
		p.section(2, "sources")
		for _, s := range f.Sources {
			p.source(s)
		}
	}
}

func (p *printer) source(s Source) {
	p.line(3, "- id: "+quote(s.ID))
	p.value(4, "platform", s.Platform)
	p.value(4, "account", s.Account)
	p.value(4, "account_id", s.AccountID)
	p.value(4, "schedule", s.Schedule)
	if len(s.Doors) == 0 {
		return
	}
	p.section(4, "doors")
	for _, d := range s.Doors {
		p.line(5, "- kind: "+quote(d.Kind))
		for _, f := range [...][2]string{
			{"id", d.ID},
			{"url", d.URL}, {"start", d.Start}, {"sitemap", d.Sitemap}, {"match", d.Match}, {"item", d.Item}, {"next", d.Next},
			{"title", d.Title}, {"text", d.Text}, {"date", d.Date}, {"zone", d.Zone},
			{"base_url", d.BaseURL}, {"original_url", d.OriginalURL},
		} {
			p.value(6, f[0], f[1])
		}
		if len(d.Remove) > 0 {
			p.list(6, "remove", d.Remove)
		}
	}
}

var (
	// plain matches what every version of YAML reads as a text without quotes.
	plain = regexp.MustCompile(`^[A-Za-z/.][A-Za-z0-9_/.@+-]*([ :][A-Za-z0-9_/.@+?=&-]+)*$`)
	span  = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ns|us|ms|h|m|s))+$`)
)

// quote writes s as a YAML scalar.
func quote(s string) string {
	reserved := slices.Contains([]string{
		"true", "false", "null", "yes", "no", "on", "off", "y", "n", ".inf", ".nan", ".", "..", "...",
	}, strings.ToLower(s))
	if !reserved && !strings.HasPrefix(s, ".") && plain.MatchString(s) || span.MatchString(s) {
		return s
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	// A JSON text is a YAML text, and encoding one can't fail.
	_ = e.Encode(strings.ToValidUTF8(s, string(utf8.RuneError)))
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\x7f", `\u007f`)
}

// short writes a duration without the zero parts at its end.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func join(networks []netip.Prefix) string {
	texts := make([]string, len(networks))
	for i, n := range networks {
		texts[i] = fmt.Sprint(n)
	}
	return strings.Join(texts, ", ")
}
