// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/web"
)

// The page of an imported statement names the file that it comes from, the date
// of that and its digest.
func TestImportedFrom(t *testing.T) {
	h := site(t, build())
	doc := page(t, h, "/s/"+string(idReported), http.StatusOK)
	wants(t, doc, "main", "Imported from")
	wants(t, doc, "main", "example collection.json")
	wants(t, doc, "main", "dated 1 Mar 2026")
	wants(t, doc, "main", importSum)
	wants(t, doc, ".evidence", "a file that was imported")
	if text := doc.Find(".evidence").Text(); strings.Contains(text, "over the wire") {
		t.Errorf("the evidence of an imported statement is %q", text)
	}
	live := page(t, h, "/s/"+string(idLive), http.StatusOK)
	wants(t, live, ".evidence", "over the wire")
	if text := live.Find("main").Text(); strings.Contains(text, "Imported from") {
		t.Error("a statement that was captured here is said to be imported")
	}
}

// Of a file that is not published whole the page tells no name.
func TestImportedFromAPart(t *testing.T) {
	m := build()
	for i := range m.events {
		if m.events[i].Statement == idReported {
			m.events[i].Captures[0].URL = "urn:onrecord:import:" + importSum + "#17"
		}
	}
	doc := page(t, site(t, m), "/s/"+string(idReported), http.StatusOK)
	wants(t, doc, "main .facts", "a part of a file, from record 17 on")
	wants(t, doc, "main .facts", importSum)
}

// TestStateLines asks for a statement of each state: its line says windows and
// grades in words, and stands before the text.
func TestStateLines(t *testing.T) {
	h := site(t, build())
	for id, want := range map[onrecord.StatementID][]string{
		idLive:     {"Last recorded at the source 6 Aug 2026, 09:18 UTC (12 min ago)."},
		idEdited:   {"Edited between 4 Aug 2026, 23:00 and 23:10 UTC. 2 versions are known.", "See what changed"},
		idDeleted:  {"Deleted at the source between 5 Aug 2026, 03:10 and 03:25 UTC, 4 h 17 min to 4 h 33 min after publication. Confirmed twice. The text below is our copy."},
		idGone:     {"Not deleted singly: between 8 Jan 2026, 23:12 and 23:27 UTC, X stopped serving the account (suspended)."},
		idOffline:  {"After 11 Jan 2026, 07:45 UTC, Gab no longer answered our visits. We do not know whether this statement still exists."},
		idRestored: {"Restored between 3 Jun 2026, 08:00 and 08:05 UTC"},
		idUnsure:   {"Not confirmed since 5 Aug 2026, 18:02 UTC", "That is not a deletion."},
		idReported: {"Reported deleted by the Example Collection, between 6 Jan 2021, 19:38 and 8 Jan 2021, 00:00 UTC. We did not see the deletion ourselves.", "Not captured by us: imported"},
		idDisputed: {"between 6 May 2026, 10:00:00 and 10:00:40 UTC (clock disputed: our times for it contradict each other)", "Confirmed twice, and again a day or more later."},
		idPoll:     {"Last recorded at the source"},
	} {
		t.Run(string(id), func(t *testing.T) {
			doc := page(t, h, "/s/"+string(id), http.StatusOK)
			for _, one := range want {
				wants(t, doc, `.state[role="status"]`, one)
			}
			wants(t, doc, "h1", "Statement by")
			wants(t, doc, "h1", "(archive copy)")
			html, err := doc.Find("main").Html()
			if err != nil {
				t.Fatal(err)
			}
			if state, text := strings.Index(html, `role="status"`), strings.Index(html, "<blockquote"); state < 0 || text < state {
				t.Errorf("state line at %d, text at %d", state, text)
			}
			wants(t, doc, ".evidence", "SHA-256")
			wants(t, doc, ".evidence pre", "onrecord verify "+string(id)+".proof")
			if doc.Find(`.evidence a[href="/api/v1/statements/`+string(id)+`/proof"]`).Length() != 1 {
				t.Error("no link to the proof")
			}
		})
	}
}

