// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"onrecord"
	"onrecord/archive/ledger"
)

// Acts of the operator are visits of the built-in source, and only those can
// erase. Which visits those are is not in the leaves, so each visit's first
// frame is read once: a process keeps what it found and reads on from there, and
// Options.Redactions names a file in which commands find what an earlier one
// found.

// headReaders is how many first frames are read at the same time.
const headReaders = 16

// maxRedactionFile is the largest Options.Redactions that is read, in bytes.
const maxRedactionFile = 64 << 20

// A redactionMemo is what an archive knows of its erasures.
type redactionMemo struct {
	mu     sync.Mutex
	known  *Redactions // guarded by mu; replaced, never changed
	acts   []int64     // visit lines of the visits that erased or finished an erasure; guarded by mu
	loaded bool        // the file was looked at; guarded by mu
	saved  int64       // size that the file has; guarded by mu
}

// Redactions returns what the erasures up to the head of the ledger order. It
// reads what came since the last call.
func (a *Archive) Redactions(ctx context.Context) (*Redactions, error) {
	head, err := a.Head(ctx)
	if err != nil {
		return nil, err
	}
	m := &a.redactions
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.loaded {
		if err := a.loadRedactions(ctx, head); err != nil {
			return nil, fmt.Errorf("erasures: %w", err)
		}
		m.loaded = true
	}
	if m.known != nil && m.known.size >= head.Size {
		return m.known, nil
	}
	r := m.known.clone()
	acts, err := a.actsBetween(ctx, r.size, head.Size)
	if err != nil {
		return nil, fmt.Errorf("erasures: %w", err)
	}
	kept := slices.Clone(m.acts)
	for _, index := range acts {
		erases, err := a.noteAct(ctx, r, index)
		if err != nil {
			return nil, fmt.Errorf("erasures: %w", err)
		}
		if erases {
			kept = append(kept, index)
		}
	}
	r.size = head.Size
	m.known, m.acts = r, kept
	a.saveRedactions(ctx, head)
	return r, nil
}

// recalled returns what this process knows of erasures by now. A segment with
// tombstones was compared with all that there are before its lines are used.
func (a *Archive) recalled() *Redactions {
	a.redactions.mu.Lock()
	defer a.redactions.mu.Unlock()
	return a.redactions.known
}

// actsBetween returns the indexes of the visit lines of the built-in source's
// visits in [from, to).
func (a *Archive) actsBetween(ctx context.Context, from, to int64) ([]int64, error) {
	type first struct {
		index int64
		leaf  ledger.Leaf
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs := make(chan first, 4*headReaders)
	var mu sync.Mutex
	var acts []int64
	var wg sync.WaitGroup
	for range min(headReaders, to-from) {
		wg.Go(func() {
			for j := range jobs {
				source, err := a.sourceOfVisit(ctx, j.leaf)
				if err != nil {
					cancel(err)
				}
				if source == BuiltIn {
					mu.Lock()
					acts = append(acts, j.index)
					mu.Unlock()
				}
			}
		})
	}
	index := from
	for leaf, err := range a.ledger.Leaves(ctx, from, to) {
		if err != nil {
			cancel(outOfReach(fmt.Errorf("leaf %d: %w", index, err)))
		}
		if ctx.Err() != nil {
			break
		}
		if leaf.Line == 0 {
			jobs <- first{index, leaf}
		}
		index++
	}
	close(jobs)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	slices.Sort(acts)
	return acts, nil
}

// sourceOfVisit returns whose visit a leaf is the first of: its visit line is
// one raw frame at the segment's beginning. What is missing or of another form
// is nobody's; verify names it.
func (a *Archive) sourceOfVisit(ctx context.Context, leaf ledger.Leaf) (string, error) {
	line, err := a.visitLine(ctx, leaf.Visit)
	if err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if isAnswer(err) {
			return "", nil
		}
		return "", outOfReach(fmt.Errorf("%s: %w", journalKey(leaf.Visit), err))
	}
	// The built-in source's id stands in the line as it is; few other lines have it.
	if !bytes.Contains(line, []byte(`"`+BuiltIn+`"`)) {
		return "", nil
	}
	h, err := parseHeader(leaf.Visit, line)
	if err != nil {
		return "", nil
	}
	return h.Source, nil
}

