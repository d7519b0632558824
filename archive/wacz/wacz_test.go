// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package wacz_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive/wacz"
	"onrecord/archive/warc"
)

var day = time.Date(2026, 8, 4, 10, 30, 15, 123456000, time.UTC)

// addresses are of the shapes that captures have.
var addresses = []string{
	"https://jane.example/", "https://www.jane.example/News/?b=2&a=1", "http://jane.example:80/feed.xml",
	"https://jane.example:8443/a//b/../c/?", "https://social.example/api/v1/accounts/1/statuses?limit=40&exclude=",
	"https://jane.example/%7Ejane/a%20b?q=%C3%BC#part", "https://jane.example/?x=1&x=&x",
	"http://192.0.2.7/status", "https://jane.example/a?phpsessid=0123456789abcdef0123456789abcdef&b=1", "https://jane.example/žena?Ž=1",
	"https://jane.example/" + strings.Repeat("long/", 40),
}

// A visit is a WARC and the records in it.
type visit struct {
	name string
	body []byte
	recs []*warc.Record
}

// visits returns n WARCs in which each address was asked for.
func visits(t testing.TB, n int) []visit {
	t.Helper()
	var list []visit
	for i := range n {
		var out bytes.Buffer
		w := warc.NewWriter(&out, warc.WriterOptions{Software: "onrecord/test", Visit: fmt.Sprint("01k", i), Date: day, Rand: rand.NewChaCha8([32]byte{byte(i)})})
		for k, u := range addresses {
			x := onrecord.Exchange{
				URL: u, At: day.Add(time.Duration(i*100+k) * time.Second), Method: "GET", Status: 200, Request: []byte("GET / HTTP/1.1\r\nHost: jane.example\r\n\r\n"),
				Response: []byte("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"), Payload: fmt.Appendf(nil, "<p>%d %s", i, u), Note: []byte(`{"kind":"page"}`),
			}
			if k == 3 {
				x.Prior = &onrecord.Prior{URL: u, At: day, Digest: fmt.Sprintf("%x", sumOf(x.Payload))}
			}
			if k == 4 {
				x.Response, x.Payload, x.Failure, x.Status = nil, nil, "dns: no such host", 0
			}
			if k == 5 {
				x.Response, x.Payload, x.Type, x.Status = nil, []byte(`[{"id":1}]`), "application/json", 0
			}
			if _, err := w.Write(x); err != nil {
				t.Fatal(err)
			}
		}
		v := visit{name: fmt.Sprintf("01k%d.warc.gz", i), body: out.Bytes()}
		for rec, err := range warc.Records(bytes.NewReader(v.body), warc.ReaderOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			v.recs = append(v.recs, rec)
		}
		list = append(list, v)
	}
	return list
}

func options() wacz.Options {
	return wacz.Options{Title: "Statements", Description: "An archive, *not* Jane Example.", Software: "onrecord/test", Created: day, MainURL: addresses[0], MainDate: day}
}

