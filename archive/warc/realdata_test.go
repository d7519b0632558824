// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"onrecord/archive/warc"
	"onrecord/internal/repotest"
)

// The malformed files among the real ones, and with which kinds of errors they
// are read. ARC is another format, and refused as one.
func malformed() map[string][]error {
	return map[string][]error{
		"warcio/test/data/bad.arc":                                    {warc.ErrMalformed},
		"warcio/test/data/example.arc":                                {warc.ErrMalformed},
		"warcio/test/data/example-space-in-url.arc":                   {warc.ErrMalformed},
		"warcio/test/data/example.arc.gz":                             {warc.ErrMalformed},
		"warcio/test/data/example-bad.warc.gz.bad":                    nil, // one member for all records: it reads
		"warcio/test/data/example-bad-non-chunked.warc.gz":            {warc.ErrDigest},
		"warcio/test/data/example-digest.warc":                        {warc.ErrDigest},
		"warcio/test/data/example-trunc.warc":                         {warc.ErrDigest, warc.ErrMalformed},
		"warcio/test/data/example-wrong-chunks.warc.gz":               {warc.ErrTruncated, warc.ErrMalformed},
		"warcio/test/data/example-iana.org-chunked.warc":              nil, // chunked bodies, as they were sent
		"pywb/sample_archive/warcs/bad.arc":                           {warc.ErrMalformed},
		"pywb/sample_archive/warcs/example.warc":                      {warc.ErrMalformed},
		"pywb/sample_archive/warcs/missing-status-text.warc":          nil, // an answer without the status's text
		"cdxj-indexer/test/data/missing-http.warc.gz":                 {warc.ErrDigest},
		"gowarc/testdata/warcs/corrupted-mid-record.warc.gz.open":     {warc.ErrMalformed},
		"gowarc/testdata/warcs/corrupted-trailing-bytes.warc.gz.open": {warc.ErrMalformed},
		"gowarc/testdata/warcs/empty.warc.gz.open":                    nil,
	}
}

// TestMalformedFiles holds each malformed file to its kinds of errors: no other
// kind, and all of them.
func TestMalformedFiles(t *testing.T) {
	dir := repotest.Data(t, "warc")
	for name, want := range malformed() {
		owner, rest, _ := strings.Cut(name, "/")
		paths, err := filepath.Glob(filepath.Join(dir, "reference", "*__"+owner, rest))
		if err != nil || len(paths) != 1 {
			t.Errorf("%s: %v %v", name, paths, err)
			continue
		}
		b, err := os.ReadFile(paths[0])
		if err != nil {
			t.Fatal(err)
		}
		seen := map[error]bool{}
		for rec, err := range warc.Records(bytes.NewReader(b), warc.ReaderOptions{}) {
			if err == nil {
				_, err = rec.Verify()
			}
			if err == nil {
				continue
			}
			e, ok := errors.AsType[*warc.Error](err)
			if !ok || !slices.Contains(want, e.Err) {
				t.Errorf("%s: %v", name, err)
				continue
			}
			seen[e.Err] = true
		}
		if len(seen) != len(want) {
			t.Errorf("%s: only %v of %v", name, seen, want)
		}
	}
}

// TestRealFiles reads every file of the reference implementations: records,
// exchanges, digests, and errors by kind and offset.
func TestRealFiles(t *testing.T) {
	var out bytes.Buffer
	files := 0
	for _, sub := range []string{"warc", "wacz"} {
		dir := repotest.Data(t, sub)
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.Contains(d.Name(), ".warc") && !strings.Contains(d.Name(), ".arc") && !strings.HasSuffix(d.Name(), ".wacz") {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(filepath.Dir(dir), path)
			if err != nil {
				return err
			}
			if strings.HasSuffix(path, ".cdx") || strings.HasSuffix(path, ".cdxj") {
				return nil
			}
			files++
			return describeFile(&out, filepath.ToSlash(rel), b)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 50 {
		t.Errorf("only %d files", files)
	}
	if i := strings.Index(out.String(), "untyped"); i >= 0 {
		t.Errorf("an error of no kind: %.200s", out.String()[i:])
	}
	golden(t, "real.golden", out.Bytes())
}

// describeFile describes a WARC, or those in a WACZ.
func describeFile(out io.Writer, name string, b []byte) error {
	if strings.HasSuffix(name, ".zst") {
		zr, err := zstd.NewReader(nil)
		if err != nil {
			return err
		}
		defer zr.Close()
		if b, err = zr.DecodeAll(b, nil); err != nil {
			return err
		}
	}
	if !strings.HasSuffix(name, ".wacz") {
		describe(out, name, b)
		return nil
	}
	zr, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		fmt.Fprintf(out, "%s\n\t%v\n", name, err)
		return nil
	}
	for _, f := range zr.File {
		if !strings.Contains(f.Name, ".warc") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		b, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			return err
		}
		describe(out, name+"!"+f.Name, b)
	}
	return nil
}

// kind is where an error is and of what kind, without a byte of the file.
func kind(err error) string {
	e, ok := errors.AsType[*warc.Error](err)
	if !ok {
		return "untyped: " + err.Error()
	}
	return fmt.Sprintf("offset %d: %v", e.Offset, e.Err)
}

func describe(out io.Writer, name string, b []byte) {
	fmt.Fprintln(out, name)
	records, bytesOf, digests, addressable := 0, 0, 0, 0
	for rec, err := range warc.Records(bytes.NewReader(b), warc.ReaderOptions{}) {
		if err != nil {
			fmt.Fprintf(out, "\t%s\n", kind(err))
			continue
		}
		records++
		bytesOf += len(rec.Block)
		if rec.Length > 0 {
			addressable++
		}
		n, err := rec.Verify()
		digests += n
		if err != nil {
			fmt.Fprintf(out, "\t%s\n", kind(err))
		}
	}
	exchanges, answers, revisits := 0, 0, 0
	for c, err := range warc.Captures(bytes.NewReader(b), warc.ReaderOptions{}) {
		if err != nil {
			continue
		}
		exchanges++
		if c.Exchange.Status > 0 {
			answers++
		}
		if c.Profile != "" {
			revisits++
		}
	}
	fmt.Fprintf(out, "\trecords %d (addressable %d), bytes %d, digests %d, exchanges %d, answers %d, revisits %d\n",
		records, addressable, bytesOf, digests, exchanges, answers, revisits)
}
