// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package wacz

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// A manifest is datapackage.json: a Frictionless Data Package.
type manifest struct {
	Profile     string     `json:"profile"` // data-package
	Version     string     `json:"wacz_version"`
	Title       string     `json:"title,omitempty"`
	Description string     `json:"description,omitempty"`
	Created     string     `json:"created"`
	Software    string     `json:"software,omitempty"`
	MainURL     string     `json:"mainPageUrl,omitempty"`
	MainDate    string     `json:"mainPageDate,omitempty"`
	Resources   []resource `json:"resources"`
}

// A resource is one file of a package. Names are unique.
type resource struct {
	Name  string `json:"name"`
	Path  string `json:"path"`
	Hash  string `json:"hash"` // "sha256:" and hex
	Bytes int64  `json:"bytes"`
}

// manifest returns datapackage.json.
func (w *Writer) manifest() ([]byte, error) {
	m := manifest{
		Profile: "data-package", Version: Version, Title: w.o.Title, Description: w.o.Description,
		Created: w.o.Created.Format(time.RFC3339), Software: w.o.Software, MainURL: w.o.MainURL, Resources: w.resources,
	}
	if !w.o.MainDate.IsZero() {
		m.MainDate = stamp(w.o.MainDate)
	}
	return indented(m)
}

// digestOf returns datapackage-digest.json of a manifest.
func digestOf(manifest []byte) ([]byte, error) {
	return indented(manifestDigest{Path: "datapackage.json", Hash: fmt.Sprintf("sha256:%x", sha256.Sum256(manifest))})
}

type manifestDigest struct {
	Path string `json:"path"`
	Hash string `json:"hash"`
}

// stamp is the spelling of the time of a page: the index has seconds only.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// NewPage returns the page of a capture of url at this time.
func NewPage(id, url string, at time.Time, title, text string) Page {
	return Page{ID: id, URL: url, TS: stamp(at), Title: title, Text: text}
}

func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
