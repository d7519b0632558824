// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package wacz

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"

	"onrecord"
	"onrecord/archive/warc"
)

// ErrInvalid reports a package that is not what the format says, or not what
// it says itself.
var ErrInvalid = errors.New("not a valid package")

// The limits of what Check reads into memory.
const (
	maxManifest = 16 << 20
	maxIndex    = 256 << 20
	maxLine     = 1 << 20
)

// A Summary is what a package was found to hold.
type Summary struct {
	WARCs, Records, Indexed, Pages int
	Bytes                          int64 // of the WARCs
}

// Check reads a package as [Writer] writes them, all of it: the digests from
// datapackage-digest.json down, the records with their digests, and that each
// line of the index finds its record. What is wrong is ErrInvalid, or an error
// of warc.
func Check(r io.ReaderAt, size int64) (Summary, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return Summary{}, fmt.Errorf("wacz: %w: %w", ErrInvalid, err)
	}
	c := &checker{r: r, files: map[string]*zip.File{}, found: map[place]found{}}
	for _, f := range z.File {
		if c.files[f.Name] != nil {
			return c.sum, invalid("%s is there twice", f.Name)
		}
		c.files[f.Name] = f
	}
	for _, step := range []func() error{c.manifest, c.warcs, c.index, c.pages} {
		if err := step(); err != nil {
			return c.sum, err
		}
	}
	return c.sum, nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("wacz: %w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// A place is where a record lies, as the index says it.
type place struct{ file, offset string }

// A found is a record that was read.
type found struct {
	length string
	key    string // with time
	url    string
}

type checker struct {
	r     io.ReaderAt
	files map[string]*zip.File
	found map[place]found
	sum   Summary
}

// manifest checks the digests of everything.
func (c *checker) manifest() error {
	var top manifestDigest
	if err := c.json("datapackage-digest.json", &top); err != nil {
		return err
	}
	body, err := c.read("datapackage.json", maxManifest)
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("sha256:%x", sha256.Sum256(body)); top.Path != "datapackage.json" || top.Hash != want {
		return invalid("datapackage.json is %s, its digest file says %s", want, top.Hash)
	}
	var m manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return invalid("datapackage.json: %v", err)
	}
	if m.Profile != "data-package" || m.Version != Version {
		return invalid("profile %q, wacz_version %q", m.Profile, m.Version)
	}
	if len(m.Resources) != len(c.files)-2 {
		return invalid("%d files, %d listed", len(c.files)-2, len(m.Resources))
	}
	names := map[string]bool{}
	for _, res := range m.Resources {
		if names[res.Name] {
			return invalid("two resources are named %s", res.Name)
		}
		names[res.Name] = true
		if err := c.resource(res); err != nil {
			return err
		}
	}
	return nil
}

// resource compares a file with what the manifest says of it.
func (c *checker) resource(res resource) error {
	f := c.files[res.Path]
	if f == nil {
		return invalid("%s is listed and not there", res.Path)
	}
	if strings.HasPrefix(res.Path, "archive/") && f.Method != zip.Store {
		return invalid("%s is compressed: nothing can be read from the middle of it", res.Path)
	}
	body, err := f.Open()
	if err != nil {
		return fmt.Errorf("wacz: %s: %w", res.Path, err)
	}
	sum := sha256.New()
	n, err := io.Copy(sum, body)
	if err := errors.Join(err, body.Close()); err != nil {
		return invalid("%s: %v", res.Path, err)
	}
	if got := fmt.Sprintf("sha256:%x", sum.Sum(nil)); n != res.Bytes || got != res.Hash {
		return invalid("%s has %d bytes with %s, listed are %d with %s", res.Path, n, got, res.Bytes, res.Hash)
	}
	return nil
}

// warcs reads the records.
func (c *checker) warcs() error {
	for name, f := range c.files {
		file, ok := strings.CutPrefix(name, "archive/")
		if !ok {
			continue
		}
		c.sum.WARCs++
		c.sum.Bytes += int64(f.UncompressedSize64)
		if err := c.warc(file, f); err != nil {
			return fmt.Errorf("wacz: %s: %w", name, err)
		}
	}
	if c.sum.WARCs == 0 {
		return invalid("no WARC in archive/")
	}
	return nil
}

func (c *checker) warc(file string, f *zip.File) error {
	body, err := f.Open()
	if err != nil {
		return err
	}
	defer body.Close()
	for rec, err := range warc.Records(body, warc.ReaderOptions{MaxBlock: maxBlock, Skim: true}) {
		if err != nil {
			return err
		}
		if _, err := rec.Verify(); err != nil {
			return err
		}
		c.sum.Records++
		if indexed(rec) {
			c.found[place{file, strconv.FormatInt(rec.Offset, 10)}] = found{
				length: strconv.FormatInt(rec.Length, 10), url: rec.URL(),
				key: Key(rec.URL()) + " " + rec.Date().Format("20060102150405"),
			}
		}
	}
	return nil
}

