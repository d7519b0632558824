// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"encoding/json"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"onrecord"
)

// The shapes of the API. Keys are snake_case, times RFC 3339 in UTC, ids are
// strings, and what is not known is null. Within v1 keys are added, never
// changed or removed.

// maybe is an object or null.
type maybe[T any] struct{ v *T }

// MarshalJSON prints the object or null.
func (m maybe[T]) MarshalJSON() ([]byte, error) { return json.Marshal(m.v) }

// Schema says so in OpenAPI.
func (maybe[T]) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{r.Schema(reflect.TypeFor[T](), true, ""), {Type: "null"}}}
}

func some[T any](v T) maybe[T] { return maybe[T]{&v} }

// FigureRef is a figure in a statement.
type apiFigureRef struct {
	Slug string `json:"slug" example:"jane-example"`
	Name string `json:"name" example:"Jane Example"`
}

type apiAccountRef struct {
	Platform string  `json:"platform" example:"mastodon"`
	Handle   *string `json:"handle" doc:"As last seen; handles change, native_id does not"`
	NativeID string  `json:"native_id" doc:"The platform's stable id"`
	State    *string `json:"state" doc:"live, suspended, closed, private, moved, unknown"`
}

type apiWindow struct {
	After    *time.Time `json:"after" doc:"It happened after this; null where nothing earlier is known"`
	By       *time.Time `json:"by" doc:"It had happened by this"`
	Disputed bool       `json:"disputed" doc:"A clock was wrong: the bounds came out in the wrong order and were swapped, or the event came before what it followed"`
}

type apiSpan struct {
	Min int64 `json:"min"`
	Max int64 `json:"max"`
}

type apiLink struct {
	Display *string `json:"display"`
	URL     string  `json:"url"`
}

type apiMedia struct {
	ID  string  `json:"id" doc:"The platform's id, else the address without query"`
	Alt *string `json:"alt" doc:"The author's description"`

	SHA256  *string `json:"sha256" doc:"Of the archive's copy; null where there is none"`
	Type    *string `json:"type" doc:"Media type by the file's bytes"`
	Size    *int64  `json:"size" doc:"Bytes of the archive's copy"`
	Width   *int64  `json:"width" doc:"Pixels; null where it is no picture or not known"`
	Height  *int64  `json:"height"`
	URL     *string `json:"url" doc:"Of the archive's copy: GET with ranges"`
	Missing *string `json:"missing" doc:"Why there is no copy: pending, unknown, gone, refused, too_large, type, unreachable; null where there is one"`
}

type apiEngagement struct {
	CapturedAt *time.Time `json:"captured_at"`
	Likes      *int64     `json:"likes"`
	Reposts    *int64     `json:"reposts"`
	Replies    *int64     `json:"replies"`
	Views      *int64     `json:"views"`
}

type apiLog struct {
	Index int64  `json:"index" doc:"Ledger index of the statement's first event"`
	Proof string `json:"proof" format:"uri"`
}

