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

	atOnce     = 2
	waiting    = 8 // pictures that wait for their turn; the next is refused
	childTime  = 20 * time.Second
	maxOutput  = 4 << 20
	maxMessage = 4 << 10
)

// Options say how small pictures are made and kept.
type Options struct {
	// Command runs Child: the program and its arguments, to which a mode is
	// added.
	Command []string
	Dir     string // where they are kept; made if it is not there
	Limit   int64  // bytes that are kept there; at least 1 MiB
	Now     func() time.Time
}

// A Maker makes small pictures. It is safe for concurrent use.
type Maker struct {
	o       Options
	thumbs  *flight.Group[string, []byte] // by digest
	measure chan struct{}
	cache   *cache
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
	return &Maker{o: o, thumbs: flight.New[string, []byte](atOnce, waiting), measure: make(chan struct{}, atOnce), cache: c}, nil
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
	b, err := m.run(ctx, modeThumb, in)
	if err == nil || errors.Is(err, ErrNone) {
		m.cache.put(sha256, b)
	}
	return b, err
}

// Measure returns the size of a picture in pixels, as it is to be shown. It waits
// for its turn, two at a time.
func (m *Maker) Measure(ctx context.Context, r io.Reader) (width, height int, err error) {
	free, err := m.slot(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer free()
	b, err := m.run(ctx, modeMeasure, r)
	if err != nil {
		return 0, 0, err
	}
	var s size
	if err := json.Unmarshal(b, &s); err != nil || !s.within() {
		return 0, 0, fmt.Errorf("%w: measured as %.80q", ErrNone, b)
	}
	return s.Width, s.Height, nil
}

func (m *Maker) slot(ctx context.Context) (free func(), err error) {
	select {
	case m.measure <- struct{}{}:
		return func() { <-m.measure }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// run hands in to a child, and returns what that writes.
func (m *Maker) run(ctx context.Context, mode string, in io.Reader) ([]byte, error) {
	child, cancel := context.WithTimeout(ctx, childTime)
	defer cancel()
	cmd := exec.CommandContext(child, m.o.Command[0], append(m.o.Command[1:len(m.o.Command):len(m.o.Command)], mode)...)
	cmd.Env = []string{"GOMEMLIMIT=512MiB", "GOMAXPROCS=1", "GOTRACEBACK=none"}
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	out, says := &bounded{most: maxOutput}, &bounded{most: maxMessage}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, says
	err := cmd.Run()
	switch exit, failed := errors.AsType[*exec.ExitError](err); {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case failed && child.Err() != nil:
		return nil, fmt.Errorf("%w: longer than %s", ErrNone, childTime)
	case failed:
		return nil, fmt.Errorf("%w: %s: %.200s", ErrNone, exit.ProcessState, strings.TrimSpace(says.String()))
	case errors.Is(err, errOutput):
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	case err != nil && out.Len() == 0:
		return nil, fmt.Errorf("thumbnail: %w", err) // of the input, or the program is not there
	case out.Len() == 0:
		return nil, fmt.Errorf("%w: nothing came of it", ErrNone)
	}
	return out.Bytes(), nil
}

var errOutput = errors.New("the helper writes too much")

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