// index checks that each line finds its record, in order, and each record has
// a line.
func (c *checker) index() error {
	body, err := c.read("indexes/"+cdxName, maxIndex)
	if err != nil {
		return err
	}
	zip, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return invalid("%s: %v", cdxName, err)
	}
	last := ""
	s := bufio.NewScanner(zip)
	s.Buffer(nil, maxLine)
	for s.Scan() {
		if s.Text() < last {
			return invalid("%s is not sorted at %q", cdxName, s.Text())
		}
		last = s.Text()
		if err := c.line(last); err != nil {
			return err
		}
		c.sum.Indexed++
	}
	if err := s.Err(); err != nil {
		return invalid("%s: %v", cdxName, err)
	}
	if c.sum.Indexed != len(c.found) {
		return invalid("%d records can be asked for, %d are in the index", len(c.found), c.sum.Indexed)
	}
	return c.blocks(body)
}

// line checks one line: the range that it names is the record that it names.
func (c *checker) line(line string) error {
	key, body, ok := strings.Cut(line, " {")
	var row Row
	if err := json.Unmarshal([]byte("{"+body), &row); !ok || err != nil {
		return invalid("line of the index: %q", line)
	}
	got, ok := c.found[place{row.Filename, row.Offset}]
	if !ok || got.length != row.Length || got.key != key || got.url != row.URL {
		return invalid("no such record: %s", line)
	}
	f := c.files["archive/"+row.Filename]
	begin, err := f.DataOffset()
	if err != nil {
		return fmt.Errorf("wacz: %w", err)
	}
	off, _ := strconv.ParseInt(row.Offset, 10, 64)
	length, _ := strconv.ParseInt(row.Length, 10, 64)
	ref := onrecord.CaptureRef{Offset: off, Length: length, SHA256: strings.TrimPrefix(row.Record, "sha256:")}
	part := io.NewSectionReader(c.r, begin+off, length)
	if _, err := warc.ReadRecord(part, ref, warc.ReaderOptions{MaxBlock: maxBlock, Skim: true}); err != nil {
		return fmt.Errorf("wacz: %s: %w", line, err)
	}
	return nil
}

// blocks checks the second index against the blocks of the first.
func (c *checker) blocks(cdx []byte) error {
	body, err := c.read("indexes/"+idxName, maxIndex)
	if err != nil {
		return err
	}
	at := int64(0)
	for i, line := range strings.Split(strings.TrimSuffix(string(body), "\n"), "\n") {
		if i == 0 {
			continue // !meta
		}
		_, text, _ := strings.Cut(line, " {")
		var b struct {
			Offset, Length int64
			Digest         string
		}
		if err := json.Unmarshal([]byte("{"+text), &b); err != nil || b.Offset != at || b.Length <= 0 || b.Length > int64(len(cdx))-at {
			return invalid("%s: %q", idxName, line)
		}
		at += b.Length
		if sum := sha256.Sum256(cdx[b.Offset:at]); b.Digest != "sha256:"+hex.EncodeToString(sum[:]) {
			return invalid("%s: the block at %d is not the one that was meant", idxName, b.Offset)
		}
	}
	if at != int64(len(cdx)) && c.sum.Indexed > 0 {
		return invalid("%s ends at byte %d of %d", idxName, at, len(cdx))
	}
	return nil
}

// pages checks that each page is a JSON object with an address and a time.
func (c *checker) pages() error {
	f := c.files["pages/pages.jsonl"]
	if f == nil {
		return invalid("pages/pages.jsonl is missing")
	}
	body, err := f.Open()
	if err != nil {
		return fmt.Errorf("wacz: %w", err)
	}
	defer body.Close()
	d := json.NewDecoder(body)
	var head pagesHead
	if err := d.Decode(&head); err != nil || head.Format != "json-pages-1.0" || head.ID == "" {
		return invalid("pages.jsonl begins with %+v", head)
	}
	for {
		var p Page
		switch err := d.Decode(&p); {
		case err == io.EOF:
			return nil
		case err != nil || p.URL == "" || p.TS == "":
			return invalid("page %d: %+v", c.sum.Pages+1, p)
		}
		c.sum.Pages++
	}
}

// read returns a file of at most limit bytes.
func (c *checker) read(name string, limit int64) ([]byte, error) {
	f := c.files[name]
	if f == nil {
		return nil, invalid("%s is missing", name)
	}
	body, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("wacz: %s: %w", name, err)
	}
	b, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err := errors.Join(err, body.Close()); err != nil {
		return nil, invalid("%s: %v", name, err)
	}
	if int64(len(b)) > limit {
		return nil, invalid("%s is above %d bytes", name, limit)
	}
	return b, nil
}

func (c *checker) json(name string, v any) error {
	body, err := c.read(name, maxManifest)
	if err == nil {
		if err = json.Unmarshal(body, v); err != nil {
			err = invalid("%s: %v", name, err)
		}
	}
	return err
}
