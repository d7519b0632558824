// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"strings"
	"testing"
	"testing/fstest"

	"onrecord/crawler"
	"onrecord/crawler/mailbox"
)

// square makes a PNG of side pixels, with a text beside the picture.
func square(t *testing.T, side int, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, side, side))); err != nil {
		t.Fatal(err)
	}
	if text == "" {
		return b.Bytes()
	}
	chunk := append([]byte("tEXt"), "Comment\x00"+text...)
	var all []byte
	all = append(all, b.Bytes()[:33]...) // signature and IHDR
	all = binary.BigEndian.AppendUint32(all, uint32(len(chunk)-4))
	all = append(all, chunk...)
	all = binary.BigEndian.AppendUint32(all, crc32.ChecksumIEEE(chunk))
	return append(all, b.Bytes()[33:]...)
}

// withParts makes a message to John Doe with files beside its text.
func withParts(text string, parts ...[2]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "From: Jane Example <news@jane.example>\nTo: John Doe <john.doe@reader.example>\nSubject: News\nDate: Mon, 7 Sep 2026 10:00:00 +0000\nMessage-ID: <one@jane.example>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n%s\n", text)
	for n, p := range parts {
		fmt.Fprintf(&b, "--b\nContent-Type: %s\nContent-ID: <%d@x>\nContent-Disposition: attachment; filename=\"for-john-doe\"\nContent-Transfer-Encoding: base64\n\n%s\n", p[0], n, base64.StdEncoding.EncodeToString([]byte(p[1])))
	}
	return b.String() + "--b--\n"
}

// TestPictures: of what lies in a message a picture is handed out, and nothing
// that could count or name its reader.
func TestPictures(t *testing.T) {
	good := string(square(t, 120, ""))
	for name, test := range map[string]struct {
		text string
		part [2]string
		kept bool
	}{
		"a picture":                {"Read this.", [2]string{"image/png", good}, true},
		"by another type":          {"Read this.", [2]string{"application/octet-stream", good}, true},
		"with a text":              {"Read this.", [2]string{"image/png", string(square(t, 120, "made in a hurry"))}, true},
		"a pixel":                  {"Read this.", [2]string{"image/png", string(square(t, 1, ""))}, false},
		"a narrow one":             {"Read this.", [2]string{"image/png", string(square(t, 60, ""))}, false},
		"with the reader in it":    {"Read this.", [2]string{"image/png", string(square(t, 120, "for john.doe@reader.example"))}, false},
		"with the reader's name":   {"Read this.", [2]string{"image/png", string(square(t, 120, "John Doe, member"))}, false},
		"with the reader, UTF-16":  {"Read this.", [2]string{"image/png", string(square(t, 120, strings.Join(strings.Split("john.doe@reader.example", ""), "\x00")))}, false},
		"beside a personal code":   {"Your voter ID: 12345-AB", [2]string{"image/png", good}, false},
		"a document":               {"Read this.", [2]string{"application/pdf", "%PDF-1.7 for everybody"}, false},
		"an invitation":            {"Read this.", [2]string{"text/calendar", "BEGIN:VCALENDAR\nATTENDEE:mailto:x@y.example\nEND:VCALENDAR"}, false},
		"a drawing":                {"Read this.", [2]string{"image/svg+xml", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"}, false},
		"a page that is no PNG":    {"Read this.", [2]string{"image/png", "<html>" + good}, false},
		"a picture that is broken": {"Read this.", [2]string{"image/png", good[:20]}, false},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := fstest.MapFS{"a.eml": {Data: []byte(withParts(test.text, test.part))}}
			for b, err := range mailbox.New().Import(t.Context(), fsys, crawler.Target{}) {
				if err != nil || len(b.Items) != 1 {
					t.Fatalf("%+v, %v", b, err)
				}
				if got := len(b.Enclosed) == 1; got != test.kept {
					t.Errorf("%d files of %q", len(b.Enclosed), b.Items[0].Content.Text)
				}
				for _, f := range b.Enclosed {
					if f.NativeID != b.Items[0].NativeID || !strings.HasPrefix(f.Media.ID, "sha256:") || f.Media.Alt != "" {
						t.Errorf("%+v", f.Media)
					}
				}
				if len(b.Items[0].Content.Media) > 0 || bytes.Contains(b.Kept, []byte("for-john")) {
					t.Error("the wording or the evidence tells of the files")
				}
			}
		})
	}
}

// Many pictures and one twice: each once, and a bounded number.
func TestManyPictures(t *testing.T) {
	var parts [][2]string
	for n := range 40 {
		parts = append(parts, [2]string{"image/png", string(square(t, 100+n/2, ""))})
	}
	fsys := fstest.MapFS{"a.eml": {Data: []byte(withParts("Read this.", parts...))}}
	for b, err := range mailbox.New().Import(t.Context(), fsys, crawler.Target{}) {
		if err != nil || len(b.Enclosed) != 16 {
			t.Errorf("%d files, %v", len(b.Enclosed), err)
		}
	}
}
