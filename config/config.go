// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package config is the configuration: one documented struct, read from YAML,
// checked as a whole, printed again.
//
// A file is checked strictly. Unknown keys are errors, and name the nearest
// known one; every problem is reported, not only the first, each at its line
// and column. What other packages know better (cron specs, the kinds of doors,
// selectors) they check through [Options] or report through [Config.Problem],
// at the same places.
//
// Relative paths in the file are relative to the file. Durations are written
// as Go does: 10m, 1h30m. There are no secrets in it.
package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A Config is the whole configuration, with defaults filled in.
type Config struct {
	Archive  Archive
	Storage  Storage
	StateDir string // state_dir: spool, catalog, log key; absolute; default .onrecord beside the file
	Log      Log
	HTTP     HTTP
	Crawl    Crawl
	Dispatch Dispatch
	Media    Media
	// SpoolLimit is how many bytes of visits may wait for the bucket before no
	// visit is begun any more; default 2 GiB.
	SpoolLimit int64
	Figures    []Figure

	// Warnings are problems that keep nobody from starting.
	Warnings []Problem

	file string
	at   map[string]position
}

// Archive says what the archive is and who answers for it.
type Archive struct {
	Name     string
	Operator Operator
	URL      string // where readers find it; http or https, without a slash at the end
}

// Operator is who runs the archive.
type Operator struct {
	Name  string
	Email string
}

// Storage is where the bucket is, and where its replicas are.
type Storage struct {
	Store
	Replicas []Store // filled continuously; each with credentials of its own
	// Erasure is "impossible" where the operator has decided to use a store that
	// can't erase; else empty.
	Erasure string
}

// A Store is a place for a bucket: "file:///absolute/folder" (in the file also
// "file:relative/folder") or "s3://bucket/prefix?endpoint=…&region=…".
type Store struct {
	URL string
	// Credentials is the absolute path of a file with the lines
	// "access_key: …" and "secret_key: …", readable by its owner only; empty:
	// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the environment.
	Credentials string
}

// Log is the transparency log.
type Log struct {
	Origin    string // its name for ever, "archive.example/log"; fixed at init
	Witnesses []Witness
}

// A Witness cosigns checkpoints (C2SP tlog-witness).
type Witness struct {
	Key string // verifier key in note format, "name+hash+key"
	URL string // submission prefix, without a slash at the end
}

// Media says which attachments of statements are fetched and kept.
type Media struct {
	// Types are those that are kept: image, video, audio, document; default all.
	// An empty list that is given keeps none.
	Types []string
	// The largest file of each type that is kept, in bytes; default 20 MiB, 500
	// MiB, 200 MiB, 50 MiB, at most 4 GiB.
	MaxImage, MaxVideo, MaxAudio, MaxDocument int64
	// Imports: attachments that only an import has named are asked for, too. Most
	// of their addresses ended long ago.
	Imports bool
}

// HTTP is the website.
type HTTP struct {
	Listen string // host:port; default 127.0.0.1:8080
}

// Crawl is how the archive behaves towards others.
type Crawl struct {
	Contact      string        // goes into the User-Agent: an address or a URL; default the operator's
	ConfirmAfter time.Duration // between two looks that confirm a deletion; default and least 10m
	OfflineAfter time.Duration // how long every request fails before a platform is offline; default 1h
	MinInterval  time.Duration // between two requests to a host and port; default 1s
	Jitter       int           // percent of the interval by which the ticks of sources are spread, 0 to 50; default 10
	Concurrency  int           // hosts that are visited at once, 1 to 1024; default 32
	// Recheck says how long after it was first seen a statement is asked for
	// again at its own address; increasing, at least 1m apart; default 15m, 35m,
	// 2h, 24h, 168h, 720h. Sweep is once in how long it is asked for after that;
	// at least 1m; default 720h.
	Recheck        []time.Duration
	Sweep          time.Duration
	AllowAddresses []netip.Prefix // private networks that the guard lets through; for tests and demonstrations
}

// Dispatch is the queue of due visits.
type Dispatch struct {
	URL string // of a NATS server or cluster; empty: inside the process
}

