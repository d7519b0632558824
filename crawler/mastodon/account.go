// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mastodon

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"

	"onrecord"
	"onrecord/crawler"
)

// lookup reads the account.
func (r reading) lookup() (crawler.Page, error) {
	var a account
	if err := decode(r.capture.Body, &a); err != nil {
		return crawler.Page{}, err
	}
	actor, err := a.actor()
	if err != nil {
		return crawler.Page{}, err
	}
	name, _, _ := ParseHandle(r.target.Handle)
	user, host, remote := strings.Cut(a.Acct, "@")
	if !strings.EqualFold(a.Username, name) || !strings.EqualFold(user, name) || remote && !strings.EqualFold(host, r.server) {
		return crawler.Page{}, fmt.Errorf("asked for %s, the answer is about %.100q: %w", name, a.Acct, crawler.ErrDrift)
	}
	p := crawler.Page{Account: onrecord.AccountObservation{
		State: onrecord.AccountLive, ID: actor, Handle: a.Username + "@" + r.server, Name: cmp.Or(oneLine(a.DisplayName), a.Username),
		Code: a.flags(),
	}}
	a.ending(&p.Account)
	cur := parseCursor(r.target.Cursor)
	if own := actor + "#" + string(a.ID); r.target.AccountID == own || cur.Account != "" && cur.Account != string(a.ID) {
		// The same address, but another registration: the name was given
		// away, or the server has begun anew.
		p.Account.ID = own
	}
	if cur.Account == "" {
		p.Cursor = cursor{Account: string(a.ID)}.encode()
	}
	return p, nil
}

// flags are the server's words for how an account that lives is shown.
func (a *account) flags() string {
	var words []string
	if a.Limited {
		words = append(words, "limited")
	}
	if a.NoIndex {
		words = append(words, "noindex")
	}
	return strings.Join(words, " ")
}

// ending sets the state of an account that is not live.
func (a *account) ending(o *onrecord.AccountObservation) {
	switch {
	case a.Suspended:
		o.State, o.Code, o.Name = onrecord.AccountSuspended, "suspended", "" // which is blanked
	case a.Moved != nil:
		o.State, o.Code = onrecord.AccountMoved, "moved"
		if to, err := webAddress(cmp.Or(a.Moved.URL, a.Moved.URI)); err == nil {
			o.MovedTo = to
		}
	}
}

// actor returns the account's stable id: the uri of its ActivityPub actor.
// Mastodon gives it since 4.2, Pleroma elsewhere. What older ones leave out is
// derived as they form it, https://host/users/name, which is what they still
// say of such accounts once they give it; so the id is the same before and
// after. An account without id or name is ErrDrift.
func (a *account) actor() (string, error) {
	if !isLocalID(string(a.ID)) || !names.MatchString(a.Username) {
		return "", fmt.Errorf("account %.40q has id %.40q: %w", a.Username, a.ID, crawler.ErrDrift)
	}
	if uri := cmp.Or(a.URI, a.Pleroma.ActorID); uri != "" {
		return webAddress(uri)
	}
	address, err := webAddress(a.URL)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("address %.200q: %w", address, crawler.ErrDrift)
	}
	return u.Scheme + "://" + u.Host + "/users/" + a.Username, nil
}

// webAddress checks that s is a web address that can stand in an id, and
// returns it with every byte that is not ASCII percent-encoded: so it is in
// normal form C whatever the server sends.
func webAddress(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return "", fmt.Errorf("address %.200q: %w", s, crawler.ErrDrift)
	}
	var b strings.Builder
	for i := range len(s) {
		if s[i] >= 0x80 {
			fmt.Fprintf(&b, "%%%02X", s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	s = b.String()
	if err := onrecord.CheckNativeID(s); err != nil {
		return "", fmt.Errorf("%w: %w", err, crawler.ErrDrift)
	}
	return s, nil
}

// hostOf returns the host and port of a web address.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}
