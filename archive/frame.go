// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// The first frame of a segment is one raw block behind a header that is fixed
// to the byte, so that anyone can write and read it without a compressor: magic
// number; descriptor 0xA0 (single segment, content size of 4 bytes, no
// checksum, no dictionary); content size; block header (last, raw, size).
// RFC 8878, 3.1.1.
const (
	frameMagic      = "\x28\xb5\x2f\xfd"
	frameDescriptor = 0xa0
	rawHeader       = 4 + 1 + 4 + 3
	maxRawBlock     = 128 << 10 // RFC 8878, 3.1.1.2.4
)

var errFrame = errors.New("not a zstd frame as written here")

// appendRawFrame appends content as one raw frame. It must be 1 byte to
// maxRawBlock long.
func appendRawFrame(dst, content []byte) []byte {
	n := uint32(len(content))
	dst = append(dst, frameMagic...)
	dst = append(dst, frameDescriptor)
	dst = binary.LittleEndian.AppendUint32(dst, n)
	block := n<<3 | 1
	dst = append(dst, byte(block), byte(block>>8), byte(block>>16))
	return append(dst, content...)
}

// cutRawFrame splits b after its first frame, which must be a raw one.
func cutRawFrame(b []byte) (content, rest []byte, err error) {
	if len(b) < rawHeader || string(b[:4]) != frameMagic || b[4] != frameDescriptor {
		return nil, nil, fmt.Errorf("%w: header of the first frame", errFrame)
	}
	n := binary.LittleEndian.Uint32(b[5:9])
	block := uint32(b[9]) | uint32(b[10])<<8 | uint32(b[11])<<16
	if n == 0 || n > maxRawBlock || block != n<<3|1 || uint64(len(b)) < rawHeader+uint64(n) {
		return nil, nil, fmt.Errorf("%w: size of the first frame", errFrame)
	}
	return b[rawHeader : rawHeader+n], b[rawHeader+n:], nil
}

// frameLength returns the length of the frame that b begins with and the size
// of its content, by walking its blocks. A frame without a content size, with a
// dictionary, or one that is skippable, was not written here.
func frameLength(b []byte) (length int, content uint64, err error) {
	var h zstd.Header
	if err := h.Decode(b); err != nil {
		return 0, 0, fmt.Errorf("%w: %w", errFrame, err)
	}
	if h.Skippable || !h.HasFCS || h.DictionaryID != 0 {
		return 0, 0, fmt.Errorf("%w: unexpected kind of header", errFrame)
	}
	at := h.HeaderSize
	for last := false; !last; {
		if len(b) < at+3 {
			return 0, 0, fmt.Errorf("%w: cut short", errFrame)
		}
		block := uint32(b[at]) | uint32(b[at+1])<<8 | uint32(b[at+2])<<16
		last = block&1 != 0
		size := int(block >> 3)
		if kind := block >> 1 & 3; kind == 1 { // RLE: one byte stands for all
			size = 1
		} else if kind == 3 {
			return 0, 0, fmt.Errorf("%w: reserved block type", errFrame)
		}
		at += 3 + size
	}
	if h.HasCheckSum {
		at += 4
	}
	if at > len(b) {
		return 0, 0, fmt.Errorf("%w: cut short", errFrame)
	}
	return at, h.FrameContentSize, nil
}
