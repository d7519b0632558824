// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website_test

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/crawlertest"
	"onrecord/crawler/feed"
	"onrecord/crawler/website"
	"onrecord/internal/repotest"
)

// readFile reads a file, decompressed where its name says so.
func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err == nil && strings.HasSuffix(name, ".zst") {
		var z *zstd.Decoder
		if z, err = zstd.NewReader(nil, zstd.WithDecoderMaxWindow(128<<20)); err == nil {
			defer z.Close()
			b, err = z.DecodeAll(b, nil)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// reason is what an error says, without addresses and words of the data.
func reason(err error) string {
	_, s, _ := strings.Cut(err.Error(), ": ")
	s = strings.TrimSuffix(s, ": "+crawler.ErrDrift.Error())
	for _, cut := range []string{", begins with", ": item selector", ": tried", ", but an XML document"} {
		s, _, _ = strings.Cut(s, cut)
	}
	return regexp.MustCompile(`\d+`).ReplaceAllString(s, "N")
}

// count is a line of a golden.
func count(out *bytes.Buffer, counts map[string]int) {
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(out, "%6d %s\n", counts[k], k)
	}
}

// TestArticlesOfNewsrooms reads article pages of official bodies with the
// default selectors.
func TestArticlesOfNewsrooms(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(repotest.Data(t, "newsrooms/official-article-pages"), "tests", "*", "*.html"))
	if err != nil || len(names) != 13 {
		t.Fatalf("%d pages, %v", len(names), err)
	}
	var out bytes.Buffer
	for _, name := range names {
		const address = "https://site.example/news/a"
		c := crawlertest.Capture("item", address, 200, "text/html", readFile(t, name))
		c.Request.About = onrecord.Ref{NativeID: address, URL: address}
		p, err := door(t).Read(crawler.Target{URL: "https://site.example/news/"}, c)
		fmt.Fprintf(&out, "%s: ", filepath.Base(name))
		if err != nil {
			fmt.Fprintf(&out, "refused: %s\n", reason(err))
			continue
		}
		o := p.Items[0]
		fmt.Fprintf(&out, "%s %s title %d, text %d, date %q, lang %s, %d links, %d media, %d categories\n",
			o.State, o.Code, len(o.Content.Title), len(o.Content.Text), o.Precision, o.Content.Lang, len(o.Content.Links), len(o.Content.Media), len(o.Content.Categories))
	}
	golden(t, "testdata/articles.golden", out.Bytes())
}

