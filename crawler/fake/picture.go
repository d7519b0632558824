// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strconv"
	"strings"
)

// A shade is the colour of a picture at a point. Both coordinates go from 0 to 1,
// from the left and from the top.
type shade func(u, v float64) rgb

// An rgb is a colour, each part from 0 to 255.
type rgb [3]float64

// mix returns the colour between a and b, at t from 0 to 1.
func mix(a, b rgb, t float64) rgb {
	t = min(max(t, 0), 1)
	for i := range a {
		a[i] += (b[i] - a[i]) * t
	}
	return a
}

// picture makes a PNG of "WIDTHxHEIGHT bridge" or "WIDTHxHEIGHT chart N".
func picture(spec string) (string, error) {
	size, what, _ := strings.Cut(spec, " ")
	var w, h int
	if _, err := fmt.Sscanf(size, "%dx%d", &w, &h); err != nil || w < 1 || h < 1 || w > 4096 || h > 4096 {
		return "", fmt.Errorf("no WIDTHxHEIGHT: %w", ErrScript)
	}
	at := bridge
	if ends, ok := strings.CutPrefix(what, "chart "); ok {
		n, err := strconv.Atoi(ends)
		if err != nil || n < 0 || n > 60 {
			return "", fmt.Errorf("no chart up to 60: %w", ErrScript)
		}
		at = chart(float64(n))
	} else if what != "bridge" {
		return "", fmt.Errorf("no picture of %q: %w", what, ErrScript)
	}
	var b bytes.Buffer
	err := png.Encode(&b, paint(w, h, at))
	return b.String(), err
}

// paint draws a picture, four samples a pixel.
func paint(w, h int, at shade) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			var sum rgb
			for _, d := range [4][2]float64{{.25, .25}, {.75, .25}, {.25, .75}, {.75, .75}} {
				c := at((float64(x)+d[0])/float64(w), (float64(y)+d[1])/float64(h))
				for i := range sum {
					sum[i] += c[i] / 4
				}
			}
			img.SetRGBA(x, y, color.RGBA{R: uint8(sum[0]), G: uint8(sum[1]), B: uint8(sum[2]), A: 255})
		}
	}
	return img
}

// Where things are in the picture of the bridge.
const (
	horizon, deck       = 0.64, 0.53
	towerTop, towerFoot = 0.17, 0.70
	leftTower           = 0.27
	rightTower          = 0.73
	sunU, sunV          = 0.80, 0.42
)

// bridge is a suspension bridge over a harbour, seen from a quay at sunrise.
func bridge(u, v float64) rgb {
	steel := rgb{92, 42, 38}
	switch {
	case v > 0.92 || math.Hypot((u-0.12)*1.5, v-0.90) < 0.035: // the quay, and a bollard on it
		return mix(rgb{58, 54, 52}, rgb{34, 32, 32}, (v-0.86)*8)
	case math.Abs(u-leftTower) < 0.009 && v > towerTop && v < towerFoot, math.Abs(u-rightTower) < 0.009 && v > towerTop && v < towerFoot:
		return steel
	case math.Abs(v-deck) < 0.009, math.Abs(v-cable(u)) < 0.0045:
		return steel
	case v > cable(u) && v < deck && math.Abs(math.Remainder(u, 0.02)) < 0.0009: // what the deck hangs on
		return mix(steel, sky(u, v), 0.35)
	case v < horizon:
		return sky(u, v)
	}
	water := mix(rgb{150, 160, 172}, rgb{38, 66, 92}, (v-horizon)*3.4)
	if wave := math.Sin(v*520 + 3*math.Sin(u*23)); wave > 0.55 && math.Abs(u-sunU) < 0.02+(v-horizon)*0.45 {
		water = mix(water, rgb{255, 224, 170}, 0.75) // the sun on the waves
	}
	return water
}

// cable is the height of the main cable.
func cable(u float64) float64 {
	switch {
	case u < leftTower:
		return deck - (deck-towerTop)*math.Pow(u/leftTower, 2)
	case u > rightTower:
		return deck - (deck-towerTop)*math.Pow((1-u)/(1-rightTower), 2)
	}
	t := (u - 0.5) / (rightTower - 0.5)
	return deck - 0.03 - (deck-0.03-towerTop)*t*t
}

// sky is the morning, with hills behind the water.
func sky(u, v float64) rgb {
	if v > horizon-0.035-0.02*math.Sin(u*9+1)-0.01*math.Sin(u*31) {
		return rgb{112, 118, 140}
	}
	d := math.Hypot((u-sunU)*1.5, v-sunV)
	if d < 0.055 {
		return rgb{255, 246, 220}
	}
	c := mix(rgb{120, 168, 214}, rgb{252, 214, 160}, v/horizon)
	return mix(rgb{255, 232, 180}, c, d*3.2)
}