func TestStatementPage(t *testing.T) {
	h := site(t, build())
	doc := page(t, h, "/s/"+string(idLive), http.StatusOK)
	wants(t, doc, "blockquote .said", "The public budget is not a secret.")
	link := doc.Find("blockquote .said a")
	if href, rel := link.AttrOr("href", ""), link.AttrOr("rel", ""); href != "https://ministry.example/budget/2027" || rel != "nofollow noopener noreferrer" {
		t.Errorf("link %q rel %q", href, rel)
	}
	wants(t, doc, ".facts", "1,204")
	doc = page(t, h, "/s/"+string(idArabic), http.StatusOK)
	if quote := doc.Find("blockquote"); quote.AttrOr("lang", "") != "ar" || quote.AttrOr("dir", "") != "auto" {
		t.Errorf("lang %q dir %q", quote.AttrOr("lang", ""), quote.AttrOr("dir", ""))
	}
	doc = page(t, h, "/s/"+string(idFrench), http.StatusOK)
	wants(t, doc, "h1", "Statement by Jean Dupont on jean-dupont.example, 3 August 2026 (archive copy)")
	doc = page(t, h, "/s/"+string(idPoll), http.StatusOK)
	wants(t, doc, ".extra", "The other black one")
	wants(t, doc, ".extra", "Two black umbrellas")
	wants(t, doc, "blockquote .spoiler", "Rain")
	doc = page(t, h, "/s/"+string(idDeleted), http.StatusOK)
	wants(t, doc, ".history", "Found deleted between 5 Aug 2026, 03:10 and 03:25 UTC")
	if n := doc.Find(".captures > li").Length(); n != 2 {
		t.Errorf("%d captures, want 2", n)
	}
}

// TestWebsites: the platform of a website is no name; its host is.
func TestWebsites(t *testing.T) {
	m := build()
	silent := func(change func(*onrecord.Statement)) {
		st := m.statements[idFrench]
		st.State, st.LastSeen = onrecord.StatePlatformOffline, now.Add(-48*time.Hour)
		change(&st)
		m.statements[idFrench] = st
	}
	const before, rest = "After 4 Aug 2026, 09:30 UTC, ", " no longer answered our visits. We do not know whether this statement still exists."
	silent(func(*onrecord.Statement) {})
	doc := page(t, site(t, m), "/s/"+string(idFrench), http.StatusOK)
	wants(t, doc, `.state[role="status"]`, before+"jean-dupont.example"+rest)
	doc = page(t, site(t, m), "/search?figure=jean-dupont", http.StatusOK)
	wants(t, doc, ".card .kick", "jean-dupont.example · article")
	doc = page(t, site(t, m), "/status", http.StatusOK)
	wants(t, doc, ".kick", "Ministry of Examples · ministry.example")
	silent(func(st *onrecord.Statement) { st.Account.Handle, st.URL = "", "https://press.example:8080/a" })
	doc = page(t, site(t, m), "/s/"+string(idFrench), http.StatusOK)
	wants(t, doc, `.state[role="status"]`, before+"press.example:8080"+rest)
	silent(func(st *onrecord.Statement) { st.Account.Handle, st.URL = "", "" })
	doc = page(t, site(t, m), "/s/"+string(idFrench), http.StatusOK)
	wants(t, doc, `.state[role="status"]`, before+"the website"+rest)
	silent(func(st *onrecord.Statement) { st.State = onrecord.StateWithheld })
	if doc = page(t, site(t, m), "/s/"+string(idFrench), http.StatusGone); strings.Contains(doc.Text(), "jean-dupont.example") {
		t.Error("a withheld statement's page names its website")
	}
}

func TestVersionPage(t *testing.T) {
	m := build()
	h := site(t, m)
	first := m.versions[idEdited][0]
	path := "/s/" + string(idEdited) + "/v/" + string(first.ID)
	doc := page(t, h, path, http.StatusOK)
	wants(t, doc, "blockquote .said", "25% tariff")
	wants(t, doc, "title", string(first.ID))
	w := get(t, h, path)
	if cache, tag := w.Header().Get("Cache-Control"), w.Header().Get("ETag"); !strings.Contains(cache, "immutable") || strings.HasPrefix(tag, "W/") {
		t.Errorf("Cache-Control %q, ETag %q: want immutable and strong", cache, tag)
	}
	for _, path := range []string{"/s/" + string(idEdited) + "/v/ffffffffffff", "/s/" + string(idEdited) + "/v/..%2f", "/s/" + string(idLive) + "/v/" + string(first.ID)} {
		page(t, h, path, http.StatusNotFound)
	}
}

