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

type apiFacet struct {
	Value    string  `json:"value"`
	Label    *string `json:"label"`
	Count    int64   `json:"count" doc:"Without the filter of its own group"`
	Selected bool    `json:"selected"`
}

type apiFacets struct {
	Figure   []apiFacet `json:"figure" nullable:"false"`
	Platform []apiFacet `json:"platform" nullable:"false"`
}

// apiMedian bounds the median time online of deleted statements.
type apiMedian struct {
	Statements int64 `json:"statements" doc:"How many it is of: those whose publication is known to the minute"`
	Min        int64 `json:"min"`
	Max        int64 `json:"max"`
}

// apiChanges is a page of changed statements.
type apiChanges struct {
	Data   []apiStatement   `json:"data" nullable:"false"`
	Meta   apiMeta          `json:"meta"`
	Links  apiLinks         `json:"links"`
	Facets apiFacets        `json:"facets"`
	Median maybe[apiMedian] `json:"median_online_seconds" doc:"Bounds of the median time online; null where it is not known"`
}

type apiDoor struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind" example:"feed"`
	Host       *string    `json:"host"`
	Outcome    *string    `json:"outcome" doc:"Of the last visit through it; null if there was none"`
	Fails      int        `json:"fails" doc:"In a row"`
	RetryAt    *time.Time `json:"retry_at" doc:"Not tried before"`
	LastGoodAt *time.Time `json:"last_good_at"`
}

// apiSource is how a source fares.
type apiSource struct {
	Source          string        `json:"source"`
	Figure          *string       `json:"figure"`
	Platform        string        `json:"platform"`
	Account         apiAccountRef `json:"account"`
	Schedule        *string       `json:"schedule"`
	LastVisitAt     *time.Time    `json:"last_visit_at"`
	LastGoodAt      *time.Time    `json:"last_good_at"`
	Outcome         *string       `json:"outcome" doc:"Of the last visit"`
	NextAt          *time.Time    `json:"next_at"`
	Trouble         bool          `json:"trouble" doc:"The last visit failed, a gap is open, three intervals went by without success, absences don't count, another account answers to the handle, or its state can't be read"`
	Overdue         bool          `json:"overdue" doc:"Three intervals went by without success"`
	Readable        bool          `json:"readable" doc:"Whether its state can be read: if not, what is in no ledger is null"`
	Frozen          *string       `json:"frozen" doc:"Why absences don't count"`
	FrozenAt        *time.Time    `json:"frozen_at"`
	PausedAt        *time.Time    `json:"paused_at"`
	PausedNote      *string       `json:"paused_note"`
	IdentityChanged bool          `json:"identity_changed"`
	Gaps            []apiGap      `json:"gaps" nullable:"false" doc:"Open ones"`
	Doors           []apiDoor     `json:"doors" nullable:"false" doc:"In order of preference"`
	Unrecorded      []apiCoverage `json:"unrecorded" nullable:"false" doc:"Looks that are not in the journal yet"`
	Statements      int64         `json:"statements"`
}

// apiReplica is how a replica of the bucket fares. Where it is is not told: an
// address invites those who would have it gone.
type apiReplica struct {
	Number      int        `json:"number" doc:"From 1, in the order of the configuration"`
	Signed      *int64     `json:"signed" doc:"Entries that its checkpoint speaks for; null if that is not known"`
	SeenAt      *time.Time `json:"seen_at" doc:"When that was read"`
	Behind      *int64     `json:"behind" doc:"How many entries of the archive's checkpoint it does not have yet; null if that is not known"`
	BehindSince *time.Time `json:"behind_since" doc:"Null if it is not behind"`
	Answers     bool       `json:"answers" doc:"Whether the last attempt to fill it went well"`
	Whole       bool       `json:"whole" doc:"False while it lacks objects that the archive itself did not have, or holds damaged ones"`
}

// apiWitness is how a witness of the ledger fares.
type apiWitness struct {
	Name       string     `json:"name" doc:"As its cosignatures have it" example:"witness.example/w1"`
	Size       *int64     `json:"size" doc:"Entries of the last checkpoint that it has cosigned; null for none"`
	CosignedAt *time.Time `json:"cosigned_at" doc:"By its own clock"`
	Troubled   *time.Time `json:"troubled_since" doc:"Since when it has not cosigned what it was given; null if there is nothing"`
}

// apiMachine is how the machine that answers fares.
type apiMachine struct {
	Spooled        int        `json:"spooled" doc:"Visits that wait for the record"`
	SpoolOldestAt  *time.Time `json:"spool_oldest_at"`
	Kept           int        `json:"kept" doc:"Visits that are recorded and not yet confirmed by the store"`
	Ledger         *int64     `json:"ledger" doc:"Entries in the bucket; null if it does not answer"`
	Signed         int64      `json:"signed" doc:"Entries that its checkpoint speaks for"`
	Applied        int64      `json:"applied" doc:"Entries that answers rest on"`
	Storage        string     `json:"storage" doc:"folder, s3"`
	StorageAnswers bool       `json:"storage_answers"`
	Writing        bool       `json:"writing" doc:"False after an error of its disk: nothing is recorded until it is started again"`
	Visiting       bool       `json:"visiting" doc:"False while no visit is begun: its disk or its spool is full, or it does not write"`
	FreeBytes      *int64     `json:"free_bytes"`
	SizeBytes      *int64     `json:"size_bytes"`

	Replicas  []apiReplica `json:"replicas" nullable:"false" doc:"In the order of the configuration"`
	Witnesses []apiWitness `json:"witnesses" nullable:"false" doc:"In the order of the configuration"`
}

// apiStatus is how the archive fares.
type apiStatus struct {
	Meta    apiMeta           `json:"meta"`
	Crawls  bool              `json:"crawls" doc:"Whether this machine visits sources"`
	Trouble int               `json:"trouble" doc:"How many sources are in trouble"`
	Paused  int               `json:"paused" doc:"How many others are paused"`
	Waiting int               `json:"not_visited" doc:"How many others are to be visited and have not been yet"`
	Sources []apiSource       `json:"sources" nullable:"false"`
	Machine maybe[apiMachine] `json:"machine"`
	Version *string           `json:"version"`
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

type apiGap struct {
	Reason string     `json:"reason"`
	Open   bool       `json:"open"`
	Since  *time.Time `json:"since"`
	Note   *string    `json:"note"`
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

// apiCoverage is a span in which a source was looked at, or a gap.
type apiCoverage struct {
	Source   string     `json:"source"`
	Figure   *string    `json:"figure"`
	Door     *string    `json:"door"`
	From     *time.Time `json:"from"`
	Until    *time.Time `json:"until" doc:"null: a gap that is still open"`
	Status   string     `json:"status" doc:"captured, gap"`
	Reason   *string    `json:"reason"`
	Visits   int        `json:"visits"`
	LogIndex *int64     `json:"log_index" doc:"null: not yet recorded"`
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
