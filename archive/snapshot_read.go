// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"

	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// Snapshots yields the snapshots that have a note, newest first. An error is of
// one note, and names it; the others follow. An error of the listing ends the
// sequence. They are found by listing: nothing depends on them.
func (a *Archive) Snapshots(ctx context.Context) iter.Seq2[Snapshot, error] {
	return func(yield func(Snapshot, error) bool) {
		sizes, _, err := a.snapshotSizes(ctx)
		if err != nil {
			yield(Snapshot{}, fmt.Errorf("snapshots: %w", outOfReach(err)))
			return
		}
		for _, size := range slices.Backward(sizes) {
			key := Snapshot{Tree: ledger.Tree{Size: size}}.Key() + noteEnd
			s, err := a.readNote(ctx, key)
			if err == nil && s.Size != size {
				err = fmt.Errorf("%w: the note is of size %d", ErrSnapshot, s.Size)
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", key, outOfReach(err))
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

// readNote reads and checks the note of a snapshot.
func (a *Archive) readNote(ctx context.Context, key string) (Snapshot, error) {
	b, err := bucket.ReadAll(ctx, a.b, key, maxNote)
	if err != nil {
		return Snapshot{}, err
	}
	keys, err := a.ledger.Keys(ctx)
	if err != nil {
		return Snapshot{}, err
	}
	// A key that was replaced, perhaps because it leaked, vouches for no catalog.
	n, err := ledger.OpenNote(b, keys.InForce().Verifier)
	if err != nil {
		return Snapshot{}, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	return parseSnapshot(n.Text, a.meta.Origin)
}

// snapshotSizes lists what lies among the snapshots: the sizes that have a note,
// ascending, and all keys with the size that they name.
func (a *Archive) snapshotSizes(ctx context.Context) (noted []int64, all map[string]int64, err error) {
	all = map[string]int64{}
	for info, err := range a.b.List(ctx, snapshotPrefix, "") {
		if err != nil {
			return nil, nil, err
		}
		name, isNote := strings.CutSuffix(strings.TrimPrefix(info.Key, snapshotPrefix), noteEnd)
		digits, ok := strings.CutSuffix(name, snapshotEnd)
		size, err := strconv.ParseInt(digits, 10, 64)
		if !ok || err != nil || size < 0 || strconv.FormatInt(size, 10) != digits {
			continue
		}
		all[info.Key] = size
		if isNote {
			noted = append(noted, size)
		}
	}
	slices.Sort(noted)
	return noted, all, nil
}

// ReadSnapshot writes the catalog's file to w. What has been written is of no
// use unless ReadSnapshot returns nil: only the whole object can be checked.
func (a *Archive) ReadSnapshot(ctx context.Context, s Snapshot, w io.Writer) error {
	if err := a.readSnapshot(ctx, s, w); err != nil {
		return fmt.Errorf("%s: %w", s.Key(), outOfReach(err))
	}
	return nil
}

func (a *Archive) readSnapshot(ctx context.Context, s Snapshot, w io.Writer) error {
	o, err := a.b.Open(ctx, s.Key(), 0, -1)
	if err != nil {
		return err
	}
	defer o.Close()
	if o.Size != s.Length {
		return fmt.Errorf("%w: %d bytes, the note says %d", ErrSnapshot, o.Size, s.Length)
	}
	sum := sha256.New()
	in := &remembering{r: o}
	packed := bufio.NewReaderSize(io.TeeReader(io.LimitReader(in, s.Length), sum), 1<<16)
	z, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20))
	if err != nil {
		return err
	}
	defer z.Close()
	out := &remembering{w: w}
	n, err := io.Copy(out, io.LimitReader(z, s.Plain+1))
	if own := errors.Join(in.err, out.err); own != nil {
		return own
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if _, err := io.Copy(io.Discard, packed); err != nil {
		return err
	}
	if n != s.Plain || [32]byte(sum.Sum(nil)) != s.SHA256 {
		return fmt.Errorf("%w: %d bytes with SHA-256 %x, the note says %d and %x", ErrSnapshot, n, sum.Sum(nil), s.Plain, s.SHA256)
	}
	return nil
}

// A remembering passes on what is read or written, and keeps the error: what
// stands between says it in words of its own.
type remembering struct {
	r   io.Reader
	w   io.Writer
	err error
}

func (m *remembering) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

func (m *remembering) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	if err != nil {
		m.err = err
	}
	return n, err
}
