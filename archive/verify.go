// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
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
	KindState      = "state"      // a state register
)

// verifyChunk is how many leaves are read at once: an entry bundle.
const verifyChunk = 256

// VerifyOptions say how Verify goes about it.
type VerifyOptions struct {
	Progress func(done, total int64) // leaves read; called by one goroutine; may be nil
	Workers  int                     // visits checked at the same time; 0: one a processor
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
	Size     int64  // leaves of the ledger
	Root     string // its root, base64; empty where it could not be read
	Visits   int64
	Lines    int64 // journal lines that match their leaves
	Objects  int64 // captures and media objects read
	Records  int64 // WARC records in them
	Bytes    int64 // of journal and objects
	States   int64
	Findings []Finding // in order of index, then object, then offset
}

// A verification is one run of Verify.
type verification struct {
	a *Archive
	o VerifyOptions

	tree  ledger.Tree // published, as far as can be told
	whole bool        // head and checkpoint agree

	mu     sync.Mutex
	report Report                       // guarded by mu
	cited  map[onrecord.CaptureRef]bool // checked a while ago; guarded by mu
}

// Verify checks everything there is: onrecord.json, the checkpoint's signature,
// head, tiles, leaves, journal lines, captures record by record, state
// registers. It finds all mismatches, not only the first. Findings are no
// error; an error says that Verify could not go on, because the bucket can't be
// read or ctx has ended.
func (a *Archive) Verify(ctx context.Context, o VerifyOptions) (Report, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	v := &verification{a: a, o: o}
	size, err := v.log(ctx)
	if err == nil {
		err = v.visits(ctx, size)
	}
	if err == nil {
		err = v.states(ctx, size)
	}
	if err == nil {
		err = v.metadata(ctx, size)
	}
	slices.SortStableFunc(v.report.Findings, func(x, y Finding) int {
		return cmp.Or(cmp.Compare(x.Index, y.Index), cmp.Compare(x.Object, y.Object), cmp.Compare(x.Offset, y.Offset))
	})
	if err != nil {
		return v.report, fmt.Errorf("verify: %w", err)
	}
	return v.report, nil
}

// find adds a finding.
func (v *verification) find(f Finding) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Findings = append(v.report.Findings, f)
}

// judge turns an error into a finding, unless it says nothing of the bytes:
// then Verify can't go on.
func (v *verification) judge(err error, f Finding) error {
	if !isAnswer(err) || errors.Is(err, context.Canceled) {
		return outOfReach(err)
	}
	f.Reason = err.Error()
	v.find(f)
	return nil
}

