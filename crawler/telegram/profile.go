// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram

import (
	"fmt"
	"strings"

	"golang.org/x/net/html"

	"onrecord"
	"onrecord/crawler"
)

// profile reads t.me/NAME, to which t.me/s/NAME redirects where it has no posts
// to show. The redirect alone says nothing: it is the same for a name that
// nobody has and for a channel whose preview is off.
func (r reading) profile(doc *html.Node) (crawler.Page, error) {
	page := first(doc, "tgme_page")
	if page == nil {
		return crawler.Page{}, fmt.Errorf("neither a history of posts nor the page of a name: %w", crawler.ErrDrift)
	}
	name := r.handle()
	title, extra := line(first(page, "tgme_page_title")), strings.ToLower(line(first(page, "tgme_page_extra")))
	p := crawler.Page{Account: onrecord.AccountObservation{State: onrecord.AccountUnknown, Handle: name}}
	switch {
	case strings.Contains(extra, "subscriber"):
		p.Outcome, p.Account.State, p.Account.Name = onrecord.OutcomeUnauthorised, onrecord.AccountLive, clip(title)
		p.Reason = "the channel @" + name + " is there, but t.me shows none of its posts: its preview is switched off, or Telegram restricts it"
	case strings.Contains(extra, "member"):
		p.Outcome = onrecord.OutcomeUnauthorised
		p.Reason = "@" + name + " is a group, which has no preview: only channels can be read"
	case title != "" && extra != "":
		p.Outcome = onrecord.OutcomeGone
		p.Reason = "@" + name + " is the name of a person or a bot, not of a channel: look where the channel has gone"
	case title == "" && first(page, "tgme_page_icon") != nil, strings.Contains(line(page), "you can contact"):
		p.Outcome = onrecord.OutcomeGone
		p.Reason = "nobody has the name @" + name + ": the channel was renamed, closed or banned, or account is misspelt; Telegram does not say which"
	default:
		return crawler.Page{}, fmt.Errorf("the page of a name says nothing that is known: %w", crawler.ErrDrift)
	}
	p.Account.Code = clip(extra)
	return p, nil
}
