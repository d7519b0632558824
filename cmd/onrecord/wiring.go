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

	"onrecord/change"
	"onrecord/config"
	"onrecord/crawler"
	"onrecord/crawler/feed"
	"onrecord/ingest"
	"onrecord/schedule"
)

// configOptions say to config what this release has and other packages know.
func configOptions() config.Options {
	return config.Options{
		Kinds:    []config.Kind{{Name: "feed"}},
		Schemes:  []string{"file"},
		Schedule: func(spec string) error { _, err := schedule.Parse(spec); return err },
	}
}

// ingester joins the configuration to the write path: a client that names
// itself by it, its sources, its rules.
func (h *house) ingester() (*ingest.Ingester, error) {
	c := h.cfg.Crawl
	limits := crawler.Limits{}
	client, err := crawler.NewClient(crawler.Options{
		Version: version(), ArchiveURL: h.cfg.Archive.URL, Contact: c.Contact, Now: h.env.now, Sleep: h.env.sleep,
		Allow: c.AllowAddresses, MinInterval: c.MinInterval, Limits: limits,
	})
	if err != nil {
		return nil, err
	}
	sources, err := sourcesOf(h.cfg)
	if err != nil {
		return nil, err
	}
	return &ingest.Ingester{
		Record: record{h.archive}, View: h.catalog, Accounts: h.catalog, Client: client, Limits: limits,
		Sources: sources, Now: h.env.now, CatchUp: h.catchUp,
		Rules: change.Config{
			ConfirmAfter: c.ConfirmAfter, OfflineAfter: c.OfflineAfter,
			AllowShortConfirm: len(c.AllowAddresses) > 0,
		},
	}, nil
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
			}
			for _, dc := range c.Doors {
				d, err := doorOf(dc)
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

// doorOf makes a door of its configuration.
func doorOf(c config.Door) (ingest.Door, error) {
	zone := time.UTC
	if c.Zone != "" {
		var err error
		if zone, err = time.LoadLocation(c.Zone); err != nil {
			return ingest.Door{}, err
		}
	}
	d := ingest.Door{ID: c.ID, URL: cmp.Or(c.OriginalURL, c.URL)}
	switch c.Kind {
	case "feed":
		d.Door = feed.New(feed.Options{Zone: zone})
	default:
		return d, fmt.Errorf("this release has no door of kind %q", c.Kind)
	}
	base := c.BaseURL
	if base == "" && c.OriginalURL != "" {
		u, err := url.Parse(c.URL)
		if err != nil {
			return d, err
		}
		base = (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
	}
	at := c.URL
	if base != "" {
		var err error
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
