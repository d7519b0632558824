// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"onrecord"
)

// mediaTable has a row for each attachment that a version names or an event
// tells of. Its rows depend on no order of events: of several addresses the
// latest first-hand one counts, of several copies the first, and a copy before
// any reason why there is none.
const mediaTable = `
CREATE TABLE media (
	id BLOB, media TEXT,
	hand INTEGER, named INTEGER, i INTEGER, url TEXT, kind TEXT, source TEXT, expires INTEGER, -- by the observation that counts; microseconds
	since INTEGER, -- when it was first named
	kept TEXT, sha BLOB, kept_at INTEGER, kept_i INTEGER, -- onrecord.KeptMedia as JSON
	missed TEXT, missed_at INTEGER, missed_i INTEGER,
	PRIMARY KEY (id, media)
) WITHOUT ROWID;
CREATE INDEX media_wanted ON media (source, since) WHERE kept IS NULL AND missed IS NULL AND url <> '';
CREATE INDEX media_sha ON media (sha, kept_at, kept_i) WHERE sha IS NOT NULL;
`

// attachments notes what an event says of attachments.
func (b *batch) attachments(r *row, e onrecord.Event) error {
	if r.doc.Known.Erased {
		return nil
	}
	if e.Content != nil {
		for _, m := range e.Content.Media {
			if err := b.attachment(r, e, m); err != nil {
				return err
			}
		}
	}
	if e.Media == nil {
		return nil
	}
	doc, err := json.Marshal(e.Media)
	if err != nil {
		return err
	}
	at := micro(e.At)
	if e.Type == onrecord.MediaMissed {
		return b.exec(`INSERT INTO media (id, media, missed, missed_at, missed_i) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO UPDATE SET
			missed = excluded.missed, missed_at = excluded.missed_at, missed_i = excluded.missed_i
			WHERE missed IS NULL OR (excluded.missed_at, excluded.missed_i) > (missed_at, missed_i)`, r.key, e.Media.ID, string(doc), at, e.Index)
	}
	sum, err := hex.DecodeString(e.Media.SHA256)
	if err != nil || len(sum) != 32 {
		return nil // names no payload
	}
	return b.exec(`INSERT INTO media (id, media, kept, sha, kept_at, kept_i) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO UPDATE SET
		kept = excluded.kept, sha = excluded.sha, kept_at = excluded.kept_at, kept_i = excluded.kept_i
		WHERE kept IS NULL OR (excluded.kept_at, excluded.kept_i) < (kept_at, kept_i)`, r.key, e.Media.ID, string(doc), sum, at, e.Index)
}

// attachment notes that an observation names an attachment.
func (b *batch) attachment(r *row, e onrecord.Event, m onrecord.Media) error {
	at := micro(e.At)
	err := b.exec(`INSERT INTO media (id, media, since) VALUES ($1, $2, $3) ON CONFLICT DO UPDATE SET since = excluded.since
		WHERE since IS NULL OR excluded.since < since`, r.key, m.ID, at)
	if err != nil {
		return err
	}
	return b.exec(`UPDATE media SET hand = $3, named = $4, i = $5, url = $6, kind = $7, source = $8, expires = $9
		WHERE id = $1 AND media = $2 AND (hand IS NULL OR ($3, $4, $5) > (hand, named, i))`,
		r.key, m.ID, boolInt(e.Provenance != onrecord.Imported), at, e.Index, m.URL, m.Kind, e.Source, micro(m.Expires))
}

// withoutAddresses returns media as views show them: where the platform served
// them is nobody's business but the crawler's.
func withoutAddresses(list []onrecord.Media) []onrecord.Media {
	list = slices.Clone(list)
	for i := range list {
		list[i] = onrecord.Media{ID: list[i].ID, Alt: list[i].Alt}
	}
	return list
}

// MediaWanted returns at most n attachments that the observations of a source
// have named and that are neither kept nor missing: first those whose addresses
// expire, the soonest first, then the newest. Those that only imports have named
// are among them if so asked. Attachments of withheld statements are not wanted.
func (c *Catalog) MediaWanted(ctx context.Context, source string, imports bool, n int) ([]onrecord.Wanted, error) {
	var list []onrecord.Wanted
	err := c.view(ctx, func(v *view) error {
		return v.each(func(scan func(...any) error) error {
			var key, doc []byte
			var hand bool
			var since int64
			var expires *int64
			w := onrecord.Wanted{Source: source}
			if err := scan(&key, &w.Media.ID, &hand, &w.Media.URL, &w.Media.Kind, &expires, &since, &doc); err != nil {
				return err
			}
			var r record
			if err := unmarshal(doc, &r, v.name); err != nil || r.hidden() {
				return err
			}
			w.Statement, w.Imported, w.Since = onrecord.StatementID(unpackID(key)), !hand, time.UnixMicro(since).UTC()
			if expires != nil {
				w.Media.Expires = time.UnixMicro(*expires).UTC()
			}
			list = append(list, w)
			return nil
		}, `SELECT m.id, m.media, m.hand, m.url, m.kind, m.expires, m.since, s.doc FROM media AS m INDEXED BY media_wanted CROSS JOIN statements AS s ON s.id = m.id
			WHERE m.source = $1 AND m.kept IS NULL AND m.missed IS NULL AND m.url <> '' AND (m.hand OR $2)
			ORDER BY m.expires IS NULL, m.expires, m.since DESC, m.id, m.media LIMIT $3`, source, imports, n)
	})
	return list, err
}

