// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package thumbnail_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"onrecord/internal/repotest"
	"onrecord/thumbnail"
)

// TestMain lets this program be the child.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "thumbnail-child" {
		if err := thumbnail.Child(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func maker(t *testing.T, dir string, limit int64, now func() time.Time) *thumbnail.Maker {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if now == nil {
		now = time.Now
	}
	// The race detector would sleep for a second at the end of each child.
	child := []string{"/usr/bin/env", "GORACE=atexit_sleep_ms=0", self, "thumbnail-child"}
	m, err := thumbnail.New(thumbnail.Options{Command: child, Dir: dir, Limit: limit, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// picture is red on its left half and blue on its right.
func picture(w, h int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{R: 255, A: 255}
			if x >= w/2 {
				c = color.NRGBA{B: 255, A: 255}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

func encoded(t testing.TB, format string, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch format {
	case "png":
		err = png.Encode(&b, img)
	case "gif":
		err = gif.Encode(&b, img, nil)
	default:
		err = jpeg.Encode(&b, img, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sumOf(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

func opened(b []byte) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

func TestThumb(t *testing.T) {
	m := maker(t, t.TempDir(), 0, nil)
	for _, format := range []string{"png", "jpeg", "gif"} {
		b := encoded(t, format, picture(800, 200))
		thumb, err := m.Thumb(t.Context(), sumOf(b), opened(b))
		if err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(bytes.NewReader(thumb))
		if err != nil || img.Bounds().Dx() != 640 || img.Bounds().Dy() != 160 {
			t.Fatalf("%s: %v, %v", format, img.Bounds(), err)
		}
		if r, _, _, _ := img.At(10, 80).RGBA(); r < 0xe000 {
			t.Errorf("%s: the left half is not red", format)
		}
		again, err := m.Thumb(t.Context(), sumOf(b), func(context.Context) (io.ReadCloser, error) { return nil, errors.New("not needed") })
		if err != nil || !bytes.Equal(again, thumb) {
			t.Errorf("%s is not kept: %v", format, err)
		}
	}
}

// TestTurned: what Exif says of a picture holds for its small copy.
func TestTurned(t *testing.T) {
	b := encoded(t, "jpeg", picture(64, 32))
	exif := []byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00")
	b = append(append(bytes.Clone(b[:2]), exif...), b[2:]...)
	m := maker(t, t.TempDir(), 0, nil)
	if p, err := m.Make(t.Context(), bytes.NewReader(b)); err != nil || p.Width != 32 || p.Height != 64 {
		t.Fatalf("%d x %d, %v", p.Width, p.Height, err)
	}
	thumb, err := m.Thumb(t.Context(), sumOf(b), opened(b))
	if err != nil {
		t.Fatal(err)
	}
	img, err := jpeg.Decode(bytes.NewReader(thumb))
	if err != nil {
		t.Fatal(err)
	}
	if r, _, _, _ := img.At(16, 4).RGBA(); r < 0xe000 { // its left is up
		t.Error("the upper half is not red")
	}
}

// TestMake: a picture is read once, before anybody asks for it: its size, and the
// small one for those who will.
func TestMake(t *testing.T) {
	m := maker(t, t.TempDir(), 0, nil)
	b := encoded(t, "png", picture(800, 200))
	p, err := m.Make(t.Context(), bytes.NewReader(b))
	if err != nil || p.Width != 800 || p.Height != 200 {
		t.Errorf("%d x %d, %v", p.Width, p.Height, err)
	}
	unasked := func(context.Context) (io.ReadCloser, error) { return nil, errors.New("not kept yet") }
	if _, err := m.Thumb(t.Context(), sumOf(b), unasked); err == nil {
		t.Error("it is kept before it is said to be in the record")
	}
	m.Keep(sumOf(b), p)
	thumb, err := m.Thumb(t.Context(), sumOf(b), unasked)
	if err != nil {
		t.Fatal(err)
	}
	if img, err := jpeg.Decode(bytes.NewReader(thumb)); err != nil || img.Bounds().Dx() != 640 || img.Bounds().Dy() != 160 {
		t.Errorf("%v, %v", img, err)
	}
	// Nobody could show what ends in its midst.
	p, err = m.Make(t.Context(), bytes.NewReader(b[:len(b)-20]))
	if !errors.Is(err, thumbnail.ErrNone) || p.Width != 0 {
		t.Errorf("of a part: %d x %d, %v", p.Width, p.Height, err)
	}
	m.Keep(sumOf(b[:len(b)-20]), p)
	if _, err := m.Thumb(t.Context(), sumOf(b[:len(b)-20]), unasked); err == nil || errors.Is(err, thumbnail.ErrNone) {
		t.Errorf("nothing was made, and that was kept: %v", err)
	}
}

// huge is a PNG of a few bytes whose head promises w by h pixels.
func huge(w, h uint32) []byte {
	head := binary.BigEndian.AppendUint32([]byte("IHDR"), w)
	head = append(binary.BigEndian.AppendUint32(head, h), 8, 6, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	return binary.BigEndian.AppendUint32(append(b, head...), crc32.ChecksumIEEE(head))
}

// TestFrame: an animation may begin with a frame that is a part of the picture.
func TestFrame(t *testing.T) {
	m := maker(t, t.TempDir(), 0, nil)
	frame := image.NewPaletted(image.Rect(500, 0, 1000, 400), color.Palette{color.NRGBA{R: 255, A: 255}})
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{frame}, Delay: []int{0}, Config: image.Config{Width: 1000, Height: 800}}); err != nil {
		t.Fatal(err)
	}
	p, err := m.Make(t.Context(), bytes.NewReader(b.Bytes()))
	if err != nil || p.Width != 1000 || p.Height != 800 {
		t.Fatalf("%d x %d, %v", p.Width, p.Height, err)
	}
	m.Keep(sumOf(b.Bytes()), p)
	small, err := m.Thumb(t.Context(), sumOf(b.Bytes()), nil)
	if err != nil {
		t.Fatal(err)
	}
	img, err := jpeg.Decode(bytes.NewReader(small))
	if err != nil || img.Bounds() != image.Rect(0, 0, 640, 512) {
		t.Fatalf("%v, %v", img.Bounds(), err)
	}
	for at, red := range map[image.Point]bool{{100, 100}: false, {500, 100}: true, {500, 400}: false} {
		if r, g, _, _ := img.At(at.X, at.Y).RGBA(); r < 0xf000 || (g < 0x1000) != red {
			t.Errorf("at %v: red %d, green %d", at, r, g)
		}
	}
}

// TestHostile: heads that promise 2^31 pixels, and what is no picture, cost
// nothing and give nothing.
func TestHostile(t *testing.T) {
	dir := t.TempDir()
	m := maker(t, dir, 0, nil)
	files := map[string][]byte{
		"2^31 wide": huge(1<<31-1, 1), "2^62 pixels": huge(1<<31-1, 1<<31-1), "too many": huge(16384, 16384), "no pixels": huge(4, 4),
		"page": []byte("<html><script>alert(1)</script>"), "svg": []byte("<svg xmlns='http://www.w3.org/2000/svg'/>"),
		"empty": {}, "gif": []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02"),
		"jpeg": []byte("\xff\xd8\xff\xe0\x00\x10JFIF"), "webp": []byte("RIFF\xff\xff\xff\xffWEBPVP8L\xff\xff\xff\xff/\xff\xff\xff\xff"),
	}
	for name, b := range files {
		began := time.Now()
		if got, err := m.Thumb(t.Context(), sumOf(b), opened(b)); !errors.Is(err, thumbnail.ErrNone) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%s took %s", name, took)
		}
		if _, err := m.Thumb(t.Context(), sumOf(b), func(context.Context) (io.ReadCloser, error) { return nil, errors.New("asked again") }); !errors.Is(err, thumbnail.ErrNone) {
			t.Errorf("%s is not remembered: %v", name, err)
		}
	}
	for _, sum := range []string{"", "../../etc/passwd", strings.Repeat("A", 64)} {
		if _, err := m.Thumb(t.Context(), sum, opened(nil)); !errors.Is(err, thumbnail.ErrNone) {
			t.Errorf("%q: %v", sum, err)
		}
	}
}

// TestInput: a file that can't be read, from its beginning or in its midst, says
// nothing about the picture, and is tried again.
func TestInput(t *testing.T) {
	m := maker(t, t.TempDir(), 0, nil)
	b := encoded(t, "png", picture(64, 64))
	for name, open := range map[string]func(context.Context) (io.ReadCloser, error){
		"its beginning": func(context.Context) (io.ReadCloser, error) { return nil, io.ErrUnexpectedEOF },
		"its midst": func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(b[:len(b)/2]), iotest.ErrReader(io.ErrUnexpectedEOF))), nil
		},
	} {
		if _, err := m.Thumb(t.Context(), sumOf(b), open); !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, thumbnail.ErrNone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := m.Thumb(t.Context(), sumOf(b), opened(b)); err != nil {
		t.Errorf("tried again: %v", err)
	}
}

// TestChildKilled: a helper that is killed says nothing of the picture but what it
// has written: the size, if it came to that.
func TestChildKilled(t *testing.T) {
	for script, want := range map[string]struct {
		width int
		none  bool
	}{
		`kill -KILL $$`: {0, false},
		`echo '{"width":800,"height":200}'; printf half; kill -KILL $$`: {800, true},
		`echo '{"width":800,"height":200}'; exit 1`:                     {0, true},
	} {
		m, err := thumbnail.New(thumbnail.Options{Command: []string{"/bin/sh", "-c", script}, Dir: t.TempDir(), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		p, err := m.Make(t.Context(), strings.NewReader("a picture"))
		if err == nil || errors.Is(err, thumbnail.ErrNone) != want.none || p.Width != want.width {
			t.Errorf("%s: %d x %d, %v", script, p.Width, p.Height, err)
		}
		m.Keep(sumOf(nil), p)
		if _, err := m.Thumb(t.Context(), sumOf(nil), func(context.Context) (io.ReadCloser, error) { return nil, io.ErrNoProgress }); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("%s: half a picture is kept: %v", script, err)
		}
	}
}

// TestLimitedAlready: a helper that may take less, and goes behind others, already,
// makes pictures all the same, though it may take back neither.
func TestLimitedAlready(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := []string{"/bin/sh", "-c", `ulimit -t 10 && ulimit -n 12 && exec nice -n 10 "$0" "$@"`, "/usr/bin/env", "GORACE=atexit_sleep_ms=0", self, "thumbnail-child"}
	if os.Getuid() == 0 { // who may take back both
		path, err := exec.LookPath("setpriv")
		if err != nil {
			t.Skip("setpriv is not there, and root may do what others may not")
		}
		command = append([]string{path, "--bounding-set=-sys_nice,-sys_resource"}, command...)
	}
	m, err := thumbnail.New(thumbnail.Options{Command: command, Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := m.Make(t.Context(), bytes.NewReader(encoded(t, "png", picture(80, 20)))); err != nil || p.Width != 80 {
		t.Errorf("%d x %d, %v", p.Width, p.Height, err)
	}
}

// chunks returns a PNG with size bytes of comments before its picture.
func chunks(b []byte, size int) []byte {
	text := append([]byte("tEXt"), make([]byte, 64<<10)...)
	one := binary.BigEndian.AppendUint32(nil, uint32(len(text)-4))
	one = binary.BigEndian.AppendUint32(append(one, text...), crc32.ChecksumIEEE(text))
	return slices.Concat(b[:33], bytes.Repeat(one, size/len(one)+1), b[33:])
}

// frames returns a GIF of n frames, each of side by side pixels.
func frames(side, n int) []byte {
	var all bytes.Buffer
	p := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.Black, color.White})
	_ = gif.EncodeAll(&all, &gif.GIF{Image: []*image.Paletted{p, p}, Delay: []int{1, 1}}) // to memory
	_, rest, _ := bytes.Cut(all.Bytes()[13:], []byte{0x21, 0xf9})                         // the first graphic control
	head := all.Bytes()[:all.Len()-len(rest)-2]
	frame := rest[:len(rest)-1]
	frame = append([]byte{0x21, 0xf9}, frame[:len(frame)/2-1]...)
	return slices.Concat(head, bytes.Repeat(frame, n), []byte{0x3b})
}

// webpFrames returns an animated WebP of n frames.
func webpFrames(n int) []byte {
	chunk := func(name string, b []byte) []byte {
		return append(binary.LittleEndian.AppendUint32([]byte(name), uint32(len(b))), b...)
	}
	all := slices.Concat(chunk("VP8X", []byte{2, 0, 0, 0, 99, 0, 0, 99, 0, 0}), chunk("ANIM", make([]byte, 6)), bytes.Repeat(chunk("ANMF", make([]byte, 1<<10)), n))
	return chunk("RIFF", append([]byte("WEBP"), all...))
}

// TestThumbsOfLongFiles: megabytes of comments, ten thousand frames and what ends in its midst
// cost what one picture does, or nothing.
func TestThumbsOfLongFiles(t *testing.T) {
	repotest.Large(t)
	m := maker(t, t.TempDir(), 0, nil)
	png, jpg := encoded(t, "png", picture(900, 600)), encoded(t, "jpeg", picture(900, 600))
	comment := append([]byte{0xff, 0xfe, 0xff, 0xff}, make([]byte, 1<<16-3)...)
	for name, one := range map[string]struct {
		b    []byte
		made bool
	}{
		"PNG with 10 MiB of comments":    {chunks(png, 10<<20), true},
		"JPEG with 10 MiB of comments":   {slices.Concat(jpg[:2], bytes.Repeat(comment, 160), jpg[2:]), false},
		"GIF of 10,000 frames":           {frames(200, 10_000), true},
		"WebP of 10,000 frames":          {webpFrames(10_000), false},
		"PNG, half of it":                {png[:len(png)/2], false},
		"JPEG, half of it":               {jpg[:len(jpg)/2], false},
		"PNG and megabytes behind it":    {slices.Concat(png, make([]byte, 20<<20)), true},
		"JPEG and another picture in it": {slices.Concat(jpg, png), true},
	} {
		thumb, err := m.Thumb(t.Context(), sumOf(one.b), opened(one.b))
		if made := err == nil && len(thumb) > 0; made != one.made || err != nil && !errors.Is(err, thumbnail.ErrNone) {
			t.Errorf("%s (%d bytes): %d bytes, %v", name, len(one.b), len(thumb), err)
		}
	}
}

// A held file is read until it is let go.
type held struct {
	asked chan string
	end   chan struct{}
}

func (h held) open(name string, b []byte) func(context.Context) (io.ReadCloser, error) {
	return func(ctx context.Context) (io.ReadCloser, error) {
		h.asked <- name
		select {
		case <-h.end:
			return opened(b)(ctx)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// TestBusy: of a hundred pictures that take their time, two are made, 22 wait, and
// the others are refused at once; hundreds who want the same one cost one.
func TestBusy(t *testing.T) {
	m := maker(t, t.TempDir(), 0, nil)
	h := held{make(chan string, 100), make(chan struct{})}
	b := encoded(t, "png", picture(8, 8))
	kept := encoded(t, "png", picture(9, 9))
	if _, err := m.Thumb(t.Context(), sumOf(kept), opened(kept)); err != nil {
		t.Fatal(err)
	}
	results, gone := make(chan error, 300), errors.New("gone")
	one := ""
	ask := func(name string) {
		go func() {
			_, err := m.Thumb(t.Context(), sumOf([]byte(name)), func(ctx context.Context) (io.ReadCloser, error) {
				r, err := h.open(name, b)(ctx)
				if name != one {
					err = cmp.Or(err, gone)
				}
				return r, err
			})
			results <- err
		}()
	}
	for i := range 100 {
		ask(fmt.Sprint(i))
	}
	for range 76 {
		if err := <-results; !errors.Is(err, thumbnail.ErrBusy) {
			t.Fatalf("beyond those that wait: %v", err)
		}
	}
	if _, err := m.Thumb(t.Context(), sumOf(kept), opened(nil)); err != nil {
		t.Errorf("what is kept: %v", err)
	}
	one = <-h.asked
	for range 100 {
		ask(one)
	}
	close(h.end)
	made := 0
	for range 124 {
		if err := <-results; err == nil {
			made++
		} else if !errors.Is(err, gone) {
			t.Fatal(err)
		}
	}
	if n := len(h.asked); n != 23 || made != 101 {
		t.Errorf("%d other pictures were read, %d got theirs", n, made)
	}
}

// TestDeep: a picture of 16 bits a channel is decoded only while that is little.
func TestDeep(t *testing.T) {
	b := huge(16384, 2500)
	b[24] = 16 // bits
	b = append(b[:29:29], binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b[12:29]))...)
	m := maker(t, t.TempDir(), 0, nil)
	if _, err := m.Make(t.Context(), bytes.NewReader(huge(16384, 2500))); !errors.Is(err, thumbnail.ErrNone) || strings.Contains(err.Error(), "bits") {
		t.Errorf("8 bits: %v", err) // it has only a head
	}
	if _, err := m.Make(t.Context(), bytes.NewReader(b)); !errors.Is(err, thumbnail.ErrNone) || !strings.Contains(err.Error(), "16 bits") {
		t.Errorf("16 bits: %v", err)
	}
}

// TestThumbsWithinLimit: what is kept stays within the limit; the oldest go.
func TestThumbsWithinLimit(t *testing.T) {
	repotest.Large(t)
	dir := t.TempDir()
	now := time.Date(2026, 8, 6, 10, 0, 0, 0, time.UTC)
	m := maker(t, dir, 1<<20, func() time.Time { return now })
	noise := image.NewNRGBA(image.Rect(0, 0, 640, 640))
	seed := uint32(1)
	for i := range noise.Pix {
		seed = seed*1664525 + 1013904223
		noise.Pix[i] = byte(seed >> 24)
	}
	for i := range 8 { // each about 300 KB as a JPEG
		noise.Pix[0] = byte(i)
		b := encoded(t, "png", noise)
		if _, err := m.Thumb(t.Context(), sumOf(b), opened(b)); err != nil {
			t.Fatal(err)
		}
	}
	var total int64
	list, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(list) == 0 {
		t.Fatal(list, err)
	}
	for _, f := range list {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if total > 1<<20 {
		t.Errorf("%d bytes are kept in %d files", total, len(list))
	}
}

// FuzzChildHead: nothing in a file's beginning makes the measuring panic.
func FuzzChildHead(f *testing.F) {
	f.Add(encoded(f, "jpeg", picture(4, 4)))
	f.Add(huge(9, 9))
	f.Fuzz(func(t *testing.T, b []byte) { thumbnail.Orientation(b) })
}
