// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"bytes"
	"mime"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
)

// declaration is the XML declaration, from which the encoding is read and
// which is cut off once the document is UTF-8.
var declaration = regexp.MustCompile(`^\s*<\?xml\s[^>]*?\?>`)

// declared finds the encoding in an XML declaration.
var declared = regexp.MustCompile(`encoding\s*=\s*["']([A-Za-z0-9._:-]+)["']`)

// toUTF8 returns a document in UTF-8 without byte order mark and without XML
// declaration. The encoding is, in this order: what the byte order mark says;
// UTF-8, if the bytes are UTF-8 beyond ASCII, whatever is declared (a wrong
// declaration is common, UTF-8 by accident is not); what the document
// declares; what the header says; windows-1252. What can't be decoded is
// U+FFFD.
func toUTF8(body []byte, contentType string) []byte {
	enc, rest := byteOrder(body)
	if enc == nil && !isUTF8(body) {
		enc = declaredEncoding(body, contentType)
	}
	if enc != nil {
		if out, err := enc.NewDecoder().Bytes(rest); err == nil {
			rest = out
		}
	}
	if !utf8.Valid(rest) {
		rest = bytes.ToValidUTF8(rest, []byte("\ufffd"))
	}
	rest = bytes.TrimPrefix(rest, []byte("\ufeff"))
	if at := declaration.FindIndex(rest); at != nil {
		rest = rest[at[1]:]
	}
	return bytes.TrimLeft(rest, " \t\r\n\x00")
}

// byteOrder returns the encoding that the first bytes give away, and the
// document behind its mark.
func byteOrder(b []byte) (encoding.Encoding, []byte) {
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return nil, b[3:]
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), b[2:]
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), b[2:]
	case bytes.HasPrefix(b, []byte("<\x00")):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), b
	case bytes.HasPrefix(b, []byte("\x00<")):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), b
	}
	return nil, b
}

// isUTF8 reports whether b is UTF-8. ASCII with escape sequences is none:
// that is ISO-2022.
func isUTF8(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0x1b) < 0 }

func declaredEncoding(body []byte, contentType string) encoding.Encoding {
	var labels []string
	if d := declaration.Find(body[:min(len(body), 1024)]); d != nil {
		if m := declared.FindSubmatch(d); m != nil {
			labels = append(labels, string(m[1]))
		}
	}
	if _, params, err := mime.ParseMediaType(contentType); err == nil {
		labels = append(labels, params["charset"])
	}
	for _, label := range append(labels, "windows-1252") {
		if enc, name := charset.Lookup(strings.TrimSpace(label)); enc != nil && name != "utf-8" && !strings.HasPrefix(name, "utf-16") {
			return enc
		}
	}
	return nil
}
