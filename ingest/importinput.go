// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"onrecord"
	"onrecord/crawler"
)

// An input is the files of an import.
type input struct {
	fsys    fs.FS // counts what is read
	plain   fs.FS
	files   map[string]onrecord.File
	size    int64
	sum     string // see onrecord.ImportState
	changed time.Time
	read    *atomic.Int64
}

// openInput reads the files that imp wants for their digests. Tell is told how
// many bytes were read so far.
func openInput(ctx context.Context, imp crawler.Importer, fsys fs.FS, tell func(int64)) (*input, error) {
	in := &input{plain: fsys, files: make(map[string]onrecord.File), read: new(atomic.Int64)}
	in.fsys = countedFS{fsys, in.read}
	names, err := imp.Files(fsys)
	if err != nil {
		return nil, unreadable{err}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: no file of that kind is there", ErrImport)
	}
	var lines strings.Builder
	for _, name := range slices.Sorted(slices.Values(names)) {
		f, at, err := digest(ctx, fsys, name)
		if err != nil {
			return nil, err
		}
		in.files[name] = f
		in.size += f.Size
		if at.After(in.changed) {
			in.changed = at
		}
		fmt.Fprintf(&lines, "%x  %s\n", f.SHA256, name)
		tell(in.size)
	}
	in.sum = sumOf(in.files, lines.String())
	return in, nil
}

// An unreadable error is ErrImport in the words of an importer.
type unreadable struct{ error }

func (u unreadable) Unwrap() error      { return u.error }
func (unreadable) Is(target error) bool { return target == ErrImport }

// sumOf names the input: the SHA-256 of its only file, else that of the lines
// that sha256sum prints of its files, sorted by path.
func sumOf(files map[string]onrecord.File, lines string) string {
	if len(files) == 1 {
		for _, f := range files {
			return hex.EncodeToString(f.SHA256[:])
		}
	}
	sum := sha256.Sum256([]byte(lines))
	return hex.EncodeToString(sum[:])
}

// digest reads a file once, and says when it was changed.
func digest(ctx context.Context, fsys fs.FS, name string) (f onrecord.File, changed time.Time, err error) {
	r, err := fsys.Open(name)
	if err != nil {
		return f, changed, err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return f, changed, err
	}
	if !info.Mode().IsRegular() {
		return f, changed, fmt.Errorf("%w: %s is no file", ErrImport, name)
	}
	h := sha256.New()
	n, err := io.Copy(h, stoppable{ctx, r})
	if err != nil {
		return f, changed, fmt.Errorf("%s: %w", name, err)
	}
	return onrecord.File{
		Size: n, SHA256: [32]byte(h.Sum(nil)), Open: func() (io.ReadCloser, error) { return fsys.Open(name) },
	}, info.ModTime(), nil
}

// url returns the address of a file in the record: it names the import and the
// path within it, and nothing of where the operator keeps it. Of a part of a
// file, record is its number from 1.
func (in *input) url(name string, record int64) string {
	u := "urn:onrecord:import:" + in.sum + "/" + (&url.URL{Path: name}).EscapedPath()
	if record > 0 {
		u += fmt.Sprintf("#%d", record)
	}
	return u
}

// A stoppable reader ends with its context.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

// A countedFS counts the bytes that are read of its files.
type countedFS struct {
	fs.FS
	n *atomic.Int64
}

func (c countedFS) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return f, err
	}
	counted := countedFile{f, c.n}
	if r, ok := f.(randomFile); ok {
		return countedRandom{counted, r}, nil
	}
	return counted, nil
}

type countedFile struct {
	fs.File
	n *atomic.Int64
}

func (c countedFile) Read(p []byte) (int, error) {
	n, err := c.File.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// A randomFile can be read at any place, as a zip must be.
type randomFile interface {
	fs.File
	io.ReaderAt
	io.Seeker
}

type countedRandom struct {
	countedFile
	r randomFile
}

func (c countedRandom) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	c.n.Add(int64(n))
	return n, err
}

func (c countedRandom) Seek(offset int64, whence int) (int64, error) { return c.r.Seek(offset, whence) }
