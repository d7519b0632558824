// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"strings"

	"onrecord"
)

// mediaPolicy is the Content-Security-Policy of files that strangers made.
const mediaPolicy = "default-src 'none'; sandbox"

// mediaName is "{sha256}.{ext}".
var mediaName = regexp.MustCompile(`^([0-9a-f]{64})(?:\.([a-z0-9]{1,8}))?$`)

// mediaRoutes serves the archive's copies of attachments.
func (s *server) mediaRoutes(mux *http.ServeMux) {
	if s.Media == nil {
		return
	}
	handle := func(pattern string, send func(http.ResponseWriter, *http.Request) error) {
		mux.Handle("GET "+pattern, cors(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", mediaPolicy)
			err := send(w, r)
			if err == nil {
				return
			}
			if p, ok := s.fail(r.Context(), err).(*problem); ok && r.Context().Err() == nil {
				s.sendProblem(w, r, p)
			}
		})))
		mux.Handle("OPTIONS "+pattern, cors(s.page(s.nothing)))
	}
	handle("/media/{name}", s.sendMedia)
	handle("/media/{sha256}/thumb.jpg", s.sendThumb)
}

// stored returns what is kept under a digest, unless all that it belongs to is
// withheld.
func (s *server) stored(r *http.Request, sum string) (onrecord.StoredMedia, error) {
	m, err := s.Media.StoredMedia(r.Context(), sum)
	if err != nil || !m.Withheld {
		return m, err
	}
	st, err := s.Statements.Statement(r.Context(), m.Statement)
	if err != nil {
		return m, fmt.Errorf("statement %s: %w", m.Statement, err)
	}
	return m, s.withheld(s.words(nil), st)
}

// sendMedia serves a file, or a range of it.
func (s *server) sendMedia(w http.ResponseWriter, r *http.Request) error {
	name := mediaName.FindStringSubmatch(r.PathValue("name"))
	if name == nil {
		return onrecord.ErrNotFound
	}
	if err := s.noParams(r); err != nil {
		return err
	}
	m, err := s.stored(r, name[1])
	if err != nil {
		return err
	}
	head := w.Header()
	if want := "/media/" + fileName(m.KeptMedia); name[2] != extension(m.Type) {
		head.Set("Cache-Control", cacheStatement)
		http.Redirect(w, r, want, http.StatusMovedPermanently)
		return nil
	}
	mediaHead(head, m.KeptMedia)
	if !matches(r.Header["If-Match"], m.SHA256) {
		noBody(head)
		head.Set("Cache-Control", cacheNever)
		w.WriteHeader(http.StatusPreconditionFailed)
		return nil
	}
	want := mediaRange(r, m.SHA256)
	from, n, ok := want.in(m.Size)
	if knows(r.Header.Get("If-None-Match"), m.SHA256) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if !ok {
		noBody(head)
		head.Set("Content-Range", fmt.Sprintf("bytes */%d", m.Size))
		head.Set("Cache-Control", cacheNever)
		w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		return nil
	}
	if r.Method == http.MethodHead { // for which nothing is opened
		return s.copyRecord(w, r, m.SHA256, nil, want, from, n, m.Size)
	}
	body, err := s.Media.OpenMedia(r.Context(), m.KeptMedia, from, n)
	if err != nil {
		noBody(head)
		return fmt.Errorf("media %s: %w", m.SHA256, err)
	}
	defer body.Close()
	return s.copyRecord(w, r, m.SHA256, body, want, from, n, m.Size)
}

// noBody takes away the headers that would speak of a body that is not sent.
func noBody(head http.Header) {
	for _, name := range []string{"Content-Type", "Content-Disposition", "ETag", "Repr-Digest"} {
		head.Del(name)
	}
}

// matches reports whether If-Match, where it is sent, names a strong tag (RFC
// 9110, 13.1.1).
func matches(headers []string, tag string) bool {
	for _, one := range strings.Split(strings.Join(headers, ","), ",") {
		if one = strings.TrimSpace(one); one == "*" || one == "\""+tag+"\"" {
			return true
		}
	}
	return len(headers) == 0
}

