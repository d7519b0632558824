// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

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
