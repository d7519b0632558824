// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"onrecord"
)

// check reports why x can't be written such that it reads back the same.
func check(x onrecord.Exchange) error {
	switch {
	case !fieldValue(x.URL):
		return fmt.Errorf("%w: URL %q does not fit a header field", ErrExchange, x.URL)
	case x.Prior != nil && !fieldValue(x.Prior.URL):
		return fmt.Errorf("%w: %s: URL of the prior capture does not fit a header field", ErrExchange, x.URL)
	case x.At.IsZero():
		return fmt.Errorf("%w: %s: no time", ErrExchange, x.URL)
	case len(x.Response) == 0 && x.Failure == "" && len(x.Payload) == 0:
		return fmt.Errorf("%w: %s: no answer, and no reason why", ErrExchange, x.URL)
	case len(x.Response) == 0 && x.Failure != "" && len(x.Payload) > 0:
		return fmt.Errorf("%w: %s: a payload without an answer", ErrExchange, x.URL)
	case len(x.Response) > 0 && headEnd(x.Response) != len(x.Response):
		return fmt.Errorf("%w: %s: the head of the answer does not end with its empty line", ErrExchange, x.URL)
	}
	switch x.Truncated {
	case "", "length", "time", "disconnect", "unspecified":
	default:
		return fmt.Errorf("%w: %s: truncated: %q", ErrExchange, x.URL, x.Truncated)
	}
	if _, err := netip.ParseAddr(x.IP); x.IP != "" && err != nil {
		return fmt.Errorf("%w: %s: address: %v", ErrExchange, x.URL, err)
	}
	return nil
}

// fieldValue reports whether s can stand in a header field as it is: servers
// get, and so the record keeps, URLs with spaces and brackets in their query.
func fieldValue(s string) bool {
	return s != "" && s[0] != '<' && strings.TrimSpace(s) == s && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}

// oneLine replaces what would end a header field.
func oneLine(s string) string {
	if strings.ContainsAny(s, "\r\n\x00") {
		s = strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\x00", " ").Replace(s)
	}
	return strings.TrimSpace(s)
}

// headEnd returns the length of the head that b begins with, its empty line
// included, or -1 if there is no empty line.
func headEnd(b []byte) int {
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return -1
		}
		i += n + 1
		switch {
		case bytes.HasPrefix(b[i:], []byte("\n")):
			return i + 1
		case bytes.HasPrefix(b[i:], []byte("\r\n")):
			return i + 2
		}
	}
}

var (
	transferEncoding = []byte("Transfer-Encoding:")
	hiddenPrefix     = []byte(origPrefix)
)

// isTransferEncoding reports whether line is the field Transfer-Encoding, and
// how often its name is hidden.
func isTransferEncoding(line []byte) (hidden int, ok bool) {
	for hasPrefixFold(line, hiddenPrefix) {
		line = line[len(hiddenPrefix):]
		hidden++
	}
	return hidden, hasPrefixFold(line, transferEncoding)
}

// hideTransferEncoding hides the name of each field Transfer-Encoding once
// more, so that showTransferEncoding restores any head to the byte. It returns
// head itself if there is none.
func hideTransferEncoding(head []byte) []byte {
	return mapTransferEncoding(head, func(out, line []byte, _ int) []byte {
		return append(append(out, hiddenPrefix...), line...)
	})
}

// showTransferEncoding undoes hideTransferEncoding.
func showTransferEncoding(head []byte) []byte {
	return mapTransferEncoding(head, func(out, line []byte, hidden int) []byte {
		if hidden > 0 {
			line = line[len(hiddenPrefix):]
		}
		return append(out, line...)
	})
}

// mapTransferEncoding returns head with each such line replaced by what add
// appends for it.
func mapTransferEncoding(head []byte, add func(out, line []byte, hidden int) []byte) []byte {
	var out []byte
	done := 0
	for i := 0; i < len(head); {
		n := bytes.IndexByte(head[i:], '\n') + 1
		if n == 0 {
			n = len(head) - i
		}
		if hidden, ok := isTransferEncoding(head[i : i+n]); ok && i > 0 {
			out = add(append(out, head[done:i]...), head[i:i+n], hidden)
			done = i + n
		}
		i += n
	}
	if done == 0 {
		return head
	}
	return append(out, head[done:]...)
}

func hasPrefixFold(b, prefix []byte) bool {
	return len(b) >= len(prefix) && bytes.EqualFold(b[:len(prefix)], prefix)
}
