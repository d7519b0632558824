// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package thumbnail

import (
	"bytes"
	"encoding/binary"
)

// orientation returns how a JPEG is to be turned, by its Exif data: 1 to 8; 1
// where it does not say, or not so that it can be read.
func orientation(b []byte) int {
	for i := 2; i+4 <= len(b) && b[i] == 0xff; {
		marker, n := b[i+1], int(binary.BigEndian.Uint16(b[i+2:]))
		if marker == 0xda || n < 2 || i+2+n > len(b) { // the picture begins, or the head ends
			return 1
		}
		if data := b[i+4 : i+2+n]; marker == 0xe1 && bytes.HasPrefix(data, []byte("Exif\x00\x00")) {
			return tiffOrientation(data[6:])
		}
		i += 2 + n
	}
	return 1
}

// tiffOrientation reads the tag 0x0112 of the first directory.
func tiffOrientation(b []byte) int {
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if b[0] == 'I' {
		order = binary.LittleEndian
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 1
	}
	entries := b[at+2:]
	for n := order.Uint16(b[at:]); n > 0 && len(entries) >= 12; n-- {
		if order.Uint16(entries) == 0x0112 {
			if v := int(order.Uint16(entries[8:])); v >= 1 && v <= 8 {
				return v
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}
