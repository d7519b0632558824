// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"onrecord/archive/witness"
	"onrecord/catalog"
	"onrecord/change"
	"onrecord/config"
	"onrecord/crawler"
	"onrecord/crawler/feed"
	"onrecord/crawler/mailbox"
	"onrecord/crawler/mastodon"
	"onrecord/crawler/telegram"
	"onrecord/crawler/website"
	"onrecord/crawler/x"
	"onrecord/ingest"
	"onrecord/schedule"
)

// configOptions say to config what this release has and other packages know.
func configOptions() config.Options {
	return config.Options{
		Kinds: []config.Kind{
			{Name: "feed"},
			{Name: "page", Platforms: []string{website.Platform}},
			{Name: "preview", Platforms: []string{telegram.Platform}, Account: telegram.CheckAccount},
			{Name: "api", Platforms: []string{mastodon.Platform}, Account: mastodon.CheckHandle},
		},
		Schemes:  []string{"file", "s3"},
		Storage:  checkStorage,
		Schedule: func(spec string) error { _, err := schedule.Parse(spec); return err },
		Selector: website.CheckSelector,
		Witness:  func(key string) error { _, err := witness.NewVerifier(key); return err },
	}
}

// importers are what "onrecord import" reads, by kind.
func importers(zone *time.Location) []crawler.Importer {
	return []crawler.Importer{
		x.NewTheTrumpArchive().In(zone), x.NewTwitter().In(zone), mailbox.New(), telegram.NewImport(telegram.Options{Zone: zone}),
	}
}

// ingester joins the configuration to the write path: a client that names
// itself by it, its sources, its rules.
func (h *house) ingester() (*ingest.Ingester, error) {
	c := h.cfg.Crawl
	limits := crawler.Limits{}
	client, err := newClient(h.env, h.cfg, limits)
	if err != nil {
		return nil, err
	}
	sources, err := sourcesOf(h.cfg)
	if err != nil {
		return nil, err
	}
	return &ingest.Ingester{
		Record: record{h.archive}, View: h.catalog, Accounts: h.catalog, Client: client, Limits: limits,
		Sources: sources, Now: h.env.now, CatchUp: h.catchUp, Whole: h.whole, Erase: h.eraseAgain, Erased: h.erased, Withheld: h.catalog.WithheldNow, Wordings: h.catalog.Wordings, Veils: new(ingest.Veils), Recheck: planOf(h.cfg), Media: h.media(),
		Rules: change.Config{
			ConfirmAfter: c.ConfirmAfter, OfflineAfter: c.OfflineAfter,
			AllowShortConfirm: len(c.AllowAddresses) > 0,
		},
	}, nil
}

// planOf returns the plan of re-checks that the configuration tells.
func planOf(cfg *config.Config) schedule.Plan {
	return schedule.Plan{Points: cfg.Crawl.Recheck, Sweep: cfg.Crawl.Sweep}
}

// catalogOptions are those of this archive's catalog.
func (h *house) catalogOptions() catalog.Options {
	plan := planOf(h.cfg)
	return catalog.Options{
		MACKey: h.key.cursor, Figures: figureNames(h.cfg), Log: h.log,
		Due: ingest.Recheck(plan), Plan: plan.String(),
	}
}

// newClient makes the client that names itself by the configuration.
func newClient(e *env, cfg *config.Config, limits crawler.Limits) (*crawler.Client, error) {
	o := crawler.Options{
		Version: version(), ArchiveURL: cfg.Archive.URL, Contact: cfg.Crawl.Contact, Now: e.now, Sleep: e.sleep,
		Allow: cfg.Crawl.AllowAddresses, MinInterval: cfg.Crawl.MinInterval, Limits: limits,
	}
	if e.network != nil {
		o.Hosts, o.RootCAs = e.network.hosts, e.network.roots
	}
	return crawler.NewClient(o)
}

