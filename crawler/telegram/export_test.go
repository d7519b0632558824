// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/crawlertest"
	"onrecord/crawler/telegram"
)

// folder is an export with that result.json.
func folder(data []byte) fs.FS {
	return fstest.MapFS{"result.json": {Data: data}}
}

// imported is all that an import yields.
type imported struct {
	Items   []onrecord.Observation
	Refused []crawler.Refusal
	Batches []crawler.Batch
	Err     error
}

func importOf(t testing.TB, o telegram.Options, tt crawler.Target, fsys fs.FS) imported {
	t.Helper()
	var all imported
	for b, err := range telegram.NewImport(o).Import(t.Context(), fsys, tt) {
		if err != nil {
			all.Err = err
			continue
		}
		all.Items = append(all.Items, b.Items...)
		all.Refused = append(all.Refused, b.Refused...)
		all.Batches = append(all.Batches, b)
	}
	return all
}

func TestImporter(t *testing.T) {
	files := func(data []byte, more ...string) map[string][]byte {
		m := map[string][]byte{"result.json": data}
		for _, name := range more {
			m[name] = []byte("x")
		}
		return m
	}
	crawlertest.RunImport(t, crawlertest.ImportSuite{
		Importer: telegram.NewImport(telegram.Options{Zone: time.UTC}), Target: target,
		Fixtures: []crawlertest.ImportFixture{
			{
				Name: "single", Files: files(fixture(t, "export/single.json"), "photos/photo_1@01-03-2026_11-00-00.jpg"),
				IDs: ids(16, 17, 18, 19, 22, 23, 24, 25, 26, 27, 28, 29, 32, 33), Records: 19,
				Refused: map[string]int{"service message": 2, "not in the export": 1},
				Closed:  []string{"photos/photo_1@01-03-2026_11-00-00.jpg"}, Ends: true,
			},
			{Name: "account", Files: files(fixture(t, "export/account.json")), IDs: ids(16, 17, 18, 19, 22), Records: 8, Ends: true},
			{
				Name: "old", Files: files(fixture(t, "export/old.json")), IDs: ids(3, 4), Records: 7, Ends: true,
				Refused: map[string]int{"no date": 1, "no id": 1, "nothing said": 1, "unknown type": 1, "not a message": 1},
			},
			{Name: "for people", Files: map[string][]byte{"messages.html": []byte("<html>")}, Nothing: true},
			{Name: "none", Files: map[string][]byte{"result.txt": nil}, Nothing: true},
		},
	})
}

// TestExports compares what each export shows with its golden.
func TestExports(t *testing.T) {
	for _, name := range []string{"single", "account", "old"} {
		got := importOf(t, telegram.Options{}, target, folder(fixture(t, "export/"+name+".json")))
		if got.Err != nil {
			t.Errorf("%s: %v", name, got.Err)
		}
		golden(t, "testdata/export/"+name+".golden", encode(t, got.Batches))
	}
}

// TestOneWording: of the posts that both show, the export gives the same native
// ids and contents as the preview, but for what it does not tell.
func TestOneWording(t *testing.T) {
	page, err := telegram.New(telegram.Options{}).Read(target, fixtureCapture(t, "channel.html"))
	if err != nil {
		t.Fatal(err)
	}
	export := importOf(t, telegram.Options{}, target, folder(fixture(t, "export/single.json")))
	byID := map[string]onrecord.Observation{}
	for _, o := range export.Items {
		byID[o.NativeID] = o
	}
	// What differs, and why.
	except := map[string]cmp.Option{
		"17": cmpopts.IgnoreFields(onrecord.Content{}, "Media"),          // the preview tells the photo's number, an export does not
		"22": cmpopts.IgnoreFields(onrecord.Content{}, "Links", "Title"), // nor the address that a forwarded post comes from
	}
	for _, o := range page.Items {
		other, ok := byID[o.NativeID]
		if !ok {
			if o.State == onrecord.ItemLive {
				t.Errorf("%s is not in the export", o.NativeID)
			}
			continue
		}
		opts := cmp.Options{cmpopts.IgnoreFields(onrecord.Content{}, "HTML"), cmpopts.IgnoreFields(onrecord.Media{}, "URL", "Kind", "Expires"), cmpopts.EquateEmpty()}
		if e := except[o.ID]; e != nil {
			if o.Content.Version() == other.Content.Version() {
				t.Errorf("%s differs in nothing", o.NativeID)
			}
			opts = append(opts, e)
		}
		if d := cmp.Diff(o.Content, other.Content, opts); d != "" {
			t.Errorf("%s (-preview +export):\n%s", o.NativeID, d)
		}
		if d := cmp.Diff([]any{o.Ref, o.Order, o.Aliases, o.Published, o.Code}, []any{other.Ref, other.Order, other.Aliases, other.Published, other.Code}); d != "" {
			t.Errorf("%s (-preview +export):\n%s", o.NativeID, d)
		}
	}
}

