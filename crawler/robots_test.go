// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"archive/tar"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"onrecord"
	"onrecord/crawler"
	"onrecord/internal/repotest"
)

func TestRobotsRules(t *testing.T) {
	for name, tc := range map[string]struct {
		file  string
		yes   string // paths, separated by spaces
		no    string
		delay time.Duration
	}{
		"empty":             {"", "/ /a", "", 0},
		"all":               {"User-agent: *\nDisallow: /", "/robots.txt", "/ /a", 0},
		"ours beats all":    {"User-agent: *\nDisallow: /\nUser-agent: OnRecord\nDisallow: /x", "/ /a", "/x /x/y", 0},
		"ours with version": {"User-agent: onrecord/1.0\nDisallow: /x", "/", "/x", 0},
		"not ours":          {"User-agent: on\nDisallow: /\nUser-agent: onrecorder\nDisallow: /", "/ /a", "", 0},
		"groups are joined": {"User-agent: onrecord\nDisallow: /a\nUser-agent: b\nDisallow: /b\nUser-agent: onrecord\nDisallow: /c", "/b", "/a /c", 0},
		"several agents":    {"User-agent: a\nUser-agent: onrecord\nSitemap: /s\nUser-agent: b\nDisallow: /x", "/", "/x", 0},
		"longest wins":      {"User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /a/b/c", "/a/b /a/b/d", "/a /a/c /a/b/c", 0},
		"allow wins a tie":  {"User-agent: *\nDisallow: /a\nAllow: /a", "/a", "", 0},
		"wildcards":         {"User-agent: *\nDisallow: /*.pdf$\nDisallow: /*?print=", "/a.pdfx /a.html", "/a.pdf /b/c.pdf /x?print=1", 0},
		"bound to the left": {"User-agent: *\nDisallow: /private\nAllow: /foo*bar", "/fooxbar", "/private/fooxxxxxxxbar", 0},
		"dollar inside":     {"User-agent: *\nDisallow: /a$b", "/a /ab", "/a$b /a$bc /a%24b", 0},
		"encodings":         {"User-agent: *\nDisallow: /é\nDisallow: /%7Ejane\nDisallow: /a%2fb", "/e /a/b", "/%C3%A9 /%c3%a9x /~jane /a%2Fb", 0},
		"no slash":          {"User-agent: *\nDisallow: x", "/y", "/x", 0},
		"no colon":          {"user-agent *\ndisallow /x", "/y", "/x", 0},
		"delay":             {"User-agent: *\nCrawl-delay: 2.5\nDisallow:", "/", "", 2500 * time.Millisecond},
		"delay is clamped":  {"User-agent: *\nCrawl-delay: 86400", "/", "", time.Minute},
		"delay is nonsense": {"User-agent: *\nCrawl-delay: soon\nCrawl-delay: -1\nCrawl-delay: NaN\nCrawl-delay: 1e999\nDisallow: /x", "/", "/x", 0},
		"delay of others":   {"User-agent: *\nCrawl-delay: 9\n\nUser-agent: other\nDisallow: /", "/", "", 9 * time.Second},
		"before any group":  {"Disallow: /\nUser-agent: *\nDisallow: /x", "/", "/x", 0},
		"byte order mark":   {"\ufeffUser-agent: *\nDisallow: /x", "/", "/x", 0},
		"carriage returns":  {"User-agent: *\rDisallow: /x\r\nDisallow: /y", "/", "/x /y", 0},
		"comments":          {"User-agent: * # all\nDisallow: /x # this\n# Disallow: /", "/", "/x", 0},
		"html":              {"<!doctype html><html><head><title>404: not found</title>\n<p>user-agent</p>", "/ /x", "", 0},
		"long line":         {"User-agent: *\nDisallow: /" + strings.Repeat("x", 9000) + "\nDisallow: /y", "/x", "/y", 0},
		"hostile wildcards": {"User-agent: *\nDisallow: /" + strings.Repeat("*a", 4000) + "b$", "/" + strings.Repeat("a", 8000), "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			for path := range strings.FieldsSeq(tc.yes) {
				if ok, _ := crawler.RobotsAllow([]byte(tc.file), "onrecord", path); !ok {
					t.Errorf("%s is disallowed", path)
				}
			}
			for path := range strings.FieldsSeq(tc.no) {
				if ok, _ := crawler.RobotsAllow([]byte(tc.file), "onrecord", path); ok {
					t.Errorf("%s is allowed", path)
				}
			}
			if _, delay := crawler.RobotsAllow([]byte(tc.file), "onrecord", "/"); delay != tc.delay {
				t.Errorf("delay %s, want %s", delay, tc.delay)
			}
		})
	}
}

