// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"

	"modernc.org/sqlite" // the driver "sqlite"
)

// schemaNumber changes with the tables and with the meaning of what is in
// them. Types that are kept as blobs change the schema by themselves.
const schemaNumber = 10

// schemaName names the schema of this program: a file with another is rebuilt.
func schemaName() string {
	shape := ""
	for _, t := range keptTypes() {
		shape += fingerprint(t)
	}
	sum := sha256.Sum256([]byte(shape))
	return fmt.Sprintf("%d-%s", schemaNumber, hex.EncodeToString(sum[:8]))
}

// tables is the schema. Children refer to the statement id, as 10 bytes.
const tables = `
CREATE TABLE meta (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
CREATE TABLE names (n INTEGER PRIMARY KEY, s TEXT NOT NULL UNIQUE);
CREATE TABLE accounts (n INTEGER PRIMARY KEY, platform TEXT NOT NULL, id TEXT NOT NULL, doc BLOB NOT NULL, UNIQUE (platform, id));
CREATE TABLE sources (source TEXT PRIMARY KEY, doc BLOB NOT NULL) WITHOUT ROWID;

-- r is the time order (see package comment); ord the order key, its length before it, so that bytes compare as CompareOrder does.
CREATE TABLE statements (
	r INTEGER PRIMARY KEY,
	id BLOB NOT NULL UNIQUE,
	account INTEGER NOT NULL,
	ord BLOB,
	suspect INTEGER NOT NULL,
	sweep INTEGER NOT NULL, -- whether due is a turn of the slow sweep
	due INTEGER, -- seconds; null for never: see due.go
	checked INTEGER, -- seconds; null for never
	gone INTEGER NOT NULL, -- whether its own address called it gone, and no list did
	doc BLOB NOT NULL
);
CREATE INDEX statements_order ON statements (account, ord) WHERE ord IS NOT NULL;
CREATE INDEX statements_suspect ON statements (account) WHERE suspect;
CREATE INDEX statements_checked ON statements (account, checked) WHERE checked IS NOT NULL;
CREATE INDEX statements_gone ON statements (account) WHERE gone;
CREATE INDEX statements_due ON statements (account, sweep, due) WHERE due IS NOT NULL;

-- What lists and counts are made from, small enough to be kept in memory: see sidecar.go.
CREATE TABLE columns (r INTEGER PRIMARY KEY, attr INTEGER NOT NULL, date INTEGER);
CREATE VIRTUAL TABLE words USING fts5 (body, content='', contentless_delete=1, tokenize='ascii');
CREATE VIRTUAL TABLE terms USING fts5vocab (words, instance); -- reads words, stores nothing

CREATE TABLE aliases (alias BLOB PRIMARY KEY, id BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE versions (n INTEGER PRIMARY KEY, id BLOB NOT NULL, version BLOB NOT NULL, doc BLOB NOT NULL, UNIQUE (id, version));
CREATE TABLE captures (n INTEGER PRIMARY KEY, doc BLOB NOT NULL);

-- kind is the number of the type's name. Events that are rare are found by kind, all by their stream.
CREATE TABLE events (i INTEGER PRIMARY KEY, kind INTEGER NOT NULL, rare INTEGER NOT NULL, stream INTEGER NOT NULL, id BLOB, doc BLOB NOT NULL);
CREATE INDEX events_of ON events (id) WHERE id IS NOT NULL;
CREATE INDEX events_rare ON events (kind) WHERE rare;
CREATE INDEX events_stream ON events (stream);

-- A stream is what filters ask of events: a list that is narrowed merges the streams that pass.
CREATE TABLE streams (n INTEGER PRIMARY KEY, source TEXT NOT NULL, figure TEXT NOT NULL, platform TEXT NOT NULL, type TEXT NOT NULL, UNIQUE (source, figure, platform, type));

-- Runs of source.looked that name a statement before its first event.
CREATE TABLE early (id BLOB, i INTEGER, PRIMARY KEY (id, i)) WITHOUT ROWID;

-- Runs of source.looked by the order keys that bound them: on most platforms those are ids.
CREATE TABLE bounds (account INTEGER, ord BLOB, i INTEGER, PRIMARY KEY (account, ord, i)) WITHOUT ROWID;

-- Spans in which a source was looked at (gap empty), and gaps, by reason. Times in microseconds; until is null while a gap is open.
CREATE TABLE spans (
	source TEXT, since INTEGER, gap TEXT, door TEXT NOT NULL, figure TEXT NOT NULL,
	until INTEGER, visits INTEGER NOT NULL, i INTEGER NOT NULL,
	PRIMARY KEY (source, since, gap, door)
) WITHOUT ROWID;
CREATE INDEX spans_since ON spans (since, source);
CREATE INDEX spans_gaps ON spans (since, source) WHERE gap <> '';
CREATE INDEX spans_looks ON spans (source, since, until) WHERE gap = '';
CREATE INDEX spans_gaps_of ON spans (source, since, until, i, gap) WHERE gap <> '';

-- Hours of UTC days in which a source was looked at, a bit each. day is in days since 1970.
CREATE TABLE days (source TEXT, day INTEGER, hours INTEGER NOT NULL, PRIMARY KEY (source, day)) WITHOUT ROWID;

-- Statements that are deleted, reported deleted or edited now, by when that was found, in microseconds. least and most bound
-- the seconds online of a deleted one; null where they are not known.
CREATE TABLE changes (
	what INTEGER, at INTEGER, id BLOB, account INTEGER NOT NULL, least INTEGER, most INTEGER,
	PRIMARY KEY (what, at, id)
) WITHOUT ROWID;
` + mediaTable + lostTable

// create makes the tables in an empty file.
func create(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, tables); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO meta VALUES ('schema', $1), ('next', 0), ('size', 0), ('root', $2), ('gen', 1), ('time', 0), ('plan', ''), ('act', -1)`,
		schemaName(), make([]byte, 32))
	if err != nil {
		return err
	}
	return tx.Commit()
}

// unreadable makes ErrRebuild of an error that says that the file is not what it
// should be. That the disk is full, busy or read-only says nothing of the file,
// and a rebuild would not help.
func unreadable(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case 3, 5, 6, 7, 8, 10, 13, 14, 15: // PERM BUSY LOCKED NOMEM READONLY IOERR FULL CANTOPEN PROTOCOL
			return fmt.Errorf("%w: %w", ErrDisk, err)
		}
	}
	return fmt.Errorf("%w: %w", ErrRebuild, err)
}

// IsBroken reports whether err says that SQLite could not write or sync the
// catalog's file because of its device, and not because the disk is full: what
// is on it then nobody knows.
func IsBroken(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch e.Code() { // https://sqlite.org/rescode.html
	case 778, 1034, 1290, 1546, 2570, 7690: // IOERR_ WRITE FSYNC DIR_FSYNC TRUNCATE DELETE COMMIT_ATOMIC
		return true
	}
	return false
}

// checkSchema returns ErrRebuild unless db has the schema of this program.
// empty is true for a file without any table.
func checkSchema(ctx context.Context, db *sql.DB) (empty bool, err error) {
	var n int
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&n); err != nil {
		return false, unreadable(err)
	}
	if n == 0 {
		return true, nil
	}
	var have string
	err = db.QueryRowContext(ctx, `SELECT v FROM meta WHERE k = 'schema'`).Scan(&have)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false, err
	}
	if err != nil {
		return false, unreadable(err)
	}
	if want := schemaName(); have != want {
		return false, fmt.Errorf("schema %s, this program has %s: %w", have, want, ErrRebuild)
	}
	return false, nil
}
