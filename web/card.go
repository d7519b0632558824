// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"onrecord"
	"onrecord/search"
)

// A card is a statement in a list.
type card struct {
	ID         onrecord.StatementID
	Href       string
	Heading    string // who, where, when, and that this is a copy
	Figure     string
	FigureHref string
	Platform   string
	Host       string // in place of Platform, where that is only "the website"
	Type       string
	When       moment
	Title      []segment
	Spoiler    string
	Text       []segment
	More       bool
	Lang       string
	Pictures   []attachmentView // shown small
	Media      []onrecord.Media // the others
	Line       stateLine
	Original   string
	Label      string
	Withheld   bool
}

// excerptLength is how much of a text a list shows, in characters.
const excerptLength = 420

func (w wording) card(s onrecord.Statement, q search.Query, archive string) card {
	c := card{
		ID: s.ID, Href: "/s/" + string(s.ID), Heading: w.heading(s),
		Figure: plain(s.Figure.Name), FigureHref: "/f/" + s.Figure.Slug,
		Platform: w.platform(s.Platform), Host: host(s), Type: w.kind(s.Type), When: w.claimed(s.Date, s.Precision),
		Line: w.line(s), Original: w.outward(s.URL), Label: w.label(s, archive), Lang: lang(s.Lang),
	}
	if s.PublishedAt.IsZero() {
		c.When = w.moment(s.Date)
	}
	if s.State == onrecord.StateWithheld {
		c.Withheld, c.Original = true, ""
		return c
	}
	text, more, marks := s.Content.Text, false, []search.Span(nil)
	if q.HasText() {
		text, marks = search.Snippet(text, q, excerptLength)
		more = len(text) < len(s.Content.Text)
	} else {
		text, more = excerpt(text, excerptLength)
	}
	c.Text, c.More = segments(text, marks), more
	if s.Content.Title != "" {
		c.Title = marked(nil, s.Content.Title, 0, len(s.Content.Title), search.Highlight(s.Content.Title, q))
	}
	c.Spoiler = s.Content.Spoiler
	c.Pictures, c.Media = w.pictures(s.Media, picturesInCard)
	return c
}

// heading is "Statement by Jane Example on Mastodon, 4 August 2026, 22:52 UTC
// (archive copy)".
func (w wording) heading(s onrecord.Statement) string {
	when := w.f("heading.undated")
	switch {
	case s.PublishedAt.IsZero():
		if !s.Date.IsZero() {
			when = w.f("heading.seen", "when", w.instant(s.Date))
		}
	case !s.FirstSeen.IsZero() && s.Date.Equal(s.FirstSeen) && s.PublishedAt.After(s.FirstSeen):
		// A date in the future is the source's claim, and not where it stands.
		when = w.f("heading.future", "when", w.instant(s.FirstSeen), "dated", w.claimed(s.PublishedAt, s.Precision).Words)
	case s.Precision == onrecord.PrecisionDay, s.Precision == onrecord.PrecisionMonth, s.Precision == onrecord.PrecisionYear:
		when = w.claimed(s.PublishedAt, s.Precision).Words
	default:
		t := s.PublishedAt.In(w.zone)
		when = w.longDay(t) + ", " + t.Format("15:04") + " " + w.zoneName(t)
	}
	return w.f("heading.statement", "figure", plain(s.Figure.Name), "platform", w.place(s), "when", when)
}

// label is the notice that goes with a statement, in every form.
func (w wording) label(s onrecord.Statement, archive string) string {
	return w.f("label", "archive", archive, "figure", plain(s.Figure.Name))
}
