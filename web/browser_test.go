// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	browserlog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"onrecord"
	"onrecord/web"
)

var updateScreenshots = flag.Bool("update-screenshots", false, "write docs/screenshots")

// require skips a test for want of what is named, or fails it where
// ONRECORD_REQUIRE lists that.
func require(t testing.TB, what, format string, args ...any) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("ONRECORD_REQUIRE"), ","), what) {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// browser starts Chromium with an empty profile.
func browser(t testing.TB) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		require(t, "chromium", "no chromium: %v", err)
	}
	opts := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true), chromedp.WindowSize(1280, 900))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(cancelTab)
	ctx, cancelTime := context.WithTimeout(ctx, 20*time.Minute)
	t.Cleanup(cancelTime)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// live serves the archive of the tests under its own address, and beside it the
// story of a demonstration.
func live(t testing.TB) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	o := options(build())
	o.Archive.URL = "http://" + srv.Listener.Addr().String()
	o.Decisions = decisions{
		{Takedown: onrecord.Takedown{Case: "T-2", Decided: now}, Type: onrecord.StatementUnwithheld, Statement: idLive, Index: 1200},
		{Takedown: onrecord.Takedown{Case: "T-2", Ground: onrecord.GroundPolicy, Reason: "a mistake", Decided: now}, Type: onrecord.StatementWithheld, Statement: idLive, Index: 1150},
	}
	h, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	o.Demo = &web.Demo{Play: func() {}, Story: func() web.Story {
		return web.Story{Now: now, Steps: []web.Step{
			{At: now.Add(-time.Hour), Title: "A post is " + hostile, Text: "25% becomes 50%." + hostile, Done: true, Pages: []web.Link{{Href: "/s/" + string(idLive), Text: "the statement " + hostile}}},
			{At: now, Title: "A platform goes offline", Text: "Its host is gone."},
		}}
	}}
	demo, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux() // only the page that others don't have
	mux.Handle("/", h)
	mux.Handle("/demo", demo)
	srv.Config.Handler = mux
	srv.Start()
	t.Cleanup(srv.Close)
	return o.Archive.URL
}

func open(t testing.TB, ctx context.Context, url string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatalf("%s: %v", url, err)
	}
}

func eval[T any](t testing.TB, ctx context.Context, script string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatalf("evaluate: %v", err)
	}
	return v
}

func viewport(t testing.TB, ctx context.Context, width, height int64) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height)); err != nil {
		t.Fatal(err)
	}
}

// scheme makes pages light or dark.
func scheme(t testing.TB, ctx context.Context, value string) {
	t.Helper()
	err := chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}},
		})
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
}

// watch collects what the browser logs and what it asks of other hosts.
func watch(t testing.TB, ctx context.Context, site string) (seen func() []string) {
	t.Helper()
	var mu sync.Mutex
	var list []string
	note := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		list = append(list, s)
	}
	requests := chromedp.Events(ctx, network.RequestWillBeSent)
	entries := chromedp.Events(ctx, browserlog.EntryAdded)
	go func() {
		for e, err := range requests {
			if err != nil {
				return
			}
			if !strings.HasPrefix(e.Request.URL, site+"/") {
				note("request " + e.Request.URL)
			}
		}
	}()
	go func() {
		for e, err := range entries {
			if err != nil {
				return
			}
			if e.Entry.Source != "network" || !strings.Contains(e.Entry.Text, "status of 4") { // a page that was meant to be a problem
				note("log " + e.Entry.Text + " " + e.Entry.URL)
			}
		}
	}()
	err := chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		if _, err := cdp.Call(ctx, tab, network.Enable, network.EnableParams{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, tab, browserlog.Enable, cdp.Empty{})
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(list)
	}
}

