// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package spool_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"onrecord"
	"onrecord/archive/spool"
)

// keepMedia keeps a payload as a visit does: through a part on disk.
func keepMedia(t *testing.T, s *spool.Spool, body, note string) spool.Media {
	t.Helper()
	p, err := s.Part()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := io.WriteString(p, body); err != nil {
		t.Fatal(err)
	}
	f := p.File()
	if f.Size != int64(len(body)) || f.SHA256 != sha256.Sum256([]byte(body)) || string(p.Head()) != body {
		t.Fatalf("part %+v", f)
	}
	m, err := s.RecordMedia(t.Context(), exchange(1), f, json.RawMessage(note))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mediaOf(t *testing.T, s *spool.Spool) (list []spool.Media) {
	t.Helper()
	for m, err := range s.MediaEntries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

// TestMediaTorn stops the second payload after every 7th byte of the WARC and of
// its index: the first is there, the rest is cut, and the spool goes on.
func TestMediaTorn(t *testing.T) {
	dir := t.TempDir()
	s := create(t, open(t, dir, nil), meta(t, 0))
	first := keepMedia(t, s, "first payload", `{"n":1}`)
	folder := filepath.Join(dir, visit(t, 0).String())
	before := filesOf(t, folder)
	keepMedia(t, s, "second payload", `{"n":2}`)
	after := filesOf(t, folder)
	warc := visit(t, 0).String() + ".warc"
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, torn := range []string{warc, "media.ndjson"} {
		for n := len(before[torn]); n < len(after[torn]); n += 7 {
			disk := map[string][]byte{"meta.json": after["meta.json"], warc: after[warc], "media.ndjson": before["media.ndjson"], "media.part": []byte("half")}
			disk[torn] = after[torn][:n]
			got := takeOne(t, lay(t, visit(t, 0), disk))
			list := mediaOf(t, got)
			if len(list) != 1 || list[0].At != first.At || string(list[0].Note) != `{"n":1}` {
				t.Fatalf("%s torn at %d: %+v", torn, n, list)
			}
			body, ok, err := got.Media()
			if err != nil || !ok || body.Size != int64(len(before[warc])) || body.SHA256 != sha256.Sum256(before[warc]) {
				t.Fatalf("%s torn at %d: body of %d bytes, %v, %v", torn, n, body.Size, ok, err)
			}
			if at := list[0].At; !bytes.Equal(before[warc][at.Offset:at.Offset+at.Length], []byte("first payload")) {
				t.Fatal("the payload is elsewhere")
			}
			if more := keepMedia(t, got, "third payload", `{"n":3}`); more.At == (onrecord.Span{}) || len(mediaOf(t, got)) != 2 {
				t.Fatalf("%s torn at %d: it does not go on", torn, n)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "media.part")); !os.IsNotExist(err) {
		t.Errorf("a part is left behind: %v", err)
	}
}
