// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/sumdb/note"

	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// The keys of snapshots: a compressed copy of the catalog, and beside it the
// note that vouches for it.
const (
	snapshotPrefix = "views/catalog/"
	snapshotEnd    = ".db.zst"
	noteEnd        = ".note"
	maxNote        = 16 << 10
)

// snapshotText is the first line of a snapshot's note. It is no origin of any
// log, so that a note can't be taken for a checkpoint, nor the reverse.
const snapshotText = "onrecord catalog snapshot v1"

// snapshotsKept is how many snapshots stay in the bucket (record.md 4).
const snapshotsKept = 2

// ErrSnapshot reports a snapshot that is not what its note says, or a note
// that no key of the log has signed.
var ErrSnapshot = errors.New("not a valid snapshot")

// A Snapshot is a copy of the catalog in the bucket, from which a machine that
// has none starts. It is disposable: whoever loses it rebuilds from the journal.
type Snapshot struct {
	ledger.Tree          // up to which the catalog had applied
	Schema      string   // of the catalog
	Plain       int64    // bytes of the catalog's file
	Length      int64    // bytes of the object
	SHA256      [32]byte // of the object
}

// Key returns the key of the object; that of the note ends in ".note".
func (s Snapshot) Key() string { return snapshotPrefix + strconv.FormatInt(s.Size, 10) + snapshotEnd }

// text is what is signed.
func (s Snapshot) text(origin string) string {
	return fmt.Sprintf("%s\n%s\n%d\n%s\nschema %s\nplain %d\nlength %d\nsha256 %x\n", snapshotText, origin,
		s.Size, base64.StdEncoding.EncodeToString(s.Root[:]), s.Schema, s.Plain, s.Length, s.SHA256)
}

// parseSnapshot is the inverse of text.
func parseSnapshot(text, origin string) (Snapshot, error) {
	var s Snapshot
	var first, log, root, sum string
	lines := strings.Split(text, "\n")
	if len(lines) != 9 {
		return s, fmt.Errorf("%w: a note of %d lines", ErrSnapshot, len(lines)-1)
	}
	first, log, root = lines[0], lines[1], lines[3]
	_, err := fmt.Sscanf(strings.Join(append(lines[2:3:3], lines[4:8]...), "\n"), "%d\nschema %s\nplain %d\nlength %d\nsha256 %s",
		&s.Size, &s.Schema, &s.Plain, &s.Length, &sum)
	b, rerr := base64.StdEncoding.DecodeString(root)
	h, herr := hex.DecodeString(sum)
	if err := errors.Join(err, rerr, herr); err != nil || len(b) != len(s.Root) || len(h) != len(s.SHA256) {
		return s, fmt.Errorf("%w: the note does not say what it must: %v", ErrSnapshot, err)
	}
	s.Root, s.SHA256 = [32]byte(b), [32]byte(h)
	if first != snapshotText || log != origin || s.text(origin) != text {
		return s, fmt.Errorf("%w: the note is of %q, log %q", ErrSnapshot, first, log)
	}
	return s, nil
}

// PutSnapshot compresses the catalog's file at path, which has applied the
// ledger up to at, puts it with its note, and removes those older than the last
// two. One that is there already, of the same size, stays as it is. A copy from
// before an erasure is ErrErased, and does not stay; where nobody knows whether it
// is one, it is ErrUnknown, and nothing is put.
func (a *Archive) PutSnapshot(ctx context.Context, path string, at ledger.Tree, schema string) (Snapshot, error) {
	s := Snapshot{Tree: at, Schema: schema}
	if a.signer == nil {
		return s, ErrReadOnly
	}
	red, err := a.Redactions(ctx)
	if err == nil {
		err = red.Known(at.Size)
	}
	if err != nil {
		return s, fmt.Errorf("snapshot at size %d: %w", at.Size, err)
	}
	if err := a.putSnapshot(ctx, path, &s); err != nil {
		return s, fmt.Errorf("snapshot at size %d: %w", at.Size, outOfReach(err))
	}
	// Only now: an erasure that this does not see removes the snapshot itself.
	if err := a.recallSnapshot(ctx, s); err != nil {
		return s, fmt.Errorf("snapshot at size %d: %w", at.Size, outOfReach(err))
	}
	if err := a.pruneSnapshots(ctx); err != nil {
		return s, fmt.Errorf("snapshots that are no longer needed: %w", outOfReach(err))
	}
	return s, nil
}