func TestDiffPage(t *testing.T) {
	h := site(t, build())
	doc := page(t, h, "/s/"+string(idEdited)+"/diff", http.StatusOK)
	wants(t, doc, ".summary", "2 replacements, 1 addition: “25%” → “50%”; “Monday” → “Friday”; added “, and so is the profit”.")
	wants(t, doc, "blockquote", "removed: 25% end of removal")
	wants(t, doc, "blockquote", "added: 50% end of addition")
	if del, ins := doc.Find("blockquote del").Length(), doc.Find("blockquote ins").Length(); del != 2 || ins != 3 {
		t.Errorf("%d del, %d ins", del, ins)
	}
	doc = page(t, h, "/s/"+string(idMeta)+"/diff", http.StatusOK)
	wants(t, doc, ".summary", "The text is the same; what changed: attachments.")
	doc = page(t, h, "/s/"+string(idLive)+"/diff", http.StatusOK)
	wants(t, doc, ".summary", "The two wordings are the same.")
	doc = page(t, h, "/s/"+string(idEdited)+"/diff?form=x", http.StatusBadRequest)
	wants(t, doc, "main", "Did you mean “from”?")
	page(t, h, "/s/"+string(idEdited)+"/diff?from=ffffffffffff", http.StatusBadRequest)
}

// TestWithheld holds that nothing of a withheld statement is shown anywhere,
// but that it is withheld and why.
func TestWithheld(t *testing.T) {
	m := build()
	h := site(t, m)
	st := m.statements[idWithheld]
	doc := page(t, h, "/s/"+string(idWithheld), http.StatusGone)
	wants(t, doc, "main", "This archive does not show this statement.")
	wants(t, doc, "main", "Category: personal data of a third party. Decided 6 Aug 2026. Case T-2026-014. It existed; its entry in the log is no. 47,930. Its text is not published, nor its plain hash.")
	for _, path := range []string{
		"/", "/search?q=withheld", "/search?state=withheld", "/s/" + string(idWithheld), "/s/" + string(idWithheld) + "/diff", "/s/" + string(idWithheld) + "/v/" + string(st.Version),
		"/api/v1/statements", "/api/v1/statements/" + string(idWithheld), "/api/v1/statements/" + string(idWithheld) + "/versions",
		"/api/v1/statements/" + string(idWithheld) + "/captures", "/api/v1/statements/" + string(idWithheld) + "/proof", "/f/jane-example",
	} {
		body := get(t, h, path).Body.String()
		for _, secret := range []string{secretText, st.SHA256, string(st.URL)} {
			if strings.Contains(body, secret) {
				t.Errorf("%s shows %q", path, secret)
			}
		}
	}
}

func TestHome(t *testing.T) {
	doc := page(t, site(t, build()), "/", http.StatusOK)
	if n := doc.Find(".lead .card").Length(); n != 20 {
		t.Errorf("%d latest, want 20", n)
	}
	if n := doc.Find(".side .card").Length(); n != 5 {
		t.Errorf("%d recently changed, want 5", n)
	}
	wants(t, doc, ".figures", "Ministry of Examples14 statements; last capture 1 day 2 h ago")
	wants(t, doc, ".dateline", "48,931 entries in the ledger")
	empty := &memory{figures: build().figures[:0], status: build().status}
	wants(t, page(t, site(t, empty), "/", http.StatusOK), ".empty", "No statement captured yet. The first visit is scheduled for 6 Aug 2026, 09:31 UTC.")
}