// Google's own tests of RFC 9309, read out of their source.
func TestRobotsAgainstGooglesCases(t *testing.T) {
	src, err := os.ReadFile(repotest.Data(t, "robots/parser-cases/google__robotstxt/robots_test.cc"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?m)^TEST\(RobotsUnittest, (ID_\w+)\) \{\n(?s:(.*?))^\}`)
	lit := `"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*`
	token := regexp.MustCompile(`(?:string_view|std::string) (\w+)\s*=\s*(` + lit + `);|` +
		`EXPECT_(TRUE|FALSE)\(\s*IsUserAgentAllowed\(\s*(\w+|` + lit + `),\s*(` + lit + `),\s*(\w+|` + lit + `)\)\)`)
	text := func(s string) string {
		var b strings.Builder
		for _, q := range regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).FindAllString(s, -1) {
			u, err := strconv.Unquote(q)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString(u)
		}
		return b.String()
	}
	n := 0
	for _, b := range block.FindAllStringSubmatch(string(src), -1) {
		vars := map[string]string{}
		value := func(s string) string {
			if strings.HasPrefix(s, `"`) {
				return text(s)
			}
			return vars[s]
		}
		for _, m := range token.FindAllStringSubmatch(b[2], -1) {
			if m[1] != "" {
				vars[m[1]] = text(m[2])
				continue
			}
			u, err := url.Parse(value(m[6]))
			if err != nil {
				t.Fatal(err)
			}
			// We normalise both sides, as the RFC says; Google leaves that to
			// the caller, and tests that it does.
			if b[1] == "ID_Encoding" && m[3] == "FALSE" {
				continue
			}
			n++
			if got, _ := crawler.RobotsAllow([]byte(value(m[4])), text(m[5]), u.RequestURI()); got != (m[3] == "TRUE") {
				t.Errorf("%s: %s for %s is %t in\n%s", b[1], u, m[5], got, value(m[4]))
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d cases found", n)
	}
}

// Real files: none panics, none takes long, and what they say of the root is
// what it was.
func TestRobotsOfRealSites(t *testing.T) {
	f, err := os.Open(repotest.Data(t, "robots/protego-real-sites-1/files.tar.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files, closed, delays := 0, 0, 0
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files++
		ok, delay := crawler.RobotsAllow(b, "onrecord", "/")
		if !ok {
			closed++
		}
		if delay > 0 {
			delays++
		}
	}
	if got, want := fmt.Sprint(files, " files, ", closed, " close the root, ", delays, " ask for a delay"), realRobots; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

const realRobots = "1418 files, 17 close the root, 176 ask for a delay"

// The corpus of another parser's fuzzing: none of it is more than a file.
func TestRobotsOfAnotherCorpus(t *testing.T) {
	dir := repotest.Data(t, "robots/parser-cases/temoto__robotstxt/_gofuzz/corpus")
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var closed []string
	for _, e := range list {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if ok, _ := crawler.RobotsAllow(b, "onrecord", "/"); !ok {
			closed = append(closed, e.Name())
		}
	}
	if got, want := fmt.Sprint(len(list), " files; the root is closed by ", closed), otherRobots; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

const otherRobots = "22 files; the root is closed by [disallow-all google-order]"

func TestRobotsOverTheNetwork(t *testing.T) {
	hop := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			i, _ := strconv.Atoi(r.URL.Query().Get("i"))
			if i < n {
				http.Redirect(w, r, fmt.Sprintf("/robots.txt?i=%d", i+1), http.StatusFound)
				return
			}
			_, _ = io.WriteString(w, "User-agent: *\nDisallow: /page\n")
		}
	}
	for name, tc := range map[string]struct {
		robots any
		want   onrecord.Outcome
		note   string
	}{
		"none":           {404, onrecord.OutcomeOK, "(none, 404)"},
		"forbidden":      {403, onrecord.OutcomeOK, "(none, 403)"},
		"unauthorised":   {401, onrecord.OutcomeOK, "(none, 401)"},
		"rate limited":   {429, onrecord.OutcomeRateLimited, "answered 429"},
		"broken":         {500, onrecord.OutcomeOutage, "answered 500"},
		"busy":           {503, onrecord.OutcomeOutage, "answered 503"},
		"allows":         {"User-agent: *\nDisallow: /x\n", onrecord.OutcomeOK, "allowed by"},
		"disallows":      {"User-agent: *\nDisallow: /page\n", onrecord.OutcomeBlocked, "disallowed by"},
		"disallows us":   {"User-agent: onrecord\nDisallow: /\nUser-agent: *\nAllow: /", onrecord.OutcomeBlocked, "disallowed by"},
		"five redirects": {hop(5), onrecord.OutcomeBlocked, "disallowed by"},
		"six redirects":  {hop(6), onrecord.OutcomeOK, "(none, 302)"},
		"a bot check":    {"<html><title>Just a moment...</title>", onrecord.OutcomeBlocked, "bot check"},
		"over 512 KiB":   {"User-agent: *\nDisallow: /page\n" + strings.Repeat("# fill\n", 100_000) + "Allow: /page\n", onrecord.OutcomeBlocked, "disallowed by"},
		"redirect elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "ftp://h.example/", http.StatusFound)
		}, onrecord.OutcomeOK, "redirect refused"},
	} {
		t.Run(name, func(t *testing.T) {
			if h, ok := tc.robots.(http.HandlerFunc); ok {
				tc.robots = (func(http.ResponseWriter, *http.Request))(h)
			}
			s := newSite(t, map[string]any{"/robots.txt": tc.robots, "/page": listing{Account: "42"}})
			r, rec := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}})
			if r.Outcome != tc.want || !strings.Contains(r.RobotsNote, tc.note) {
				t.Errorf("outcome %s, note %q", r.Outcome, r.RobotsNote)
			}
			if sent := s.count("/page") > 0; sent != (tc.want == onrecord.OutcomeOK) {
				t.Errorf("page asked for: %t", sent)
			}
			last := rec.entries[len(rec.entries)-1].Exchange
			if tc.want != onrecord.OutcomeOK && (last.Status != 0 || !strings.HasPrefix(last.Failure, "robots: ") || len(last.Request) != 0) {
				t.Errorf("the decision is recorded as %+v", last)
			}
			if r.AllFailed != (tc.want == onrecord.OutcomeOutage) {
				t.Errorf("all failed: %t", r.AllFailed)
			}
		})
	}
}