func (a *Archive) putSnapshot(ctx context.Context, path string, s *Snapshot) error {
	packed := path + ".zst"
	defer os.Remove(packed)
	var err error
	if s.Plain, err = compressFile(ctx, path, packed); err != nil {
		return err
	}
	body, err := bucket.File(packed)
	if err != nil {
		return err
	}
	s.Length, s.SHA256 = body.Size, body.SHA256
	signer, err := a.inForce(ctx)
	if err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: s.text(a.meta.Origin)}, signer)
	if err != nil {
		return err
	}
	err = a.b.Create(ctx, s.Key(), body)
	if errors.Is(err, bucket.ErrExists) { // another machine was faster, or this one died before the note
		err = a.checkObject(ctx, ref(s.Key(), body))
		if errors.Is(err, ErrMismatch) {
			return nil
		}
	}
	if err != nil {
		return err
	}
	if err := a.b.Create(ctx, s.Key()+noteEnd, bucket.Bytes(signed)); err != nil && !errors.Is(err, bucket.ErrExists) {
		return err
	}
	return nil
}

// inForce returns the signer of the key in force, which another process may have
// changed since this one began.
func (a *Archive) inForce(ctx context.Context) (note.Signer, error) {
	keys, err := a.ledger.Keys(ctx)
	if err != nil {
		return nil, err
	}
	more, err := a.more.all()
	if err != nil {
		return nil, err
	}
	in := keys.InForce().Verifier
	for _, s := range append([]note.Signer{a.signer}, more...) {
		if s.Name() == in.Name() && s.KeyHash() == in.KeyHash() {
			return s, nil
		}
	}
	return nil, ledger.ErrKeyChanged
}

// recallSnapshot removes a snapshot that was copied before an erasure and put
// after it: ErrErased.
func (a *Archive) recallSnapshot(ctx context.Context, s Snapshot) error {
	red, err := a.Redactions(ctx)
	if err != nil {
		return err
	}
	if err := red.Known(s.Size); err != nil {
		return errors.Join(err, a.RemoveSnapshots(ctx))
	}
	for _, o := range red.Erasures() {
		if o.Index >= s.Size {
			err := fmt.Errorf("ledger no. %d orders an erasure: the copy is older, and is removed: %w", o.Index, ErrErased)
			return errors.Join(err, a.RemoveSnapshots(ctx))
		}
	}
	return nil
}

// compressFile writes from, compressed, to the file to, and returns the size of
// from in bytes. Nothing needs to be durable: it is made again.
func compressFile(ctx context.Context, from, to string) (n int64, err error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	z, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return 0, err
	}
	if n, err = io.Copy(z, ended{ctx, in}); err != nil {
		return 0, errors.Join(err, z.Close())
	}
	return n, z.Close()
}

// ended reads until its context ends.
type ended struct {
	ctx context.Context
	r   io.Reader
}

func (e ended) Read(p []byte) (int, error) {
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	return e.r.Read(p)
}

// pruneSnapshots removes the snapshots before the last two that have a note,
// each note first: a reader takes none without. A bucket that can't remove
// keeps them all.
func (a *Archive) pruneSnapshots(ctx context.Context) error {
	noted, all, err := a.snapshotSizes(ctx)
	if err != nil || len(noted) <= snapshotsKept {
		return err
	}
	return a.removeSnapshots(ctx, all, noted[len(noted)-snapshotsKept])
}

// RemoveSnapshots removes every snapshot: an erasure does, since they hold what
// it erases. The next one is made of the catalog as it is then.
func (a *Archive) RemoveSnapshots(ctx context.Context) error {
	_, all, err := a.snapshotSizes(ctx)
	if err == nil {
		err = a.removeSnapshots(ctx, all, math.MaxInt64)
	}
	if err != nil {
		return fmt.Errorf("remove snapshots: %w", outOfReach(err))
	}
	return nil
}

// removeSnapshots removes what is of a size below before.
func (a *Archive) removeSnapshots(ctx context.Context, all map[string]int64, before int64) error {
	e, ok := a.b.(bucket.Eraser)
	if !ok {
		return nil
	}
	var keys []string
	for key, size := range all {
		if size < before {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(x, y string) int { // notes first: they end in ".note"
		return cmp.Or(-cmp.Compare(len(x)-len(strings.TrimSuffix(x, noteEnd)), len(y)-len(strings.TrimSuffix(y, noteEnd))), cmp.Compare(x, y))
	})
	for _, key := range keys {
		if err := e.Remove(ctx, key); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}