// visitLine reads the first line of a segment and no more.
func (a *Archive) visitLine(ctx context.Context, v onrecord.VisitID) ([]byte, error) {
	r, err := a.b.Open(ctx, journalKey(v), 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	head := make([]byte, rawHeader, 1<<10)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, readError(err)
	}
	n := binary.LittleEndian.Uint32(head[5:9])
	if n > maxRawBlock {
		return nil, fmt.Errorf("%w: %w", ErrMismatch, errFrame)
	}
	b := append(head, make([]byte, n)...)
	if _, err := io.ReadFull(r, b[rawHeader:]); err != nil {
		return nil, readError(err)
	}
	text, _, err := cutRawFrame(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	return oneLine(text)
}

// readError makes an answer of an object's early end.
func readError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	return err
}

// noteAct adds to r what the visit at index erases. It reports whether that is
// anything.
func (a *Archive) noteAct(ctx context.Context, r *Redactions, index int64) (erases bool, err error) {
	leaf, err := a.leaf(ctx, index)
	if err != nil {
		return false, err
	}
	s, err := a.readSegment(ctx, leaf.Visit) // of the built-in source nothing is erased
	if err != nil {
		return false, fmt.Errorf("index %d: %w", index, err)
	}
	for at := index; at < index+int64(len(s.lines)); at++ {
		if leaf, err = a.leaf(ctx, at); err != nil {
			return false, err
		}
		e, err := entry(at, leaf, s)
		if err != nil {
			return false, err
		}
		if e.Event.Type == onrecord.StatementErased || e.Event.Type == onrecord.ArchiveErasureDone {
			r.add(e.Event)
			erases = true
		}
	}
	return erases, nil
}

// A redactionFile is Options.Redactions: where erasures are, up to a tree. It
// can be deleted.
type redactionFile struct {
	V      int     `json:"v"`
	Origin string  `json:"origin"`
	Size   int64   `json:"size"`
	Root   string  `json:"root"` // base64
	Visits []int64 `json:"visits"`
}

// loadRedactions reads the file, if it is one of this ledger.
func (a *Archive) loadRedactions(ctx context.Context, head ledger.Head) error {
	if a.redactionFile == "" {
		return nil
	}
	info, err := os.Stat(a.redactionFile)
	if err != nil || info.Size() > maxRedactionFile {
		return nil
	}
	b, err := os.ReadFile(a.redactionFile)
	if err != nil {
		return nil
	}
	var f redactionFile
	if err := json.Unmarshal(b, &f); err != nil || f.V != 1 || f.Origin != a.meta.Origin || f.Size < 0 || f.Size > head.Size {
		return nil
	}
	root, err := base64.StdEncoding.DecodeString(f.Root)
	if err != nil || len(root) != 32 {
		return nil
	}
	if err := a.ledger.HeadExtends(ctx, head, ledger.Tree{Size: f.Size, Root: [32]byte(root)}); err != nil {
		if isAnswer(err) {
			return nil
		}
		return outOfReach(err)
	}
	r := (*Redactions)(nil).clone()
	for _, index := range f.Visits {
		if _, err := a.noteAct(ctx, r, index); err != nil {
			return err
		}
	}
	r.size = f.Size
	m := &a.redactions
	m.known, m.acts, m.saved = r, f.Visits, f.Size
	return nil
}

// saveRedactions writes the file, for the next process. That it can't is no
// harm.
func (a *Archive) saveRedactions(ctx context.Context, head ledger.Head) {
	m := &a.redactions
	const step = 1024 // leaves that are as well read again
	if a.redactionFile == "" || head.Size-m.saved < step && m.saved > 0 {
		return
	}
	b, err := json.Marshal(redactionFile{
		V: 1, Origin: a.meta.Origin, Size: head.Size, Root: base64.StdEncoding.EncodeToString(head.Root[:]), Visits: m.acts,
	})
	tmp := a.redactionFile + ".tmp"
	if err == nil {
		err = os.WriteFile(tmp, b, 0o600)
	}
	if err == nil {
		err = os.Rename(tmp, a.redactionFile)
	}
	if err != nil {
		a.log.DebugContext(ctx, "where erasures are could not be kept", "err", err)
		return
	}
	m.saved = head.Size
}
