// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// namePattern is the form of a channel's user name. Telegram gives out names
// of five characters and more, and auctions those of four.
var namePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{3,63}$`)

// numberPattern is the form of a channel's or a post's number.
var numberPattern = regexp.MustCompile(`^[1-9][0-9]{0,18}$`)

// Name returns the user name of a channel out of what people write for it:
// janeoffice, @janeoffice, t.me/janeoffice, https://t.me/s/janeoffice/17.
func Name(account string) (string, error) {
	s := strings.TrimSpace(account)
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	for _, host := range []string{"www.t.me/", "t.me/", "telegram.me/", "telegram.dog/"} {
		if len(s) > len(host) && strings.EqualFold(s[:len(host)], host) {
			s = strings.TrimPrefix(s[len(host):], "s/")
			s, _, _ = strings.Cut(s, "?")
			s, _, _ = strings.Cut(s, "/")
			break
		}
	}
	s = strings.TrimPrefix(s, "@")
	switch {
	case strings.HasPrefix(s, "+") || s == "joinchat":
		return "", fmt.Errorf("telegram: account %q is an invitation to a private channel, which has no preview", account)
	case !namePattern.MatchString(s):
		return "", fmt.Errorf("telegram: account %q is no user name of a channel, such as janeoffice", account)
	}
	return s, nil
}

// CheckAccount reports why account can't be the user name of a channel.
func CheckAccount(account string) error {
	_, err := Name(account)
	return err
}

// checkNumber reports why id can't be the number of a channel; empty is fine.
func checkNumber(id string) error {
	if id != "" && !numberPattern.MatchString(id) {
		return fmt.Errorf("telegram: account_id %q is no channel number: digits only, without sign and without the -100 of the bot API", id)
	}
	return nil
}

// nativeID names a post for ever.
func nativeID(channel, post string) string { return channel + "/" + post }

// postURL is the address of a post that people share.
func postURL(name, post string) string { return "https://t.me/" + name + "/" + post }

// splitPost takes NAME/NUMBER apart, as it stands in data-post.
func splitPost(s string) (name, post string, ok bool) {
	name, post, ok = strings.Cut(s, "/")
	return name, post, ok && namePattern.MatchString(name) && numberPattern.MatchString(post)
}

// linkedPost returns which post of which channel an address at t.me names; ok
// is false for any other address.
func linkedPost(href string) (name, post string, ok bool) {
	u, err := url.Parse(href)
	if err != nil || !isTelegram(u.Hostname()) {
		return "", "", false
	}
	return splitPost(strings.TrimPrefix(strings.Trim(u.Path, "/"), "s/"))
}

// isTelegram reports whether host is one of those that show channels.
func isTelegram(host string) bool {
	switch strings.ToLower(host) {
	case "t.me", "www.t.me", "telegram.me", "telegram.dog":
		return true
	}
	return false
}
