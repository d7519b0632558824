// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"onrecord"
	"onrecord/search"
)

// Options are what a site is made of. Archive, Statements, Figures, Journal,
// History, Searcher, Evidence and Now are required.
type Options struct {
	Archive    Archive
	Statements Statements
	Figures    Figures
	Journal    Journal
	History    History
	Searcher   search.Searcher
	Evidence   Evidence

	// Record serves the objects of the archive at /record/. It may be nil: then
	// nobody can verify it from outside.
	Record Record

	// Media serves the archive's copies of attachments. It may be nil: then there
	// are none.
	Media Media

	// Status tells how the sources fare. It may be nil: then the status page
	// says that this machine does not crawl.
	Status func(ctx context.Context) ([]onrecord.SourceStatus, error)

	// Decisions reads what was withheld and erased. It may be nil.
	Decisions Decisions

	// Behind tells for how long the ledger has had entries that the readers have
	// not applied. Above a minute, statements are answered with 503: one may have
	// been withheld since. It may be nil.
	Behind func() time.Duration
	// Unsettled reports whether what is lost of the record may have withheld a
	// statement: none is shown then. Nil: nothing is lost.
	Unsettled func() bool

	// Health tells how this machine fares. It may be nil.
	Health func(ctx context.Context) (onrecord.Health, error)

	// Banner is asked for every page; what it returns is shown above it, such
	// as "the ledger does not extend what was applied". It may be nil.
	Banner func() string

	Now     func() time.Time
	Log     *slog.Logger // nil discards
	Version string       // of the program, shown on the status page; may be empty

	// Packages makes the WACZ files of statements. It may be nil: then none are
	// offered.
	Packages Packages

	// VerifyProof is the command by which a stranger checks a proof file; it
	// is printed beside each statement, with "{file}" filled in. Empty prints
	// none.
	VerifyProof string

	// Demo marks the site as a demonstration. Nil for a real archive.
	Demo *Demo

	// Label is the notice that goes with each statement. It must contain
	// "{archive}", "{figure}" and the word "archive" beside them. Empty means
	// the default wording.
	Label string
}

// An Archive says who runs this archive and where its pages are.
type Archive struct {
	Name     string // such as "Archive Example"
	Operator string // person or body that runs it
	Email    string // where the operator can be reached
	URL      string // absolute base of every address the site prints, without a path's last slash
	Log      string // origin of the ledger, such as "archive.example/log"; may be empty
	LogKey   string // verifier key of the ledger (note format); may be empty
}

// A Statements reads statements. Unknown ids are onrecord.ErrNotFound.
type Statements interface {
	Statement(ctx context.Context, id onrecord.StatementID) (onrecord.Statement, error)
	// Statements returns those that exist, in the order of ids.
	Statements(ctx context.Context, ids []onrecord.StatementID) ([]onrecord.Statement, error)
	// Versions returns the wordings, oldest first.
	Versions(ctx context.Context, id onrecord.StatementID) ([]onrecord.Version, error)
	// Captures returns the evidence, oldest event first.
	Captures(ctx context.Context, id onrecord.StatementID) ([]onrecord.Evidence, error)
	// StatementEvents returns the events, by time of observation.
	StatementEvents(ctx context.Context, id onrecord.StatementID) ([]onrecord.Event, error)
}

// A Figures reads figures with their accounts. Unknown slugs are
// onrecord.ErrNotFound.
type Figures interface {
	Figures(ctx context.Context) ([]onrecord.Figure, error)
	Figure(ctx context.Context, slug string) (onrecord.Figure, error)
	// AccountsNamed returns the accounts of a platform that have name as their
	// handle or stable id, or had it as handle before.
	AccountsNamed(ctx context.Context, platform, name string) ([]onrecord.Account, error)
	// AccountLost counts what went with an account that is gone.
	AccountLost(ctx context.Context, platform, accountID string) (onrecord.Lost, error)
	// Hearsay counts the statements of a figure that nobody here saw at their
	// source; AccountHearsay those of an account.
	Hearsay(ctx context.Context, figure string) (onrecord.Hearsay, error)
	AccountHearsay(ctx context.Context, platform, accountID string) (onrecord.Hearsay, error)
	// AccountEvents returns what happened to an account, by time of observation.
	AccountEvents(ctx context.Context, platform, accountID string) ([]onrecord.Event, error)
}

