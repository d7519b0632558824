// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"errors"
	"io"
	"iter"

	"onrecord"
	"onrecord/search"
)

// A Catalog is an open file. Its methods may be called from many goroutines.
type Catalog struct{}

// Open opens the catalog at path, and creates it where there is none.
func Open(ctx context.Context, path string, o Options) (*Catalog, error) {
	return nil, errors.ErrUnsupported
}

func (c *Catalog) Close() error { return nil }

// Applied returns the ledger size and root that the tables show.
func (c *Catalog) Applied(ctx context.Context) (size int64, root [32]byte, err error) {
	return 0, root, errors.ErrUnsupported
}

// Apply applies entries in batches. Entries below the applied size are passed over; a hole is ErrHole.
func (c *Catalog) Apply(ctx context.Context, entries iter.Seq2[Entry, error]) error {
	return errors.ErrUnsupported
}

// ApplyTo is Apply, and stores size and root with the last batch.
func (c *Catalog) ApplyTo(ctx context.Context, entries iter.Seq2[Entry, error], size int64, root [32]byte) error {
	return errors.ErrUnsupported
}
func (c *Catalog) Search(ctx context.Context, r search.Request) (search.Results, error) {
	return search.Results{}, errors.ErrUnsupported
}
func (c *Catalog) Statement(ctx context.Context, id onrecord.StatementID) (onrecord.Statement, error) {
	return onrecord.Statement{}, errors.ErrUnsupported
}
func (c *Catalog) Statements(ctx context.Context, ids []onrecord.StatementID) ([]onrecord.Statement, error) {
	return nil, errors.ErrUnsupported
}
func (c *Catalog) Versions(ctx context.Context, id onrecord.StatementID) ([]onrecord.Version, error) {
	return nil, errors.ErrUnsupported
}
func (c *Catalog) Captures(ctx context.Context, id onrecord.StatementID) ([]onrecord.Evidence, error) {
	return nil, errors.ErrUnsupported
}
func (c *Catalog) StatementEvents(ctx context.Context, id onrecord.StatementID) ([]onrecord.Event, error) {
	return nil, errors.ErrUnsupported
}
func (c *Catalog) Event(ctx context.Context, index int64) (onrecord.Event, error) {
	return onrecord.Event{}, errors.ErrUnsupported
}
func (c *Catalog) Events(ctx context.Context, after int64, f onrecord.EventFilter, limit int) ([]onrecord.Event, int64, error) {
	return nil, 0, errors.ErrUnsupported
}
func (c *Catalog) Figures(ctx context.Context) ([]onrecord.Figure, error) {
	return nil, errors.ErrUnsupported
}
func (c *Catalog) Figure(ctx context.Context, slug string) (onrecord.Figure, error) {
	return onrecord.Figure{}, errors.ErrUnsupported
}
func (c *Catalog) Coverage(ctx context.Context, f onrecord.CoverageFilter) ([]onrecord.Coverage, error) {
	return nil, errors.ErrUnsupported
}
func (c *Catalog) RecentChanges(ctx context.Context, n int) ([]onrecord.Statement, error) {
	return nil, errors.ErrUnsupported
}
func (c *Catalog) Checkpoint(ctx context.Context) (onrecord.Checkpoint, error) {
	return onrecord.Checkpoint{}, errors.ErrUnsupported
}

// Known returns what is known of the statements of an account that have one of ids, as their own or as an alias, by their own id.
func (c *Catalog) Known(ctx context.Context, platform, accountID string, ids []onrecord.StatementID) (map[onrecord.StatementID]onrecord.Known, error) {
	return nil, errors.ErrUnsupported
}

// KnownRange returns what is known of the statements of an account whose order key lies in r, in that order.
func (c *Catalog) KnownRange(ctx context.Context, platform, accountID string, r onrecord.Range) ([]onrecord.Known, error) {
	return nil, errors.ErrUnsupported
}

// Suspects returns the statements of an account that were found absent or gone and are not settled.
func (c *Catalog) Suspects(ctx context.Context, platform, accountID string) ([]onrecord.Known, error) {
	return nil, errors.ErrUnsupported
}
func (c *Catalog) KnownAccount(ctx context.Context, platform, accountID string) (onrecord.KnownAccount, error) {
	return onrecord.KnownAccount{}, errors.ErrUnsupported
}
func (c *Catalog) KnownSource(ctx context.Context, source string) (onrecord.KnownSource, error) {
	return onrecord.KnownSource{}, errors.ErrUnsupported
}

// Reopen looks whether the file was replaced, and opens the new one.
func (c *Catalog) Reopen(ctx context.Context) error { return errors.ErrUnsupported }

// Dump writes the tables in a canonical form, for comparing two catalogs.
func (c *Catalog) Dump(ctx context.Context, w io.Writer) error { return errors.ErrUnsupported }