// TestAccountExport: of an account's export, nothing of the other chats gets out.
func TestAccountExport(t *testing.T) {
	got := importOf(t, telegram.Options{}, target, folder(fixture(t, "export/account.json")))
	all := fmt.Sprintf("%s %v", encode(t, got.Batches), got.Err)
	for _, b := range got.Batches {
		all += string(b.Kept)
	}
	for _, secret := range []string{"secret", "Dupont", "555 0100", "555000111"} {
		if strings.Contains(all, secret) {
			t.Errorf("%q gets out", secret)
		}
	}
	// The evidence is an export of its own.
	again := importOf(t, telegram.Options{}, target, folder(got.Batches[0].Kept))
	if d := cmp.Diff(got.Items, again.Items); d != "" || again.Err != nil {
		t.Errorf("the extract, read again: %v\n%s", again.Err, d)
	}
	for account, want := range map[string]string{
		"":    "say by account_id of the source which channel it is; public ones: 1234567890 (Jane Example · Office), 555000111 (Ministry of Examples)",
		"777": "no public channel 777 in result.json",
		"42":  "no public channel 42 in result.json", // a private chat is none, whoever asks
		"-1":  "digits only",
	} {
		tt := target
		tt.AccountID = account
		got := importOf(t, telegram.Options{}, tt, folder(fixture(t, "export/account.json")))
		if got.Err == nil || !strings.Contains(got.Err.Error(), want) || len(got.Items) > 0 || strings.Contains(got.Err.Error(), "Dupont") {
			t.Errorf("account %q: %d items, %v", account, len(got.Items), got.Err)
		}
	}
}

// TestWrongExports: what is not the channel's export is an error that says so.
func TestWrongExports(t *testing.T) {
	for data, want := range map[string]string{
		"":     "unexpected EOF",
		"[]":   "want {",
		"{}":   "holds no chat",
		"null": "want {",
		`{"name":"x","type":"public_channel","id":1,"messages":[]}`:         "it is the export of channel 1 (x), the source is channel 1234567890",
		`{"name":"x","type":"private_group","id":1234567890,"messages":[]}`: "only public channels",
		`{"messages":[]}`: "without id",
		`{"type":"public_channel","id":1234567890,"messages":[{"id":1},`:                      "result.json near byte",
		`{"type":"public_channel","id":1234567890,"messages":{}}`:                             "want [",
		`{"type":"public_channel","id":1234567890,"messages":[]} {}`:                          "something behind the end",
		`{"about":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`:             "nested deeper",
		`{"type":"public_channel","id":1234567890,"messages":[` + strings.Repeat("[", 20000):  "result.json",
		`{"type":"public_channel","id":1234567890,"messages":["` + strings.Repeat("x", 5<<20): "more than 4194304 bytes",
	} {
		got := importOf(t, telegram.Options{}, target, folder([]byte(data)))
		if got.Err == nil || !strings.Contains(got.Err.Error(), want) || len(got.Items) > 0 {
			t.Errorf("%.60q: %d items, %v; want %q", data, len(got.Items), got.Err, want)
		}
	}
}

// TestZone: dates without zone count as far as somebody knows where they are at
// home.
func TestZone(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	data := folder(fixture(t, "export/old.json"))
	for name, tt := range map[string]struct {
		zone      *time.Location
		claimed   string
		at        time.Time
		precision onrecord.Precision
	}{
		"nobody knows": {nil, "2020-03-01T10:00:00", time.Date(2020, 3, 1, 10, 0, 0, 0, time.UTC), onrecord.PrecisionDay},
		"Paris":        {paris, "2020-03-01T09:00:00+00:00", time.Date(2020, 3, 1, 9, 0, 0, 0, time.UTC), onrecord.PrecisionSecond},
	} {
		o := importOf(t, telegram.Options{Zone: tt.zone}, target, data).Items[0]
		if o.Content.Published != tt.claimed || !o.Published.Equal(tt.at) || o.Precision != tt.precision || !o.Changed.IsZero() {
			t.Errorf("%s: %q, %v, %s, changed %v", name, o.Content.Published, o.Published, o.Precision, o.Changed)
		}
	}
}