// A History reads lists of what happened, newest first, and when anybody
// looked. A cursor of another list is search.ErrCursor.
type History interface {
	// EventsBefore returns at most limit events whose index is less than
	// before (0: the newest), newest first, and the index to go on from, or 0
	// at the end.
	EventsBefore(ctx context.Context, before int64, f onrecord.EventFilter, limit int) (events []onrecord.Event, next int64, err error)
	// Changes returns a page of deleted or edited statements.
	Changes(ctx context.Context, f onrecord.ChangeFilter) (onrecord.Changes, error)
	// Days returns coverage by days, of each source.
	Days(ctx context.Context, f onrecord.DaysFilter) ([]onrecord.SourceDays, error)
	// CoveragePage returns spans and gaps by pages, by their beginning.
	CoveragePage(ctx context.Context, f onrecord.CoverageFilter, newest bool, cursor string, limit int) (list []onrecord.Coverage, next string, err error)
}

// A Journal reads what was recorded, in ledger order.
type Journal interface {
	// Events returns at most limit events whose index is greater than after,
	// oldest first, and the index to go on from, or 0 at the end.
	Events(ctx context.Context, after int64, f onrecord.EventFilter, limit int) (events []onrecord.Event, next int64, err error)
	// Coverage returns spans and gaps, oldest first.
	Coverage(ctx context.Context, f onrecord.CoverageFilter) ([]onrecord.Coverage, error)
	// RecentChanges returns the n statements last found deleted or edited,
	// newest change first.
	RecentChanges(ctx context.Context, n int) ([]onrecord.Statement, error)
	// Checkpoint returns what the answers of this reader rest on.
	Checkpoint(ctx context.Context) (onrecord.Checkpoint, error)
}

// An Evidence serves the evidence itself.
type Evidence interface {
	// Proof returns the proof file of a statement (record.md 2).
	Proof(ctx context.Context, id onrecord.StatementID) ([]byte, error)
	// Capture opens the WARC record at ref, checked against its digest. A
	// record that also holds a withheld statement is onrecord.ErrNotFound.
	Capture(ctx context.Context, ref onrecord.CaptureRef) (io.ReadCloser, error)
}

// A Media serves the archive's copies of attachments. What is not there is
// onrecord.ErrNotFound.
type Media interface {
	// StoredMedia returns what is kept under a SHA-256 in lower-case hex.
	StoredMedia(ctx context.Context, sha256 string) (onrecord.StoredMedia, error)
	// OpenMedia reads n bytes from offset off. Of a whole payload the last byte
	// comes only once all of it was checked.
	OpenMedia(ctx context.Context, m onrecord.KeptMedia, off, n int64) (io.ReadCloser, error)
	// Thumb returns a small picture, a JPEG of at most 640 by 640 pixels.
	Thumb(ctx context.Context, m onrecord.KeptMedia) ([]byte, error)
}

// check returns what is wrong with o, all of it at once.
func (o Options) check() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New(what))
		}
	}
	need(o.Statements != nil && o.Figures != nil && o.Journal != nil && o.History != nil, "a reader is missing: Statements, Figures, Journal and History are required")
	need(o.Searcher != nil, "Searcher is missing")
	need(o.Evidence != nil, "Evidence is missing")
	need(o.Now != nil, "Now is missing")
	need(strings.TrimSpace(o.Archive.Name) != "", "archive.name is empty")
	need(strings.TrimSpace(o.Archive.Operator) != "", "archive.operator.name is empty: pages must say who runs the archive")
	u, err := url.Parse(o.Archive.URL)
	need(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil && strings.Trim(u.Path, "/") == "",
		"archive.url must be an http or https address without path, such as https://archive.example")
	return errors.Join(errs...)
}
