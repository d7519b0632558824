// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zip"
	"github.com/klauspost/compress/zstd"
)

// Limits of packed files: how much more than its packed bytes a file may hold
// once more than ratioFrom bytes have come out of it, how many members an
// archive may have, and how large a window of zstd may be.
const (
	maxRatio   = 200
	ratioFrom  = 64 << 20
	maxMembers = 20_000
	maxWindow  = 64 << 20
)

var errRatio = errors.New("it unpacks to more than 200 times its size: refused as a bomb")

// A format is what the beginning of a file says that it is.
type format int

const (
	formatUnknown format = iota
	formatJSON
	formatScript // JSON as JavaScript: a part of an account archive
	formatCSV
	formatGzip
	formatZip
	formatZstd
	formatHTML
)

// scripts are the parts of account archives that are read, by what they assign
// to: "window.YTD.tweets.part0", "Grailbird.data.tweets_2016_05". Everything
// else in them is private.
var scripts = regexp.MustCompile(`^(window\.YTD\.(tweets?|tweets_part\d+|deleted_tweets?|account)\.part\d+|Grailbird\.data\.tweets_\d{4}_\d{2}|var user_details)\s*=`)

// members are the names of the scripts among them.
var members = regexp.MustCompile(`^(tweets?(-part\d+)?|deleted-tweets?(-part\d+)?|account|user_details|\d{4}_\d{2})\.js$`)

// deletedList tells by its name a list of nothing but ids.
var deletedList = regexp.MustCompile(`(?i)(^|[^a-z])deleted([^a-z]|$)`)

// sniff says what begins with head.
func sniff(head []byte) format {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return formatZip
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return formatGzip
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return formatZstd
	case len(text) == 0:
		return formatUnknown
	case text[0] == '[' || text[0] == '{':
		return formatJSON
	case text[0] == '<':
		return formatHTML
	case scripts.Match(text[:min(len(text), 200)]):
		return formatScript
	}
	if _, err := headerOf(text); err == nil {
		return formatCSV
	}
	return formatUnknown
}

// wanted reports whether a file of a folder or an archive may be opened.
func wanted(name string) bool {
	base := strings.ToLower(path.Base(name))
	for _, packed := range []string{".gz", ".zst"} {
		base = strings.TrimSuffix(base, packed)
	}
	switch path.Ext(base) {
	case ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".zip":
		return !strings.HasPrefix(base, ".")
	case ".js":
		return members.MatchString(base)
	}
	return false
}

// Files implements crawler.Importer: the file, where there is only one,
// whatever its name; else those that are named like dumps, unless none of them
// begins like one.
func (im *Importer) Files(fsys fs.FS) ([]string, error) {
	var all, list []string
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && e.Type().IsRegular() {
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var last error
	found := false
	for _, name := range all {
		if len(all) > 1 && !wanted(name) {
			continue
		}
		switch err := im.readable(fsys, name); {
		case err == nil:
			list, found = append(list, name), true
		case errors.Is(err, errShape): // named like a dump: Import says that it is none
			list, last = append(list, name), fmt.Errorf("%s: %w", name, err)
		default:
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if !found {
		if len(all) == 1 && last != nil {
			return nil, last
		}
		return nil, fmt.Errorf("nothing to import among %d files: looked for %s", len(all), im.looksFor())
	}
	slices.SortStableFunc(list, func(a, b string) int {
		return cmp.Or(strings.Compare(path.Dir(a), path.Dir(b)), cmp.Compare(rank(a), rank(b)))
	})
	return list, nil
}

// rank puts first what says whose archive it is.
func rank(name string) int {
	switch path.Base(name) {
	case "account.js", "user_details.js":
		return 0
	}
	return 1
}

func (im *Importer) looksFor() string {
	if !im.answers {
		return "dumps of The Trump Archive: JSON or CSV with a column id, also .gz, .zip, .zst"
	}
	return "posts as JSON (API v1.1 and v2, GraphQL, account archives) or CSV with a column of ids, also .gz, .zip, .zst"
}

var errShape = errors.New("not a file of posts")

// readable reports whether a file begins like one that can be read.
func (im *Importer) readable(fsys fs.FS, name string) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	var r io.Reader = f
	for range 3 {
		head, err := io.ReadAll(io.LimitReader(r, 4<<10))
		if err != nil && len(head) == 0 {
			return err
		}
		whole := io.MultiReader(bytes.NewReader(head), r)
		switch sniff(head) {
		case formatJSON, formatCSV, formatZip, formatScript:
			return nil
		case formatHTML:
			return fmt.Errorf("%w: a web page or XML; pages of X are not read, only what its interfaces answer", errShape)
		case formatGzip, formatZstd:
			u, closeIt, err := unpack(whole, sniff(head))
			if err != nil {
				return err
			}
			defer closeIt()
			r = u
		default:
			return fmt.Errorf("%w: looked for %s", errShape, im.looksFor())
		}
	}
	return fmt.Errorf("%w: packed too often", errShape)
}

// unpack returns what a packed stream holds.
func unpack(r io.Reader, f format) (io.Reader, func(), error) {
	in := &counter{r: r}
	switch f {
	case formatGzip:
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, nil, err
		}
		return &guard{r: z, in: &in.n}, func() { _ = z.Close() }, nil
	default:
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, err
		}
		return &guard{r: z, in: &in.n}, z.Close, nil
	}
}

