// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/url"
	"strings"

	"onrecord"
)

// An accountFinder knows the accounts that have, or had, a handle.
type accountFinder interface {
	AccountsNamed(ctx context.Context, platform, name string) ([]onrecord.Account, error)
}

// statementIDs reads an id, or an address, and returns the ids that it may stand
// for: that of the article with this address, and those of the platforms whose
// posts have such addresses. Anyone can compute them; only a channel on Telegram
// is known by its number, which names finds.
func statementIDs(ctx context.Context, s string, names accountFinder) ([]onrecord.StatementID, error) {
	if id, err := onrecord.ParseStatementID(s); err == nil {
		return []onrecord.StatementID{id}, nil
	}
	u, err := url.Parse(s)
	canonical, cerr := onrecord.CanonicalURL(s)
	if err != nil || cerr != nil || u.Host == "" {
		return nil, usagef("%q is neither a statement's id (16 characters) nor an address", s)
	}
	ids := []onrecord.StatementID{onrecord.NewStatementID("website", canonical), onrecord.NewStatementID("mastodon", s)}
	segs := strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' })
	switch host := strings.TrimPrefix(strings.ToLower(u.Hostname()), "www."); {
	case (host == "x.com" || host == "twitter.com" || host == "mobile.twitter.com") && len(segs) >= 3 && (segs[1] == "status" || segs[1] == "statuses"):
		ids = append(ids, onrecord.NewStatementID("x", segs[2]))
	case host == "t.me" || host == "telegram.me":
		if len(segs) > 0 && segs[0] == "s" {
			segs = segs[1:]
		}
		if len(segs) < 2 {
			break
		}
		list, err := names.AccountsNamed(ctx, "telegram", segs[0])
		if err != nil {
			return nil, err
		}
		for _, a := range list {
			ids = append(ids, onrecord.NewStatementID("telegram", a.ID+"/"+segs[1]))
		}
	case len(segs) == 2 && strings.HasPrefix(segs[0], "@"):
		ids = append(ids, onrecord.NewStatementID("mastodon", u.Scheme+"://"+strings.ToLower(u.Host)+"/users/"+segs[0][1:]+"/statuses/"+segs[1]))
	}
	return ids, nil
}