// StoredMedia returns what the archive keeps under a digest, in lower-case hex:
// as the first event tells it of a statement that is shown, else of any.
// onrecord.ErrNotFound says that there is nothing.
func (c *Catalog) StoredMedia(ctx context.Context, sha256 string) (onrecord.StoredMedia, error) {
	found := onrecord.StoredMedia{Withheld: true}
	sum, err := hex.DecodeString(sha256)
	if err != nil || len(sum) != 32 {
		return found, fmt.Errorf("media %.80q: %w", sha256, onrecord.ErrNotFound)
	}
	n := 0
	err = c.view(ctx, func(v *view) error {
		return v.each(func(scan func(...any) error) error {
			var text string
			var at int64
			var key, doc []byte
			if err := scan(&key, &text, &at, &doc); err != nil {
				return err
			}
			var r record
			if err := unmarshal(doc, &r, v.name); err != nil {
				return err
			}
			n++
			if n > 1 && r.hidden() {
				return nil
			}
			found = onrecord.StoredMedia{Statement: onrecord.StatementID(unpackID(key)), Withheld: r.hidden(), Captured: time.UnixMicro(at).UTC()}
			if err := json.Unmarshal([]byte(text), &found.KeptMedia); err != nil {
				return err
			}
			if !found.Withheld { // thousands may have the same picture
				return errEnough
			}
			return nil
		}, `SELECT m.id, m.kept, m.kept_at, s.doc FROM media AS m CROSS JOIN statements AS s ON s.id = m.id WHERE m.sha = $1 ORDER BY m.kept_at, m.kept_i, m.id`, sum)
	})
	switch {
	case errors.Is(err, errEnough):
		err = nil
	case err == nil && n == 0:
		err = fmt.Errorf("media %s: %w", sha256, onrecord.ErrNotFound)
	}
	return found, err
}

// kept returns what is known of the attachments of a statement, by their ids.
func (v *view) kept(key []byte) (map[string]onrecord.Attachment, error) {
	found := map[string]onrecord.Attachment{}
	return found, v.each(func(scan func(...any) error) error {
		var a onrecord.Attachment
		var hand sql.NullBool
		var kind, url, kept, missed sql.NullString
		if err := scan(&a.ID, &hand, &url, &kind, &kept, &missed); err != nil {
			return err
		}
		if a.Kind = kind.String; !hand.Valid {
			a.Kind = unnamed
		}
		if text := cmp.Or(kept.String, missed.String); text != "" {
			a.Kept = &onrecord.KeptMedia{}
			if err := json.Unmarshal([]byte(text), a.Kept); err != nil {
				return errors.Join(ErrRebuild, err)
			}
		}
		a.Pending = a.Kept == nil && hand.Bool && url.String != ""
		found[a.ID] = a
		return nil
	}, `SELECT media, hand, url, kind, kept, missed FROM media WHERE id = $1`, key)
}

// attach returns the attachments of a wording, in order, with what is known of
// them; behind them those that no wording names.
func attach(c onrecord.Content, found map[string]onrecord.Attachment) []onrecord.Attachment {
	var list []onrecord.Attachment
	for _, m := range c.Media {
		a := found[m.ID]
		a.ID, a.Alt = m.ID, m.Alt
		list = append(list, a)
	}
	for _, id := range slices.Sorted(maps.Keys(found)) {
		if a := found[id]; a.Kind == unnamed {
			a.Kind = ""
			list = append(list, a)
		}
	}
	return list
}

// unnamed is the kind of what no wording names, such as the attachments of a
// message: its content has no place for them.
const unnamed = "unnamed"

func (d *dumper) media() error {
	return d.v.each(func(scan func(...any) error) error {
		var key []byte
		var id string
		var hand, named, expires, since *int64
		var url, kind, source, kept, missed *string
		if err := scan(&key, &id, &hand, &named, &url, &kind, &source, &expires, &since, &kept, &missed); err != nil {
			return err
		}
		return d.line("media", unpackID(key), id, hand, named, url, kind, source, expires, since, kept, missed)
	}, `SELECT id, media, hand, named, url, kind, source, expires, since, kept, missed FROM media`)
}
