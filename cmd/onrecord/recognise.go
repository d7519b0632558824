// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"onrecord/config"
	"onrecord/search"
)

// A guess is one way in which an address or a handle can be read.
type guess struct {
	source config.Source // without id; without doors: nothing can be asked for
	page   string        // for a website: the page on which to look for feeds and lists
	why    string        // where there are no doors
}

var (
	accountAt    = regexp.MustCompile(`^@?([A-Za-z0-9_][A-Za-z0-9_.-]*)@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)$`)
	telegramName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{3,31}$`)
	simpleName   = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
)

// recognise returns the ways in which what the operator gave can be read, the
// likeliest first: an address of a profile, a channel, a site, a feed; or a
// handle that names its server.
func recognise(input string) ([]guess, error) {
	input = strings.TrimSpace(input)
	if m := accountAt.FindStringSubmatch(input); m != nil && strings.HasPrefix(input, "@") {
		return []guess{mastodonGuess(m[1], m[2])}, nil
	} else if m != nil {
		return nil, usagef("%s may be an account on a server, or an address of e-mail: write @%s for the account; e-mail is imported (onrecord import mbox)", input, input)
	}
	if strings.HasPrefix(input, "@") {
		return nil, usagef("%s can be anybody's on many platforms: give the address of the profile, such as https://t.me/%s", input, input[1:])
	}
	if !strings.Contains(input, "://") {
		input = "https://" + input
	}
	u, err := url.Parse(input)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || !strings.Contains(u.Hostname(), ".") && u.Hostname() != "localhost" || u.User != nil {
		return nil, usagef("%q is neither a web address nor a handle such as @jane@social.example", input)
	}
	host := strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
	segs := strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' })
	switch host {
	case "t.me", "telegram.me", "telegram.dog":
		return telegramGuess(segs)
	case "x.com", "twitter.com", "mobile.twitter.com":
		return dumpGuess("x", segs, 0, "X is not asked for: its posts come from dumps (onrecord import twitter, or thetrumparchive)")
	case "truthsocial.com", "gab.com":
		return dumpGuess(strings.TrimSuffix(host, ".com"), segs, 0, "this release has no door to "+host)
	case "bsky.app":
		return dumpGuess("bluesky", segs, 1, "this release has no door to Bluesky")
	case "facebook.com", "instagram.com", "threads.net", "youtube.com", "tiktok.com", "linkedin.com", "vk.com", "rumble.com", "reddit.com":
		return nil, usagef("this release has no door to %s, and no import of it", host)
	}
	site := guess{source: config.Source{Platform: "website"}, page: u.String()}
	if name, ok := fediverseName(segs); ok {
		return []guess{mastodonGuess(name, u.Host), site}, nil
	}
	return []guess{site}, nil
}

func mastodonGuess(name, server string) guess {
	return guess{source: config.Source{
		Platform: "mastodon", Account: "@" + name + "@" + strings.ToLower(server), Schedule: "@every 5m", Doors: []config.Door{{Kind: "api"}},
	}}
}

// fediverseName returns the name in the path of a profile on a server that
// speaks Mastodon's API: /@jane, /users/jane, and posts below.
func fediverseName(segs []string) (string, bool) {
	switch {
	case len(segs) >= 1 && strings.HasPrefix(segs[0], "@"):
		name, server, remote := strings.Cut(segs[0][1:], "@")
		return name, simpleName.MatchString(name) && (!remote || server == "")
	case len(segs) >= 2 && segs[0] == "users":
		return segs[1], simpleName.MatchString(segs[1])
	}
	return "", false
}

// telegramGuess reads the path of an address on t.me: /name, /s/name, and posts
// below.
func telegramGuess(segs []string) ([]guess, error) {
	if len(segs) > 0 && segs[0] == "s" {
		segs = segs[1:]
	}
	if len(segs) == 0 || !telegramName.MatchString(segs[0]) || slices.Contains([]string{"joinchat", "addstickers", "share", "proxy"}, segs[0]) {
		return nil, usagef("that address names no public channel: want https://t.me/NAME; private channels can't be read")
	}
	return []guess{{source: config.Source{Platform: "telegram", Account: segs[0], Schedule: "@every 10m", Doors: []config.Door{{Kind: "preview"}}}}}, nil
}

// dumpGuess reads the path of a profile on a platform without a door.
func dumpGuess(platform string, segs []string, at int, why string) ([]guess, error) {
	if len(segs) <= at {
		return nil, usagef("that address names no account")
	}
	name := strings.TrimPrefix(segs[at], "@")
	if !simpleName.MatchString(name) || slices.Contains(notAccounts(), strings.ToLower(name)) {
		return nil, usagef("%q names no account", segs[at])
	}
	return []guess{{source: config.Source{Platform: platform, Account: name}, why: why}}, nil
}

// notAccounts are pages of platforms that stand where names of accounts do.
func notAccounts() []string {
	return []string{"home", "search", "explore", "i", "intent", "share", "hashtag", "settings", "login", "signup", "notifications", "messages", "compose", "about", "tos", "privacy", "jobs"}
}

// sourceID makes an id for a source that no other has: of its account and
// platform.
func sourceID(s config.Source, taken func(string) bool) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(strings.ToLower(s.Account), "@"), "@")
	if s.Platform == "website" {
		name = strings.TrimPrefix(s.AccountID, "www.")
	} else {
		name += "-" + s.Platform
	}
	id := slug(name)
	for n := 2; taken(id); n++ {
		id = fmt.Sprintf("%.58s-%d", slug(name), n)
	}
	return id
}

// slug makes a name of ASCII letters, digits and hyphens of s; accents are
// taken off.
func slug(s string) string {
	var b strings.Builder
	for _, r := range search.Fold(s) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	id := strings.Trim(b.String()[:min(b.Len(), 60)], "-")
	if id == "" {
		return "source"
	}
	return id
}
