// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package wacz writes and checks WACZ 1.1.1
// (https://specs.webrecorder.net/wacz/1.1.1/): web archive records in one ZIP
// file that any replay tool opens, with an index, a list of pages and the
// digests of everything in it.
//
// # What is written
//
//	archive/*.warc.gz, *.warc     the records, byte for byte as they were given, stored
//	indexes/index.cdx.gz          CDXJ in blocks, stored
//	indexes/index.idx             where each block begins
//	pages/pages.jsonl             what a reader may open, with its text
//	…/…                           files of the caller's
//	datapackage.json              names, sizes and SHA-256 of all that
//	datapackage-digest.json       SHA-256 of datapackage.json
//
// The same calls give the same bytes. There is no signature: WACZ Signing
// 0.1.0 knows certificates of domains and bare ECDSA keys, and an archive has
// neither; its ledger key signs checkpoints and nothing else. What proves the
// content is the ledger: a package carries journal lines with their proofs,
// and a line cites each record by the SHA-256 of the very bytes that are in
// archive/.
package wacz

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"regexp"
	"strings"
	"time"

	"onrecord/archive/warc"
)

// Version is the version of the format that is written.
const Version = "1.1.1"

// MediaType is that of a WACZ file.
const MediaType = "application/wacz"

// maxBlock is the largest block of a record that is read into memory; of
// larger ones only the beginning is.
const maxBlock = 4 << 20

var (
	// ErrOrder reports a call that comes too late: records come before pages,
	// pages before files.
	ErrOrder = errors.New("too late for that part of the package")
	// ErrName reports a name that can't stand in a package, or that stands in
	// it already.
	ErrName = errors.New("not a name for a package")
	// ErrEmpty reports a package without a WARC, which the format forbids.
	ErrEmpty = errors.New("no records to package")
	// ErrTooLarge reports more records than an index may have.
	ErrTooLarge = errors.New("too many records for a package")
	// ErrRecord reports bytes that are not one whole WARC record.
	ErrRecord = errors.New("not one WARC record")
)

// Options describe a package. They stand in datapackage.json; empty ones are
// left out.
type Options struct {
	Title       string
	Description string    // Markdown
	Software    string    // "onrecord/1.0"
	Created     time.Time // to the second, UTC; also the time of every entry of the ZIP file
	MainURL     string    // of the page to open first
	MainDate    time.Time
}

// A Page is something that a reader may open.
type Page struct {
	ID    string `json:"id"`
	URL   string `json:"url"` // of a capture in the package
	TS    string `json:"ts"`  // its time, RFC 3339
	Title string `json:"title,omitempty"`
	Text  string `json:"text,omitempty"`
	// Statement is the id of the statement that the page shows.
	Statement string `json:"onrecord:statement,omitempty"`
	// Original is the statement's own address, where no capture is of it.
	Original string `json:"onrecord:original,omitempty"`
}

// The parts of a package, in order.
type stage int

const (
	records stage = iota
	pages
	files
	closed
)

// A Writer writes a package in one pass. It holds the index in memory, and of
// a record at most 4 MiB. It is not safe for concurrent use. After an error it
// returns the same error for ever, but for ErrName and ErrOrder, which leave it
// as it was.
type Writer struct {
	zip       *zip.Writer
	o         Options
	at        stage
	warc      *entry // open; nil if none
	lines     []string
	names     map[string]bool
	resources []resource
	err       error
}

// NewWriter returns a Writer that writes to w.
func NewWriter(w io.Writer, o Options) *Writer {
	o.Created = o.Created.UTC().Truncate(time.Second)
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.DefaultCompression)
	})
	return &Writer{zip: z, o: o, names: map[string]bool{}}
}

// An entry is an open entry of the ZIP file.
type entry struct {
	path string
	w    io.Writer
	sum  hash.Hash
	n    int64
}

func (e *entry) Write(p []byte) (int, error) {
	n, err := e.w.Write(p)
	e.sum.Write(p[:n])
	e.n += int64(n)
	return n, err
}

var (
	warcName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,190}\.warc(\.gz)?$`)
	fileName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,60}/[a-z0-9][a-z0-9._-]{0,190}$`)
)

// WARC begins the file archive/name. Records go into it until the next call.
func (w *Writer) WARC(name string) error {
	switch {
	case w.err != nil:
		return w.err
	case w.at != records:
		return fmt.Errorf("wacz: %s: %w", name, ErrOrder)
	case !warcName.MatchString(name) || w.names[name]:
		return fmt.Errorf("wacz: %q: %w", name, ErrName)
	}
	if err := w.endWARC(); err != nil {
		return err
	}
	var err error
	w.warc, err = w.begin("archive/"+name, zip.Store)
	return w.fail(err)
}

// Record appends one record to the open WARC: all bytes of r, as they are. It
// returns the record; a block above 4 MiB was skimmed. Bytes that are not one
// whole record, or that lack a digest that they promise, are an error, and end
// the use of the Writer.
func (w *Writer) Record(r io.Reader) (*warc.Record, error) {
	switch {
	case w.err != nil:
		return nil, w.err
	case w.at != records || w.warc == nil:
		return nil, fmt.Errorf("wacz: record outside a WARC: %w", ErrOrder)
	case len(w.lines) >= maxRecords:
		return nil, w.fail(ErrTooLarge)
	}
	off, sum := w.warc.n, sha256.New()
	rec, err := one(io.TeeReader(r, io.MultiWriter(w.warc, sum)))
	if err == nil && rec.Length != w.warc.n-off {
		err = ErrRecord
	}
	if err == nil {
		_, err = rec.Verify()
	}
	if err != nil {
		return nil, w.fail(fmt.Errorf("%s at %d: %w", w.warc.path, off, err))
	}
	if !indexed(rec) {
		return rec, nil
	}
	line, err := indexLine(rec, strings.TrimPrefix(w.warc.path, "archive/"), off, rec.Length, sum.Sum(nil))
	if err != nil {
		return nil, w.fail(err)
	}
	w.lines = append(w.lines, line)
	return rec, nil
}

