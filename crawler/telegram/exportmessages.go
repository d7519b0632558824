// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"onrecord"
	"onrecord/crawler"
)

// maxAlbum is how many posts an album has at most.
const maxAlbum = 10

// A post is a message that is a statement, or a part of one.
type post struct {
	number int64
	said   onrecord.Observation
	key    string // equal for the posts of one album; empty for what is in none
	raw    string // if it is kept
}

// messages reads the messages of the channel.
func (x *export) messages(c chat) error {
	x.read, x.chat = true, c
	if x.whole {
		x.batch.KeptType = "application/json"
	}
	if err := x.in.array(x.message); err != nil {
		if ferr := x.flush(); ferr != nil {
			return ferr
		}
		return err
	}
	if err := x.closeAlbum(); err != nil {
		return err
	}
	return x.flush()
}

// message reads one message.
func (x *export) message() error {
	if err := x.ctx.Err(); err != nil {
		return err
	}
	var raw json.RawMessage
	if err := x.in.decode(&raw); err != nil {
		return err
	}
	x.records++
	p, refusal := x.postOf(raw)
	if refusal != nil {
		if err := x.closeAlbum(); err != nil {
			return err
		}
		refusal.File, refusal.Record = exportFile, x.records
		return x.add(nil, refusal)
	}
	if !x.joins(p) {
		if err := x.closeAlbum(); err != nil {
			return err
		}
	}
	x.album = append(x.album, p)
	if p.key == "" {
		return x.closeAlbum()
	}
	return nil
}

// joins reports whether p may go on the album that is open: exports do not say
// what is one. Its posts follow each other, were published in one moment, are
// of one kind and origin, and one of them at most has a text.
func (x *export) joins(p post) bool {
	if len(x.album) == 0 || len(x.album) == maxAlbum || p.key == "" {
		return false
	}
	last := x.album[len(x.album)-1]
	if p.key != last.key || p.number != last.number+1 {
		return false
	}
	for _, q := range x.album {
		if q.said.Content.Text != "" && p.said.Content.Text != "" {
			return false
		}
	}
	return true
}

// closeAlbum makes one statement of the posts that wait.
func (x *export) closeAlbum() error {
	if len(x.album) == 0 {
		return nil
	}
	list := x.album
	x.album = nil
	return x.add(list, nil)
}

// add puts a statement or a refusal into the batch.
func (x *export) add(list []post, refusal *crawler.Refusal) error {
	n := int64(max(1, len(list)))
	if x.batch.Records+n > crawler.MaxBatch {
		if err := x.flush(); err != nil {
			return err
		}
	}
	x.batch.Records += n
	if refusal != nil {
		x.batch.Refused = append(x.batch.Refused, *refusal)
		return nil
	}
	o := list[0].said
	for _, p := range list[1:] {
		c := p.said.Content
		o.Aliases = append(o.Aliases, p.said.NativeID)
		o.Content.Media = append(o.Content.Media, c.Media...)
		o.Content.Links = append(o.Content.Links, c.Links...)
		o.Content.Text += c.Text
		if p.said.Changed.After(o.Changed) {
			o.Changed = p.said.Changed
		}
		for k, v := range p.said.Engagement {
			if o.Engagement == nil {
				o.Engagement = map[string]int64{}
			}
			o.Engagement[k] += v
		}
	}
	x.batch.Items = append(x.batch.Items, o)
	for _, p := range list {
		if p.raw != "" {
			x.kept = append(x.kept, p.raw)
		}
	}
	return nil
}

// flush yields the batch.
func (x *export) flush() error {
	if err := x.ctx.Err(); err != nil {
		return err
	}
	b := x.batch
	if b.Records == 0 {
		return nil
	}
	b.File = exportFile
	b.Account = onrecord.AccountObservation{ID: x.chat.ID, Handle: x.name, Name: clip(x.chat.Name)}
	if b.KeptType != "" {
		kept, err := x.extract()
		if err != nil {
			return err
		}
		b.Kept = kept
	}
	x.batch, x.kept = crawler.Batch{KeptType: b.KeptType}, nil
	if !x.yield(b, nil) {
		return errEnough
	}
	return nil
}

// extract returns what of an account's export is the evidence of a batch: the
// head of the channel and the messages, in the form of an export of one chat.
func (x *export) extract() ([]byte, error) {
	head, err := json.Marshal(map[string]any{"name": x.chat.Name, "type": x.chat.Type, "id": json.Number(x.chat.ID)})
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.Write(head[:len(head)-1])
	b.WriteString(`,"messages":[`)
	for i, raw := range x.kept {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n" + raw)
	}
	b.WriteString("\n]}\n")
	return []byte(b.String()), nil
}

