// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package thumbnail

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // the formats that are read
	"image/jpeg"
	_ "image/png"
	"io"
	"runtime"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp"
)

// The limits of what is decoded.
const (
	maxSide   = 16384
	maxPixels = 40 << 20
	// maxDeep is the most pixels of a picture of 16 bits a channel: each takes 8
	// bytes, and scaling it ten times as long.
	maxDeep = 12 << 20
	// maxInput is how much of a file is read: pictures are smaller.
	maxInput = 64 << 20
	// headSize is how much of a file must tell its size in pixels.
	headSize = 1 << 20
)

// A size is that of a picture, in pixels.
type size struct {
	Width  int `json:"width"`
	Height int `json:"height"`
}

func (s size) within() bool {
	return s.Width > 0 && s.Height > 0 && s.Width <= maxSide && s.Height <= maxSide && s.Width*s.Height <= maxPixels
}

// Child is the process that decodes: it limits itself, reads a picture from in,
// and writes to out its size, as it is to be shown, a line of JSON, and behind
// that the small picture. It is run by a Maker.
func Child(in io.Reader, out io.Writer) error {
	runtime.LockOSThread() // a priority is one of a thread
	if err := limit(); err != nil {
		return fmt.Errorf("limits: %w", err)
	}
	br := bufio.NewReaderSize(io.LimitReader(in, maxInput), headSize)
	head, err := br.Peek(headSize)
	if err != nil && err != io.EOF {
		return err
	}
	cfg, turn, err := measured(head)
	if err != nil {
		return err
	}
	s := size{cfg.Width, cfg.Height}
	if turn > 4 {
		s.Width, s.Height = s.Height, s.Width
	}
	if err := json.NewEncoder(out).Encode(s); err != nil {
		return err
	}
	img, format, err := image.Decode(br)
	if err != nil {
		return err
	}
	whole := image.Rect(0, 0, cfg.Width, cfg.Height)
	if got := img.Bounds(); got != whole && !(format == "gif" && got.In(whole)) { // a frame may be a part of the picture
		return errors.New("the picture has another size than its head says")
	}
	return jpeg.Encode(out, turned(small(img, whole), turn), &jpeg.Options{Quality: 82})
}

// measured returns what the beginning of a file says of the picture, if that is
// within the limits, and how it is to be turned.
func measured(head []byte) (cfg image.Config, turn int, err error) {
	cfg, format, err := image.DecodeConfig(bytes.NewReader(head))
	if err != nil {
		return cfg, 0, err
	}
	s := size{cfg.Width, cfg.Height}
	if !s.within() {
		return cfg, 0, fmt.Errorf("%d x %d pixels, at most %d, and %d in all", s.Width, s.Height, maxSide, maxPixels)
	}
	if deep(cfg.ColorModel) && s.Width*s.Height > maxDeep {
		return cfg, 0, fmt.Errorf("%d x %d pixels of 16 bits a channel, at most %d", s.Width, s.Height, maxDeep)
	}
	if format == "jpeg" {
		return cfg, orientation(head), nil
	}
	return cfg, 1, nil
}

// deep reports whether pictures of a model have 16 bits a channel.
func deep(m color.Model) bool {
	return m == color.RGBA64Model || m == color.NRGBA64Model || m == color.Gray16Model
}

// small returns the picture whose bounds are whole, of which there is img, on white
// and at most Side by Side pixels large.
func small(img image.Image, whole image.Rectangle) *image.RGBA {
	w, h := whole.Dx(), whole.Dy()
	if most := max(w, h); most > Side {
		w, h = max(1, w*Side/most), max(1, h*Side/most)
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(dst, dst.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	at := func(p image.Point) image.Point { return image.Pt(p.X*w/whole.Dx(), p.Y*h/whole.Dy()) }
	b := img.Bounds()
	draw.BiLinear.Scale(dst, image.Rectangle{Min: at(b.Min), Max: at(b.Max)}, img, b, draw.Over, nil)
	return dst
}

// turned returns img as its orientation (Exif 2.3, tag 0x0112) wants it shown.
func turned(img *image.RGBA, how int) *image.RGBA {
	if how < 2 || how > 8 {
		return img
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	dw, dh := w, h
	if how > 4 {
		dw, dh = h, w
	}
	dst := image.NewRGBA(image.Rect(0, 0, dw, dh))
	for y := range h {
		for x := range w {
			tx, ty := x, y
			switch how {
			case 2:
				tx = w - 1 - x
			case 3:
				tx, ty = w-1-x, h-1-y
			case 4:
				ty = h - 1 - y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = h-1-y, x
			case 7:
				tx, ty = h-1-y, w-1-x
			case 8:
				tx, ty = y, w-1-x
			}
			dst.SetRGBA(tx, ty, img.RGBAAt(x, y))
		}
	}
	return dst
}
