// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"onrecord"
	"onrecord/archive/bucket"
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
	// Since is a checkpoint that was seen before: the ledger must extend it.
	Since *ledger.Checkpoint
	// Outside leaves out what can only be found by listing, and registers that
	// are of this archive's own machines: states and snapshots. From outside,
	// and in a replica, there are none.
	Outside bool
}

// A Finding is one thing that is not as it must be.
type Finding struct {
	Kind   string
	Object string // key
	Offset int64  // in the object; -1 where it is the whole object
	Index  int64  // ledger index; -1 where there is none
	Reason string
}

// String words f for people.
func (f Finding) String() string {
	s := f.Kind + " " + f.Object
	if f.Offset >= 0 {
		s += fmt.Sprintf(" at offset %d", f.Offset)
	}
	if f.Index >= 0 {
		s += fmt.Sprintf(" (ledger index %d)", f.Index)
	}
	return s + ": " + f.Reason
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
}

// A verification is one run of Verify.
type verification struct {
	a    *Archive
	o    VerifyOptions
	tree ledger.Tree // published, as far as can be told
	// trusted is the size up to which erasures may excuse what differs: what only
	// the head has, which nobody signs, excuses nothing.
	trusted int64

	mu       sync.Mutex
	report   Report                       // guarded by mu
	suspects []suspect                    // guarded by mu
	cited    map[onrecord.CaptureRef]bool // checked a while ago; guarded by mu
	last     map[string]ledgered          // the last visit of each source; guarded by mu
	acts     []onrecord.Event             // erasures, and that they were carried out; guarded by mu
	hidden   map[string]concealed         // objects of which a mirror does not show everything; guarded by mu
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
	if o.Workers <= 0 {
		o.Workers = max(aheadVisits, runtime.GOMAXPROCS(0)) // most of them wait for the bucket
	}
	v := &verification{a: a, o: o, cited: map[onrecord.CaptureRef]bool{}, last: map[string]ledgered{}, hidden: map[string]concealed{}}
	v.report.Withheld = map[string]Withheld{}
	size, err := v.log(ctx)
	for _, step := range []func(context.Context, int64) error{v.metadata, v.changes, v.states, v.snapshots, v.settle, v.concealed} {
		if err == nil {
			err = step(ctx, size)
		}
	}
	v.report.Findings = v.findings()
	if err != nil {
		return v.report, fmt.Errorf("verify: %w", err)
	}
	return v.report, nil
}

// A suspect is a finding that something else may explain away.
type suspect struct {
	Finding
	// unless tells whether erasures account for it; nil where none can.
	unless func(*Redactions) bool
	// line says that it is of a journal line.
	line bool
	// implied says that it is of the whole object and follows from any finding
	// that is of a part of it.
	implied bool
}

// find adds a finding that nothing explains.
func (v *verification) find(f Finding) { v.suspect(suspect{Finding: f}) }

func (v *verification) suspect(s suspect) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.suspects = append(v.suspects, s)
}

// add adds to the report.
func (v *verification) add(change func(*Report)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(&v.report)
}

// judge turns an error into a finding, unless it says nothing of the bytes:
// then Verify can't go on. What a mirror withholds is judged at the end.
func (v *verification) judge(err error, f Finding) error {
	if w, ok := errors.AsType[*bucket.WithheldError](err); ok {
		v.withheld(w, f.Index)
		return nil
	}
	if !isAnswer(err) || errors.Is(err, context.Canceled) {
		return outOfReach(err)
	}
	f.Reason = err.Error()
	v.find(f)
	return nil
}

// findings returns what is left of the suspects: one for each place.
func (v *verification) findings() []Finding {
	finer := map[string]bool{}
	for _, s := range v.suspects {
		finer[s.Object] = finer[s.Object] || !s.implied
	}
	type place struct {
		object string
		offset int64
	}
	seen := map[place]bool{}
	var list []Finding
	for _, s := range v.suspects {
		at := place{s.Object, s.Offset}
		if s.implied && finer[s.Object] || s.Offset >= 0 && seen[at] {
			continue
		}
		seen[at] = true
		list = append(list, s.Finding)
	}
	slices.SortStableFunc(list, func(x, y Finding) int {
		return cmp.Or(cmp.Compare(x.Index, y.Index), cmp.Compare(x.Object, y.Object), cmp.Compare(x.Offset, y.Offset))
	})
	return list
}