// postOf reads one message.
func (x *export) postOf(raw json.RawMessage) (post, *crawler.Refusal) {
	var m exported
	err := json.Unmarshal(raw, &m)
	if err == nil && len(m.Entities) == 0 && len(m.Text) > 0 {
		err = json.Unmarshal(m.Text, &m.Entities) // exports until 2021
	}
	if err != nil {
		return post{}, &crawler.Refusal{Reason: "not a message", Detail: clip(unreadable(err))}
	}
	id := string(m.ID)
	if !numberPattern.MatchString(id) {
		return post{}, &crawler.Refusal{Reason: "no id", Detail: clip(id)}
	}
	refuse := func(reason, detail string) (post, *crawler.Refusal) {
		return post{}, &crawler.Refusal{ID: nativeID(x.chat.ID, id), Reason: reason, Detail: clip(detail)}
	}
	switch m.Type {
	case "message":
	case "service":
		return refuse("service message", string(m.Action))
	case "unsupported":
		return refuse("not in the export", "Telegram Desktop could not export it")
	default:
		return refuse("unknown type", string(m.Type))
	}
	o := onrecord.Observation{
		Ref: onrecord.Ref{NativeID: nativeID(x.chat.ID, id), ID: id, URL: x.url(id)}, Order: id, State: onrecord.ItemLive,
	}
	if !x.published(&o, m) {
		return refuse("no date", string(m.Date))
	}
	o.Content.Type = "post"
	m.say(&o.Content, x.chat.ID, id)
	if o.Content.Text == "" && len(o.Content.Media) == 0 && len(o.Content.Poll) == 0 {
		return refuse("nothing said", "neither text nor media")
	}
	o.Engagement = m.engagement()
	if at, ok := x.changed(m); ok && at.After(o.Published) {
		o.Changed, o.Code = at, "edited"
	}
	n, _ := strconv.ParseInt(id, 10, 64)
	p := post{number: n, said: o}
	if kind := m.albumKind(); kind != "" {
		p.key = fmt.Sprintf("%s\n%s\n%s\n%s\n%s\n%s", kind, o.Content.Published, m.Author, m.ForwardedFrom, m.ReplyTo, m.FromID)
	}
	if x.whole {
		p.raw = string(raw)
	}
	return p, nil
}

// unreadable says what of a message can't be read.
func unreadable(err error) string {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Field != "" {
		return e.Field + " is a JSON " + e.Value
	}
	return err.Error()
}

// url returns the address of a post; without the channel's user name, which is
// not in an export, the one that its members can open.
func (x *export) url(id string) string {
	if x.name == "" {
		return "https://t.me/c/" + x.chat.ID + "/" + id
	}
	return postURL(x.name, id)
}

// published sets when a message was published.
func (x *export) published(o *onrecord.Observation, m exported) bool {
	if at, ok := unix(m.DateUnix); ok {
		o.Published, o.Precision = at, onrecord.PrecisionSecond
		o.Content.Published = onTheWeb(at)
		return true
	}
	at, known, ok := x.local(string(m.Date))
	switch {
	case !ok:
		return false
	case known:
		o.Published, o.Precision, o.Content.Published = at, onrecord.PrecisionSecond, onTheWeb(at)
	default:
		o.Published, o.Precision, o.Content.Published = at, onrecord.PrecisionDay, string(m.Date)
	}
	return true
}

// changed returns when a message was edited last.
func (x *export) changed(m exported) (time.Time, bool) {
	if at, ok := unix(m.EditedUnix); ok {
		return at, true
	}
	at, known, ok := x.local(string(m.Edited))
	return at, ok && known
}

// unix reads seconds since 1970; 0 is none.
func unix(w word) (time.Time, bool) {
	n, err := strconv.ParseInt(string(w), 10, 64)
	if err != nil || n <= 0 || n > maxUnix {
		return time.Time{}, false
	}
	return time.Unix(n, 0).UTC(), true
}

// maxUnix is the last second of the year 9999.
const maxUnix = 253402300799

// local reads a date without zone, the clock of the machine that exported. It is
// known only where the zone is.
func (x *export) local(s string) (at time.Time, known, ok bool) {
	zone := x.zone
	if zone == nil {
		zone = time.UTC
	}
	at, err := time.ParseInLocation("2006-01-02T15:04:05", s, zone)
	if err != nil || at.Unix() <= 24*3600 || at.Unix() > maxUnix {
		return time.Time{}, false, false
	}
	return at.UTC(), x.zone != nil, true
}

// onTheWeb writes a time as the preview does.
func onTheWeb(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") + "+00:00" }