// TestBrowser opens every page without JavaScript: nothing is logged, nothing
// is asked of other hosts, and nothing is wider than a small phone.
func TestBrowser(t *testing.T) {
	ctx, site := browser(t), live(t)
	seen := watch(t, ctx, site)
	err := chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	viewport(t, ctx, 320, 640)
	for _, path := range paths() {
		open(t, ctx, site+path)
		if wide := eval[int](t, ctx, "document.documentElement.scrollWidth"); wide > 320 {
			over := eval[string](t, ctx, `[...document.querySelectorAll("main *, header *, footer *")].filter(e => e.getBoundingClientRect().right > 321 && !e.closest(".scroll, pre")).slice(0, 4).map(e => e.outerHTML.slice(0, 120)).join("\n")`)
			t.Errorf("%s is %d px wide on a screen of 320\n%s", path, wide, over)
		}
	}
	if list := seen(); len(list) > 0 {
		t.Errorf("seen %q", list)
	}
}

// TestHostile opens the pages that hold attacks with JavaScript switched on:
// nothing runs, and nothing is even left for the policy to refuse.
func TestHostile(t *testing.T) {
	ctx, site := browser(t), live(t)
	seen := watch(t, ctx, site)
	viewport(t, ctx, 1100, 800)
	id := string(idHostile)
	for _, path := range []string{"/", "/s/" + id, "/s/" + id + "/diff", "/search?q=alert", "/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "/search?figure=%3Cscript%3E", "/search?%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E=1", "/f/jean-dupont", "/%3Cscript%3Ealert(1)%3C/script%3E",
		"/events?figure=jean-dupont", "/events?source=%3Cscript%3E", "/deletions?kind=reported", "/deletions?%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E=1", "/edits", "/coverage?source=%22%3E%3Cscript%3E", "/coverage?since=%3Cscript%3E",
		"/a/mastodon/" + url.PathEscape(hostile), "/a/mastodon/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E", "/status?from=%3Cscript%3E", "/demo"} {
		open(t, ctx, site+path)
		found := eval[int](t, ctx, `document.querySelectorAll("script, img:not([src^='/media/']), iframe, [onerror], [onclick], [onmouseover], a[href^='javascript:'], a[href^='data:']").length`)
		if found != 0 {
			t.Errorf("%s: %d elements that could run", path, found)
		}
	}
	if list := seen(); len(list) > 0 {
		t.Errorf("seen %q", list)
	}
}

// TestKeyboard walks pages by Tab: every control is reached, in the order of
// the page, and shows that it has the focus.
func TestKeyboard(t *testing.T) {
	ctx, site := browser(t), live(t)
	viewport(t, ctx, 1100, 800)
	const controls = `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']")].filter(e => e.checkVisibility({visibilityProperty: true}))`
	for _, path := range []string{"/", "/search?q=umbrellas&state=deleted", "/search?q=figure%3A", "/s/" + string(idEdited), "/s/" + string(idEdited) + "/diff", "/f/jean-dupont", "/status", "/coverage?source=telegram", "/events?figure=jane-example", "/deletions", "/edits", "/a/x/jeandupont", "/demo"} {
		open(t, ctx, site+path)
		count := eval[int](t, ctx, "window.list = "+controls+"; list.length")
		for i := range count {
			if err := chromedp.Do(ctx, chromedp.KeyEvent(kb.Tab)); err != nil {
				t.Fatal(err)
			}
			got := eval[string](t, ctx, fmt.Sprintf(`(() => {
				const e = document.activeElement;
				if (e !== list[%d]) return "focus is on " + e.outerHTML.slice(0, 100) + ", want " + list[%d].outerHTML.slice(0, 100);
				const ring = [e, e.closest(".row")].filter(Boolean).map(x => getComputedStyle(x)).some(s => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 3);
				if (!ring) return "no visible focus on " + e.outerHTML.slice(0, 100);
				const r = e.getBoundingClientRect();
				if (r.bottom < 0 || r.top > innerHeight || r.width === 0) return "focus is out of sight: " + e.outerHTML.slice(0, 100);
				return "";
			})()`, i, i))
			if got != "" {
				t.Errorf("%s, control %d of %d: %s", path, i+1, count, got)
				break
			}
		}
	}
}