// settle takes away the suspects that erasures account for, and finds erasures
// that are said to be done and are not.
func (v *verification) settle(ctx context.Context, size int64) error {
	if v.o.Parts == 1 && len(v.acts) == 0 && !slices.ContainsFunc(v.suspects, func(s suspect) bool { return s.unless != nil }) {
		return nil
	}
	if err := v.vouch(ctx); err != nil {
		return err
	}
	r, err := v.redactions(ctx)
	if err != nil {
		return err
	}
	touched := map[string]bool{} // objects in which something differs from what was committed
	v.suspects = slices.DeleteFunc(v.suspects, func(s suspect) bool {
		touched[s.Object] = true
		excused := s.unless != nil && s.unless(r)
		if excused && s.line {
			v.report.Erased++
		}
		return excused
	})
	if v.o.Parts > 1 {
		return v.erasedIn(ctx, r) // what is not in this part was not looked at
	}
	for key, o := range r.objects {
		_, hidden := v.hidden[key] // then its records were not all read
		switch {
		case r.keeps(key, o.Index): // whose store can't erase; said so by an event
			v.report.Kept++
		case r.done[o.Index] && !touched[key] && !hidden:
			v.find(Finding{Kind: kindAt(key), Object: key, Offset: -1, Index: o.Index, Reason: "it was erased, and its bytes are those before"})
		}
	}
	return nil
}

// redactions returns the erasures: those that were met, where everything was
// read; else they are looked for. A ledger that can't be read for it knows none.
func (v *verification) redactions(ctx context.Context) (*Redactions, error) {
	if v.o.Parts > 1 {
		r, err := v.a.Redactions(ctx)
		if err != nil && !isAnswer(err) {
			return nil, outOfReach(err)
		}
		return r.upTo(v.trusted), nil
	}
	slices.SortFunc(v.acts, func(x, y onrecord.Event) int { return cmp.Compare(x.Index, y.Index) })
	r := (*Redactions)(nil).clone()
	for _, e := range v.acts {
		r.add(e)
	}
	return r, nil
}

// kindAt returns the kind of the object under key.
func kindAt(key string) string {
	folder, _, _ := strings.Cut(key, "/")
	return map[string]string{"captures": KindCapture, "media": KindMedia, "journal": KindJournal}[folder]
}

// log verifies checkpoint, head, tiles and, on the way, all visits. It returns
// the size of the ledger as it was read. From outside there is no head: whoever
// serves it could write into it what they like.
func (v *verification) log(ctx context.Context) (int64, error) {
	head, headed, err := v.head(ctx)
	if err != nil {
		return 0, err
	}
	// The checkpoint is read after the head: it may be ahead of it.
	c, err := v.a.ledger.Checkpoint(ctx)
	if err == nil {
		err = spelledOnce(c.Note)
	}
	published, err := v.register(ctx, KindCheckpoint, ledger.CheckpointKey, err)
	if err != nil {
		return 0, err
	}
	if published && headed && head.Size < c.Size {
		headed, err = v.behind(ctx, c)
		if err != nil {
			return 0, err
		}
	}
	v.tree = c.Tree
	if !published {
		v.tree = head.Tree
	}
	var batch []ledger.Leaf // committed and not yet published
	if published && headed && head.Size >= c.Size {
		if batch, err = v.ahead(ctx, head, c); err != nil {
			return 0, err
		}
	}
	size := v.tree.Size + int64(len(batch))
	v.trusted = v.tree.Size
	v.report.Size, v.report.Unsigned = c.Size, size-c.Size
	if published {
		v.report.Root = base64.StdEncoding.EncodeToString(c.Root[:])
	}
	if err := v.visits(ctx, size, batch); err != nil {
		return size, err
	}
	return size, v.since(ctx)
}