// mediaRange returns the range that is asked for, the whole for another method
// than GET. A player that goes on where it was names what it has in If-Range;
// only our own strong tag holds (RFC 9110, 13.1.5).
func mediaRange(r *http.Request, sum string) byteRange {
	if r.Method != http.MethodGet {
		return byteRange{}
	}
	head := http.Header{"Range": r.Header["Range"], "If-Range": r.Header["If-Range"]}
	if head.Get("If-Range") == "\""+sum+"\"" {
		head.Del("If-Range")
	}
	return parseRange(head)
}

// mediaHead says what a file is, and how it is to be treated: as a download,
// unless its own bytes say that it is a raster image, sound or film.
func mediaHead(head http.Header, m onrecord.KeptMedia) {
	kind := m.Type
	show := "attachment"
	switch {
	case inline(m.Type):
		show = "inline"
	case m.Type == "image/svg+xml", strings.HasPrefix(m.Type, "text/"), kind == "":
		kind = "application/octet-stream"
	}
	head.Set("Content-Type", kind)
	head.Set("Content-Disposition", mime.FormatMediaType(show, map[string]string{"filename": fileName(m)}))
	head.Set("Accept-Ranges", "bytes")
	head.Set("Cache-Control", cacheMedia)
	head.Set("ETag", "\""+m.SHA256+"\"")
	head.Set("X-Robots-Tag", "noindex")
	if sum, err := hex.DecodeString(m.SHA256); err == nil {
		head.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":")
	}
}

// inline reports whether a browser may show files of a sniffed type in place.
func inline(mediaType string) bool {
	switch mediaType {
	case "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp":
		return true
	}
	return strings.HasPrefix(mediaType, "audio/") || strings.HasPrefix(mediaType, "video/")
}

// sendThumb serves a small picture.
func (s *server) sendThumb(w http.ResponseWriter, r *http.Request) error {
	name := mediaName.FindStringSubmatch(r.PathValue("sha256"))
	if name == nil || name[2] != "" {
		return onrecord.ErrNotFound
	}
	if err := s.noParams(r); err != nil {
		return err
	}
	m, err := s.stored(r, name[1])
	if err != nil {
		return err
	}
	if !pictured(m.KeptMedia) {
		return fmt.Errorf("media %s is %s: %w", m.SHA256, m.Type, onrecord.ErrNotFound)
	}
	b, err := s.Media.Thumb(r.Context(), m.KeptMedia)
	if err != nil {
		return fmt.Errorf("thumbnail of %s: %w", m.SHA256, err)
	}
	reply{Type: "image/jpeg", Cache: cacheMedia, Strong: true, Hidden: true, Body: b}.send(w, r)
	return nil
}

// pictured reports whether there is a small picture of m.
func pictured(m onrecord.KeptMedia) bool {
	switch m.Type {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return m.Width > 0 && m.Height > 0
	}
	return false
}

// fileName is the name of a file under /media/.
func fileName(m onrecord.KeptMedia) string { return m.SHA256 + "." + extension(m.Type) }

// extension returns the ending of names of files of a sniffed media type.
func extension(mediaType string) string {
	if ext, ok := extensions[mediaType]; ok {
		return ext
	}
	return "bin"
}

var extensions = map[string]string{
	"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp", "image/avif": "avif", "image/heic": "heic", "image/bmp": "bmp",
	"image/tiff": "tif", "image/svg+xml": "svg", "image/x-icon": "ico",
	"video/mp4": "mp4", "video/webm": "webm", "video/quicktime": "mov", "video/ogg": "ogv", "video/avi": "avi",
	"audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/ogg": "ogg", "audio/wave": "wav", "audio/wav": "wav", "audio/flac": "flac", "audio/aiff": "aiff", "audio/amr": "amr", "audio/midi": "mid", "audio/basic": "au",
	"application/ogg": "ogg", "application/pdf": "pdf", "application/zip": "zip", "application/x-gzip": "gz", "application/rtf": "rtf", "application/x-ole-storage": "doc",
	"text/plain": "txt",
}