func TestRobotsAreBelievedForADay(t *testing.T) {
	status := http.StatusOK
	s := newSite(t, map[string]any{"/page": listing{Account: "42"}, "/robots.txt": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }})
	k := newClock()
	c := newClient(t, k)
	j := crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}}
	step := func(after time.Duration, fetched int, want onrecord.Outcome) {
		t.Helper()
		k.t = k.t.Add(after)
		r, _ := visit(t, c, j)
		if got := s.count("/robots.txt"); got != fetched || r.Outcome != want {
			t.Errorf("after %s: fetched %d times, want %d; outcome %s", after, got, fetched, r.Outcome)
		}
	}
	step(0, 1, onrecord.OutcomeOK)
	step(23*time.Hour, 1, onrecord.OutcomeOK)
	status = http.StatusServiceUnavailable
	step(2*time.Hour, 2, onrecord.OutcomeOutage)
	step(10*time.Second, 2, onrecord.OutcomeOutage)
	status = http.StatusOK
	step(2*time.Minute, 3, onrecord.OutcomeOK)
}

func FuzzRobots(f *testing.F) {
	f.Add([]byte("User-agent: *\nDisallow: /*a$\nAllow: /%e2%82%ac\nCrawl-delay: 3"), "/a?b=%zz")
	f.Add([]byte("\xef\xbb\xbfuser-agent onrecord\rdisallow *$*\x00"), "*")
	f.Add([]byte("User-agent:*\nAllow:%\nDisallow:%4"), "%")
	f.Fuzz(func(t *testing.T, file []byte, path string) {
		_, delay := crawler.RobotsAllow(file, "onrecord", path)
		if delay < 0 || delay > time.Minute {
			t.Errorf("delay %s", delay)
		}
		if ok, _ := crawler.RobotsAllow(file, "onrecord", "/robots.txt"); !ok {
			t.Error("robots.txt forbids itself")
		}
		// A last word for us alone, on everything, overrules no longer rule and
		// closes what no rule opens.
		shut := append(append([]byte{}, file...), "\nUser-agent: onrecord\nDisallow: /\n"...)
		if ok, _ := crawler.RobotsAllow(shut, "onrecord", "/"+path); ok && !strings.Contains(strings.ToLower(string(file)), "allow") {
			t.Errorf("%q is allowed", path)
		}
	})
}
