// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// The limits of attachments: what is kept where nothing is said, and the most
// that can be said. A visit's media are one object, and a store takes at most
// 5 GiB in one put.
const (
	defaultMaxImage    = 20 << 20
	defaultMaxVideo    = 500 << 20
	defaultMaxAudio    = 200 << 20
	defaultMaxDocument = 50 << 20
	mostMedia          = 4 << 30
)

// mediaKinds are the words of media.types.
func mediaKinds() []string { return []string{"image", "video", "audio", "document"} }

// Most returns the most bytes that are kept of a kind of attachments; 0 for none.
func (m Media) Most(kind string) int64 {
	if !slices.Contains(m.Types, kind) {
		return 0
	}
	return map[string]int64{"image": m.MaxImage, "video": m.MaxVideo, "audio": m.MaxAudio, "document": m.MaxDocument}[kind]
}

// media reads the section of that name.
func (r *reader) media(m *Media) []key {
	return []key{
		{"types", func(n ast.Node, path string) {
			m.Types = []string{} // an empty list keeps none; none that is given, all
			r.texts(&m.Types)(n, path)
		}},
		{"max_image", r.size(&m.MaxImage)},
		{"max_video", r.size(&m.MaxVideo)},
		{"max_audio", r.size(&m.MaxAudio)},
		{"max_document", r.size(&m.MaxDocument)},
		{"imports", r.yes(&m.Imports)},
	}
}

// yes reads true or false.
func (r *reader) yes(dst *bool) func(ast.Node, string) {
	return func(n ast.Node, path string) {
		b, ok := n.(*ast.BoolNode)
		if !ok {
			r.problem(n, path, "true or false", "want a yes or no, got %s", describe(n))
			return
		}
		*dst = b.Value
	}
}

// media checks what is said of attachments and fills in what is not.
func (k *checker) media() {
	m := &k.Media
	if m.Types == nil {
		m.Types = mediaKinds()
	}
	for i, t := range m.Types {
		if path := fmt.Sprintf("media.types[%d]", i); !slices.Contains(mediaKinds(), t) {
			k.fault(path, didYouMean(t, mediaKinds()), "%q is no kind of attachments", t)
		} else if slices.Index(m.Types, t) < i {
			k.fault(path, "", "%q stands there twice", t)
		}
	}
	for _, l := range []struct {
		name     string
		size     *int64
		standard int64
	}{
		{"max_image", &m.MaxImage, defaultMaxImage}, {"max_video", &m.MaxVideo, defaultMaxVideo},
		{"max_audio", &m.MaxAudio, defaultMaxAudio}, {"max_document", &m.MaxDocument, defaultMaxDocument},
	} {
		path := "media." + l.name
		switch {
		case !k.given[path]:
			if !k.faulty(path) {
				*l.size = l.standard
			}
		case k.faulty(path):
		case *l.size < 1 || *l.size > mostMedia:
			k.fault(path, "to keep none, leave the kind out of media.types", "%s is not between 1 and %s", formatSize(*l.size), formatSize(mostMedia))
		}
	}
}

// media prints the section, with defaults filled in.
func (p *printer) media(m Media) {
	p.section(0, "media")
	p.list(1, "types", m.Types)
	for _, l := range []struct {
		name string
		size int64
	}{{"max_image", m.MaxImage}, {"max_video", m.MaxVideo}, {"max_audio", m.MaxAudio}, {"max_document", m.MaxDocument}} {
		p.line(1, l.name+": "+formatSize(l.size))
	}
	p.line(1, "imports: "+strconv.FormatBool(m.Imports))
}

// mediaHead writes the section into a new configuration.
func (p *printer) mediaHead(m Media) {
	p.note(0, "Images, video, audio and documents of statements are fetched and kept up to these sizes,")
	p.note(0, "and shown from here. Those of imported statements are not asked for unless imports is")
	p.note(0, "true: most of their addresses ended long ago.")
	if m.Types == nil {
		m.Types = mediaKinds()
	}
	for _, l := range []struct {
		size     *int64
		standard int64
	}{
		{&m.MaxImage, defaultMaxImage}, {&m.MaxVideo, defaultMaxVideo}, {&m.MaxAudio, defaultMaxAudio}, {&m.MaxDocument, defaultMaxDocument},
	} {
		if *l.size == 0 {
			*l.size = l.standard
		}
	}
	p.media(m)
}