// sourcesOf makes the configured sources ready to be visited.
func sourcesOf(cfg *config.Config) ([]ingest.Source, error) {
	var list []ingest.Source
	for _, f := range cfg.Figures {
		for _, c := range f.Sources {
			s := ingest.Source{
				ID: c.ID, Figure: f.Slug, Platform: c.Platform, AccountID: c.AccountID,
				Handle: strings.TrimPrefix(c.Account, "@"), Spec: c.Schedule,
			}
			if c.Schedule != "" {
				var err error
				if s.Schedule, err = schedule.Parse(c.Schedule); err != nil {
					return nil, fmt.Errorf("source %s: %w", c.ID, err)
				}
				s.Schedule = s.Schedule.Spread(c.ID, float64(cfg.Crawl.Jitter)/100)
			}
			for _, dc := range c.Doors {
				d, err := doorOf(c, dc)
				if err != nil {
					return nil, fmt.Errorf("source %s, door %s: %w", c.ID, dc.ID, err)
				}
				s.Doors = append(s.Doors, d)
			}
			list = append(list, s)
		}
	}
	return list, nil
}

// newDoor makes the door that c describes, and says at which address of its
// platform a visit begins.
func newDoor(s config.Source, c config.Door) (d crawler.Door, address string, err error) {
	zone := time.UTC
	if c.Zone != "" {
		if zone, err = time.LoadLocation(c.Zone); err != nil {
			return nil, "", err
		}
	}
	switch c.Kind {
	case "feed":
		return feed.New(feed.Options{Zone: zone}), c.URL, nil
	case "page":
		return pageDoor(c, zone)
	case "api":
		return begins(mastodon.New(mastodon.Options{}), crawler.Target{Handle: s.Account, AccountID: s.AccountID})
	case "preview":
		return begins(telegram.New(telegram.Options{}), crawler.Target{Handle: s.Account, AccountID: s.AccountID})
	}
	return nil, "", fmt.Errorf("this release has no door of kind %q for %s", c.Kind, s.Platform)
}

// pageDoor makes a door to a website's pages. It begins with the listing, or,
// where there is none, with the sitemap. A sitemap at the listing's own host is
// asked for where the listing is: base_url and original_url hold for both.
func pageDoor(c config.Door, zone *time.Location) (crawler.Door, string, error) {
	o := website.Options{
		Item: c.Item, Next: c.Next, Match: c.Match, Title: c.Title, Text: c.Text, Date: c.Date, Remove: c.Remove, Zone: zone,
	}
	at := cmp.Or(c.Start, c.Sitemap)
	if c.Start != "" && c.Sitemap != "" {
		listing, err := url.Parse(c.Start)
		if err != nil {
			return nil, "", err
		}
		sitemap, err := url.Parse(c.Sitemap)
		if err != nil {
			return nil, "", err
		}
		if o.Sitemap = c.Sitemap; sitemap.Scheme == listing.Scheme && sitemap.Host == listing.Host {
			o.Sitemap = sitemap.RequestURI()
		}
	}
	d, err := website.New(o)
	if err != nil {
		return nil, "", err
	}
	return d, at, nil
}

// begins returns d and the address that it begins with at t.
func begins(d crawler.Door, t crawler.Target) (crawler.Door, string, error) {
	first, err := d.First(t)
	if err != nil {
		return nil, "", err
	}
	if len(first) == 0 {
		return nil, "", fmt.Errorf("door %s asks for nothing", d.Info().Kind)
	}
	return d, first[0].URL, nil
}

// doorOf makes a door of its configuration, with its requests sent to where
// that says.
func doorOf(s config.Source, c config.Door) (ingest.Door, error) {
	door, at, err := newDoor(s, c)
	if err != nil {
		return ingest.Door{}, err
	}
	d := ingest.Door{ID: c.ID, Door: door, URL: cmp.Or(c.OriginalURL, at)}
	base := c.BaseURL
	if base == "" && c.OriginalURL != "" {
		u, err := url.Parse(at)
		if err != nil {
			return d, err
		}
		base = (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
	}
	if base != "" {
		if d.Door, err = crawler.Elsewhere(d.Door, base); err != nil {
			return d, err
		}
		at = base
	}
	u, err := url.Parse(at)
	if err != nil {
		return d, err
	}
	d.Host = hostPort(u)
	return d, nil
}

// hostPort returns the host and port that requests to u go to.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
