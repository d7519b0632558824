// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mastodon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"onrecord/crawler"
)

// The entities as servers send them, as far as the door needs them. Servers
// leave keys out and send null where others send "": both read as nothing.

// An ident is an id: a string, or a number at some servers.
type ident string

// UnmarshalJSON implements json.Unmarshaler.
func (i *ident) UnmarshalJSON(b []byte) error {
	switch {
	case bytes.Equal(b, []byte("null")):
		*i = ""
		return nil
	case len(b) > 0 && b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*i = ident(s)
		return nil
	}
	if _, err := strconv.ParseUint(string(b), 10, 64); err != nil {
		return fmt.Errorf("id %.40q is neither a string nor a number", b)
	}
	*i = ident(b)
	return nil
}

// An optional is a string of which it matters whether it is there at all.
type optional struct {
	given bool // the key is there, be it null
	value string
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *optional) UnmarshalJSON(b []byte) error {
	o.given = true
	return json.Unmarshal(b, &o.value)
}

type account struct {
	ID          ident    `json:"id"`
	Username    string   `json:"username"`
	Acct        string   `json:"acct"`
	URL         string   `json:"url"`
	URI         string   `json:"uri"`
	DisplayName string   `json:"display_name"`
	Suspended   bool     `json:"suspended"`
	Limited     bool     `json:"limited"`
	NoIndex     bool     `json:"noindex"`
	Moved       *account `json:"moved"`
	Pleroma     struct {
		ActorID string `json:"ap_id"`
	} `json:"pleroma"`
}

type status struct {
	ID          ident    `json:"id"`
	URI         string   `json:"uri"`
	URL         string   `json:"url"`
	CreatedAt   string   `json:"created_at"`
	EditedAt    optional `json:"edited_at"`
	Visibility  optional `json:"visibility"`
	Content     optional `json:"content"`
	Spoiler     string   `json:"spoiler_text"`
	Language    string   `json:"language"`
	ReplyTo     ident    `json:"in_reply_to_id"`
	ReplyToUser ident    `json:"in_reply_to_account_id"`
	Account     account  `json:"account"`
	Reblog      *status  `json:"reblog"`
	Quote       *quote   `json:"quote"`
	Media       []media  `json:"media_attachments"`
	Poll        *poll    `json:"poll"`
	Replies     *int64   `json:"replies_count"`
	Reblogs     *int64   `json:"reblogs_count"`
	Favourites  *int64   `json:"favourites_count"`
	Quotes      *int64   `json:"quotes_count"`
}

type quote struct {
	State  string  `json:"state"`
	Status *status `json:"quoted_status"`
	// Pleroma and Akkoma put the status itself there.
	URI string `json:"uri"`
}

type media struct {
	ID          ident  `json:"id"`
	Type        string `json:"type"`
	URL         string `json:"url"`
	RemoteURL   string `json:"remote_url"`
	Description string `json:"description"`
}

type poll struct {
	Options []struct {
		Title string `json:"title"`
	} `json:"options"`
}

type edit struct {
	Content    optional `json:"content"`
	Spoiler    string   `json:"spoiler_text"`
	CreatedAt  string   `json:"created_at"`
	Account    account  `json:"account"`
	Media      []media  `json:"media_attachments"`
	Poll       *poll    `json:"poll"`
	URI        optional `json:"uri"`        // a status has these, a wording has not
	Visibility optional `json:"visibility"` //
}

// decode reads a whole answer into v. Everything else is ErrDrift, with what
// was found.
func decode(body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%w, begins with %.40q: %w", err, body, crawler.ErrDrift)
	}
	return nil
}

// apiError returns the sentence of an answer that is an error of the API and
// nothing else.
func apiError(body []byte) (string, bool) {
	var e struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &e) != nil || e.Error == "" {
		return "", false
	}
	return oneLine(e.Error), true
}

// instant reads a time as the API gives it, in UTC and microseconds. ok is
// false where it can't be read.
func instant(s string) (t time.Time, ok bool) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, false
	}
	return t.UTC().Truncate(time.Microsecond), true
}

// oneLine returns s in one line and at a bearable length.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\ufffd")), " ")
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200]) + "…"
	}
	return s
}