func TestSearchPage(t *testing.T) {
	h := site(t, build())
	doc := page(t, h, "/search?q=umbrellas+-free&figure=jane-example&since=2026-08", http.StatusOK)
	wants(t, doc, ".total", "1 statement")
	wants(t, doc, ".understood", "text contains the word “umbrellas”; text does not contain the word “free”; figure is jane-example; published at or after 1 Aug 2026, 00:00 UTC")
	wants(t, doc, "mark", "umbrellas")
	wants(t, doc, ".chips", "figure Jane Example")
	if href := doc.Find(".chips a").First().AttrOr("href", ""); href != "/search?q=umbrellas+-free&since=2026-08" {
		t.Errorf("chip leads to %q", href)
	}
	if c := page(t, h, "/search?since=2026&q=x&state=live&state=deleted&sort=newest&limit=5", http.StatusOK).Find(`link[rel="canonical"]`).AttrOr("href", ""); c != base+"/search?q=x&state=deleted&state=live&since=2026&limit=5" {
		t.Errorf("canonical %q", c)
	}
	doc = page(t, h, "/search?q=umbrella*&searchterm=x&utm_source=y", http.StatusOK)
	wants(t, doc, ".warn", "“searchterm” is not a parameter of this search and was not used.")
	if strings.Contains(words(doc.Find("main")), "utm_source") {
		t.Error("a tracker's mark is mentioned")
	}
	doc = page(t, h, "/search?q=nowhere&since=2026-07-20&until=2026-07-24", http.StatusOK)
	wants(t, doc, ".none", "Of 5 sources: 2 captured in that span without a recorded gap, 2 not captured, 1 for imports only.")
	wants(t, doc, ".none", "telegram was not captured between 21 Jul 2026, 04:00 and 23 Jul 2026, 10:30 UTC: the visit was not let through: a block page, or robots.txt.")
	doc = page(t, h, "/search?q=umbrellas&tz=Europe/Paris", http.StatusOK)
	wants(t, doc, ".card", "CEST (UTC+02:00)")
}

// TestPaging walks a search forward to its end and back.
func TestPaging(t *testing.T) {
	h := site(t, build())
	seen, path := map[string]bool{}, "/search?limit=7"
	var last string
	for path != "" {
		doc := page(t, h, path, http.StatusOK)
		for _, a := range doc.Find(".card h3 a").EachIter() {
			seen[a.AttrOr("href", "")] = true
		}
		last = doc.Find(`.pager a[rel="prev"]`).AttrOr("href", "")
		path = doc.Find(`.pager a[rel="next"]`).AttrOr("href", "")
	}
	if len(seen) != 44 {
		t.Errorf("%d statements, want 44", len(seen))
	}
	if last == "" {
		t.Error("no way back")
	}
}

func TestSyntaxPage(t *testing.T) {
	h := site(t, build())
	w := get(t, h, "/search?q=rain+form:jane")
	if w.Code != http.StatusBadRequest || w.Header().Get("X-Robots-Tag") != "noindex" {
		t.Errorf("%d, X-Robots-Tag %q", w.Code, w.Header().Get("X-Robots-Tag"))
	}
	doc := page(t, h, "/search?q=rain+form:jane", http.StatusBadRequest)
	wants(t, doc, ".caret mark", "form:")
	wants(t, doc, ".caret pre", "^")
	if href := doc.Find(".caret a").AttrOr("href", ""); href != "/search?q=rain+figure%3Ajane" {
		t.Errorf("repair leads to %q", href)
	}
	if v := doc.Find("#q").AttrOr("value", ""); v != "rain form:jane" {
		t.Errorf("the box holds %q", v)
	}
	for _, path := range []string{"/search?limit=0", "/search?limit=x", "/search?state=banned", "/search?since=soon", "/search?sort=best", "/search?tz=../etc/passwd", "/search?tz=Nowhere/Town", "/search?q=%zz", "/search?q=a&q=b", "/search?figure=A%00", "/search?cursor=wrong"} {
		doc := page(t, h, path, http.StatusBadRequest)
		if doc.Find(".lede").Length() != 1 {
			t.Errorf("%s: no explanation", path)
		}
	}
}

