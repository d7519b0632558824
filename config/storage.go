// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

const (
	defaultSpoolLimit = 2 << 30
	// leastSpoolLimit holds one visit of the largest size: less would keep any
	// visit from ever beginning.
	leastSpoolLimit = 64 << 20
)

// storage reads the section of the bucket.
func (r *reader) storage(s *Storage) func(ast.Node, string) {
	return r.section(append(r.store(&s.Store),
		key{"replicas", list(r, &s.Replicas, r.store)},
		key{"erasure", r.text(&s.Erasure)},
	)...)
}

func (r *reader) store(s *Store) []key {
	return []key{
		{"url", r.text(&s.URL)},
		{"credentials", r.text(&s.Credentials)},
	}
}

var sizePattern = regexp.MustCompile(`^([0-9]+)(?: ?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB))?$`)

// sizeUnits are those of a size, the largest first.
func sizeUnits() []struct {
	name  string
	bytes int64
} {
	return []struct {
		name  string
		bytes int64
	}{
		{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3}, {"B", 1},
	}
}

// parseSize reads a number of bytes: "2GiB", "500 MB", "1048576".
func parseSize(s string) (int64, bool) {
	m := sizePattern.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, false
	}
	for _, u := range sizeUnits() {
		if u.name != cmp.Or(m[2], "B") {
			continue
		}
		if n > math.MaxInt64/u.bytes {
			return 0, false
		}
		return n * u.bytes, true
	}
	return 0, false
}

// formatSize writes a number of bytes so that parseSize reads the same number.
func formatSize(n int64) string {
	for _, u := range sizeUnits() {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// size reads a number of bytes, with a unit.
func (r *reader) size(dst *int64) func(ast.Node, string) {
	return func(n ast.Node, path string) {
		var v string
		r.text(&v)(n, path)
		d, ok := parseSize(v)
		if v != "" && !ok {
			r.problem(n, path, "such as 500MB or 2GiB", "%q is no size", v)
		}
		r.given[path] = v != ""
		*dst = d
	}
}

// places checks where things are kept, and makes paths absolute.
func (k *checker) places() {
	k.StateDir = k.abs(cmp.Or(k.StateDir, defaultStateDir))
	k.store("storage", &k.Storage.Store)
	k.erasure()
	taken := map[string]string{k.Storage.URL: "storage.url"}
	for i := range k.Storage.Replicas {
		s, path := &k.Storage.Replicas[i], fmt.Sprintf("storage.replicas[%d]", i)
		k.store(path, s)
		if other, ok := taken[s.URL]; ok && s.URL != "" {
			k.fault(path+".url", "", "%q is %s already: a copy at the same place is none", s.URL, other)
		}
		taken[s.URL] = path + ".url"
	}
	const limit = "spool_limit"
	switch {
	case !k.given[limit]:
		if !k.faulty(limit) {
			k.SpoolLimit = defaultSpoolLimit
		}
	case k.SpoolLimit < leastSpoolLimit && !k.faulty(limit):
		k.fault(limit, "", "%s is less than %s: no visit could ever begin", formatSize(k.SpoolLimit), formatSize(leastSpoolLimit))
	}
}

// store checks a place for a bucket.
func (k *checker) store(path string, s *Store) {
	at := path + ".url"
	if s.Credentials != "" {
		s.Credentials = k.abs(s.Credentials)
	}
	if !k.required(at, s.URL) {
		return
	}
	schemes := k.o.Schemes
	if schemes == nil {
		schemes = []string{"file", "s3"}
	}
	u, err := url.Parse(s.URL)
	switch {
	case err != nil || u.Scheme == "":
		k.fault(at, "such as file:///var/lib/onrecord", "%q is no URL", s.URL)
	case !slices.Contains(schemes, u.Scheme):
		k.fault(at, didYouMean(u.Scheme, schemes), "%q is no storage of this release", u.Scheme)
	case u.Scheme != "file":
		k.remote(at, u, s.URL)
	case u.Host != "" && u.Host != "localhost" || u.RawQuery != "" || u.Fragment != "":
		k.fault(at, "three slashes: file:///var/lib/onrecord", "%q is no folder on this machine", s.URL)
	default:
		k.folder(at, u, s)
		if s.Credentials != "" {
			k.fault(path+".credentials", "leave it out", "a folder has no credentials")
		}
	}
}

// remote checks a bucket that is no folder.
func (k *checker) remote(at string, u *url.URL, storage string) {
	switch {
	case u.User != nil:
		k.fault(at, "storage.credentials names a file with them", "a password does not belong into a URL")
	case u.Host == "":
		k.fault(at, "such as s3://bucket/prefix?endpoint=https://s3.example&region=eu-1", "names no bucket")
	case k.o.Storage != nil:
		if err := k.o.Storage(storage); err != nil {
			k.fault(at, "such as s3://bucket/prefix?endpoint=https://s3.example&region=eu-1", "%v", err)
		}
	}
}

// folder checks a folder and makes its path absolute.
func (k *checker) folder(at string, u *url.URL, s *Store) {
	path, err := cmp.Or(u.Path, u.Opaque), error(nil)
	if u.Opaque != "" {
		path, err = url.PathUnescape(u.Opaque)
	}
	if path == "" || err != nil {
		k.fault(at, "such as file:///var/lib/onrecord", "names no folder")
		return
	}
	s.URL = (&url.URL{Scheme: "file", Path: filepath.ToSlash(k.abs(path))}).String()
}

// storage writes the section of the bucket.
func (p *printer) storage(s Storage) {
	p.section(0, "storage")
	p.value(1, "url", s.URL)
	p.value(1, "credentials", s.Credentials)
	p.value(1, "erasure", s.Erasure)
	if len(s.Replicas) == 0 {
		return
	}
	p.section(1, "replicas")
	for _, r := range s.Replicas {
		p.line(2, "- url: "+quote(r.URL))
		p.value(3, "credentials", r.Credentials)
	}
}

// storageHead writes the section of the bucket into a template.
func (p *printer) storageHead(s Storage) {
	p.note(0, "Where the record is kept: a folder (file:///var/lib/onrecord), or an S3 bucket with conditional")
	p.note(0, "writes (s3://bucket/prefix?endpoint=https://s3.example&region=eu-1); onrecord doctor tells what")
	p.note(0, "a store can do.")
	if s.URL != "" {
		p.storage(s)
	} else {
		p.section(0, "storage")
		p.value(1, "url", "file:///var/lib/onrecord")
	}
	if s.Credentials == "" {
		p.note(1, "For S3: a file with the lines \"access_key: …\" and \"secret_key: …\", readable by its owner only.")
		p.note(1, "Without it, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the environment.")
		p.note(1, "credentials: s3.key")
	}
	if len(s.Replicas) == 0 {
		p.note(1, "Copies at other places, filled continuously, each with credentials of its own.")
		p.note(1, "replicas:")
		p.note(1, "  - url: s3://bucket/prefix?endpoint=https://s3.elsewhere.example&region=eu-2")
		p.note(1, "    credentials: elsewhere.key")
	}
}