// TestListingsOfNewsrooms reads listing pages of nine members of the US Congress
// by selectors as an operator would write them; the feeds among them go through
// the door of feeds.
func TestListingsOfNewsrooms(t *testing.T) {
	folder := filepath.Join(repotest.Data(t, "newsrooms/us-congress-html"), "spec")
	selectors := map[string]string{
		"bill_nelson_press-coldfusion.html": `li a[href^="details.cfm"]`,
		"bill_nelson_press.html":            `a[href^="/newsroom/press-releases/"]`,
		"butterfield_press.html":            ".view-content h3 a",
		"cowan_press.html":                  "td a",
		"drupal_press.html":                 ".view-content h3 a",
		"ed_perlmutter_press.html.zst":      "td.list-title a",
		"house_gop_releases.html":           "#membernews a",
		"keating_press.html":                "td.list-title",
		"rand_paul_press.html":              "h2.title a",
		"vitter_press.html":                 "td a",
	}
	var out bytes.Buffer
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 13 {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	at := crawler.Target{URL: "https://member.example/press/index"}
	for _, e := range entries {
		var d crawler.Door = feed.New(feed.Options{})
		contentType := "application/rss+xml"
		if s := selectors[e.Name()]; s != "" {
			d, contentType = door(t, func(o *website.Options) { o.Item = s }), "text/html"
		}
		p, err := d.Read(at, crawlertest.Capture("page", at.URL, 200, contentType, readFile(t, filepath.Join(folder, e.Name()))))
		fmt.Fprintf(&out, "%s: ", e.Name())
		if err != nil {
			fmt.Fprintf(&out, "refused: %s\n", reason(err))
			continue
		}
		untitled := 0
		for _, o := range p.Items {
			if o.Content.Title == "" {
				untitled++
			}
		}
		fmt.Fprintf(&out, "%d items, %d without title, %d older pages, by %s\n", len(p.Items), untitled, len(p.Next), d.Info().Parser)
	}
	golden(t, "testdata/listings.golden", out.Bytes())
}

// TestRealSitemaps reads sitemaps; the feeds of the set go through their door.
func TestRealSitemaps(t *testing.T) {
	folder := repotest.Data(t, "sitemaps/mixed")
	var out bytes.Buffer
	d, err := website.New(website.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(folder, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "PROVENANCE.md" {
			return err
		}
		body := readFile(t, name)
		plain := body
		if z, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
			plain, _ = io.ReadAll(z)
		}
		// A sitemap speaks for its own site: that of its first address.
		host := "site.example"
		if m := regexp.MustCompile(`<loc>\s*https?://([^/<\s]+)`).FindSubmatch(plain); m != nil {
			host = string(m[1])
		}
		at := crawler.Target{URL: "https://" + host + "/sitemap.xml"}
		fmt.Fprintf(&out, "%s: ", e.Name())
		var p crawler.Page
		if strings.HasPrefix(e.Name(), "feed") {
			p, err = feed.New(feed.Options{}).Read(at, crawlertest.Capture("page", at.URL, 200, "application/octet-stream", body))
		} else {
			p, err = d.Read(at, crawlertest.Capture("sitemap", at.URL, 200, "application/octet-stream", body))
		}
		if err != nil {
			fmt.Fprintf(&out, "refused: %s\n", reason(err))
			return nil
		}
		fmt.Fprintf(&out, "%d addresses, of them %d sitemaps; %d items\n", len(p.Follow), len(slices.DeleteFunc(slices.Clone(p.Follow), func(r crawler.Request) bool { return r.Kind == "item" })), len(p.Items))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/sitemaps.golden", out.Bytes())
}

// golkar returns the files of the mirrored site by their paths.
func golkar(t *testing.T) map[string][]byte {
	t.Helper()
	f, err := os.Open(filepath.Join(repotest.Data(t, "wordpress/golkar-party-site"), "files.tar.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f, zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if files[h.Name], err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestEveryPageOfASite reads each file of a mirrored WordPress site as what it is.
func TestEveryPageOfASite(t *testing.T) {
	repotest.Large(t)
	files := golkar(t)
	d, fd := door(t, func(o *website.Options) { o.Item = "article > a" }), feed.New(feed.Options{})
	at := crawler.Target{URL: "https://www.golkar.or.id/category/content/"}
	counts, read := map[string]int{}, map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		address := "https://www.golkar.or.id/" + strings.TrimSuffix(name, "index.html")
		kind, as := "item", "article"
		var reader crawler.Door = d
		switch base := path.Base(path.Dir(name)); {
		case name == "robots.txt":
			counts["robots.txt: read by the client, see visits.golden"]++
			continue
		case strings.HasPrefix(name, "wp-json/"):
			as = "REST API"
		case base == "feed" || strings.HasPrefix(name, "feed/"):
			kind, as, reader = "page", "feed", fd
		case strings.HasPrefix(name, "category/") || name == "index.html":
			kind, as = "page", "listing"
		case base == "embed":
			as = "embed of an article"
		case strings.Contains(name, "/attachment/"):
			as = "page of an attachment"
		}
		c := crawlertest.Capture(kind, address, 200, "text/html; charset=UTF-8", files[name])
		c.Request.About = onrecord.Ref{NativeID: address, URL: address}
		p, err := reader.Read(at, c)
		switch {
		case err != nil && !errors.Is(err, crawler.ErrDrift):
			t.Errorf("%s: %v, want ErrDrift", name, err)
		case err != nil:
			counts[as+": refused: "+reason(err)]++
		case kind == "page":
			counts[as+": read"]++
			counts[as+": items listed"] += len(p.Items)
		case p.Items[0].State != onrecord.ItemLive:
			counts[as+": "+string(p.Items[0].State)+": "+p.Items[0].Code]++
		default:
			o := p.Items[0]
			counts[as+": read"]++
			if read[o.NativeID] = true; o.Content.Title == "" || o.Content.Text == "" || o.Published.IsZero() {
				counts[as+": without title, text or date"]++
			}
		}
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "wordpress/golkar-party-site: %d files, %d articles\n", len(files), len(read))
	count(&out, counts)
	golden(t, "testdata/site.golden", out.Bytes())
}

// TestVisitsOfASite crawls the mirrored site as a new source: from its listing to
// the oldest page of it, over many visits within their budget.
func TestVisitsOfASite(t *testing.T) {
	files := golkar(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.Trim(r.URL.Path, "/")
		body, ok := files[name]
		if !ok {
			body, ok = files[path.Join(name, "index.html")]
		}
		if !ok {
			http.NotFound(w, r)
			return
		}
		if name != "robots.txt" {
			w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		}
		// The mirror was made while the site moved from http to https.
		_, _ = w.Write(bytes.ReplaceAll(body, []byte("http://www.golkar.or.id/"), []byte("https://www.golkar.or.id/")))
	}))
	defer srv.Close()
	d, err := crawler.Elsewhere(door(t, func(o *website.Options) { o.Item = "article > a" }), srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	ck := &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	client, err := crawler.NewClient(crawler.Options{
		Version: "1.0", ArchiveURL: "https://archive.example", Contact: "desk@archive.example", Now: ck.now, Sleep: ck.sleep,
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, MinInterval: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s := &site{client: client, known: map[string]bool{}}
	s.job = crawler.Job{
		Source: "party", DoorID: "page", Door: d, Recorder: &tape{},
		Target: crawler.Target{Platform: "website", URL: "https://www.golkar.or.id/category/content/news/"},
		Known:  func(r onrecord.Ref) bool { return s.known[r.NativeID] },
	}
	listed, states, requests, visits := map[string]bool{}, map[string]string{}, 0, 0
	for left := true; left && visits < 40; visits++ {
		res, _ := s.visit(t)
		requests, left = requests+res.Requests, res.LeftBacklog
		if res.Outcome != onrecord.OutcomeOK {
			t.Fatalf("visit %d: %s: %v", visits, res.Outcome, res.Problems)
		}
		for _, seen := range res.Seen {
			for _, o := range seen.Items {
				if o.Partial {
					listed[o.NativeID] = true
				} else {
					states[o.NativeID] = string(o.State) + " " + o.Code
				}
			}
			if seen.Outcome != onrecord.OutcomeOK && seen.About.NativeID != "" {
				states[seen.About.NativeID] = string(seen.Outcome)
			}
		}
	}
	counts := map[string]int{}
	for id := range listed {
		counts[strings.TrimSpace(cmp.Or(states[id], "never asked for"))]++
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "wordpress/golkar-party-site, from its listing: %d items listed, %d visits, %d requests\n", len(listed), visits, requests)
	count(&out, counts)
	golden(t, "testdata/visits.golden", out.Bytes())
}
