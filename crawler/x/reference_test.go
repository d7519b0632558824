// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// A plainPost is a condensed post as encoding/json reads it.
type plainPost struct {
	text string
	at   time.Time
}

// byEncodingJSON reads the condensed posts below dir, the last of each id.
func byEncodingJSON(t *testing.T, dir string) map[string]plainPost {
	t.Helper()
	dec, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	list := map[string]plainPost{}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		name := strings.TrimSuffix(path, ".zst")
		if err != nil || e.IsDir() || filepath.Ext(name) != ".json" {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil && name != path {
			b, err = dec.DecodeAll(b, nil)
		}
		if err != nil {
			return err
		}
		var posts []struct {
			ID   string `json:"id_str"`
			Text string `json:"text"`
			At   string `json:"created_at"`
		}
		if err := json.NewDecoder(bytes.NewReader(b)).Decode(&posts); err != nil {
			return err
		}
		for _, p := range posts {
			at, err := time.Parse(time.RubyDate, p.At)
			if err != nil {
				return err
			}
			text := strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#39;", "'", "\r", "\n").Replace(p.Text)
			list[p.ID] = plainPost{text: text, at: at}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
