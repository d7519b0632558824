// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"fmt"
	"iter"
	"time"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/spool"
)

// A Source names whose visit is begun. AccountID may be empty while it is not
// known; Figure may be empty for the built-in source.
type Source struct {
	Source, Platform, AccountID, Figure string
}

// A Visit is one that has a spool: it records, and it is committed, found
// quiet, dropped or closed, once. It belongs to one goroutine at a time; only
// Record may be called by several.
type Visit struct {
	a  *Archive
	s  *spool.Spool
	id onrecord.VisitID

	reg     register   // the register that the fence's condition stands for
	tag     bucket.Tag // zero: the register was absent
	from    int64      // ledger size before the visit
	offline bool       // begun while the bucket was out of reach: for Recover only
	why     error      // that is so
	plan    *plan      // set once Commit has begun
	taken   bool       // over by Recover, from the process that began it
	ended   bool
	renamed *Visit // under which it lives on; nil: under its own name
}

// latest returns the visit under its last name.
func (v *Visit) latest() *Visit {
	for v.renamed != nil {
		v = v.renamed
	}
	return v
}

// A spoolExtra is what the archive keeps in spool.Meta.Extra.
type spoolExtra struct {
	Figure string `json:"figure,omitempty"`
	Memo   []byte `json:"memo,omitempty"`
}

// ID returns the visit's name.
func (v *Visit) ID() onrecord.VisitID { return v.id }

// Source returns whose visit it is.
func (v *Visit) Source() Source {
	m := v.s.Meta()
	return Source{Source: m.Source, Platform: m.Platform, AccountID: m.AccountID, Figure: extraOf(m).Figure}
}

// Door returns the id of the door that the visit runs through.
func (v *Visit) Door() string { return v.s.Meta().Door }

// Parser returns the version of that door's parser, as it was when the visit
// was begun.
func (v *Visit) Parser() string { return v.s.Meta().Parser }

// Started returns when the visit was begun, UTC.
func (v *Visit) Started() time.Time { return v.s.Meta().Started }

// Memo returns what the caller of Begin wanted to be kept with the visit; nil
// if nothing. It is the same after a crash, and for a late visit: with it, what
// was recorded can be read as it was asked for.
func (v *Visit) Memo() []byte { return extraOf(v.s.Meta()).Memo }

// State returns the state of the source that the visit builds upon: as read
// before its first request, or, of a late visit, now.
func (v *Visit) State() onrecord.SourceState { return v.reg.SourceState }

// Size returns the size of the ledger as it was read after State: an act of the
// operator for which the state was changed (see Forget) is before it. Of a visit
// that is Offline it may be older.
func (v *Visit) Size() int64 { return v.from }

// Offline reports whether the visit was begun while the bucket was out of
// reach, or while an earlier visit of the source still waits in the spool. It
// records as any other, and is then closed: it is judged and committed when
// Recover yields it, after its predecessor (record.md 1.8).
func (v *Visit) Offline() bool { return v.offline }

// Why returns why the visit is Offline, nil for one that is not: ErrUnreachable, why
// the visit before it can't be finished, or ErrBehind.
func (v *Visit) Why() error { return v.why }

// Late returns the visit whose captures this one commits again under a new
// name, because that one lost its fence or was abandoned (record.md 1.7). A
// late visit may add captures, statements and versions with their own times;
// it may not delete, nor move cursors or the last tick.
func (v *Visit) Late() (of onrecord.VisitID, ok bool) {
	if first := v.s.Meta().Visit; first != v.id {
		return first, true
	}
	return onrecord.VisitID{}, false
}

// Record keeps an exchange, synced to disk, before it returns. A late visit
// records nothing: its WARC may be in the bucket.
func (v *Visit) Record(ctx context.Context, x onrecord.Exchange) (onrecord.CaptureRef, error) {
	if _, late := v.Late(); late || v.ended || v.plan != nil {
		return onrecord.CaptureRef{}, fmt.Errorf("visit %s: record: %w", v.id, ErrEnded)
	}
	r, err := v.s.Record(ctx, x)
	if err != nil {
		return r, fmt.Errorf("visit %s: record %s: %w", v.id, x.URL, err)
	}
	return r, nil
}

// RecordFile keeps a file that no exchange brought, with memory that does not
// grow with it: a resource record of x's address, times and media type. A file
// whose bytes are not those of f is warc.ErrExchange, and nothing is kept.
func (v *Visit) RecordFile(ctx context.Context, x onrecord.Exchange, f onrecord.File) (onrecord.CaptureRef, error) {
	if _, late := v.Late(); late || v.ended || v.plan != nil {
		return onrecord.CaptureRef{}, fmt.Errorf("visit %s: record: %w", v.id, ErrEnded)
	}
	r, err := v.s.RecordFile(ctx, x, f)
	if err != nil {
		return r, fmt.Errorf("visit %s: record %s: %w", v.id, x.URL, err)
	}
	return r, nil
}

// Defer makes what is recorded durable at Commit and not before: for a visit
// that can be made again from what it reads.
func (v *Visit) Defer() { v.s.Defer() }

// A Recorded is an exchange of a visit as read again from its spool.
type Recorded struct {
	Ref      onrecord.CaptureRef
	Exchange onrecord.Exchange
	End      int64 // of the records beside the evidence, in bytes of the object
}

// Entries yields what the visit has recorded, in order. An error comes alone
// and ends the sequence.
func (v *Visit) Entries(ctx context.Context) iter.Seq2[Recorded, error] {
	return func(yield func(Recorded, error) bool) {
		for e, err := range v.s.Entries(ctx) {
			if err != nil {
				yield(Recorded{}, fmt.Errorf("visit %s: %w", v.id, err))
				return
			}
			if !yield(Recorded{Ref: e.Ref, Exchange: e.Exchange, End: e.End}, nil) {
				return
			}
		}
	}
}

// Drop throws the visit and its spool away. A visit whose Commit has begun
// can't be dropped.
func (v *Visit) Drop(ctx context.Context) error {
	if v.ended || v.plan != nil {
		return fmt.Errorf("visit %s: drop: %w", v.id, ErrEnded)
	}
	v.ended = true
	v.a.memory.resolved(v.Source().Source, v.s.Meta().Visit)
	if err := v.s.Remove(); err != nil {
		return fmt.Errorf("visit %s: drop: %w", v.id, err)
	}
	return nil
}

// Close leaves the visit in the spool, for the next Recover. It does nothing
// to a visit that has ended.
func (v *Visit) Close() error {
	if v.ended {
		return nil
	}
	v.ended = true
	v.a.memory.unresolved(v.s.Meta(), v.taken)
	if err := v.s.Close(); err != nil {
		return fmt.Errorf("visit %s: %w", v.id, err)
	}
	return nil
}

// A LateError reports a visit that lost its fence, or was abandoned. Visit is
// the same captures under a new name, with the state as it is now: to be judged
// again, by the rules of [Visit.Late], and committed.
type LateError struct {
	Visit *Visit
}

func (e *LateError) Error() string {
	of, _ := e.Visit.Late()
	return fmt.Sprintf("visit %s of source %s was overtaken by another; it is to be judged again as visit %s",
		of, e.Visit.Source().Source, e.Visit.id)
}
