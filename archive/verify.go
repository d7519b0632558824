// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"onrecord"
	"onrecord/archive/ledger"
)

// The kinds of findings.
const (
	KindMeta       = "meta"       // onrecord.json
	KindHead       = "head"       // log/head
	KindCheckpoint = "checkpoint" // log/checkpoint
	KindTile       = "tile"       // hash tiles and entry bundles
	KindJournal    = "journal"    // a segment or a line of it
	KindCapture    = "capture"    // a WARC object or a record in it
	KindMedia      = "media"      // a WARC object of media, or a payload in it
	KindState      = "state"      // a state register
	KindSnapshot   = "snapshot"   // a snapshot of the catalog, or its note
	KindPrev       = "prev"       // what a line names as the one before it of its statement
)

// VerifyOptions say how Verify goes about it.
type VerifyOptions struct {
	Progress func(done, total int64) // leaves read; called by one goroutine; may be nil
	Workers  int                     // visits checked at the same time; 0: sixteen, or one a processor if there are more

	// Part and Parts choose the Part-th of Parts (from 1); 0 and 0 choose all.
	// The parts together cover every object, each in one part, and an object
	// stays in its part while the archive grows. Each part checks onrecord.json,
	// checkpoint and head, too.
	Part, Parts int
	// Witnesses are the keys of those who cosign: what stands under the checkpoint
	// in the name of one must be its signature.
	Witnesses []note.Verifier
	// Since is a checkpoint that was seen before: the ledger must extend it.
	Since *ledger.Checkpoint
	// Most is how many findings there may be: Verify ends with one more that says so.
	// 0: a million. Who signs a ledger of a size that it does not have could have it
	// go on for years.
	Most int
	// Outside leaves out what can only be found by listing, and registers that
	// are of this archive's own machines: states and snapshots. From outside,
	// and in a replica, there are none.
	Outside bool
}

// A Report is what Verify found.
type Report struct {
	Size      int64  // leaves that the signed checkpoint covers
	Root      string // its root, base64; empty where no checkpoint could be read
	Unsigned  int64  // leaves that only log/head has: checked, and vouched for by nobody yet
	Visits    int64
	Lines     int64 // journal lines that match their leaves
	Objects   int64 // captures and media objects read
	Records   int64 // WARC records in them
	Bytes     int64 // of journal and objects, as stored
	Decoded   int64 // of journal lines and of blocks of records
	States    int64
	Snapshots int64

	Erased   int64               // lines that are tombstones by an erasure
	Kept     int64               // objects that keep what was erased, because their store can't erase
	Redacted int64               // WARC records whose content an erasure took, or kept from being put
	Withheld map[string]Withheld // what a mirror does not show, by case
	Findings []Finding           // in order of index, then object, then offset
	// Keys are the keys of the log, as far as they follow from the one that is
	// trusted. Where one has Begun.Restart, what the ledger had lost is told by that.
	Keys []ledger.LogKey
}

// A verification is one run of Verify.
type verification struct {
	a       *Archive
	o       VerifyOptions
	tree    ledger.Tree // published, as far as can be told
	history *history
	begun   time.Time
	// trusted is the size up to which erasures may excuse what differs: what only
	// the head has, which nobody signs, excuses nothing.
	trusted int64

	mu       sync.Mutex
	report   Report                       // guarded by mu
	suspects []suspect                    // guarded by mu
	cited    map[onrecord.CaptureRef]bool // checked a while ago; guarded by mu
	last     map[string]ledgered          // the last visit of each source; guarded by mu
	acts     []onrecord.Event             // erasures, and that they were carried out; guarded by mu
	hidden   map[string][]concealed       // what a mirror does not show, by object; guarded by mu
	decided  []onrecord.Event             // what is withheld, shown again, erased; guarded by mu
}

// A ledgered is a visit and where its first line is.
type ledgered struct {
	visit onrecord.VisitID
	index int64
}

// Verify checks everything there is: onrecord.json, the checkpoint's signature,
// head, tiles, leaves, journal lines, captures and media record by record, state
// registers, snapshots. It finds all mismatches, not only the first. Findings
// are no error; an error says that Verify could not go on, because the bucket
// can't be read or ctx has ended. The archive may grow meanwhile.
func (a *Archive) Verify(ctx context.Context, o VerifyOptions) (Report, error) {
	if o.Parts == 0 && o.Part == 0 {
		o.Part, o.Parts = 1, 1
	}
	if o.Part < 1 || o.Part > o.Parts {
		return Report{}, fmt.Errorf("verify: part %d of %d", o.Part, o.Parts)
	}
	if o.Most <= 0 {
		o.Most = 1_000_000
	}
	if o.Workers <= 0 {
		o.Workers = max(aheadVisits, runtime.GOMAXPROCS(0)) // most of them wait for the bucket
	}
	v := &verification{a: a, o: o, begun: a.now(), history: newHistory(), cited: map[onrecord.CaptureRef]bool{}, last: map[string]ledgered{}, hidden: map[string][]concealed{}}
	v.report.Withheld = map[string]Withheld{}
	size, err := v.log(ctx)
	for _, step := range []func(context.Context, int64) error{v.metadata, v.changes, v.linkage, v.stale, v.states, v.snapshots, v.settle, v.concealed, v.again} {
		if err == nil {
			err = step(ctx, size)
		}
	}
	v.report.Findings = v.findings()
	if errors.Is(err, errFlood) {
		v.report.Findings, err = append(v.report.Findings, v.flood()), nil
	}
	if err != nil {
		return v.report, fmt.Errorf("verify: %w", err)
	}
	return v.report, nil
}

// sources returns the sources whose visits were met, in order.
func (v *verification) sources() []string { return slices.Sorted(maps.Keys(v.last)) }
