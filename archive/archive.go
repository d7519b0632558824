// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package archive is the record: it commits visits to a bucket, finishes what
// others left unfinished, reads committed events in ledger order, serves
// captures, and verifies everything.
//
// # The commit
//
// A visit is prepared in a spool on local disk. Commit puts its WARC and its
// journal segment, swaps the source's state register to "pending this visit"
// (the fence), appends one leaf a line by swapping log/head (the commit point),
// publishes tiles and checkpoint, and swaps the state to "done at index n".
// Whoever finds a pending state finishes it by the same code. A crash at any
// point leaves nothing, or a spool, or a pending state; docs/crash.md has a row
// for each, and a test for each row.
//
// # What a caller must know
//
// A visit is in the ledger if and only if a leaf of it is; nothing else, no
// listing and no state register, decides that. A visit is never in the ledger
// twice. A visit whose fence was lost is not thrown away: Commit returns a
// [LateError] with the visit under a new name, to be judged again.
//
// Times are UTC. Every bucket key with a date takes it from the ULID in it.
package archive

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/files"
	"onrecord/archive/ledger"
	"onrecord/archive/spool"
)

// The limits of a visit and of a state register (record.md 1.9).
const (
	MaxLines   = 4096     // lines of a segment, the visit line among them
	MaxSegment = 8 << 20  // bytes of a segment's lines, and of the segment
	MaxState   = 64 << 10 // bytes of a state register, pending visit included
	MaxCapture = 64 << 20 // bytes of a record that Capture reads
	MaxMemo    = 48 << 10 // bytes that Begin keeps with a visit
)

// BuiltIn is the id, and the platform, of the source whose visits are acts of
// the operator and of the archive itself.
const BuiltIn = "archive"

// Options say how an archive is created and opened.
type Options struct {
	Name      string // of the archive; Init only
	Origin    string // of the ledger: given to Init, compared by Open where not empty
	PublicKey string // note verifier key of the signer: given to Init, compared by Open where not empty

	StateDir string        // local folder for the spool and the high-water mark; empty: read only
	Signer   note.Signer   // nil: read only
	Verifier note.Verifier // from outside the bucket; nil: the key in onrecord.json is believed
	Trust    bool          // accept the published checkpoint where there is no high-water mark yet

	// Signers returns further log keys of this machine: one that is about to take
	// the place of Signer. Known returns what others have seen of the ledger,
	// without waiting for them. Published is told of each new checkpoint. Each may
	// be nil; see ledger.Options.
	Signers   func() ([]note.Signer, error)
	Known     func(ctx context.Context) ([]ledger.Sighting, error)
	Published func(ledger.Checkpoint)

	SpoolLimit int64 // bytes above which no visit is begun; 0: none

	// Files is how the spool and the high-water mark get at the disk. Its latch is
	// to be that of the bucket where that is a folder.
	Files files.Seam

	Now      func() time.Time // required
	Rand     io.Reader        // salts, nonces, ULIDs; nil: crypto/rand
	Log      *slog.Logger     // nil: discarded
	Software string           // name and version, for warcinfo records
	Operator string           // who runs the archive, for warcinfo records

	// Redactions is a file in which a process notes where erasures are in the
	// ledger, for the next one; empty: each finds out by itself.
	Redactions string

	// Copy is a file in which Open keeps what it read of onrecord.json, for
	// OpenAway; empty: nothing is kept.
	Copy string
}

// Meta is onrecord.json: what this bucket is.
type Meta struct {
	Format    int       `json:"format"` // 1
	Name      string    `json:"name"`
	Origin    string    `json:"origin"`
	PublicKey string    `json:"public_key"` // note verifier key of the first signer
	Created   time.Time `json:"created"`
}

// metaKey is the key of Meta.
const metaKey = "onrecord.json"

// maxMeta is the largest onrecord.json that is read, in bytes.
const maxMeta = 64 << 10

// An Archive is an open archive. It is safe for concurrent use.
type Archive struct {
	b      bucket.Bucket
	meta   Meta
	ledger *ledger.Ledger
	queue  *queue
	spool  *spool.Dir // nil: read only
	code   *coder
	memory *memory
	clock  func() time.Time
	rand   io.Reader
	log    *slog.Logger

	signer   note.Signer // nil: read only
	verifier note.Verifier
	more     *signers

	replicated atomic.Int64 // size of the ledger up to which a replica has everything

	redactions    redactionMemo
	redactionFile string

	asked Options // for Confirm
}

