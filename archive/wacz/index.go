// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package wacz

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"

	"onrecord/archive/warc"
)

// The index files, as py-wacz lays them out: blocks of lines, each a gzip
// member, and a second, small index of the blocks, which lets a reader fetch
// one block by range.
const (
	cdxName = "index.cdx.gz"
	idxName = "index.idx"
)

// blockLines is how many lines a block has.
const blockLines = 300

// maxRecords bounds the index, which is sorted in memory: about 400 bytes a
// record.
const maxRecords = 1 << 17

// A Row is the JSON of a line of the index (CDXJ): where a record lies and
// what it is. All values are strings, as the tools that read it want them.
type Row struct {
	URL      string `json:"url"`
	MIME     string `json:"mime,omitempty"`
	Status   string `json:"status,omitempty"`
	Digest   string `json:"digest,omitempty"` // WARC-Payload-Digest
	Length   string `json:"length"`           // bytes of the record, compressed where the file is
	Offset   string `json:"offset"`
	Filename string `json:"filename"`     // below archive/
	Record   string `json:"recordDigest"` // "sha256:" and the digest of these bytes
}

// indexed reports whether a record is found through the index: what a reader
// can ask for by URL. Requests, notes of the visit loop and warcinfo are not.
func indexed(rec *warc.Record) bool {
	switch rec.Type() {
	case "response", "revisit", "resource":
		return rec.URL() != "" && rec.Get("Content-Type") != "application/warc-fields"
	}
	return false
}

// indexLine returns the line of a record of Length bytes at offset off, with this
// SHA-256.
func indexLine(rec *warc.Record, file string, off, length int64, sum []byte) (string, error) {
	row := Row{
		URL: rec.URL(), Digest: rec.Get("WARC-Payload-Digest"), Filename: file,
		Length: strconv.FormatInt(length, 10), Offset: strconv.FormatInt(off, 10), Record: "sha256:" + hex.EncodeToString(sum),
	}
	mime := rec.Get("Content-Type")
	if strings.HasPrefix(mime, "application/http") {
		block := rec.Block
		if rec.Skimmed > 0 {
			block = rec.SkimmedHead
		}
		m := warc.ParseHTTP(block)
		mime = m.Header.Get("Content-Type")
		if m.Status > 0 {
			row.Status = strconv.Itoa(m.Status)
		}
	}
	if row.MIME = mime; rec.Type() == "revisit" {
		row.MIME = "warc/revisit"
	}
	if n := strings.IndexAny(row.MIME, "; \t\r\n"); n >= 0 {
		row.MIME = row.MIME[:n]
	}
	body, err := marshal(row)
	if err != nil {
		return "", err
	}
	return Key(row.URL) + " " + rec.Date().Format("20060102150405") + " " + string(body) + "\n", nil
}

// buildIndex returns index.cdx.gz and index.idx.
func buildIndex(lines []string) (cdx, idx []byte, err error) {
	slices.Sort(lines)
	var data, blocks, plain bytes.Buffer
	zip, err := gzip.NewWriterLevel(&data, gzip.DefaultCompression)
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(&blocks, "!meta 0 {\"format\": \"cdxj-gzip-1.0\", \"filename\": %q}\n", cdxName)
	for block := range slices.Chunk(lines, blockLines) {
		plain.Reset()
		for _, line := range block {
			plain.WriteString(line)
		}
		begin := data.Len()
		zip.Reset(&data)
		if _, err := zip.Write(plain.Bytes()); err != nil {
			return nil, nil, err
		}
		if err := zip.Close(); err != nil {
			return nil, nil, err
		}
		prefix, _, _ := strings.Cut(block[0], " {")
		fmt.Fprintf(&blocks, "%s {\"offset\": %d, \"length\": %d, \"digest\": \"sha256:%x\"}\n", prefix, begin, data.Len()-begin, sha256.Sum256(data.Bytes()[begin:]))
	}
	if len(lines) == 0 { // an index must be there
		if err := zip.Close(); err != nil {
			return nil, nil, err
		}
	}
	return data.Bytes(), blocks.Bytes(), nil
}

// marshal returns v as one line of JSON.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
