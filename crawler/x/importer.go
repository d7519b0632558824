// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"time"

	"onrecord"
	"onrecord/crawler"
)

// An Importer reads files of posts. It implements crawler.Importer.
type Importer struct {
	kind, parser string
	answers      bool // answers of interfaces and account archives too, not posts only
	zone         *time.Location
}

var _ crawler.Importer = (*Importer)(nil)

// NewTwitter returns the importer of what X's interfaces have answered and of
// account archives.
func NewTwitter() *Importer { return &Importer{kind: "twitter", parser: "twitter/1", answers: true} }

// NewTheTrumpArchive returns the importer of the dumps of The Trump Archive,
// in the shapes that it has published over the years.
func NewTheTrumpArchive() *Importer {
	return &Importer{kind: "thetrumparchive", parser: "thetrumparchive/1"}
}

// In returns an importer for which dates without zone are of that zone: else they
// are UTC, or where the id carries another time, the id's.
func (im *Importer) In(zone *time.Location) *Importer {
	other := *im
	other.zone = zone
	return &other
}

// Info implements crawler.Importer. A zone is part of the parser's name: results
// depend on it.
func (im *Importer) Info() crawler.Info {
	parser := im.parser
	if im.zone != nil {
		parser += " " + im.zone.String()
	}
	return crawler.Info{
		Kind: im.kind, Parser: parser, Platform: "x",
		Can: onrecord.Capabilities{EditSignal: true, AccountStates: im.answers, ThirdParty: true},
	}
}

// Import implements crawler.Importer. A record of a GraphQL answer is each
// post, user, tombstone and cursor in it; those of a ZIP archive are numbered
// member by member.
func (im *Importer) Import(ctx context.Context, fsys fs.FS, t crawler.Target) iter.Seq2[crawler.Batch, error] {
	return func(yield func(crawler.Batch, error) bool) {
		files, err := im.Files(fsys)
		if err != nil {
			yield(crawler.Batch{}, err)
			return
		}
		r := &run{im: im, ctx: ctx, target: t, yield: yield}
		for _, name := range files {
			r.file, r.name, r.records = name, name, 0
			err := r.goOn()
			if err == nil {
				err = r.open(fsys, name)
			}
			if errors.Is(err, errStop) || !r.flush() {
				return
			}
			if err != nil {
				yield(crawler.Batch{}, fmt.Errorf("%s: %w", r.name, err))
				return
			}
		}
	}
}

// errStop reports that nobody wants more.
var errStop = errors.New("stopped")

// A run is one import.
type run struct {
	im     *Importer
	ctx    context.Context
	target crawler.Target
	yield  func(crawler.Batch, error) bool

	file    string // path in the file system
	name    string // the same, or with the member of an archive
	records int64  // read of it
	line    int64  // where the present record begins
	deleted bool   // the file's name says that it lists what was deleted
	owner   user   // of the account archive that it belongs to
	folder  string // of that archive
	stopped bool

	keeping    bool   // the file must not be published whole
	record     []byte // the record under way, valid while it is read
	keptRecord bool   // it is in the batch's evidence

	batch crawler.Batch
	t     tweet
	d     decoder
}

// flush yields what has been gathered and reports whether to go on.
func (r *run) flush() bool {
	if r.stopped || r.batch.Records == 0 {
		return !r.stopped
	}
	b := r.batch
	b.File = r.file
	if r.keeping && b.Kept == nil {
		b.Kept, b.KeptType = []byte{}, keptType
	}
	r.batch, r.keptRecord = crawler.Batch{}, false
	r.stopped = !r.yield(b, nil)
	return !r.stopped
}

// counted ends a record; a full batch is yielded.
func (r *run) counted() {
	r.records++
	r.batch.Records++
	if r.batch.Records >= crawler.MaxBatch {
		r.flush()
	}
}

// goOn returns why no further record is to be read, if so.
func (r *run) goOn() error {
	if r.stopped {
		return errStop
	}
	return r.ctx.Err()
}