func TestFigurePage(t *testing.T) {
	h := site(t, build())
	doc := page(t, h, "/f/jean-dupont", http.StatusOK)
	wants(t, doc, `.state[role="status"]`, "X stopped serving the account jeandupont between 8 Jan 2026, 23:12 and 23:27 UTC (“Account suspended”). Its statements are marked “gone with the account”, not “deleted”.")
	wants(t, doc, "table", "12,481")
	wants(t, doc, ".counts", "1 gone with the account")
	page(t, h, "/f/nobody", http.StatusNotFound)
	page(t, h, "/f/..%2f..%2fetc", http.StatusNotFound)
}

func TestStatusPage(t *testing.T) {
	m := build()
	doc := page(t, site(t, m), "/status", http.StatusOK)
	wants(t, doc, ".lede", "2 sources need attention")
	wants(t, doc, ".failed", "Last visit failed: no answer, or a server error")
	wants(t, doc, ".failed", "Gap open since 6 Aug 2026, 06:30 UTC: no answer, or a server error.")
	wants(t, doc, ".sources", "Absences are not counted at present: 14 of 40 statements were absent at once.")
	wants(t, doc, ".sources", "Takes imports; nobody visits it")
	wants(t, doc, ".sources", "Last visit was answered by another account")
	if n := doc.Find(".failed").Length(); n != 1 {
		t.Errorf("%d sources are said to have failed, want 1", n)
	}
	wants(t, doc, "#ledger ~ .facts", "48,931")
	o := options(m)
	o.Status = nil
	o.Banner = func() string { return "The view is behind." }
	h, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	doc = page(t, h, "/status", http.StatusOK)
	wants(t, doc, ".lede", "does not crawl")
	wants(t, doc, ".banner", "The view is behind.")
}

// TestBroken holds that a failure tells its reader nothing but a name for it,
// and is logged under that name.
func TestBroken(t *testing.T) {
	m := build()
	var log bytes.Buffer
	o := options(m)
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	h, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	m.broken = errors.New("disk of the operator is full")
	for _, path := range []string{"/", "/status", "/s/" + string(idLive), "/api/v1/statements", "/api/v1/statements/" + string(idLive)} {
		log.Reset()
		w := get(t, h, path)
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "disk") || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s %s", path, w.Code, w.Header().Get("Cache-Control"), w.Body)
		}
		_, after, _ := strings.Cut(log.String(), " id=")
		id, _, _ := strings.Cut(after, " ")
		if len(id) != 12 || !strings.Contains(w.Body.String(), id) || !strings.Contains(log.String(), "disk of the operator") {
			t.Errorf("%s: log %q, body %q", path, log.String(), w.Body)
		}
	}
}

func TestHeaders(t *testing.T) {
	h := site(t, build())
	for _, path := range append(paths(), "/robots.txt", "/favicon.ico", "/openapi.json", "/api/v1/statements", "/api/v1/nothing") {
		w := get(t, h, path)
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			"Referrer-Policy":         "no-referrer", "X-Content-Type-Options": "nosniff", "Set-Cookie": "", "Server": "",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		for _, name := range []string{"Permissions-Policy", "Cache-Control", "Content-Type", "Strict-Transport-Security"} {
			if w.Header().Get(name) == "" {
				t.Errorf("%s: no %s", path, name)
			}
		}
		if w.Code == http.StatusOK {
			tag := w.Header().Get("ETag")
			if again := get(t, h, path, "If-None-Match", `"x", `+tag); tag == "" || again.Code != http.StatusNotModified || again.Body.Len() != 0 {
				t.Errorf("%s: ETag %q gave %d with %d bytes", path, tag, again.Code, again.Body.Len())
			}
		}
		if strings.HasPrefix(path, "/search") && (w.Header().Get("X-Robots-Tag") != "noindex" || !strings.Contains(w.Body.String(), `<meta name="robots" content="noindex">`)) {
			t.Errorf("%s may be indexed", path)
		}
	}
}

func TestMethods(t *testing.T) {
	h := site(t, build())
	for _, path := range []string{"/", "/search", "/s/" + string(idLive), "/status", "/coverage", "/events", "/deletions", "/edits", "/a/x/jeandupont", "/api/v1/statements", "/api/v1/deletions", "/api/v1/status", "/api/v1/accounts/x/jeandupont"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader("x")))
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
				t.Errorf("%s %s: %d, Allow %q", method, path, w.Code, w.Header().Get("Allow"))
			}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodHead, path, nil))
		if w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "0" {
			t.Errorf("HEAD %s: %d, %d bytes, Content-Length %s", path, w.Code, w.Body.Len(), w.Header().Get("Content-Length"))
		}
	}
}

