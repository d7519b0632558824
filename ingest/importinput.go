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
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"onrecord"
	"onrecord/crawler"
)

// An input is the files of an import.
type input struct {
	fsys    fs.FS // what the importer reads: counted, and held to what was digested
	plain   fs.FS
	files   map[string]onrecord.File
	size    int64
	sum     string // see onrecord.ImportState
	changed time.Time
	watch   *watch
}

// openInput reads the files that imp wants for their digests. Tell is told how
// many bytes were read so far.
func openInput(ctx context.Context, imp crawler.Importer, fsys fs.FS, tell func(int64)) (*input, error) {
	in := &input{plain: fsys, files: make(map[string]onrecord.File)}
	in.watch = &watch{plain: fsys, notes: make(map[string]note), open: make(map[string]int)}
	in.fsys = watchedFS{fsys, in.watch, true}
	names, err := imp.Files(fsys)
	if err != nil {
		return nil, unreadable{err}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: no file of that kind is there", ErrImport)
	}
	var lines strings.Builder
	for _, name := range slices.Sorted(slices.Values(names)) {
		f, info, err := digest(ctx, fsys, name)
		if err != nil {
			return nil, err
		}
		f.Open = func() (io.ReadCloser, error) { return watchedFS{fsys, in.watch, false}.Open(name) }
		in.files[name], in.watch.notes[name] = f, note{info: info, sum: f.SHA256}
		in.size += f.Size
		if at := info.ModTime(); at.After(in.changed) {
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

// digest reads a file once, and says what it was then. It must not change
// meanwhile.
func digest(ctx context.Context, fsys fs.FS, name string) (f onrecord.File, info fs.FileInfo, err error) {
	r, err := fsys.Open(name)
	if err != nil {
		return f, nil, err
	}
	defer r.Close()
	if info, err = r.Stat(); err != nil {
		return f, nil, err
	}
	if !info.Mode().IsRegular() {
		return f, nil, fmt.Errorf("%w: %s is no file", ErrImport, name)
	}
	h := sha256.New()
	n, err := io.Copy(h, stoppable{ctx, r})
	if err != nil {
		return f, nil, fmt.Errorf("%s: %w", name, err)
	}
	now, err := r.Stat()
	if err != nil {
		return f, nil, err
	}
	if n != info.Size() || !sameFile(info, now) {
		return f, nil, changedError(name)
	}
	return onrecord.File{Size: n, SHA256: [32]byte(h.Sum(nil))}, info, nil
}

// fileURL returns the address of a file in the record: it names the import and
// the file, and nothing of where the operator keeps it.
func (in *input) fileURL(name string) string {
	return "urn:onrecord:import:" + in.sum + "/" + (&url.URL{Path: cleanName(name)}).EscapedPath()
}

// partURL returns the address of what is kept in place of a file that must not
// be published: by the number of its first record, counted through all files
// from 1. Such a file's name may say whose mail it is.
func (in *input) partURL(record int64) string {
	return fmt.Sprintf("urn:onrecord:import:%s#%d", in.sum, record)
}

// maxName bounds the name of a file in the record, in runes.
const maxName = 100

// cleanName returns the last element of a path without what can't be seen.
func cleanName(name string) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsGraphic(r) {
			return -1
		}
		return r
	}, path.Base(name)))
	return string(runes[:min(len(runes), maxName)])
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