// refuse ends a record that is not taken.
func (r *run) refuse(reason, id, detail string) {
	r.batch.Refused = append(r.batch.Refused, crawler.Refusal{
		File: r.name, Record: r.records + 1, Line: r.line, ID: clip(id), Reason: reason, Detail: detail,
	})
	r.counted()
}

// take ends a record that is a post.
func (r *run) take(t *tweet) {
	t.user.protected = false
	if t.user == (user{}) {
		t.user = r.owner
	}
	if why := r.other(t.user); why != "" {
		r.refuse(reasonAccount, t.id, why)
		return
	}
	o, n := t.observe(r.target.Handle, r.im.zone)
	if n != nil {
		r.refuse(n.reason, t.id, n.detail)
		return
	}
	if t.user.id != "" {
		state, code := r.batch.Account.State, r.batch.Account.Code
		r.batch.Account = t.user.account()
		r.batch.Account.State, r.batch.Account.Code = state, code
	}
	r.batch.Items = append(r.batch.Items, o)
	r.kept()
	r.counted()
}

// other says why a post of u is not the target's, if so. Where the file names
// nobody the target is meant.
func (r *run) other(u user) string {
	t := r.target
	switch {
	case u.id != "" && t.AccountID != "":
		if u.id != t.AccountID {
			return strings.TrimSpace("of account " + clip(u.id) + " " + at(u.handle))
		}
	case u.handle != "" && t.Handle != "":
		if !strings.EqualFold(u.handle, t.Handle) {
			return "of " + at(u.handle)
		}
	case u.handle != "":
		return "of " + at(u.handle) + ": the source has no handle to compare it with"
	case u.id != "":
		return "of account " + clip(u.id) + ": the source has no account id to compare it with"
	}
	return ""
}

func at(handle string) string {
	if handle == "" {
		return ""
	}
	return "@" + clip(handle)
}

// account ends a record that says something of an account.
func (r *run) account(u user, state onrecord.AccountState, code string) {
	if u == (user{}) || r.other(u) != "" {
		r.refuse(reasonNoStatement, "", strings.TrimSpace("another account "+clip(u.id)+" "+at(u.handle)))
		return
	}
	a := u.account()
	a.State, a.Code = state, clip(code)
	if state == "" {
		a.State, a.Code = r.batch.Account.State, r.batch.Account.Code
	}
	if a.Handle == "" {
		a.Handle, a.Name = r.batch.Account.Handle, r.batch.Account.Name
	}
	r.batch.Account = a
	r.keepAccount(u)
	r.counted()
}

// json takes a record of a JSON text.
func (r *run) json(raw []byte) {
	r.begin(raw)
	r.d.reset(raw)
	r.t.reset()
	t := &r.t
	if r.d.peek() == '{' {
		t.read(&r.d)
	} else {
		t.id = r.d.str() // a list of ids
	}
	if r.d.peek(); r.d.err != nil || r.d.pos != len(raw) {
		r.refuse(reasonNotJSON, "", clip(string(raw)))
		return
	}
	switch {
	case t.hasText && t.other&(isAnswer|isTyped) == 0:
		if t.other&isWrapper != 0 && !r.im.answers {
			r.refuse(reasonKind, t.id, "of an account archive: import twitter reads it")
			return
		}
		r.take(t)
	case !r.im.answers && t.other != 0:
		r.refuse(reasonKind, t.id, "an answer of an interface or a part of an account archive: import twitter reads it")
	case t.other&(isAnswer|isTyped) != 0 && nesting(raw) > maxDepth:
		r.refuse(reasonShape, "", fmt.Sprintf("nested deeper than %d", maxDepth))
	case t.other&(isAnswer|isTyped) != 0:
		r.answer(raw)
	case t.other&isAccount != 0:
		r.accountFile(raw)
	case t.id != "":
		t.deleted = t.deleted || r.deleted
		r.take(t)
	default:
		r.refuse(reasonShape, "", clip(string(raw)))
	}
}

// accountFile takes the part of an account archive that says whose it is, and
// v1.1's answer about a user.
func (r *run) accountFile(raw []byte) {
	var u user
	r.d.reset(raw)
	u.read(&r.d)
	if u.id != "" {
		r.owner = u
	}
	r.account(u, "", "")
}
