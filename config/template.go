// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"strconv"
	"strings"
	"time"
)

// Template returns a commented file for a new archive, with the values of c
// filled in; what c leaves out is shown as a comment, with its default. It
// parses to c with defaults.
func Template(c Config) []byte {
	var p printer
	p.head(c)
	p.crawl(c.Crawl)
	p.mediaHead(c.Media)
	p.note(0, "Whom the archive mirrors. Ids of sources and slugs of figures stay for ever.")
	if len(c.Figures) > 0 {
		p.figures(c.Figures)
		return p.Bytes()
	}
	for line := range strings.Lines(example) {
		p.note(0, strings.TrimRight(line, "\n"))
	}
	p.line(0, "figures: []")
	return p.Bytes()
}

func (p *printer) head(c Config) {
	p.note(0, "The configuration of this archive. Check it with: onrecord config check")
	p.section(0, "archive")
	p.filled(1, "name", c.Archive.Name, "Archive Example")
	p.note(1, "Who runs the archive and answers for it; shown on every page.")
	p.section(1, "operator")
	p.filled(2, "name", c.Archive.Operator.Name, "Example e.V.")
	p.filled(2, "email", c.Archive.Operator.Email, "desk@archive.example")
	p.note(1, "Where readers find the archive.")
	p.filled(1, "url", c.Archive.URL, "http://"+defaultListen)
	p.storageHead(c.Storage)
	p.note(0, "Spool, catalog and the key of the log: on a disk of this machine, never shared.")
	p.either(0, "state_dir", c.StateDir, defaultStateDir)
	p.note(0, "How much may wait there while the bucket can't be reached. At the limit no visit is begun.")
	p.line(0, "spool_limit: "+formatSize(cmp.Or(c.SpoolLimit, defaultSpoolLimit)))
	p.note(0, "The name of the transparency log. It is signed into every checkpoint: never change it.")
	p.section(0, "log")
	p.filled(1, "origin", c.Log.Origin, "archive.example/log")
	p.witnessesShown(c.Log.Witnesses)
	p.section(0, "http")
	p.filled(1, "listen", c.HTTP.Listen, defaultListen)
}

func (p *printer) crawl(c Crawl) {
	contact := c.Contact
	p.section(0, "crawl")
	p.note(1, "Goes into the User-Agent, so that whoever runs a platform can write to you.")
	p.either(1, "contact", contact, "desk@archive.example")
	p.note(1, "Between the two looks that confirm a deletion; at least 10m.")
	p.span(1, "confirm_after", c.ConfirmAfter, defaultConfirmAfter)
	p.note(1, "How long every request must fail before a platform counts as offline.")
	p.span(1, "offline_after", c.OfflineAfter, defaultOfflineAfter)
	p.note(1, "Between two requests to one host. A platform's own floor is never undercut.")
	p.span(1, "min_interval", c.MinInterval, defaultMinInterval)
	p.note(1, "How long after a statement was first seen its own address is asked again, so that")
	p.note(1, "edits and deletions are found; and once in how long after that.")
	recheck := c.Recheck
	if recheck == nil {
		recheck = defaultRecheck()
	}
	p.spans(1, "recheck", recheck)
	p.span(1, "sweep", c.Sweep, defaultSweep)
	p.note(1, "By how much of its interval the visits of each source are shifted, so that not all begin at once.")
	p.value(1, "jitter", strconv.Itoa(cmp.Or(c.Jitter, defaultJitter))+"%")
	p.note(1, "How many hosts are visited at once.")
	p.line(1, "concurrency: "+strconv.Itoa(cmp.Or(c.Concurrency, defaultConcurrency)))
	p.note(1, "Private networks that may be asked, such as 127.0.0.0/8: for tests only.")
	networks := make([]string, len(c.AllowAddresses))
	for i, n := range c.AllowAddresses {
		networks[i] = n.String()
	}
	p.list(1, "allow_addresses", networks)
}

// example is a figure with one source of each kind, about an invented person.
const example = `
figures:
  - slug: jane-example
    name: Jane Example
    sources:
      - id: press
        platform: website
        account_id: jane.example            # a website's account is its host
        schedule: "@every 5m"               # or five cron fields, in UTC: "*/10 * * * *"
        doors:                              # in order of preference
          - {kind: feed, url: "https://jane.example/feed.xml"}
      - id: masto
        platform: mastodon
        account: "@jane@social.example"     # the server is the part after the last @
        schedule: "@every 2m"
        doors:
          - {kind: api}
`

func (p *printer) note(level int, text string) { p.line(level, strings.TrimRight("# "+text, " ")) }

// filled writes a key with its value, or with what stands in for it.
func (p *printer) filled(level int, key, value, instead string) {
	if value == "" {
		value = instead
	}
	p.value(level, key, value)
}

// either writes a key with its value, or its default as a comment.
func (p *printer) either(level int, key, value, fallback string) {
	if value == "" {
		p.line(level, "# "+key+": "+quote(fallback))
		return
	}
	p.value(level, key, value)
}

func (p *printer) span(level int, key string, d, fallback time.Duration) {
	if d == 0 {
		d = fallback
	}
	p.value(level, key, short(d))
}