// pack makes a package of all records of the visits.
func pack(t testing.TB, list []visit) []byte {
	t.Helper()
	var out bytes.Buffer
	w := wacz.NewWriter(&out, options())
	for _, v := range list {
		if err := w.WARC(v.name); err != nil {
			t.Fatal(err)
		}
		for _, rec := range v.recs {
			if _, err := w.Record(bytes.NewReader(v.body[rec.Offset : rec.Offset+rec.Length])); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Pages("Statements", pagesOf(2)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"statement.json", "proof.json"} {
		if err := w.File("onrecord/"+name, []byte("{\"id\": \"9k3v0q7mzc2xw4ta\"}\n")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func pagesOf(n int) iter.Seq2[wacz.Page, error] {
	return func(yield func(wacz.Page, error) bool) {
		for i := range n {
			if !yield(wacz.NewPage(fmt.Sprint("s", i), addresses[i], day.Add(time.Duration(i)*time.Second), "Jane Example (archive copy): …", "Text with \"quotes\" & <tags>\nand lines"), nil) {
				return
			}
		}
	}
}

func TestPackage(t *testing.T) {
	list := visits(t, 3)
	b := pack(t, list)
	sum, err := wacz.Check(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if want := 3 * (len(addresses) - 1); sum.WARCs != 3 || sum.Indexed != want || sum.Pages != 2 || sum.Records != 3*len(list[0].recs) {
		t.Errorf("summary %+v, want %d in the index", sum, want)
	}
	if again := pack(t, list); !bytes.Equal(b, again) {
		t.Error("the same input gave other bytes")
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		i := slices.IndexFunc(z.File, func(f *zip.File) bool { return f.Name == "archive/"+v.name })
		f := z.File[i]
		begin, err := f.DataOffset()
		if err != nil || f.Method != zip.Store || !bytes.Equal(b[begin:begin+int64(len(v.body))], v.body) {
			t.Errorf("%s is not, stored, the bytes that it was: %v", v.name, err)
		}
	}
}

// TestManyRecords has an index of several blocks.
func TestManyRecords(t *testing.T) {
	b := pack(t, visits(t, 70))
	sum, err := wacz.Check(bytes.NewReader(b), int64(len(b)))
	if err != nil || sum.Indexed != 70*(len(addresses)-1) {
		t.Errorf("%+v, %v", sum, err)
	}
}

// TestDamage flips each byte of a package in turn, and cuts it: Check sees it.
func TestDamage(t *testing.T) {
	b := pack(t, visits(t, 1))
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		begin, err := f.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		for at := begin; at < begin+int64(f.CompressedSize64); at += max(1, int64(f.CompressedSize64)/40) {
			bad := slices.Clone(b)
			bad[at] ^= 0x11
			if _, err := wacz.Check(bytes.NewReader(bad), int64(len(bad))); err == nil {
				t.Errorf("byte %d, in %s, was changed unseen", at, f.Name)
			}
		}
	}
	for n := 0; n < len(b); n += 501 {
		if _, err := wacz.Check(bytes.NewReader(b[:n]), int64(n)); !errors.Is(err, wacz.ErrInvalid) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

// TestRefused says what does not get into a package.
func TestRefused(t *testing.T) {
	v := visits(t, 1)[0]
	first := func() io.Reader { return bytes.NewReader(v.body[:v.recs[0].Length]) }
	open := func(t *testing.T) *wacz.Writer {
		w := wacz.NewWriter(io.Discard, options())
		if err := w.WARC("a.warc.gz"); err != nil {
			t.Fatal(err)
		}
		return w
	}
	for name, c := range map[string]struct {
		do   func(w *wacz.Writer) error
		want error
	}{
		"a WARC twice":          {func(w *wacz.Writer) error { return w.WARC("a.warc.gz") }, wacz.ErrName},
		"a name with a path":    {func(w *wacz.Writer) error { return w.WARC("../a.warc.gz") }, wacz.ErrName},
		"a name without ending": {func(w *wacz.Writer) error { return w.WARC("a.txt") }, wacz.ErrName},
		"an empty WARC":         {func(w *wacz.Writer) error { return w.WARC("b.warc.gz") }, wacz.ErrEmpty},
		"two records as one":    {func(w *wacz.Writer) error { _, err := w.Record(bytes.NewReader(v.body)); return err }, wacz.ErrRecord},
		"half a record":         {func(w *wacz.Writer) error { _, err := w.Record(io.LimitReader(first(), 90)); return err }, warc.ErrTruncated},
		"no record":             {func(w *wacz.Writer) error { _, err := w.Record(strings.NewReader("")); return err }, wacz.ErrRecord},
		"bytes before the record": {func(w *wacz.Writer) error {
			_, err := w.Record(io.MultiReader(strings.NewReader("\r\n"), first()))
			return err
		}, wacz.ErrRecord},
		"text":                    {func(w *wacz.Writer) error { _, err := w.Record(strings.NewReader("hello")); return err }, warc.ErrMalformed},
		"a file before the pages": {func(w *wacz.Writer) error { return w.File("onrecord/a.json", nil) }, wacz.ErrOrder},
		"a record after the pages": {func(w *wacz.Writer) error {
			if _, err := w.Record(first()); err != nil {
				return err
			}
			if err := w.Pages("", pagesOf(0)); err != nil {
				return err
			}
			_, err := w.Record(first())
			return err
		}, wacz.ErrOrder},
		"a file among the records": {func(w *wacz.Writer) error {
			if _, err := w.Record(first()); err != nil {
				return err
			}
			if err := w.Pages("", pagesOf(0)); err != nil {
				return err
			}
			return w.File("archive/a.json", nil)
		}, wacz.ErrName},
		"a file twice": {func(w *wacz.Writer) error {
			if _, err := w.Record(first()); err != nil {
				return err
			}
			if err := w.Pages("", pagesOf(0)); err != nil {
				return err
			}
			return errors.Join(w.File("onrecord/a.json", nil), w.File("other/a.json", nil))
		}, wacz.ErrName},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.do(open(t)); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
	if err := wacz.NewWriter(io.Discard, options()).Close(); !errors.Is(err, wacz.ErrEmpty) {
		t.Errorf("a package of nothing: %v", err)
	}
}

// TestLargeRecord packages a record that is larger than what is held in memory.
func TestLargeRecord(t *testing.T) {
	var file, out bytes.Buffer
	payload := make([]byte, 9<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(payload)
	res, err := warc.NewWriter(&file, warc.WriterOptions{Software: "onrecord/test", Date: day}).Write(onrecord.Exchange{
		URL: "https://jane.example/film.mp4", At: day, Status: 200, Response: []byte("HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n"), Payload: payload,
	})
	if err != nil {
		t.Fatal(err)
	}
	w := wacz.NewWriter(&out, options())
	if err := w.WARC("large.warc.gz"); err != nil {
		t.Fatal(err)
	}
	for _, part := range [][]byte{file.Bytes()[:res.Offset], file.Bytes()[res.Offset:]} {
		if _, err := w.Record(bytes.NewReader(part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if sum, err := wacz.Check(bytes.NewReader(out.Bytes()), int64(out.Len())); err != nil || sum.Indexed != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
}