// Open opens the archive in b. It checks origin and key: ErrKey says that they
// are others. ErrNoArchive says that there is no archive.
func Open(ctx context.Context, b bucket.Bucket, o Options) (*Archive, error) {
	meta, vouched, err := vetted(ctx, b, o)
	if err != nil {
		return nil, err
	}
	a, err := open(b, meta, vouched)
	if err != nil {
		return nil, err
	}
	if err := keepCopy(o, meta); err != nil {
		a.log.WarnContext(ctx, "no copy of onrecord.json is kept: this machine could not be started while the bucket is out of reach", "err", err)
	}
	return a, nil
}

// vetted reads onrecord.json and compares origin and key with what the caller
// expects. It returns the options with the verifier that follows from it.
func vetted(ctx context.Context, b bucket.Bucket, o Options) (Meta, Options, error) {
	meta, err := readMeta(ctx, b)
	if err != nil {
		return meta, o, err
	}
	if first := meta.check(o); first != nil {
		keys, err := meta.checkChain(ctx, b, o, first)
		if err != nil {
			return meta, o, err
		}
		o = anchored(keys, o)
	}
	return meta, o, nil
}

// OpenToVerify is Open, and opens an archive whose onrecord.json is lost or
// damaged, too, where o has the key and the checkpoint is signed by it: so that
// Verify can say what else is wrong.
func OpenToVerify(ctx context.Context, b bucket.Bucket, o Options) (*Archive, error) {
	a, err := Open(ctx, b, o)
	if err == nil || o.Verifier == nil || !isAnswer(err) && !errors.Is(err, ErrNoArchive) {
		return a, err
	}
	known, openErr := open(b, Meta{Format: 1, Origin: o.Verifier.Name(), PublicKey: o.PublicKey}, o)
	if openErr != nil {
		return nil, err
	}
	if _, unsigned := known.Checkpoint(ctx); unsigned != nil {
		return nil, err
	}
	return known, nil
}

// open opens the archive that meta describes.
func open(b bucket.Bucket, meta Meta, o Options) (_ *Archive, err error) {
	o.Rand = newRand(o.Rand) // one lock for all that share it
	a := &Archive{b: b, meta: meta, memory: newMemory(), clock: o.Now, log: o.Log, rand: o.Rand, redactionFile: o.Redactions, asked: o}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.code, err = newCoder(); err != nil {
		return nil, err
	}
	lo, err := meta.ledgerOptions(o)
	if err != nil {
		return nil, err
	}
	a.signer, a.verifier = lo.Signer, lo.Verifier
	a.more = &signers{read: o.Signers}
	lo.Signers, lo.Known, lo.Published = a.more.all, o.Known, o.Published
	if lo.Signer != nil {
		if a.spool, err = spool.Open(filepath.Join(o.StateDir, "spool"), spool.Options{
			Software: o.Software, Operator: o.Operator, Limit: o.SpoolLimit, Rand: a.rand, Files: o.Files,
		}); err != nil {
			return nil, err
		}
	}
	if a.ledger, err = ledger.New(b, lo); err != nil {
		return nil, err
	}
	a.queue = newQueue(a.ledger)
	return a, nil
}

// ledgerOptions returns how to open the ledger of the archive.
func (m Meta) ledgerOptions(o Options) (ledger.Options, error) {
	lo := ledger.Options{Origin: m.Origin, Verifier: o.Verifier, Trust: o.Trust, Rand: o.Rand, Files: o.Files}
	if lo.Verifier == nil {
		v, err := note.NewVerifier(m.PublicKey)
		if err != nil {
			return lo, fmt.Errorf("%s: public_key: %w", metaKey, err)
		}
		lo.Verifier = v
	}
	lo.Origin = lo.Verifier.Name() // another than m's where the ledger was restarted
	if o.Signer != nil && o.StateDir != "" {
		lo.Signer, lo.Mark = o.Signer, filepath.Join(o.StateDir, "log.mark")
	}
	return lo, nil
}

// readMeta reads onrecord.json.
func readMeta(ctx context.Context, b bucket.Bucket) (Meta, error) {
	body, err := bucket.ReadAll(ctx, b, metaKey, maxMeta)
	if errors.Is(err, bucket.ErrNotExist) {
		return Meta{}, fmt.Errorf("%w: the bucket has no %s", ErrNoArchive, metaKey)
	}
	if err != nil {
		return Meta{}, outOfReach(fmt.Errorf("%s: %w", metaKey, err))
	}
	return parseMeta(body)
}

