// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"context"
	"io/fs"
	"iter"
	"time"

	"onrecord"
)

// An Importer reads files that somebody else made: a dump, an export, a
// mailbox. Like a door it decides nothing: it says what the files show. It is
// safe for concurrent use.
type Importer interface {
	// Info returns what the importer is: Kind is its name, as in "onrecord
	// import KIND", Platform the one whose statements it reads.
	Info() Info
	// Files returns the paths in fsys that it reads, in the order in which it
	// reads them, and no others: an export holds more than statements. Nothing
	// to read is an error that says what was looked for.
	Files(fsys fs.FS) ([]string, error)
	// Import yields what the files show, at most MaxBatch records at a time, in
	// an order that depends on nothing but the files and t. Memory does not
	// grow with the files. A record that can't be read is refused and the next
	// one is read; an error, which names file and place, ends the import: what
	// was yielded before it stands.
	Import(ctx context.Context, fsys fs.FS, t Target) iter.Seq2[Batch, error]
}

// MaxBatch is how many records a Batch holds at most.
const MaxBatch = 500

// A Batch is what an importer read of a stretch of one file.
type Batch struct {
	File    string                      // path in the file system given
	Records int64                       // of the input, refused ones included, that it stands for
	Account onrecord.AccountObservation // zero where the file says nothing of it
	Items   []onrecord.Observation
	Refused []Refusal

	// Kept is the evidence of Items where the file itself must not be
	// published: the message without its recipient. Nil means that the file is
	// the evidence, whole and as it is.
	Kept     []byte
	KeptType string // media type of Kept

	// Enclosed are files within the input that Items have beside their wording
	// and that may be published.
	Enclosed []Enclosed
}

// An Enclosed is a file within an import's input, and whose it is.
type Enclosed struct {
	NativeID string         // of the item
	Media    onrecord.Media // id and kind; no content record names it
	Bytes    []byte
}

// A Refusal is a record that was not taken, and why.
type Refusal struct {
	File   string
	Record int64  // number in the file, from 1
	Line   int64  // where it begins, from 1; 0 where the format has no lines
	ID     string // native id, where it has one
	Reason string // one of a few, so that they can be counted: "no id", "another account", "no date" …
	Detail string
}

// A Dater is an Importer whose files may say when they were made.
type Dater interface {
	// Dated returns the time at which the files were made, as they say
	// themselves; zero where they don't.
	Dated(ctx context.Context, fsys fs.FS) (time.Time, error)
}