// A counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

// Read implements io.Reader.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// A guard stops a bomb.
type guard struct {
	r   io.Reader
	in  *int64 // packed bytes read so far
	out int64
}

// Read implements io.Reader.
func (g *guard) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	if g.out += int64(n); g.out > ratioFrom && g.out/maxRatio > *g.in {
		return 0, errRatio
	}
	return n, err
}

// open reads a file of the file system.
func (r *run) open(fsys fs.FS, name string) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if dir := path.Dir(name); dir != r.folder {
		r.folder, r.owner = dir, user{}
	}
	head := make([]byte, 4)
	n, _ := io.ReadFull(f, head)
	r.keep(false)
	if sniff(head[:n]) == formatZip {
		return r.zip(f)
	}
	return r.stream(io.MultiReader(bytes.NewReader(head[:n]), f), name, 0)
}

// stream reads a text, packed or not.
func (r *run) stream(in io.Reader, name string, packed int) error {
	b := bufio.NewReaderSize(in, 64<<10)
	head, err := b.Peek(4 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	r.deleted = deletedList.MatchString(path.Base(name))
	switch f := sniff(head); {
	case f == formatJSON, f == formatScript:
		r.keep(r.keeping || f == formatScript)
		return r.texts(b)
	case f == formatCSV:
		return r.table(b)
	case (f == formatGzip || f == formatZstd) && packed < 2:
		u, closeIt, err := unpack(b, f)
		if err != nil {
			return err
		}
		defer closeIt()
		return r.stream(u, name, packed+1)
	}
	r.refuse(reasonFile, "", "neither JSON nor a table with a column of ids")
	return nil
}

// texts reads the records of a JSON text.
func (r *run) texts(in io.Reader) error {
	s := newSplitter(in)
	for {
		raw, line, err := s.next()
		r.line = line
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errLong):
			r.refuse(reasonLong, "", fmt.Sprintf("more than %d MiB", maxRecord>>20))
		case err != nil:
			return fmt.Errorf("record %d: %w", r.records+1, err)
		default:
			r.json(raw)
		}
		if err := r.goOn(); err != nil {
			return err
		}
	}
}

// zip reads the members of an archive whose names are those of dumps.
func (r *run) zip(f fs.File) error {
	at, size, err := readerAt(f)
	if err != nil {
		return err
	}
	z, err := zip.NewReader(at, size)
	if err != nil {
		return err
	}
	if len(z.File) > maxMembers {
		return fmt.Errorf("an archive of %d files, at most %d are read", len(z.File), maxMembers)
	}
	z.RegisterDecompressor(zip.Deflate, flate.NewReader)
	r.owner = user{}
	r.keep(private(z))
	list := slices.Clone(z.File)
	slices.SortStableFunc(list, func(a, b *zip.File) int {
		return cmp.Or(cmp.Compare(rank(a.Name), rank(b.Name)), strings.Compare(a.Name, b.Name))
	})
	read := 0
	for _, m := range list {
		if m.FileInfo().IsDir() || !wanted(m.Name) || strings.Contains(m.Name, "__MACOSX/") {
			continue
		}
		read++
		r.name, r.records, r.line = r.file+"/"+m.Name, 0, 0
		if err := r.member(m); err != nil {
			return err
		}
	}
	r.name = r.file
	if read == 0 {
		r.records, r.line = 0, 0
		r.refuse(reasonFile, "", fmt.Sprintf("nothing to import among its %d members", len(list)))
	}
	return nil
}

func (r *run) member(m *zip.File) error {
	if path.Ext(m.Name) == ".zip" {
		r.refuse(reasonFile, "", "an archive within an archive")
		return r.goOn()
	}
	f, err := m.Open()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	packed := int64(m.CompressedSize64)
	return r.stream(&guard{r: f, in: &packed}, m.Name, 1)
}

// readerAt returns random access to a file; one that has none is held in
// memory, where it is small enough.
func readerAt(f fs.File) (io.ReaderAt, int64, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if at, ok := f.(io.ReaderAt); ok {
		return at, info.Size(), nil
	}
	return nil, 0, errors.New("an archive can only be read from a file with random access")
}
