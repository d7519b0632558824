// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mastodon

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"onrecord"
	"onrecord/crawler"
)

// Platform is the platform of the statements that this door shows.
const Platform = "mastodon"

// Parser names what Read makes of bytes. It moves with every change of results.
const Parser = "mastodon/2"

// The kinds of the requests of this door.
const (
	kindLookup  = "lookup"  // the account by its name
	kindPage    = "page"    // the newest statuses
	kindOlder   = "older"   // older ones
	kindHistory = "history" // the wordings of a status
	kindLook    = "look"    // a status at its own address
)

// MaxPageSize is how many statuses Mastodon gives at once.
const MaxPageSize = 40

// Options of a door. The zero value serves.
type Options struct {
	// PageSize is how many statuses are asked for at once, at most
	// MaxPageSize; zero means that.
	PageSize int
}

// A Door reads accounts. It is safe for concurrent use.
type Door struct{ size int }

var _ crawler.Door = (*Door)(nil)

// New returns a door.
func New(o Options) *Door {
	if o.PageSize <= 0 || o.PageSize > MaxPageSize {
		o.PageSize = MaxPageSize
	}
	return &Door{size: o.PageSize}
}

// Info returns what the door is and what it can see.
func (d *Door) Info() crawler.Info {
	return crawler.Info{
		Kind: "api", Parser: Parser, Platform: Platform,
		Can: onrecord.Capabilities{CompleteRanges: true, EditSignal: true, AccountStates: true, OwnAddress: true, OwnWording: true},
	}
}

// ErrHandle reports a handle that does not name an account and its server.
var ErrHandle = errors.New("no handle of the form @name@server")

// names are the user names that Mastodon and its kin allow.
var names = regexp.MustCompile(`^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,126}[A-Za-z0-9_])?$`)

// ParseHandle returns the name and the server, host or host:port in lower case,
// of a handle such as "@jane@social.example", with or without the first "@".
func ParseHandle(handle string) (name, server string, err error) {
	s := strings.TrimPrefix(handle, "@")
	i := strings.LastIndexByte(s, '@')
	if i < 0 {
		return "", "", fmt.Errorf("%q: %w: it names no server", handle, ErrHandle)
	}
	name, server = s[:i], strings.ToLower(s[i+1:])
	if !names.MatchString(name) {
		return "", "", fmt.Errorf("%q: %w: %q is no user name", handle, ErrHandle, name)
	}
	u, err := url.Parse("https://" + server)
	if err != nil || server == "" || u.Host != server || u.Hostname() == "" || strings.ContainsFunc(server, notHost) {
		return "", "", fmt.Errorf("%q: %w: %q is no host (an international name is written in its xn-- form)", handle, ErrHandle, server)
	}
	return name, server, nil
}

// notHost reports whether r has no place in a host and port.
func notHost(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("-.:[]", r))
}

// CheckHandle reports why handle does not name an account and its server.
func CheckHandle(handle string) error {
	_, _, err := ParseHandle(handle)
	return err
}

// api returns the beginning of the addresses of the API.
func api(server string) string { return "https://" + server + "/api/v1" }

// First returns the look-up of the account, which checks at every visit who
// answers to the handle and how the account stands, and, once a look-up has
// told its local id, the newest page.
func (d *Door) First(t crawler.Target) ([]crawler.Request, error) {
	name, server, err := ParseHandle(t.Handle)
	if err != nil {
		return nil, fmt.Errorf("mastodon: %w", err)
	}
	requests := []crawler.Request{{
		URL: api(server) + "/accounts/lookup?" + url.Values{"acct": {name}}.Encode(),
		// Never conditional: it is short, and what it says of the account has
		// to be said by this visit.
		Kind: kindLookup, Header: accept(),
	}}
	if cur := parseCursor(t.Cursor); cur.Account != "" {
		requests = append(requests, d.page(server, state{Account: cur.Account, Stop: cur.Newest, StopAt: cur.NewestAt}))
	}
	return requests, nil
}

func accept() map[string]string { return map[string]string{"Accept": "application/json"} }

// page returns the request for the newest statuses of an account, or for those
// before s.Max.
func (d *Door) page(server string, s state) crawler.Request {
	q := url.Values{"limit": {strconv.Itoa(d.size)}}
	kind := kindPage
	if s.Max != "" {
		q.Set("max_id", s.Max)
		kind = kindOlder
	}
	return crawler.Request{
		URL:  api(server) + "/accounts/" + url.PathEscape(s.Account) + "/statuses?" + q.Encode(),
		Kind: kind, Header: accept(), State: s.encode(),
		// Validators are few, and an older page is asked for once.
		Conditional: kind == kindPage,
	}
}

// ownID finds the local id in the uri of a status, as Mastodon and most others
// form it, a boost's among them.
var ownID = regexp.MustCompile(`/statuses/([0-9A-Za-z]+)(?:/activity)?$`)

// Look returns the request for a status by its local id at the account's
// server. ok is false where that id is not known.
func (d *Door) Look(t crawler.Target, s onrecord.Ref) (r crawler.Request, ok bool) {
	_, server, err := ParseHandle(t.Handle)
	id := s.ID
	if m := ownID.FindStringSubmatch(s.NativeID); id == "" && m != nil {
		id = m[1]
	}
	if err != nil || !isLocalID(id) {
		return crawler.Request{}, false
	}
	return crawler.Request{URL: api(server) + "/statuses/" + id, Kind: kindLook, Header: accept(), About: s}, true
}

// isLocalID reports whether s can be the local id of an account or a status:
// decimal at Mastodon, a ULID or a flake elsewhere.
func isLocalID(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_')
	})
}