// one reads the one record in r, to r's end.
func one(r io.Reader) (rec *warc.Record, err error) {
	n := 0
	for got, fault := range warc.Records(r, warc.ReaderOptions{MaxBlock: maxBlock, Skim: true}) {
		if n++; n == 1 {
			rec, err = got, fault
		}
	}
	if err == nil && n != 1 {
		err = ErrRecord
	}
	return rec, err
}

// Pages writes the list of pages. It may be called once, after all records.
func (w *Writer) Pages(title string, list iter.Seq2[Page, error]) error {
	switch {
	case w.err != nil:
		return w.err
	case w.at != records:
		return fmt.Errorf("wacz: pages: %w", ErrOrder)
	}
	if err := w.endRecords(); err != nil {
		return err
	}
	e, err := w.begin("pages/pages.jsonl", zip.Deflate)
	if err != nil {
		return w.fail(err)
	}
	head, err := marshal(pagesHead{Format: "json-pages-1.0", ID: "pages", Title: title, HasText: true})
	if err != nil {
		return w.fail(err)
	}
	if _, err := e.Write(append(head, '\n')); err != nil {
		return w.fail(err)
	}
	for p, err := range list {
		if err != nil {
			return w.fail(err)
		}
		line, err := marshal(p)
		if err != nil {
			return w.fail(err)
		}
		if _, err := e.Write(append(line, '\n')); err != nil {
			return w.fail(err)
		}
	}
	w.end(e)
	return nil
}

// pagesHead is the first line of a list of pages.
type pagesHead struct {
	Format  string `json:"format"`
	ID      string `json:"id"`
	Title   string `json:"title,omitempty"`
	HasText bool   `json:"hasText"`
}

// File adds a file of the caller's, such as "onrecord/proof.json": one folder,
// which is none of the format's, and a name. It comes after the pages.
func (w *Writer) File(path string, body []byte) error {
	folder, _, _ := strings.Cut(path, "/")
	switch {
	case w.err != nil:
		return w.err
	case w.at != pages && w.at != files:
		return fmt.Errorf("wacz: %s: %w", path, ErrOrder)
	case !fileName.MatchString(path) || w.names[base(path)] || folder == "archive" || folder == "indexes" || folder == "pages":
		return fmt.Errorf("wacz: %q: %w", path, ErrName)
	}
	w.at = files
	return w.whole(path, zip.Deflate, body)
}

// Close writes what is left and ends the package. It does not close what lies
// below.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if w.at == records {
		if err := w.Pages("", func(func(Page, error) bool) {}); err != nil {
			return err
		}
	}
	manifest, err := w.manifest()
	if err != nil {
		return w.fail(err)
	}
	if err := w.whole("datapackage.json", zip.Deflate, manifest); err != nil {
		return err
	}
	digest, err := digestOf(manifest)
	if err != nil {
		return w.fail(err)
	}
	if err := w.whole("datapackage-digest.json", zip.Deflate, digest); err != nil {
		return err
	}
	w.at = closed
	if err := w.zip.Close(); err != nil {
		return w.fail(err)
	}
	w.err = errors.New("wacz: the package is closed")
	return nil
}

// endRecords ends the records and writes their index.
func (w *Writer) endRecords() error {
	if err := w.endWARC(); err != nil {
		return err
	}
	if len(w.resources) == 0 {
		return w.fail(ErrEmpty)
	}
	cdx, idx, err := buildIndex(w.lines)
	if err != nil {
		return w.fail(err)
	}
	w.at, w.lines = pages, nil
	if err := w.whole("indexes/"+cdxName, zip.Store, cdx); err != nil {
		return err
	}
	return w.whole("indexes/"+idxName, zip.Deflate, idx)
}

// endWARC ends the open WARC, if there is one.
func (w *Writer) endWARC() error {
	if w.warc == nil {
		return nil
	}
	e := w.warc
	w.warc = nil
	if e.n == 0 {
		return w.fail(fmt.Errorf("%s: %w", e.path, ErrEmpty))
	}
	w.end(e)
	return nil
}

// whole writes an entry that is in memory.
func (w *Writer) whole(path string, method uint16, body []byte) error {
	e, err := w.begin(path, method)
	if err != nil {
		return w.fail(err)
	}
	if _, err := io.Copy(e, bytes.NewReader(body)); err != nil {
		return w.fail(err)
	}
	w.end(e)
	return nil
}

// begin begins an entry.
func (w *Writer) begin(path string, method uint16) (*entry, error) {
	out, err := w.zip.CreateHeader(&zip.FileHeader{Name: path, Method: method, Modified: w.o.Created})
	if err != nil {
		return nil, err
	}
	w.names[base(path)] = true
	return &entry{path: path, w: out, sum: sha256.New()}, nil
}

// end notes an entry that is complete.
func (w *Writer) end(e *entry) {
	w.resources = append(w.resources, resource{Name: base(e.path), Path: e.path, Hash: fmt.Sprintf("sha256:%x", e.sum.Sum(nil)), Bytes: e.n})
}

// fail keeps the first error.
func (w *Writer) fail(err error) error {
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("wacz: %w", err)
	}
	return w.err
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
