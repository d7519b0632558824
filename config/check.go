// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The defaults of what may be left out.
const (
	defaultListen       = "127.0.0.1:8080"
	defaultStateDir     = ".onrecord"
	defaultConfirmAfter = 10 * time.Minute
	defaultOfflineAfter = time.Hour
	defaultMinInterval  = time.Second
	defaultSweep        = 30 * 24 * time.Hour
	leastRecheck        = time.Minute
	defaultJitter       = 10 // percent
	mostJitter          = 50
	defaultConcurrency  = 32
	mostConcurrency     = 1024
)

// defaultRecheck is the plan by which statements are asked for again.
func defaultRecheck() []time.Duration {
	const day = 24 * time.Hour
	return []time.Duration{15 * time.Minute, 35 * time.Minute, 2 * time.Hour, day, 7 * day, 30 * day}
}

// builtIn is the source of the operator's own acts (record.md 1.12).
const builtIn = "archive"

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// platforms are those whose native ids are fixed: a name out of this list would
// go into ids that can't be changed later.
func platforms() []string {
	return []string{"bluesky", "broadcast", "email", "gab", "mastodon", "telegram", "truthsocial", "website", "x"}
}

// A checker checks the values of a Config and fills in defaults.
type checker struct {
	*Config
	o        Options
	dir      string // of the file
	given    map[string]bool
	problems []Problem
}

func (k *checker) fault(path, hint, format string, args ...any) {
	p := k.Problem(path, format, args...)
	p.Hint = hint
	k.problems = append(k.problems, p)
}

func (k *checker) warn(path, hint, format string, args ...any) {
	p := k.Problem(path, format, args...)
	p.Hint, p.Warning = hint, true
	k.problems = append(k.problems, p)
}

// required reports a value that is missing, unless it, or what it should stand
// in, was read with a problem.
func (k *checker) required(path, value string) bool {
	if value != "" {
		return true
	}
	if !slices.ContainsFunc(k.problems, func(p Problem) bool {
		return !p.Warning && (p.Path == "" || p.Path == path || strings.HasPrefix(path, p.Path+"."))
	}) {
		k.fault(path, "", "is required")
	}
	return false
}

// faulty reports whether the value at path was read with a problem.
func (k *checker) faulty(path string) bool {
	return slices.ContainsFunc(k.problems, func(p Problem) bool { return p.Path == path })
}

func (k *checker) check() {
	k.archive()
	k.places()
	k.witnesses()
	k.crawl()
	k.media()
	slugs := map[string]string{}
	ids := map[string]string{builtIn: "the archive's own acts"}
	for i := range k.Figures {
		f, path := &k.Figures[i], fmt.Sprintf("figures[%d]", i)
		k.id(path+".slug", f.Slug, path, slugs)
		k.required(path+".name", f.Name)
		for j := range f.Sources {
			k.source(&f.Sources[j], fmt.Sprintf("%s.sources[%d]", path, j), ids)
		}
	}
}

func (k *checker) archive() {
	k.required("archive.name", k.Archive.Name)
	k.required("archive.operator.name", k.Archive.Operator.Name)
	if email := k.Archive.Operator.Email; k.required("archive.operator.email", email) && !isAddress(email) {
		k.fault("archive.operator.email", "such as desk@archive.example", "%q is no e-mail address", email)
	}
	if k.required("archive.url", k.Archive.URL) {
		k.Archive.URL = strings.TrimRight(k.Archive.URL, "/")
		k.webURL("archive.url", k.Archive.URL)
	}
	if o := k.Log.Origin; k.required("log.origin", o) && (strings.ContainsAny(o, " \t\r\n+") || strings.Contains(o, "://")) {
		k.fault("log.origin", "such as archive.example/log", "%q is no name of a log: it has no scheme, no space and no plus sign", o)
	}
	k.HTTP.Listen = cmp.Or(k.HTTP.Listen, defaultListen)
	_, port, err := net.SplitHostPort(k.HTTP.Listen)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n == 0 && port != "0" {
		k.fault("http.listen", "such as 127.0.0.1:8080", "%q is no host and port", k.HTTP.Listen)
	}
}

func (k *checker) abs(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(k.dir, path)
}

