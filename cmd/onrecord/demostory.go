// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"sync"
	"time"

	"onrecord"
	"onrecord/web"
)

// demoStart is when the story begins, by its own clock.
func demoStart() time.Time { return time.Date(2026, 9, 7, 8, 0, 0, 0, time.UTC) }

// A demoBeat is a step of the story: from At on the platforms answer by Scene.
type demoBeat struct {
	at          time.Time
	scene       int
	title, text string
	pages       []web.Link
}

// demoBeats returns the story. The sites take a deletion as confirmed a day
// after it was first seen (formats.md 5), so it spans four days.
func demoBeats() []demoBeat {
	at := func(days, hours, minutes int) time.Time {
		return demoStart().Add(time.Duration(days)*24*time.Hour + time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute)
	}
	said := func(platform, native, text string) web.Link {
		return web.Link{Href: "/s/" + string(onrecord.NewStatementID(platform, native)), Text: text}
	}
	return []demoBeat{
		{at(0, 0, 0), 0, "The archive begins", "Five accounts on three platforms are visited for the first time. Six old posts on X come from a dump that somebody else made: the archive did not see them itself, and says so.",
			[]web.Link{{Href: "/", Text: "the latest statements"}, {Href: "/search?q=platform%3Ax", Text: "the imported posts"}}},
		{at(0, 3, 40), 2, "New posts appear", "In English, French and Arabic, on two Mastodon servers, two websites and a Telegram channel.",
			[]web.Link{{Href: "/", Text: "the latest statements"}, {Href: "/search?q=steel", Text: "what was said of steel"}}},
		{at(1, 5, 10), 3, "A post is edited", "A tariff of 25% became one of 50%. The archive has both wordings, and tells between which of its visits the change came; the server's own history says when.",
			[]web.Link{said("mastodon", demoTariff, "the post and its two wordings"), {Href: "/edits", Text: "all edits"}}},
		{at(2, 2, 0), 4, "A post is deleted, and an article taken down", "The Telegram post is confirmed as deleted after ten minutes, the article after a day: until then it is only missing.",
			[]web.Link{said("telegram", "1987004312/14", "the deleted post"), said("website", "https://jane.example/news/statistics", "the article"), {Href: "/deletions", Text: "all deletions"}}},
		{at(3, 10, 0), 5, "An account is suspended", "Everything that Jean Dupont posted there goes with it. That is one event, not four deletions.",
			[]web.Link{{Href: "/a/mastodon/dupont@civique.example", Text: "the account"}, {Href: "/f/jean-dupont", Text: "Jean Dupont"}}},
		{at(3, 14, 0), 6, "A platform goes offline", "The host of the ministry's website does not answer any more. Nobody knows whether its statements still exist; the archive says just that.",
			[]web.Link{said("website", "https://ministry.example/news/water-en", "a statement of the ministry"), {Href: "/status", Text: "the status of the sources"}}},
		{at(3, 23, 0), 7, "An article comes back", "What was taken down from the site of Jane Example is there again.",
			[]web.Link{said("website", "https://jane.example/news/statistics", "the article")}},
		{at(4, 2, 0), 8, "An account changes hands", "Behind the name of the ministry's channel stands another channel now. Nothing that it says is taken for the ministry's.",
			[]web.Link{{Href: "/a/telegram/examples_ministry", Text: "the account"}, {Href: "/events", Text: "all events"}}},
	}
}

// demoTariff is the native id of the post that is edited.
const demoTariff = "https://social.example/users/jane/statuses/117229489029120000"

// rounds are when all sources are visited from one beat on until the next:
// shortly after it, and then every two hours.
func rounds(from, to time.Time) []time.Time {
	var list []time.Time
	for _, m := range []time.Duration{5, 20, 40, 60, 80, 100} {
		list = append(list, from.Add(m*time.Minute))
	}
	for t := from.Add(3 * time.Hour); t.Before(to); t = t.Add(2 * time.Hour) {
		list = append(list, t)
	}
	for i, t := range list {
		if !t.Before(to) {
			return list[:i]
		}
	}
	return list
}

// A demoPlay plays the story in a world, and tells how far it is.
type demoPlay struct {
	mu      sync.Mutex
	world   *demoWorld // guarded by mu
	done    int        // beats that have happened; guarded by mu
	playing bool       // guarded by mu
}

// story tells the story as far as it has been played.
func (p *demoPlay) story() web.Story {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := web.Story{Playing: p.playing, Now: demoStart()}
	if p.world != nil {
		s.Now = p.world.clock.now()
	}
	for i, b := range demoBeats() {
		s.Steps = append(s.Steps, web.Step{At: b.at, Title: b.title, Text: b.text, Done: i < p.done, Pages: b.pages})
	}
	return s
}

// begin makes w the world that is played.
func (p *demoPlay) begin(w *demoWorld) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.world, p.done, p.playing = w, 0, true
}

// happened counts a beat.
func (p *demoPlay) happened() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
}

// end says that the story is over.
func (p *demoPlay) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.playing = false
}

// play plays the story in w, one beat in each pace of real time, and tells
// after each which it was.
func (p *demoPlay) play(ctx context.Context, w *demoWorld, pace time.Duration, told func(demoBeat)) error {
	beats := demoBeats()
	tick := time.NewTicker(max(pace, time.Nanosecond))
	defer tick.Stop()
	for i, b := range beats {
		next := b.at.Add(4 * time.Hour)
		if i+1 < len(beats) {
			next = beats[i+1].at
		}
		w.clock.to(b.at)
		w.scene(b.scene)
		if i == 0 {
			if err := w.importDump(ctx); err != nil {
				return err
			}
		}
		p.happened()
		for _, t := range rounds(b.at, next) {
			w.clock.to(t)
			if err := w.visit(ctx); err != nil {
				return err
			}
		}
		told(b)
		if i+1 == len(beats) {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