// TestAxe runs axe-core on every page in both schemes. ONRECORD_AXE names
// axe.min.js.
func TestAxe(t *testing.T) {
	file := os.Getenv("ONRECORD_AXE")
	script, err := os.ReadFile(file)
	if err != nil {
		require(t, "axe", "ONRECORD_AXE does not name axe.min.js (npm i axe-core): %v", err)
	}
	ctx, site := browser(t), live(t)
	for value, rules := range map[string]string{
		"light": `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`,
		"dark":  `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`, // what a scheme can change
	} {
		scheme(t, ctx, value)
		for i, path := range paths() {
			viewport(t, ctx, []int64{1280, 320}[i%2], 800)
			open(t, ctx, site+path)
			eval[bool](t, ctx, string(script)+";true")
			raw, err := chromedp.Run(ctx, chromedp.Evaluate[string](
				`axe.run({runOnly: `+rules+`}).then(r => JSON.stringify(r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + " " + n.failureSummary)}))))`,
				chromedp.EvalAwaitPromise))
			if err != nil {
				t.Fatal(err)
			}
			var violations []struct {
				ID, Help string
				Nodes    []string
			}
			if err := json.Unmarshal([]byte(raw), &violations); err != nil {
				t.Fatal(err)
			}
			for _, v := range violations {
				t.Errorf("%s (%s): %s: %s\n%s", path, value, v.ID, v.Help, strings.Join(v.Nodes, "\n"))
			}
		}
	}
}

// TestScreenshots renders the pages of docs/screenshots; with
// -update-screenshots it writes them.
func TestScreenshots(t *testing.T) {
	ctx, site := browser(t), live(t)
	dir := filepath.Join("..", "docs", "screenshots")
	for name, path := range map[string]string{
		"home": "/", "search": "/search?q=umbrellas", "statement": "/s/" + string(idEdited), "deleted": "/s/" + string(idDeleted),
		"diff": "/s/" + string(idEdited) + "/diff", "figure": "/f/jean-dupont", "status": "/status",
		"coverage": "/coverage", "deletions": "/deletions", "events": "/events", "account": "/a/x/jeandupont",
	} {
		for _, shot := range []struct {
			suffix, scheme string
			width          int64
		}{{"light", "light", 1280}, {"dark", "dark", 1280}, {"320", "light", 320}} {
			scheme(t, ctx, shot.scheme)
			viewport(t, ctx, shot.width, 900)
			open(t, ctx, site+path)
			png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, name+"-"+shot.suffix+".png")
			if len(png) < 8000 {
				t.Errorf("%s: %d bytes: an empty page?", file, len(png))
			}
			if *updateScreenshots {
				if err := os.MkdirAll(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, png, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%v: run go test ./web -run TestScreenshots -update-screenshots", err)
			}
		}
	}
}

// TestHostileMedia opens sixty files that were made to run a script, each by
// itself and within a page, and finds that none does.
func TestHostileMedia(t *testing.T) {
	files := hostileFiles()
	h, _, at := mediaSite(t, files)
	var ran []string
	var mu sync.Mutex
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/ran":
			mu.Lock()
			ran = append(ran, r.Referer())
			mu.Unlock()
		case r.URL.Path == "/page": // of a stranger: without our policy
			w.Header().Set("Content-Type", "text/html")
			for name, path := range at {
				fmt.Fprintf(w, `<img src="%[1]s"><video src="%[1]s"></video><script src="%[1]s"></script><object data="%[1]s"></object><iframe src="%[1]s" title="%[2]s"></iframe>`, path, name)
			}
		default:
			h.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(site.Close)
	ctx := browser(t)
	for name, path := range at {
		// A download ends the navigation: that is an answer, too.
		_, _ = chromedp.Run(ctx, chromedp.Navigate(site.URL+path))
		if title := eval[string](t, ctx, `document.title`); title == "RAN" {
			t.Errorf("%s ran a script", name)
		}
	}
	open(t, ctx, site.URL+"/page")
	if title := eval[string](t, ctx, `document.title`); title == "RAN" {
		t.Error("a file ran a script within a page")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(ran) > 0 {
		t.Errorf("%d scripts ran: %q", len(ran), ran)
	}
}