// chart is a price over time that ends at the given number of percent.
func chart(ends float64) shade {
	const left, right, top, bottom, most = 0.13, 0.80, 0.27, 0.90, 60.0
	months := []float64{0.10, 0.14, 0.12, 0.22, 0.30, 0.36, 0.34, 0.48, 0.62, 0.78, 0.86, 1} // of what it ends at
	height := func(percent float64) float64 { return bottom - (bottom-top)*percent/most }
	point := func(i int) (u, v float64) {
		return left + (right-left)*float64(i)/float64(len(months)-1), height(ends * months[i])
	}
	texts := []text{{0.05, 0.06, 0.0085, "PRICE OF STEEL"}, {right + 0.02, height(ends) - 0.025, 0.008, strconv.Itoa(int(ends)) + "%"}}
	for p := 0.0; p <= most; p += 10 {
		texts = append(texts, text{0.05, height(p) - 0.0165, 0.0048, strconv.Itoa(int(p))})
	}
	endU, endV := point(len(months) - 1)
	return func(u, v float64) rgb {
		for _, t := range texts {
			if t.covers(u, v) {
				return rgb{40, 46, 56}
			}
		}
		if math.Hypot(u-endU, (v-endV)/1.5) < 0.012 {
			return rgb{176, 42, 48}
		}
		for i := 1; i < len(months); i++ {
			u0, v0 := point(i - 1)
			u1, v1 := point(i)
			if t := (u - u0) / (u1 - u0); t >= 0 && t <= 1 && math.Abs(v-(v0+(v1-v0)*t)) < 0.006*math.Hypot(1, 0.66*(v1-v0)/(u1-u0)) {
				return rgb{176, 42, 48}
			}
		}
		if u > left && u < right {
			if math.Abs(v-bottom) < 0.002 {
				return rgb{90, 96, 106}
			}
			for p := 10.0; p <= most; p += 10 {
				if math.Abs(v-height(p)) < 0.001 {
					return rgb{206, 212, 220}
				}
			}
		}
		return rgb{250, 249, 245}
	}
}

// A text is words in a picture, in capitals; dot is the width of a point of it.
type text struct {
	u, v, dot float64
	words     string
}

// covers reports whether the point lies in a stroke.
func (t text) covers(u, v float64) bool {
	x, y := int(math.Floor((u-t.u)/t.dot)), int(math.Floor((v-t.v)/(1.5*t.dot)))
	if x < 0 || y < 0 || y > 6 || x/6 >= len(t.words) || x%6 == 5 {
		return false
	}
	rows := strings.Fields(letters(t.words[x/6]))
	return len(rows) == 7 && rows[y][x%6] == '#'
}

// letters returns the seven rows of a character, five points each; nothing for
// one that no picture has.
func letters(c byte) string {
	switch c {
	case '0':
		return ".###. #...# #...# #...# #...# #...# .###."
	case '1':
		return "..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###."
	case '2':
		return ".###. #...# ....# ...#. ..#.. .#... #####"
	case '3':
		return "####. ....# ....# .###. ....# ....# ####."
	case '4':
		return "...#. ..##. .#.#. #..#. ##### ...#. ...#."
	case '5':
		return "##### #.... ####. ....# ....# #...# .###."
	case '6':
		return ".###. #.... #.... ####. #...# #...# .###."
	case '7':
		return "##### ....# ...#. ..#.. ..#.. .#... .#..."
	case '8':
		return ".###. #...# #...# .###. #...# #...# .###."
	case '9':
		return ".###. #...# #...# .#### ....# ....# .###."
	case '%':
		return "##..# ##..# ...#. ..#.. .#... #..## #..##"
	case 'C':
		return ".###. #...# #.... #.... #.... #...# .###."
	case 'E':
		return "##### #.... #.... ####. #.... #.... #####"
	case 'F':
		return "##### #.... #.... ####. #.... #.... #...."
	case 'I':
		return ".###. ..#.. ..#.. ..#.. ..#.. ..#.. .###."
	case 'L':
		return "#.... #.... #.... #.... #.... #.... #####"
	case 'O':
		return ".###. #...# #...# #...# #...# #...# .###."
	case 'P':
		return "####. #...# #...# ####. #.... #.... #...."
	case 'R':
		return "####. #...# #...# ####. #.#.. #..#. #...#"
	case 'S':
		return ".#### #.... #.... .###. ....# ....# ####."
	case 'T':
		return "##### ..#.. ..#.. ..#.. ..#.. ..#.. ..#.."
	}
	return ""
}