// apiStatement is a statement with its current wording. Of a withheld one
// there is none: it is answered as a problem.
type apiStatement struct {
	ID                 onrecord.StatementID  `json:"id" doc:"First 10 bytes of SHA-256(platform \"\\n\" native_id) in Crockford base32" example:"9k3v0q7mzc2xw4ta"`
	URL                string                `json:"url" format:"uri" doc:"Its page here"`
	Notice             string                `json:"notice" doc:"Says that this is an archive's copy. Show it wherever you show the text"`
	Figure             apiFigureRef          `json:"figure"`
	Account            apiAccountRef         `json:"account"`
	Platform           string                `json:"platform"`
	NativeID           string                `json:"native_id"`
	OriginalURL        *string               `json:"original_url" doc:"Where it is or was at its source"`
	Type               string                `json:"type" doc:"post, reply, repost, quote, article, email, broadcast, transcript, profile"`
	Lang               *string               `json:"lang"`
	LangSource         *string               `json:"lang_source" doc:"Who says so: platform"`
	PublishedAt        *time.Time            `json:"published_at" doc:"As the platform claims"`
	PublishedPrecision *string               `json:"published_precision" doc:"second, minute, day, month, year"`
	Title              *string               `json:"title"`
	Text               string                `json:"text" doc:"Plain text from a stranger: never treat it as HTML"`
	Spoiler            *string               `json:"spoiler"`
	State              onrecord.State        `json:"state" doc:"live, deleted, gone_with_account, platform_offline, restored, unconfirmed, withheld"`
	StateWindow        maybe[apiWindow]      `json:"state_window" doc:"When the present state began, where it is not live"`
	Grade              *string               `json:"grade" doc:"Strength of the evidence for a deletion, D0 to D4"`
	ReportedBy         *string               `json:"reported_by" doc:"Who reported a deletion that nobody saw first-hand"`
	Edited             bool                  `json:"edited"`
	EditWindow         maybe[apiWindow]      `json:"edit_window" doc:"Of the last edit"`
	Provenance         onrecord.Provenance   `json:"provenance" doc:"captured, imported, mirrored"`
	FirstSeenAt        *time.Time            `json:"first_seen_at"`
	LastSeenAt         *time.Time            `json:"last_seen_at"`
	FirstGoneAt        *time.Time            `json:"first_gone_at"`
	GoneChecks         int                   `json:"gone_checks"`
	OnlineSeconds      maybe[apiSpan]        `json:"online_seconds" doc:"Of a deleted statement: bounds of how long it was to be seen"`
	Version            onrecord.VersionID    `json:"version"`
	VersionCount       int                   `json:"version_count"`
	Links              []apiLink             `json:"links" nullable:"false"`
	Media              []apiMedia            `json:"media" nullable:"false"`
	Poll               []string              `json:"poll" nullable:"false"`
	Categories         []string              `json:"categories" nullable:"false"`
	ReplyTo            *onrecord.StatementID `json:"reply_to" doc:"Where the archive knows the statement meant"`
	RepostOf           *onrecord.StatementID `json:"repost_of"`
	QuoteOf            *onrecord.StatementID `json:"quote_of"`
	Engagement         maybe[apiEngagement]  `json:"engagement"`
	SHA256             string                `json:"sha256" doc:"Of the content record of this version"`
	Log                apiLog                `json:"log"`
	Captures           int                   `json:"captures" doc:"How many captures are cited for it"`
}

// apiVersion is one wording.
type apiVersion struct {
	ID          onrecord.VersionID `json:"id"`
	URL         string             `json:"url" format:"uri"`
	Notice      string             `json:"notice"`
	SHA256      string             `json:"sha256"`
	FirstSeenAt *time.Time         `json:"first_seen_at"`
	LastSeenAt  *time.Time         `json:"last_seen_at"`
	Window      maybe[apiWindow]   `json:"window" doc:"When this wording began"`
	ChangedAt   *time.Time         `json:"changed_at" doc:"The platform's claim"`
	Doors       []string           `json:"doors" nullable:"false"`
	Reading     bool               `json:"reading" doc:"Read otherwise by another door or parser: no edit"`
	LogIndex    int64              `json:"log_index"`
	Type        string             `json:"type"`
	Title       *string            `json:"title"`
	Text        string             `json:"text"`
	Spoiler     *string            `json:"spoiler"`
	Lang        *string            `json:"lang"`
	Published   *string            `json:"published" doc:"The date as the platform gave it"`
	Links       []apiLink          `json:"links" nullable:"false"`
	Media       []apiMedia         `json:"media" nullable:"false"`
	Poll        []string           `json:"poll" nullable:"false"`
	Categories  []string           `json:"categories" nullable:"false"`
}

// apiCapture points at evidence.
type apiCapture struct {
	Object   string             `json:"object" doc:"Key of the WARC in the bucket"`
	Offset   int64              `json:"offset"`
	Length   int64              `json:"length"`
	SHA256   string             `json:"sha256" doc:"Of the object's bytes [offset, offset+length)"`
	URL      string             `json:"url" doc:"What was fetched"`
	At       *time.Time         `json:"at"`
	Status   *int               `json:"status"`
	Event    onrecord.EventType `json:"event" doc:"The event that cites it"`
	LogIndex int64              `json:"log_index"`
	Download string             `json:"download" format:"uri"`
	Case     *string            `json:"case" doc:"The case for which the record is not served: it shows another statement that is withheld or was erased"`
	Redacted bool               `json:"redacted" doc:"Its content is gone for good"`
}