// parseMeta reads the body of onrecord.json.
func parseMeta(body []byte) (Meta, error) {
	var m Meta
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("%s: %w: %w", metaKey, ErrMismatch, err)
	}
	if m.Format != 1 {
		return m, fmt.Errorf("%s: %w: format %d, this program reads format 1", metaKey, ErrKey, m.Format)
	}
	return m, nil
}

// check compares m with what the caller expects.
func (m Meta) check(o Options) error {
	if o.Origin != "" && o.Origin != m.Origin {
		return fmt.Errorf("%w is %s, not %s", ErrOrigin, m.Origin, o.Origin)
	}
	if o.PublicKey != "" && o.PublicKey != m.PublicKey {
		return fmt.Errorf("%w: its log key is %s, not %s", ErrKey, m.PublicKey, o.PublicKey)
	}
	v, err := note.NewVerifier(m.PublicKey)
	if err != nil {
		return fmt.Errorf("%s: public_key: %w", metaKey, err)
	}
	if o.Verifier != nil && (o.Verifier.Name() != v.Name() || o.Verifier.KeyHash() != v.KeyHash()) {
		return fmt.Errorf("%w: its log key is %s+%08x, not %s+%08x", ErrKey, v.Name(), v.KeyHash(), o.Verifier.Name(), o.Verifier.KeyHash())
	}
	if o.Signer != nil && (o.Signer.Name() != v.Name() || o.Signer.KeyHash() != v.KeyHash()) {
		return fmt.Errorf("%w: the signer is %s+%08x, its log key %s+%08x", ErrKey, o.Signer.Name(), o.Signer.KeyHash(), v.Name(), v.KeyHash())
	}
	return nil
}

// writable reports whether a can make visits.
func (a *Archive) writable() error {
	if a.spool == nil {
		return ErrReadOnly
	}
	return nil
}

// now returns the time as it is written everywhere: UTC, microseconds.
func (a *Archive) now() time.Time { return trim(a.clock()) }

// Meta returns what the archive is.
func (a *Archive) Meta() Meta { return a.meta }

// Size returns the size of the ledger, as its head has it.
func (a *Archive) Size(ctx context.Context) (int64, error) {
	head, err := a.Head(ctx)
	return head.Size, err
}

// Head returns the head of the ledger.
func (a *Archive) Head(ctx context.Context) (ledger.Head, error) {
	head, _, err := a.ledger.Head(ctx)
	return head, outOfReach(err)
}

// Checkpoint returns the published checkpoint, its signature checked.
func (a *Archive) Checkpoint(ctx context.Context) (ledger.Checkpoint, error) {
	c, err := a.ledger.Checkpoint(ctx)
	return c, outOfReach(err)
}

// State returns what is known of a source. While a visit of it is pending this
// is the state before that visit. A source that was never visited has the zero
// state with Done.Index -1. While the bucket is out of reach it is what this
// process last read of the source, without error, and ErrUnreachable if that is
// nothing: visits that wait in the spool, and those of other machines since, are
// not in it (record.md 1.8).
func (a *Archive) State(ctx context.Context, source string) (onrecord.SourceState, error) {
	if err := checkSource(source); err != nil {
		return onrecord.SourceState{}, err
	}
	reg, tag, err := a.load(ctx, source)
	if errors.Is(err, ErrUnreachable) {
		if known, _ := a.memory.recall(source); known.known {
			return cloned(known.reg.state())
		}
	}
	if err == nil && reg.Pending == nil {
		a.memory.glimpse(source, reg, tag)
	}
	return reg.state(), err
}

// cloned returns a state that shares nothing with s: what the memory keeps must
// not change in a caller's hands.
func cloned(s onrecord.SourceState) (onrecord.SourceState, error) {
	var c onrecord.SourceState
	b, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		return c, fmt.Errorf("state of source %s: %w", s.Source, err)
	}
	return c, nil
}

// A lockedRand serves one reader of randomness to many goroutines.
type lockedRand struct {
	mu sync.Mutex
	r  io.Reader // guarded by mu
}

func newRand(r io.Reader) io.Reader {
	if r == nil {
		return rand.Reader
	}
	return &lockedRand{r: r}
}

func (l *lockedRand) Read(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(b)
}