// A Figure is a person or body whose statements are mirrored.
type Figure struct {
	Slug    string // [a-z0-9][a-z0-9-]{0,62}, unique
	Name    string
	Sources []Source
}

// A Source is one account as configured.
type Source struct {
	ID        string // [a-z0-9][a-z0-9-]{0,62}, unique in the archive
	Platform  string
	Account   string // handle, as people write it
	AccountID string // the platform's stable id; empty: the first good visit pins it
	Schedule  string // five cron fields in UTC, or @every, @hourly …; empty: visited by hand
	Doors     []Door // in order of preference; none: imports only
}

// A Door is one access path to a source. Which keys a door takes depends on its
// kind.
type Door struct {
	ID   string // unique in the source; default the kind, then kind-2 …
	Kind string // feed, page, preview, api …

	URL     string   // feed: its address
	Start   string   // page: address of the newest page
	Sitemap string   // page: address of a sitemap, beside start or in place of it
	Match   string   // page: addresses that are items, path and query with "*" for anything; empty: all that are listed
	Item    string   // page: selector of the links to items
	Next    string   // page: selector of the link to older pages
	Title   string   // page: selector in an item's page, as are the following
	Text    string   //
	Date    string   // "selector@attribute"
	Remove  []string // what is cut out of Text
	Zone    string   // feed, page: zone of dates without one, "Europe/Paris"; default UTC

	BaseURL string // requests go here in place of the platform's own address
	// OriginalURL is the platform's own address where URL or Start point
	// elsewhere: the same path at the platform's host.
	OriginalURL string
}

// Options say what this release knows, which config does not.
type Options struct {
	Kinds    []Kind                  // of doors
	Schemes  []string                // of storage URLs; file and s3 if nil
	Storage  func(url string) error  // checks a storage URL that is no folder; nil accepts any
	Schedule func(spec string) error // checks a schedule; nil accepts any
	Zone     func(string) error      // checks a time zone; time.LoadLocation if nil
	Selector func(string) error      // checks a selector of a page door; nil accepts any
	Witness  func(key string) error  // checks the key of a witness; nil accepts any
}

// A Kind is a kind of door that this release implements.
type Kind struct {
	Name      string
	Platforms []string                   // that it reads; empty: any
	Account   func(account string) error // checks the account of a source that it reads; nil accepts any
}

// Load reads and checks the file at path. Problems in it are an [*Error].
func Load(path string, o Options) (*Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return Parse(path, b, o)
}

// Parse reads and checks a configuration. path is where it lies, or will lie:
// it stands in problems, and relative paths start in its folder. Problems are
// an [*Error].
func Parse(path string, data []byte, o Options) (*Config, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	r := &reader{file: path, at: map[string]position{}, given: map[string]bool{}}
	c := r.read(data)
	c.file, c.at = path, r.at
	if !r.broken {
		k := &checker{Config: c, o: o, dir: filepath.Dir(abs), given: r.given, problems: r.problems}
		k.check()
		r.problems = k.problems
	}
	var faults []Problem
	for _, p := range r.problems {
		if p.Warning {
			c.Warnings = append(c.Warnings, p)
		} else {
			faults = append(faults, p)
		}
	}
	if len(faults) > 0 {
		sortProblems(faults)
		return nil, &Error{Problems: faults}
	}
	sortProblems(c.Warnings)
	return c, nil
}

// Problem returns a problem of the value at path, such as
// "figures[0].sources[1].schedule", at its place in the file; at that of what
// it stands in, if it is not in the file itself.
func (c *Config) Problem(path, format string, args ...any) Problem {
	p := Problem{File: c.file, Path: path, Message: fmt.Sprintf(format, args...)}
	for at := path; ; {
		if pos, ok := c.at[at]; ok {
			p.Line, p.Column = pos.line, pos.column
			return p
		}
		i := strings.LastIndexAny(at, ".[")
		if i < 0 {
			return p
		}
		at = at[:i]
	}
}

// Source returns the source with this id and its figure.
func (c *Config) Source(id string) (Figure, Source, bool) {
	for _, f := range c.Figures {
		for _, s := range f.Sources {
			if s.ID == id {
				return f, s, true
			}
		}
	}
	return Figure{}, Source{}, false
}
