// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package thumbnail makes small pictures of pictures that strangers made. A
// decoder is a large thing to hand a stranger's bytes to, so that it runs in a
// process of its own, one for each picture: without files, with limits of
// memory, time and pixels, input and output by pipe. The main process reads of a
// picture nothing but its name.
//
// What is made is kept on disk, within a limit. It can be made again, and may be
// deleted at any time.
package thumbnail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"onrecord/internal/flight"
)

// ErrNone reports a file of which no small picture is made: it is none, it is
// damaged, or it is beyond the limits.
var ErrNone = errors.New("no thumbnail of this file")

// ErrBusy reports that so many others wait for pictures that this one is not
// made now.
var ErrBusy = flight.ErrBusy

const (
	// Side is the most that a small picture measures, in pixels.
	Side = 640
	// Type is its media type.
	Type = "image/jpeg"

	atOnce     = 2  // for those who ask, and as many ahead of them: four processes in all
	waiting    = 22 // pictures that wait for their turn, a screen full of them; the next is refused
	childTime  = 40 * time.Second
	maxOutput  = 4 << 20
	maxMessage = 4 << 10
)

// Options say how small pictures are made and kept.
type Options struct {
	Command []string // runs Child: the program and its arguments
	Dir     string   // where they are kept; made if it is not there
	Limit   int64    // bytes that are kept there; at least 1 MiB
	Now     func() time.Time
}

// A Maker makes small pictures. It is safe for concurrent use.
type Maker struct {
	o      Options
	thumbs *flight.Group[string, []byte] // by digest
	ahead  chan struct{}                 // those that Make makes
	cache  *cache
}

// New returns a Maker.
func New(o Options) (*Maker, error) {
	if len(o.Command) == 0 || o.Now == nil {
		return nil, errors.New("thumbnail: Command or Now is missing")
	}
	c, err := openCache(o.Dir, max(o.Limit, 1<<20), o.Now)
	if err != nil {
		return nil, fmt.Errorf("thumbnail: %w", err)
	}
	return &Maker{o: o, thumbs: flight.New[string, []byte](atOnce, waiting), ahead: make(chan struct{}, atOnce), cache: c}, nil
}

// Thumb returns the small picture of the file with this SHA-256 (lower-case
// hex), a JPEG of at most Side by Side pixels. open opens the file, if it must
// be made: once for all who ask for it meanwhile. ErrNone says that there is none,
// and is remembered for a day. ErrBusy says that too many others are to be made
// first; what is kept is returned even so.
func (m *Maker) Thumb(ctx context.Context, sha256 string, open func(context.Context) (io.ReadCloser, error)) ([]byte, error) {
	if !isDigest(sha256) {
		return nil, fmt.Errorf("%w: %.80q is no digest", ErrNone, sha256)
	}
	if b, ok, err := m.cache.get(sha256); ok || err != nil {
		return b, err
	}
	return m.thumbs.Do(ctx, sha256, func(ctx context.Context) ([]byte, error) { return m.thumb(ctx, sha256, open) })
}

// thumb makes a small picture and keeps it.
func (m *Maker) thumb(ctx context.Context, sha256 string, open func(context.Context) (io.ReadCloser, error)) ([]byte, error) {
	if b, ok, err := m.cache.get(sha256); ok || err != nil { // made just before
		return b, err
	}
	in, err := open(ctx)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	p, err := m.run(ctx, in)
	if err == nil || errors.Is(err, ErrNone) {
		m.cache.put(sha256, p.small)
	}
	return p.small, err
}

// A Picture is what is known of a file that was read once.
type Picture struct {
	Width, Height int // as it is to be shown, in pixels
	small         []byte
}

// Make reads a picture before anybody has asked for it, and returns its size, and
// the small one for Keep. It waits for its turn, two at a time, beside those of
// Thumb. ErrNone says that there is no small picture of it; the size is 0 then, too,
// unless only time or memory was short. Any other error says nothing of the file.
func (m *Maker) Make(ctx context.Context, r io.Reader) (Picture, error) {
	select {
	case m.ahead <- struct{}{}:
		defer func() { <-m.ahead }()
	case <-ctx.Done():
		return Picture{}, ctx.Err()
	}
	return m.run(ctx, r)
}

// Keep keeps what Make has made of the file with this SHA-256 (lower-case hex):
// Thumb returns it.
func (m *Maker) Keep(sha256 string, p Picture) {
	if isDigest(sha256) && len(p.small) > 0 {
		m.cache.put(sha256, p.small)
	}
}

// run hands in to a child, and returns what that writes.
func (m *Maker) run(ctx context.Context, in io.Reader) (Picture, error) {
	child, cancel := context.WithTimeout(ctx, childTime)
	defer cancel()
	cmd := exec.CommandContext(child, m.o.Command[0], m.o.Command[1:]...)
	cmd.Env = []string{"GOMEMLIMIT=512MiB", "GOMAXPROCS=1", "GOTRACEBACK=none"}
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	out, says := &bounded{most: maxOutput}, &bounded{most: maxMessage}
	src := &source{r: in}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = src, out, says
	err := cmd.Run()
	p, whole := written(out.Bytes())
	switch exit, failed := errors.AsType[*exec.ExitError](err); {
	case ctx.Err() != nil:
		return Picture{}, ctx.Err()
	case src.failed.Load() != nil: // no word about the picture
		return Picture{}, fmt.Errorf("thumbnail: %w", *src.failed.Load())
	case failed && child.Err() != nil:
		p.small = nil
		return p, errTime
	case failed && !exit.Exited() && p.Width > 0: // it took too much, and yet others may show it
		p.small = nil
		return p, fmt.Errorf("%w: %s", ErrNone, exit.ProcessState)
	case failed && !exit.Exited(): // no word about the picture
		return Picture{}, fmt.Errorf("thumbnail: the helper: %s", exit.ProcessState)
	case failed:
		return Picture{}, fmt.Errorf("%w: %s: %.200s", ErrNone, exit.ProcessState, strings.TrimSpace(says.String()))
	case errors.Is(err, errOutput):
		return Picture{}, fmt.Errorf("%w: %w", ErrNone, err)
	case err != nil && !whole:
		return Picture{}, fmt.Errorf("thumbnail: %w", err) // the program is not there
	case !whole:
		return Picture{}, fmt.Errorf("%w: nothing came of it", ErrNone)
	}
	return p, nil
}

// A source is what a child reads; it keeps what went wrong with reading it.
type source struct {
	r      io.Reader
	failed atomic.Pointer[error]
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if err != nil && err != io.EOF {
		s.failed.Store(&err)
	}
	return n, err
}

// written reads what a child has written; whole says that it is all there.
func written(b []byte) (p Picture, whole bool) {
	head, small, ok := bytes.Cut(b, []byte("\n"))
	var s size
	if !ok || json.Unmarshal(head, &s) != nil || !s.within() {
		return Picture{}, false
	}
	return Picture{s.Width, s.Height, small}, len(small) > 0
}

var (
	errTime   = fmt.Errorf("%w: longer than %s", ErrNone, childTime)
	errOutput = errors.New("the helper writes too much")
)

// A bounded buffer takes so much and no more.
type bounded struct {
	bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, errOutput
	}
	return b.Buffer.Write(p)
}

// ReadFrom would go past Write.
func (b *bounded) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{b}, r)
}

// isDigest reports whether s is a SHA-256 in lower-case hex: it becomes a file
// name.
func isDigest(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