func (k *checker) crawl() {
	c := &k.Crawl
	c.Contact = cmp.Or(c.Contact, k.Archive.Operator.Email)
	if c.Contact != "" && !isAddress(c.Contact) && !isWebURL(c.Contact) {
		k.fault("crawl.contact", "it goes into the User-Agent", "%q is neither an e-mail address nor a URL", c.Contact)
	}
	for _, d := range []struct {
		path     string
		value    *time.Duration
		fallback time.Duration
		least    time.Duration
	}{
		{"crawl.confirm_after", &c.ConfirmAfter, defaultConfirmAfter, 0},
		{"crawl.offline_after", &c.OfflineAfter, defaultOfflineAfter, time.Nanosecond},
		{"crawl.min_interval", &c.MinInterval, defaultMinInterval, 0},
		{"crawl.sweep", &c.Sweep, defaultSweep, leastRecheck},
	} {
		switch {
		case !k.given[d.path]:
			*d.value = d.fallback
		case *d.value < d.least && !k.faulty(d.path):
			k.fault(d.path, "", "%s is too short", short(*d.value))
		}
	}
	k.recheck()
	k.whole("crawl.jitter", &c.Jitter, defaultJitter, 0, mostJitter)
	k.whole("crawl.concurrency", &c.Concurrency, defaultConcurrency, 1, mostConcurrency)
	k.queue()
	if c.ConfirmAfter < defaultConfirmAfter && c.ConfirmAfter >= 0 && k.given["crawl.confirm_after"] {
		k.shortConfirm()
	}
	if len(c.AllowAddresses) > 0 {
		k.warn("crawl.allow_addresses", "for tests and demonstrations only", "requests may reach %s, which the guard refuses otherwise", join(c.AllowAddresses))
	}
}

// whole checks a whole number, and fills in its default.
func (k *checker) whole(path string, value *int, fallback, least, most int) {
	switch {
	case !k.given[path]:
		*value = fallback
	case (*value < least || *value > most) && !k.faulty(path):
		k.fault(path, "", "%d is not between %d and %d", *value, least, most)
	}
}

// queue checks where due visits are queued.
func (k *checker) queue() {
	for one := range strings.SplitSeq(k.Dispatch.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		switch {
		case k.Dispatch.URL == "":
		case err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "":
			k.fault("dispatch.url", "such as nats://queue.example:4222; left out, the queue is inside the process", "%q is no NATS server", one)
		case u.User != nil:
			k.fault("dispatch.url", "", "a password does not belong into a URL")
		}
	}
}

// recheck checks the plan of re-checks: each point comes after the one before.
func (k *checker) recheck() {
	const path = "crawl.recheck"
	if !k.given[path] {
		k.Crawl.Recheck = defaultRecheck()
		return
	}
	last := time.Duration(0)
	for i, d := range k.Crawl.Recheck {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case k.faulty(at):
		case d-last < leastRecheck && i == 0:
			k.fault(at, "", "%s is too short: at least %s", short(d), short(leastRecheck))
		case d-last < leastRecheck:
			k.fault(at, "", "%s must come at least %s after %s", short(d), short(leastRecheck), short(last))
		}
		last = max(last, d)
	}
}

// shortConfirm judges a crawl.confirm_after below its least.
func (k *checker) shortConfirm() {
	const path = "crawl.confirm_after"
	if k.faulty(path) {
		return
	}
	if len(k.Crawl.AllowAddresses) == 0 {
		k.fault(path, "", "%s is less than %s: two looks so close confirm nothing", short(k.Crawl.ConfirmAfter), short(defaultConfirmAfter))
		return
	}
	k.warn(path, "for tests and demonstrations only", "deletions are confirmed after %s", short(k.Crawl.ConfirmAfter))
}

// id checks an id and that no other has it.
func (k *checker) id(path, id, owner string, taken map[string]string) {
	if !k.required(path, id) {
		return
	}
	if !idPattern.MatchString(id) {
		k.fault(path, "a to z, 0 to 9 and -, at most 63", "%q is no id", id)
		return
	}
	if other, ok := taken[id]; ok {
		k.fault(path, "", "%q is taken by %s", id, other)
		return
	}
	taken[id] = owner
}

func (k *checker) source(s *Source, path string, ids map[string]string) {
	k.id(path+".id", s.ID, path, ids)
	if k.required(path+".platform", s.Platform) && !slices.Contains(platforms(), s.Platform) {
		k.fault(path+".platform", didYouMean(s.Platform, platforms()), "%q is no known platform", s.Platform)
	}
	if s.Account == "" && s.AccountID == "" && s.Platform != "website" {
		k.fault(path, "", "names neither account nor account_id")
	}
	for name, v := range map[string]string{"account": s.Account, "account_id": s.AccountID} {
		if strings.TrimSpace(v) != v || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			k.fault(path+"."+name, "", "%q has space around it or a line break in it", v)
		}
	}
	switch {
	case s.Schedule != "" && len(s.Doors) == 0:
		k.fault(path+".schedule", "", "a schedule, but no door")
	case s.Schedule == "" && len(s.Doors) > 0:
		k.warn(path, "", "has doors but no schedule: it is visited by hand only")
	case s.Schedule != "" && k.o.Schedule != nil:
		if err := k.o.Schedule(s.Schedule); err != nil {
			k.fault(path+".schedule", "five cron fields in UTC, or @every 5m, @hourly …", "%v", err)
		}
	}
	k.doors(s, path)
}

func isAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && a.Name == ""
}

func isWebURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

func (k *checker) webURL(path, s string) {
	if u, err := url.Parse(s); err == nil && u.User != nil {
		k.fault(path, "", "a password does not belong into a URL")
	} else if !isWebURL(s) {
		k.fault(path, "such as https://jane.example/feed.xml", "%q is no http or https URL", s)
	}
}