// TestHost holds that no answer repeats the Host that was asked for.
func TestHost(t *testing.T) {
	h := site(t, build())
	for _, path := range append(paths(), "/api/v1/", "/api/v1/statements", "/openapi.json", "/api") {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Host = "evil.example.net"
		r.Header.Set("X-Forwarded-Host", "evil.example.net")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		for name, values := range w.Header() {
			if strings.Contains(strings.Join(values, " "), "evil.example.net") {
				t.Errorf("%s: %s: %s", path, name, values)
			}
		}
		if strings.Contains(w.Body.String(), "evil.example.net") {
			t.Errorf("%s: the body repeats the Host", path)
		}
	}
}

// TestBudget holds pages to what a slow phone can bear.
func TestBudget(t *testing.T) {
	h := site(t, build())
	unzip := func(w *httptest.ResponseRecorder) []byte {
		z, err := gzip.NewReader(bytes.NewReader(w.Body.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	w := get(t, h, "/search?limit=20", "Accept-Encoding", "gzip")
	if n := w.Body.Len(); n > 20<<10 {
		t.Errorf("20 hits are %d bytes compressed, want at most 20 KB", n)
	}
	if !bytes.Equal(unzip(w), get(t, h, "/search?limit=20").Body.Bytes()) {
		t.Error("compressed and plain differ")
	}
	doc := page(t, h, "/", http.StatusOK)
	css := get(t, h, doc.Find(`link[rel="stylesheet"]`).AttrOr("href", ""), "Accept-Encoding", "br, gzip;q=0.8")
	if n := css.Body.Len(); css.Code != http.StatusOK || n > 12<<10 || !strings.Contains(css.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("style sheet: %d, %d bytes, %s", css.Code, n, css.Header().Get("Cache-Control"))
	}
	if w := get(t, h, "/search", "Accept-Encoding", "gzip;q=0"); w.Header().Get("Content-Encoding") != "" {
		t.Error("compressed for a reader that refuses it")
	}
	if w := get(t, h, "/static/000000000000/style.css"); w.Code != http.StatusNotFound {
		t.Errorf("another hash: %d", w.Code)
	}
}

// TestCache holds that a page is made once for many readers, and made anew as
// soon as the ledger, the banner or the time moves on.
func TestCache(t *testing.T) {
	m := build()
	at, banner := now, ""
	o := options(m)
	o.Now, o.Banner = func() time.Time { return at }, func() string { return banner }
	h, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	text := func() string { return get(t, h, "/search?q=umbrellas").Body.String() }
	first, asked := text(), m.searches.Load()
	if text() != first || m.searches.Load() != asked {
		t.Error("the same page was made twice")
	}
	for _, marks := range []string{"&utm_source=a", "&utm_source=b&fbclid=c", "&gclid=d"} {
		if get(t, h, "/search?q=umbrellas"+marks).Body.String() != first || m.searches.Load() != asked {
			t.Errorf("the same page was made twice for %s", marks)
		}
	}
	if get(t, h, "/search?q=umbrellas", "Accept-Encoding", "gzip").Header().Get("Content-Encoding") != "gzip" || m.searches.Load() != asked {
		t.Error("the compressed page was made again, or not compressed")
	}
	for name, move := range map[string]func(){
		"the ledger": func() {
			st := m.statements[idDeleted]
			st.State = onrecord.StateWithheld
			m.statements[idDeleted] = st
			m.grown++
		},
		"the banner": func() { banner = "behind" },
		"the time":   func() { at = at.Add(time.Minute) },
	} {
		before := text()
		move()
		if text() == before {
			t.Errorf("%s has moved on and the page has not", name)
		}
	}
	// Another spelling of a path is another address.
	page(t, h, "/s/"+string(idEdited)+"/diff", http.StatusOK)
	page(t, h, "/s/"+string(idEdited)+"%2Fdiff", http.StatusNotFound)
}