// TestAlbums: what is one album, and what only looks like it.
func TestAlbums(t *testing.T) {
	msg := func(id, second int, more string) string {
		return fmt.Sprintf(`{"id":%d,"type":"message","date_unixtime":"%d"%s}`, id, 1772359200+second, more)
	}
	photo, text := `,"photo":"p.jpg"`, `,"photo":"p.jpg","text":"said"`
	for name, tt := range map[string]struct {
		list []string
		want []string
	}{
		"an album":    {[]string{msg(3, 0, photo), msg(4, 0, text), msg(5, 0, `,"file":"v.mp4","media_type":"video_file"`)}, []string{"3+2"}},
		"two moments": {[]string{msg(3, 0, photo), msg(4, 1, photo)}, []string{"3", "4"}},
		"a gap":       {[]string{msg(3, 0, photo), msg(5, 0, photo)}, []string{"3", "5"}},
		"two texts":   {[]string{msg(3, 0, text), msg(4, 0, text)}, []string{"3", "4"}},
		"two kinds":   {[]string{msg(3, 0, photo), msg(4, 0, `,"file":"a.pdf"`)}, []string{"3", "4"}},
		"two origins": {[]string{msg(3, 0, photo), msg(4, 0, photo+`,"forwarded_from":"x"`)}, []string{"3", "4"}},
		"documents":   {[]string{msg(3, 0, `,"file":"a.pdf"`), msg(4, 0, `,"file":"b.pdf"`)}, []string{"3+1"}},
		"stickers":    {[]string{msg(3, 0, `,"file":"a","media_type":"sticker"`), msg(4, 0, `,"file":"b","media_type":"sticker"`)}, []string{"3", "4"}},
		"parted":      {[]string{msg(3, 0, photo), `{"id":4,"type":"unsupported"}`, msg(5, 0, photo)}, []string{"3", "5"}},
		"eleven photos": {slices.Collect(func(yield func(string) bool) {
			for i := range 11 {
				if !yield(msg(i+1, 0, photo)) {
					return
				}
			}
		}), []string{"1+9", "11"}},
	} {
		data := `{"type":"public_channel","id":1234567890,"messages":[` + strings.Join(tt.list, ",") + `]}`
		var got []string
		for _, o := range importOf(t, telegram.Options{}, target, folder([]byte(data))).Items {
			s := o.ID
			if len(o.Aliases) > 0 {
				s += fmt.Sprintf("+%d", len(o.Aliases))
			}
			got = append(got, s)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// A generator is a result.json of any size that is never in memory.
type generator struct {
	n, i  int
	rest  []byte
	ended bool
}

func (g *generator) Read(p []byte) (int, error) {
	if len(g.rest) == 0 {
		switch {
		case g.i == 0 && g.rest == nil:
			g.rest = []byte(`{"name":"Jane Example","type":"public_channel","id":1234567890,"messages":[`)
		case g.i < g.n:
			g.i++
			comma := ","
			if g.i == 1 {
				comma = ""
			}
			g.rest = fmt.Appendf(g.rest[:0], "%s\n"+`{"id":%d,"type":"message","date":"2026-03-01T11:00:00","date_unixtime":"%d","from":"Jane Example","from_id":"channel1234567890","text":["%s",{"type":"link","text":"https://jane.example/%d"}],"text_entities":[{"type":"plain","text":"%s"},{"type":"link","text":"https://jane.example/%d"}]}`,
				comma, g.i, 1772359200+g.i, words, g.i, words, g.i)
		case !g.ended:
			g.ended, g.rest = true, []byte("]}")
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

var words = strings.Repeat("The Ministry of Examples says so. ", 8)

// generated is a file system with a generator.
type generated struct{ n int }

func (g generated) Open(string) (fs.File, error) { return openGenerator{&generator{n: g.n}}, nil }

type openGenerator struct{ *generator }

func (openGenerator) Stat() (fs.FileInfo, error) { return nil, fs.ErrInvalid }
func (openGenerator) Close() error               { return nil }

// TestMemory: memory does not grow with the export.
func TestMemory(t *testing.T) {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var items int
	var most uint64
	for b, err := range telegram.NewImport(telegram.Options{}).Import(t.Context(), generated{30_000}, target) {
		if err != nil {
			t.Fatal(err)
		}
		if items += len(b.Items); items%5_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
	}
	if items != 30_000 {
		t.Errorf("%d items", items)
	}
	if most > before.HeapAlloc+16<<20 {
		t.Errorf("%d KiB more than before", (most-before.HeapAlloc)>>10)
	}
}

// FuzzImport: no export makes Import panic or yield what has no valid id.
func FuzzImport(f *testing.F) {
	for _, name := range []string{"single", "account", "old"} {
		f.Add(fixture(f, "export/"+name+".json"))
	}
	f.Add([]byte(`{"type":"public_channel","id":1234567890,"messages":[{"id":1,"type":"message","date_unixtime":1,"text":["\x1F\\x07\"",{"text":null}]}]}`))
	imp := telegram.NewImport(telegram.Options{})
	f.Fuzz(func(t *testing.T, data []byte) {
		for b, err := range imp.Import(t.Context(), folder(data), target) {
			if err != nil {
				continue
			}
			for _, o := range b.Items {
				if err := onrecord.CheckNativeID(o.NativeID); err != nil {
					t.Fatal(err)
				}
				if bytes.ContainsAny([]byte(o.Content.Text), "\x00\r") {
					t.Fatalf("%q", o.Content.Text)
				}
			}
		}
	})
}

func BenchmarkImport(b *testing.B) {
	const n = 10_000
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range telegram.NewImport(telegram.Options{}).Import(b.Context(), generated{n}, target) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "posts/s")
}
