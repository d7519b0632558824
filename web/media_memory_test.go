// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"sync"
	"time"

	"onrecord"
)

// spelled is a list of media as the fixture's digests have it.
func spelled(list []onrecord.Media) string {
	type named struct{ ID, Alt string }
	out := make([]named, len(list))
	for i, m := range list {
		out[i] = named{m.ID, m.Alt}
	}
	return fmt.Sprint(out)
}

// attachmentOf is what the fixture knows of an attachment, by its id: "m1" is
// kept, "m2" is too large, others are not known.
func attachmentOf(m onrecord.Media) onrecord.Attachment {
	a := onrecord.Attachment{Media: m}
	switch m.ID {
	case "m1":
		kept := photograph()
		kept.ID = m.ID
		a.Kept = &kept
	case "m2":
		a.Kept = &onrecord.KeptMedia{ID: m.ID, Type: "image/png", Size: 20 << 20, Missing: onrecord.MissingTooLarge}
	}
	return a
}

// photo returns a picture that is kept.
var photo = sync.OnceValue(func() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 900, 600))
	for i := range img.Pix {
		img.Pix[i] = byte(i / 900)
	}
	img.Set(0, 0, color.White)
	var b bytes.Buffer
	_ = png.Encode(&b, img) // to memory
	return b.Bytes()
})

func storedAs(b []byte, mediaType string) onrecord.KeptMedia {
	sum := sha256.Sum256(b)
	return onrecord.KeptMedia{SHA256: hex.EncodeToString(sum[:]), Type: mediaType, Size: int64(len(b)), At: onrecord.Span{Object: "media/x.warc", Length: int64(len(b))}}
}

func photograph() onrecord.KeptMedia {
	m := storedAs(photo(), "image/png")
	m.Width, m.Height = 900, 600
	return m
}

// mediaMemory serves files from memory.
type mediaMemory struct {
	files    map[string][]byte // by digest
	types    map[string]string
	away     bool // hands out nothing for now
	damaged  bool // hands out other bytes than were kept
	withheld onrecord.StatementID
}

func newMediaMemory(files map[string][]byte) *mediaMemory { // by media type, or name behind a blank
	m := &mediaMemory{files: map[string][]byte{}, types: map[string]string{}}
	for name, b := range files {
		kind, _, _ := strings.Cut(name, " ")
		k := storedAs(b, kind)
		m.files[k.SHA256], m.types[k.SHA256] = b, kind
	}
	return m
}

func (m *mediaMemory) StoredMedia(_ context.Context, sum string) (onrecord.StoredMedia, error) {
	b, ok := m.files[sum]
	if !ok {
		return onrecord.StoredMedia{}, fmt.Errorf("memory: %w", onrecord.ErrNotFound)
	}
	k := storedAs(b, m.types[sum])
	if strings.HasPrefix(k.Type, "image/") {
		k.Width, k.Height = 900, 600
	}
	return onrecord.StoredMedia{KeptMedia: k, Captured: time.Unix(0, 0), Withheld: m.withheld != "", Statement: m.withheld}, nil
}

func (m *mediaMemory) OpenMedia(_ context.Context, k onrecord.KeptMedia, off, n int64) (io.ReadCloser, error) {
	if m.away {
		return nil, fmt.Errorf("memory: %w", onrecord.ErrUnavailable)
	}
	b := m.files[k.SHA256][off : off+n]
	if m.damaged {
		return io.NopCloser(io.MultiReader(bytes.NewReader(b[:len(b)-1]), failing{})), nil
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (m *mediaMemory) Thumb(context.Context, onrecord.KeptMedia) ([]byte, error) {
	var b bytes.Buffer
	err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 640, 427)), nil)
	return b.Bytes(), err
}

// failing is the end of bytes that are not what they were.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, fmt.Errorf("memory: other bytes") }