// head reads the head, where it is to be believed at all.
func (v *verification) head(ctx context.Context) (ledger.Head, bool, error) {
	if v.o.Outside {
		return ledger.Head{}, false, nil
	}
	head, _, err := v.a.ledger.Head(ctx)
	ok, err := v.register(ctx, KindHead, ledger.HeadKey, err)
	return head, ok, err
}

// behind judges a head that is smaller than the checkpoint, which another
// machine may have moved meanwhile. It reports whether the head is all right.
func (v *verification) behind(ctx context.Context, c ledger.Checkpoint) (bool, error) {
	head, _, err := v.a.ledger.Head(ctx)
	ok, err := v.register(ctx, KindHead, ledger.HeadKey, err)
	if ok && head.Size < c.Size {
		v.find(Finding{Kind: KindHead, Object: ledger.HeadKey, Offset: -1, Index: -1,
			Reason: fmt.Sprintf("size %d, the checkpoint has %d: it is an older one", head.Size, c.Size)})
		ok = false
	}
	return ok, err
}

// ahead checks that the head extends the checkpoint, and returns the leaves
// that are in it only.
func (v *verification) ahead(ctx context.Context, head ledger.Head, c ledger.Checkpoint) ([]ledger.Leaf, error) {
	switch {
	case head.Size == c.Size && head.Root != c.Root:
		v.find(Finding{Kind: KindHead, Object: ledger.HeadKey, Offset: -1, Index: -1,
			Reason: fmt.Sprintf("another root at size %d than in the checkpoint", c.Size)})
		return nil, nil
	case c.Size < head.From(): // a head is swapped only when the one before it is published
		v.find(Finding{Kind: KindCheckpoint, Object: ledger.CheckpointKey, Offset: -1, Index: -1,
			Reason: fmt.Sprintf("size %d, the head was appended to a published size of %d: it is an older one", c.Size, head.From())})
		v.tree = ledger.Tree{Size: head.Size, Root: head.Root}
		return nil, nil
	}
	if err := v.a.ledger.HeadExtends(ctx, head, c.Tree); err != nil {
		return nil, v.judge(err, Finding{Kind: KindHead, Object: ledger.HeadKey, Offset: -1, Index: -1})
	}
	return head.Batch[c.Size-head.From():], nil
}

// since checks that the ledger extends the checkpoint that was seen before.
func (v *verification) since(ctx context.Context) error {
	if v.o.Since == nil {
		return nil
	}
	err := v.a.ledger.Extends(ctx, v.o.Since.Tree, v.tree)
	if err == nil {
		return nil
	}
	says := "it does not extend"
	if v.has(KindTile) && !errors.Is(err, ledger.ErrRolledBack) {
		says = "while tiles are damaged it can't be proven to extend"
	}
	return v.judge(fmt.Errorf("%s the checkpoint of size %d that was seen before: %w", says, v.o.Since.Size, err),
		Finding{Kind: KindCheckpoint, Object: ledger.CheckpointKey, Offset: -1, Index: -1})
}

// register judges the error of reading a register of the ledger: if its bytes
// can be read at all, the error is of them, and a finding. It reports whether
// there was none.
func (v *verification) register(ctx context.Context, kind, key string, cause error) (bool, error) {
	if cause == nil {
		return true, nil
	}
	if _, _, err := v.a.b.Load(ctx, key); err != nil && !errors.Is(err, bucket.ErrNotExist) {
		return false, outOfReach(fmt.Errorf("%s: %w", key, err))
	}
	v.find(Finding{Kind: kind, Object: key, Offset: -1, Index: -1, Reason: cause.Error()})
	return false, nil
}

// spelledOnce reports a signature that is right and yet has a flipped bit: base64
// has bits at its end that mean nothing.
func spelledOnce(signed []byte) error {
	for line := range strings.Lines(string(signed)) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[0] != "\u2014" {
			continue
		}
		if _, err := base64.StdEncoding.Strict().DecodeString(fields[2]); err != nil {
			return fmt.Errorf("%w: the signature of %s: %w", ErrMismatch, fields[1], err)
		}
	}
	return nil
}

// sources returns the sources whose visits were met, in order.
func (v *verification) sources() []string { return slices.Sorted(maps.Keys(v.last)) }
