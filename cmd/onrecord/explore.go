// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"onrecord"
	"onrecord/config"
	"onrecord/crawler"
	"onrecord/crawler/website"
)

// usualFeeds are where feeds are often found, for a site that does not say.
func usualFeeds() []string {
	return []string{"/feed", "/feed.xml", "/rss.xml", "/atom.xml", "/index.xml"}
}

// maxFeedsTried is how many feeds of a site are looked at.
const maxFeedsTried = 5

// explore looks for ways to read a website: the account's id, which is its
// host, and doors to be tried.
func (a *addition) explore(ctx context.Context, page string) (account string, doors []config.Door, err error) {
	u, err := url.Parse(page)
	if err != nil {
		return "", nil, err
	}
	account = strings.ToLower(u.Hostname())
	got, err := a.fetch(ctx, page)
	if err != nil {
		return account, nil, err
	}
	found, err := website.Discover(got)
	if errors.Is(err, crawler.ErrDrift) {
		return account, []config.Door{{Kind: "feed", URL: page}}, nil // perhaps it is one
	} else if err != nil {
		return account, nil, err
	}
	feeds := found.Feeds
	if len(feeds) == 0 {
		for _, path := range usualFeeds() {
			feeds = append(feeds, u.ResolveReference(&url.URL{Path: path}).String())
		}
	}
	for _, f := range feeds[:min(len(feeds), maxFeedsTried)] {
		doors = append(doors, config.Door{Kind: "feed", URL: f})
	}
	if found.Items != "" {
		doors = append(doors, config.Door{Kind: "page", Start: page, Item: found.Items})
	}
	return account, doors, nil
}

// fetch asks for one page, as politely as a visit.
func (a *addition) fetch(ctx context.Context, page string) (crawler.Capture, error) {
	once := &fetchOnce{at: page}
	door := crawler.Door(once)
	if a.flags.base != "" {
		var err error
		if door, err = crawler.Elsewhere(once, a.flags.base); err != nil {
			return crawler.Capture{}, err
		}
	}
	a.env.say("looking at %s …", page)
	res, err := a.client.Visit(ctx, crawler.Job{
		Source: "add", DoorID: "page", Door: door, Recorder: &notebook{},
		Target: crawler.Target{Platform: "website", URL: page}, Budget: crawler.Budget{Requests: 5, Time: time.Minute},
	})
	if err != nil {
		return crawler.Capture{}, err
	}
	if !once.done {
		for _, p := range res.Problems {
			a.env.say("  %s", plain(p.Error()))
		}
		return crawler.Capture{}, fmt.Errorf("%s: %w: %s", page, errNoDoorWorks, res.Outcome)
	}
	return once.got, nil
}

// fetchOnce is a door that reads one page, whatever it is, and keeps it.
type fetchOnce struct {
	at   string
	got  crawler.Capture
	done bool
}

func (f *fetchOnce) Info() crawler.Info {
	return crawler.Info{Kind: "page", Parser: "fetch/1", Platform: "website"}
}

func (f *fetchOnce) First(crawler.Target) ([]crawler.Request, error) {
	return []crawler.Request{{URL: f.at, Kind: "page"}}, nil
}

func (f *fetchOnce) Look(crawler.Target, onrecord.Ref) (crawler.Request, bool) {
	return crawler.Request{}, false
}

func (f *fetchOnce) Read(_ crawler.Target, c crawler.Capture) (crawler.Page, error) {
	if c.Status != 200 {
		return crawler.Page{Outcome: onrecord.OutcomeBlocked}, nil
	}
	f.got, f.done = c, true
	f.got.Body = append([]byte(nil), c.Body...)
	return crawler.Page{}, nil
}
