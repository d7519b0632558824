// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strconv"
	"strings"
)

// picture makes a PNG of "WIDTHxHEIGHT RRGGBB RRGGBB": a sky that fades from the
// first colour to the second, and a sun.
func picture(spec string) (string, error) {
	var w, h int
	var above, below uint32
	if _, err := fmt.Sscanf(spec, "%dx%d %06x %06x", &w, &h, &above, &below); err != nil || w < 1 || h < 1 || w > 4096 || h > 4096 {
		return "", fmt.Errorf("no WIDTHxHEIGHT RRGGBB RRGGBB: %w", ErrScript)
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		mix := func(shift int) uint8 {
			a, b := int(above>>shift&0xff), int(below>>shift&0xff)
			return uint8(a + (b-a)*y/h)
		}
		row := color.RGBA{R: mix(16), G: mix(8), B: mix(0), A: 255}
		for x := range w {
			c := row
			if dx, dy, r := x-w*3/4, y-h/3, h/8; dx*dx+dy*dy < r*r {
				c = color.RGBA{R: 255, G: 244, B: 214, A: 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return b.String(), err
}

// sound makes a WAV of "SECONDS HERTZ": one tone, 8 kHz, 8 bits.
func sound(spec string) (string, error) {
	seconds, hertz, _ := strings.Cut(spec, " ")
	s, err := strconv.Atoi(seconds)
	f, err2 := strconv.Atoi(hertz)
	if err != nil || err2 != nil || s < 1 || s > 60 || f < 1 || f > 4000 {
		return "", fmt.Errorf("no SECONDS HERTZ: %w", ErrScript)
	}
	const rate = 8000
	n := s * rate
	b := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(36+n))...)
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"...)
	b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, rate), rate)
	b = append(b, "\x01\x00\x08\x00data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	for i := range n {
		b = append(b, uint8(128+40*math.Sin(2*math.Pi*float64(f)*float64(i)/rate)))
	}
	return string(b), nil
}