// log verifies checkpoint, head and tiles, and returns the size to go on with.
func (v *verification) log(ctx context.Context) (int64, error) {
	c, err := v.a.ledger.Checkpoint(ctx)
	published, err := v.register(ctx, KindCheckpoint, ledger.CheckpointKey, err)
	if err != nil {
		return 0, err
	}
	head, _, err := v.a.ledger.Head(ctx)
	headed, err := v.register(ctx, KindHead, ledger.HeadKey, err)
	if err != nil {
		return 0, err
	}
	if published && headed && (head.Size < c.Size || head.Size == c.Size && head.Root != c.Root) {
		v.find(Finding{Kind: KindHead, Object: ledger.HeadKey, Offset: -1, Index: -1,
			Reason: fmt.Sprintf("size %d does not extend the checkpoint of size %d", head.Size, c.Size)})
		headed = false
	}
	all := c.Tree // as far as can be told
	v.tree = c.Tree
	if headed {
		all = head.Tree
		v.whole = published
	}
	if !published {
		v.tree = all
	}
	v.report.Size, v.report.Root = all.Size, base64.StdEncoding.EncodeToString(all.Root[:])
	for p, err := range v.a.ledger.Verify(ctx, v.tree) {
		if err != nil {
			return 0, outOfReach(err)
		}
		v.find(Finding{Kind: KindTile, Object: p.Key, Offset: -1, Index: -1, Reason: p.Reason})
	}
	return all.Size, nil
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

// leaves yields the leaves [at, end) from what was found to be right.
func (v *verification) leaves(ctx context.Context, at, end int64) iter.Seq2[ledger.Leaf, error] {
	if v.whole {
		return v.a.ledger.Leaves(ctx, at, end)
	}
	return v.a.ledger.LeavesOf(ctx, v.tree, at, end)
}

// A visitLeaves is the leaves of one visit, from index on. It is partial where
// leaves beside it could not be read.
type visitLeaves struct {
	index   int64
	leaves  []ledger.Leaf
	partial bool
}

// visits hands the visits of the ledger to workers that check them.
func (v *verification) visits(ctx context.Context, size int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs := make(chan visitLeaves)
	var wg sync.WaitGroup
	for range v.o.Workers {
		wg.Go(func() {
			for job := range jobs {
				if err := v.visit(ctx, job); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := v.group(ctx, size, jobs)
	close(jobs)
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// group reads the leaves and sends them visit by visit.
func (v *verification) group(ctx context.Context, size int64, jobs chan<- visitLeaves) error {
	seen := map[onrecord.VisitID]bool{}
	var job visitLeaves
	send := func() error {
		if len(job.leaves) == 0 {
			return nil
		}
		if id := job.leaves[0].Visit; seen[id] && !job.partial {
			v.find(Finding{Kind: KindJournal, Object: journalKey(id), Offset: -1, Index: job.index, Reason: "the visit is in the ledger twice"})
		} else {
			seen[id] = true
		}
		select {
		case jobs <- job:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for at := int64(0); at < size; at += verifyChunk {
		end := min(at+verifyChunk, size)
		leaves, err := v.chunk(ctx, at, end)
		if err != nil {
			return err
		}
		if len(leaves) == 0 { // named already; visits beside it are checked as far as they are known
			job.partial = true
			if err := send(); err != nil {
				return err
			}
			job = visitLeaves{index: end, partial: true}
		}
		for i, leaf := range leaves {
			if len(job.leaves) > 0 && job.leaves[0].Visit != leaf.Visit {
				if err := send(); err != nil {
					return err
				}
				job = visitLeaves{index: at + int64(i)}
			}
			job.leaves = append(job.leaves, leaf)
		}
		if v.o.Progress != nil {
			v.o.Progress(end, size)
		}
	}
	return send()
}

// chunk reads the leaves [at, end). None at all says that they can't be told,
// which is a finding.
func (v *verification) chunk(ctx context.Context, at, end int64) ([]ledger.Leaf, error) {
	leaves := make([]ledger.Leaf, 0, end-at)
	for leaf, err := range v.leaves(ctx, at, end) {
		if err != nil {
			return nil, v.judge(err, Finding{Kind: KindTile, Object: ledger.TileFolder, Offset: -1, Index: at})
		}
		leaves = append(leaves, leaf)
	}
	return leaves, nil
}

// states checks that state registers are whole and name what is in the ledger.
func (v *verification) states(ctx context.Context, size int64) error {
	for info, err := range v.a.b.List(ctx, "state/", "") {
		if err != nil {
			return outOfReach(fmt.Errorf("list state/: %w", err))
		}
		source, ok := sourceOf(info.Key)
		if !ok {
			continue
		}
		v.report.States++
		f := Finding{Kind: KindState, Object: info.Key, Offset: -1, Index: -1}
		reg, _, err := v.a.load(ctx, source)
		if err == nil {
			err = v.state(ctx, reg, size)
		}
		if err != nil {
			if err := v.judge(err, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// state checks a register against the ledger.
func (v *verification) state(ctx context.Context, reg register, size int64) error {
	if p := reg.Pending; p != nil && p.From > size {
		return fmt.Errorf("%w: a visit is pending from index %d on, the ledger has %d leaves", ErrMismatch, p.From, size)
	}
	done := reg.Done
	switch {
	case done.Index < 0 && done.Visit.IsZero():
		return nil
	case done.Index < 0 || done.Index >= size:
		return fmt.Errorf("%w: its last visit is at index %d, the ledger has %d leaves", ErrMismatch, done.Index, size)
	}
	leaf, err := v.leafAt(ctx, done.Index)
	if err != nil {
		return err
	}
	if leaf.Visit != done.Visit || leaf.Line != 0 {
		return fmt.Errorf("%w: its last visit is %s at index %d, the leaf there is line %d of %s", ErrMismatch, done.Visit, done.Index, leaf.Line, leaf.Visit)
	}
	return nil
}

// leafAt returns one leaf.
func (v *verification) leafAt(ctx context.Context, index int64) (ledger.Leaf, error) {
	for leaf, err := range v.leaves(ctx, index, index+1) {
		return leaf, err
	}
	return ledger.Leaf{}, ledger.ErrIndex
}

// metadata checks onrecord.json, as far as the first event vouches for it.
func (v *verification) metadata(ctx context.Context, size int64) error {
	f := Finding{Kind: KindMeta, Object: metaKey, Offset: -1, Index: -1}
	body, err := bucket.ReadAll(ctx, v.a.b, metaKey, maxMeta)
	if err == nil {
		err = v.vouched(ctx, body, size)
	}
	if err != nil {
		return v.judge(err, f)
	}
	return nil
}