type apiAccount struct {
	Platform     string           `json:"platform"`
	Handle       *string          `json:"handle"`
	NativeID     string           `json:"native_id"`
	Name         *string          `json:"name"`
	URL          *string          `json:"url"`
	State        string           `json:"state"`
	Window       maybe[apiWindow] `json:"window" doc:"Of a state that is not live"`
	Code         *string          `json:"code" doc:"The platform's own word for the state"`
	Statements   int64            `json:"statements"`
	Since        *time.Time       `json:"since" doc:"First captured"`
	LastLookedAt *time.Time       `json:"last_looked_at"`
	Figure       *string          `json:"figure" doc:"Slug"`
	Page         string           `json:"page" format:"uri" doc:"Its page here"`
	MovedTo      *string          `json:"moved_to" doc:"Address of the new account, where state is moved"`
	Offline      maybe[apiWindow] `json:"offline" doc:"Since when its platform no longer answers; null if it does"`
	Handles      []apiHandle      `json:"handles" nullable:"false" doc:"Under which it was observed, oldest first"`
	Sources      []string         `json:"sources" nullable:"false" doc:"That told of it"`
}

// apiHandle is a name under which an account was observed.
type apiHandle struct {
	Handle string     `json:"handle"`
	First  *time.Time `json:"first_seen_at"`
	Last   *time.Time `json:"last_seen_at"`
}

type apiFigure struct {
	Slug          string       `json:"slug"`
	Name          string       `json:"name"`
	URL           string       `json:"url" format:"uri"`
	Notice        string       `json:"notice"`
	Statements    int64        `json:"statements"`
	LastCaptureAt *time.Time   `json:"last_capture_at"`
	Accounts      []apiAccount `json:"accounts" nullable:"false"`
}

// apiEvent is an event without its content: of that, version tells.
type apiEvent struct {
	Seq        int64                 `json:"seq" doc:"Ledger index; holes are lines that are no events"`
	Type       onrecord.EventType    `json:"type" example:"statement.deleted"`
	At         *time.Time            `json:"at" doc:"When it was observed"`
	After      *time.Time            `json:"after" doc:"It happened after this"`
	By         *time.Time            `json:"by" doc:"It had happened by this"`
	Disputed   bool                  `json:"disputed"`
	Figure     *string               `json:"figure"`
	Source     *string               `json:"source"`
	Account    maybe[apiAccountRef]  `json:"account"`
	Platform   *string               `json:"platform"`
	Statement  *onrecord.StatementID `json:"statement"`
	Version    *onrecord.VersionID   `json:"version"`
	Grade      *string               `json:"grade"`
	Provenance *string               `json:"provenance"`
	Look       *string               `json:"look" doc:"Of statement.looked: absent, gone, live, unclear"`
	Code       *string               `json:"code" doc:"The platform's own word"`
	Reason     *string               `json:"reason"`
	Case       *string               `json:"case" doc:"Of statement.withheld, unwithheld and erased: number of the case"`
	Gap        maybe[apiGap]         `json:"gap"`
	LogIndex   int64                 `json:"log_index"`
}

type apiCheckpoint struct {
	Size int64  `json:"size"`
	Root string `json:"root" doc:"base64"`
}

// apiMeta says what an answer rests on.
type apiMeta struct {
	Total      *int64        `json:"total" doc:"null where a list is not counted"`
	TotalExact bool          `json:"total_exact"`
	Query      *string       `json:"query" doc:"The query in canonical form"`
	Understood *string       `json:"understood"`
	IndexedTo  *time.Time    `json:"indexed_to" doc:"When the last event that was applied was observed"`
	Checkpoint apiCheckpoint `json:"checkpoint"`
	Warnings   []string      `json:"warnings" nullable:"false"`
	Demo       *string       `json:"demonstration" doc:"Says that nothing in the answer was said by anyone; null for a real archive"`
}

type apiLinks struct {
	Self string  `json:"self" format:"uri"`
	Next *string `json:"next"`
	Prev *string `json:"prev"`
	HTML *string `json:"html"`
}

// apiPage is a page of a list.
type apiPage[T any] struct {
	Data  []T      `json:"data" nullable:"false"`
	Meta  apiMeta  `json:"meta"`
	Links apiLinks `json:"links"`
}

type apiService struct {
	Name       string            `json:"name"`
	Operator   string            `json:"operator"`
	Email      *string           `json:"email"`
	Notice     string            `json:"notice"`
	Log        apiServiceLog     `json:"log"`
	Checkpoint apiCheckpoint     `json:"checkpoint"`
	IndexedTo  *time.Time        `json:"indexed_to"`
	Statements int64             `json:"statements"`
	Figures    int               `json:"figures"`
	Links      map[string]string `json:"links"`
	Demo       *string           `json:"demonstration" doc:"Says that nothing here was said by anyone; null for a real archive"`
}

type apiServiceLog struct {
	Origin *string `json:"origin"`
	Key    *string `json:"key"`
}
