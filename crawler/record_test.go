// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/crawler"
)

func TestWhatIsRecorded(t *testing.T) {
	s := newSite(t, map[string]any{"/page": func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("User-Agent"); got != "onrecord/1.0 (+https://archive.example; desk@archive.example)" {
			t.Errorf("User-Agent %q", got)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-B", "2")
		w.Header().Add("X-A", "1")
		w.Header().Add("X-A", "1 more")
		_, _ = w.Write([]byte(`{"account":"42"}`))
		w.(http.Flusher).Flush() // chunked
		_, _ = w.Write([]byte("\n"))
	}})
	k := newClock()
	r, rec := visit(t, newClient(t, k), crawler.Job{Target: crawler.Target{AccountID: "42"},
		Door: jsonDoor{first: []crawler.Request{{URL: s.URL + "/page?a=b%20c&Access_Token=canary#part", Kind: "page", Header: map[string]string{"Accept": "application/json"}}}}})
	x := rec.entries[1].Exchange
	host := strings.TrimPrefix(s.URL, "http://")
	want := "GET /page?a=b%20c&Access_Token=REDACTED HTTP/1.1\r\nHost: " + host + "\r\nAccept: application/json\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n" +
		"User-Agent: onrecord/1.0 (+https://archive.example; desk@archive.example)\r\n\r\n"
	if d := cmp.Diff(want, string(x.Request)); d != "" {
		t.Errorf("request (-want +got):\n%s", d)
	}
	head := string(x.Response)
	if !strings.HasPrefix(head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: ") || !strings.HasSuffix(head, "X-A: 1\r\nX-A: 1 more\r\nX-B: 2\r\n\r\n") || strings.Contains(head, "Transfer-Encoding") {
		t.Errorf("response head %q", head)
	}
	if string(x.Payload) != "{\"account\":\"42\"}\n" || x.URL != s.URL+"/page?a=b%20c&Access_Token=REDACTED" || x.Method != "GET" || x.Status != 200 || x.IP != "127.0.0.1" ||
		x.Truncated != "" || x.Failure != "" || x.Prior != nil {
		t.Errorf("exchange %+v", x)
	}
	if !x.Done.After(x.At) || x.At.Location() != time.UTC || x.At.Nanosecond()%1000 != 0 || !r.Ended.Equal(x.Done) || !r.Seen[0].At.Equal(x.Done) {
		t.Errorf("times %s to %s, visit ends %s", x.At, x.Done, r.Ended)
	}
	if err := crawler.ParseNote(x.Note); err != nil || bytes.Contains(x.Note, []byte("canary")) {
		t.Errorf("note %s: %v", x.Note, err)
	}
}

// everything is all that a visit leaves behind, as one text.
func everything(r crawler.Result, rec *tape) string {
	b, _ := json.Marshal(r.State)
	seen, _ := json.Marshal(r.Seen)
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s %v %s %+v\n", b, seen, r.Problems, r.RobotsNote, r)
	for _, e := range rec.entries {
		x := e.Exchange
		fmt.Fprintf(&out, "%s\n%s\n%s\n%s\n%s\n%s\n%+v\n", x.URL, x.Request, x.Response, x.Payload, x.Note, x.Failure, e.Ref)
	}
	return out.String()
}

func TestSecretsAreNeverRecorded(t *testing.T) {
	const token, key = "canary-token-9f3b", "canary key/+&=9f3c"
	var got []string
	note := func(r *http.Request) {
		got = append(got, r.URL.Path+" "+r.Header.Get("Authorization")+" "+r.URL.Query().Get("key"))
	}
	other := newSite(t, map[string]any{"/there": func(w http.ResponseWriter, r *http.Request) {
		note(r)
		_, _ = w.Write([]byte(`{"ids":["there"]}`))
	}})
	s := newSite(t, map[string]any{
		"/robots.txt": func(w http.ResponseWriter, r *http.Request) {
			note(r)
			w.WriteHeader(http.StatusNotFound)
		},
		"/page": func(w http.ResponseWriter, r *http.Request) {
			note(r)
			w.Header().Set("Set-Cookie", "session=canary-cookie-1; Path=/; HttpOnly")
			w.Header().Add("Set-Cookie", "canary-cookie-2")
			w.Header().Set("X-Echo", r.Header.Get("Authorization")+r.URL.RawQuery)
			_, _ = w.Write([]byte(`{"account":"42","follow":["/moved","/echo","/gzip","/down"],"ids":["1"]}`))
		},
		"/moved": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", other.URL+"/there?back="+url.QueryEscape(r.Header.Get("Authorization")))
			w.WriteHeader(http.StatusFound)
		},
		"/echo": func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(`{"ids":["` + r.Header.Get("Authorization") + `"]}`))
		},
		"/gzip": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(encode(t, []byte(`{"ids":["`+r.URL.Query().Get("key")+`"]}`), "gzip"))
		},
		"/down": 500,
	})
	host := strings.TrimPrefix(s.URL, "http://")
	j := crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}, Secrets: []crawler.Secret{
		{Host: host, Header: "Authorization", Value: token}, {Host: host, Query: "key", Value: key}}}
	r, rec := visit(t, newClient(t, newClock()), j)
	all := everything(r, rec)
	for _, secret := range []string{"canary", url.QueryEscape(key), token, key} {
		if i := strings.Index(all, secret); i >= 0 {
			t.Errorf("%q is left behind: …%s…", secret, all[max(0, i-200):min(len(all), i+50)])
		}
	}
	want := []string{"/robots.txt  ", "/page " + token + " " + key, "/there  "}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("who got the secrets (-want +got):\n%s", d)
	}
	for _, seen := range r.Seen {
		if strings.Contains(seen.About.NativeID, "echo") && seen.Outcome != onrecord.OutcomeTruncated {
			t.Errorf("an answer that repeats a secret was read: %+v", seen)
		}
	}
	if !strings.Contains(all, "Set-Cookie: session=REDACTED; Path=/; HttpOnly") {
		t.Error("the cookie's name and attributes are gone")
	}
}

func TestRedirects(t *testing.T) {
	to := func(target string, status int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", target)
			w.WriteHeader(status)
		}
	}
	other := newSite(t, map[string]any{"/page": listing{IDs: []string{"other"}}})
	closed := newSite(t, map[string]any{"/robots.txt": "User-agent: *\nDisallow: /"})
	pages := map[string]any{
		"/page": listing{IDs: []string{"own"}}, "/301": to("/page", 301), "/302": to("page", 302), "/307": to("//"+strings.TrimPrefix(other.URL, "http://")+"/page", 307), "/308": to(other.URL+"/page#x", 308),
		"/300": to("/page", 300), "/none": 302, "/loop": to("/loop", 302), "/closed": to(closed.URL+"/page", 302), "/bad": to("http://[::1/", 302),
	}
	for i := range 12 {
		pages[fmt.Sprintf("/hop%d", i)] = to(fmt.Sprintf("/hop%d", i+1), 302)
	}
	pages["/hop12"] = listing{IDs: []string{"far"}}
	s := newSite(t, pages)
	for _, tc := range []struct {
		path string
		no   bool // NoRedirect
		want onrecord.Outcome
		id   string
		n    int // requests
	}{
		{"/301", false, onrecord.OutcomeOK, "own", 2},
		{"/302", false, onrecord.OutcomeOK, "own", 2},
		{"/307", false, onrecord.OutcomeOK, "other", 2},
		{"/308", false, onrecord.OutcomeOK, "other", 2},
		{"/hop2", false, onrecord.OutcomeOK, "far", 11},
		{"/hop1", false, onrecord.OutcomeDrift, "", 11},
		{"/loop", false, onrecord.OutcomeDrift, "", 11},
		{"/closed", false, onrecord.OutcomeBlocked, "", 2},
		{"/301", true, onrecord.OutcomeDrift, "", 1}, // read by a door that knows no 3xx
		{"/300", false, onrecord.OutcomeDrift, "", 1},
		{"/none", false, onrecord.OutcomeDrift, "", 1},
		{"/bad", false, onrecord.OutcomeDrift, "", 1},
	} {
		r, _ := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{first: []crawler.Request{{URL: s.URL + tc.path, Kind: "page", NoRedirect: tc.no}}}})
		got := strings.Join(ids(r), " ")
		if r.Outcome != tc.want || got != tc.id || r.Requests != tc.n {
			t.Errorf("%s: %s %q after %d requests, %v", tc.path, r.Outcome, got, r.Requests, r.Problems)
		}
	}
}

func TestTLS(t *testing.T) {
	plain := newSite(t, map[string]any{"/page": listing{IDs: []string{"plain"}}})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/page":
			_, _ = w.Write([]byte(`{"ids":["1"]}`))
		case "/down":
			http.Redirect(w, r, plain.URL+"/page", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	trusts := newClient(t, newClock(), func(o *crawler.Options) { o.RootCAs = pool })
	page := func(path string) crawler.Job {
		return crawler.Job{Door: jsonDoor{first: []crawler.Request{{URL: s.URL + path, Kind: "page"}}}}
	}
	if r, _ := visit(t, trusts, page("/page")); r.Outcome != onrecord.OutcomeOK {
		t.Errorf("%s, %v", r.Outcome, r.Problems)
	}
	r, _ := visit(t, trusts, page("/down"))
	if r.Outcome != onrecord.OutcomeBlocked || plain.count("/page") != 0 || !strings.Contains(fmt.Sprint(r.Problems), "from https to http") {
		t.Errorf("from https to http: %s, %v", r.Outcome, r.Problems)
	}
	r, rec := visit(t, newClient(t, newClock()), page("/page"))
	if x := rec.entries[0].Exchange; r.Outcome != onrecord.OutcomeOutage || !strings.HasPrefix(x.Failure, "tls: ") {
		t.Errorf("unknown authority: %s, %q", r.Outcome, x.Failure)
	}
}

func TestFailures(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	nothing := nameserver(t, func() []netip.Addr { return nil })
	for name, tc := range map[string]struct {
		url  string
		want string
	}{
		"refused connection": {"http://" + closed, "connect: "},
		"no such name":       {"http://nowhere.example", "dns: "},
		"private":            {"http://10.0.0.1", "refused: "},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, newClock(), func(o *crawler.Options) { o.Resolver = nothing })
			r, rec := visit(t, c, crawler.Job{Door: jsonDoor{base: tc.url}, Target: crawler.Target{AccountID: "42"}})
			if x := rec.entries[0].Exchange; !strings.HasPrefix(x.Failure, tc.want) || len(x.Request) == 0 || len(x.Response) != 0 || x.Status != 0 {
				t.Errorf("exchange %+v", x)
			}
			outage := tc.want != "refused: "
			if (r.Outcome == onrecord.OutcomeOutage) != outage || r.AllFailed != outage || r.OtherAnswered {
				t.Errorf("result %+v", r)
			}
		})
	}
}

// Only what fails while others answer is the platform's failure.
func TestUnreachable(t *testing.T) {
	up := newSite(t, map[string]any{"/page": listing{Account: "42"}})
	down := newSite(t, map[string]any{"/page": 502, "/mixed": listing{}})
	k := newClock()
	c := newClient(t, k)
	j := crawler.Job{Door: jsonDoor{base: down.URL}, Target: crawler.Target{AccountID: "42"}}
	if r, _ := visit(t, c, j); r.AllFailed || r.Unreachable() {
		t.Errorf("robots.txt has just answered: %t, %t", r.AllFailed, r.Unreachable())
	}
	if r, _ := visit(t, c, j); !r.AllFailed || r.Unreachable() {
		t.Errorf("alone: %t, %t", r.AllFailed, r.Unreachable())
	}
	visit(t, c, crawler.Job{Door: jsonDoor{base: up.URL}, Target: crawler.Target{AccountID: "42"}})
	if r, _ := visit(t, c, j); !r.Unreachable() {
		t.Error("another host has answered, and yet the platform counts as reachable")
	}
	k.t = k.t.Add(time.Hour)
	if r, _ := visit(t, c, j); r.Unreachable() {
		t.Error("what answered an hour ago says nothing of now")
	}
	visit(t, c, crawler.Job{Door: jsonDoor{base: up.URL}, Target: crawler.Target{AccountID: "42"}})
	j.Door = jsonDoor{first: []crawler.Request{{URL: down.URL + "/page", Kind: "page"}, {URL: down.URL + "/mixed", Kind: "page"}}}
	if r, _ := visit(t, c, j); r.AllFailed || r.Unreachable() {
		t.Error("one answer was good")
	}
}

func TestSkew(t *testing.T) {
	start := newClock().t
	for name, tc := range map[string]struct {
		date string
		age  string
		want time.Duration
	}{
		"none":          {"", "", 0},
		"same":          {start.Format(http.TimeFormat), "", 0},
		"we are ahead":  {start.Add(-90 * time.Second).Format(http.TimeFormat), "", 91 * time.Second},
		"we are behind": {start.Add(time.Hour).Format(http.TimeFormat), "", -(time.Hour - 2*time.Second)},
		"cached":        {start.Add(-time.Hour).Format(http.TimeFormat), "3600", time.Second},
		"nonsense":      {"yesterday", "", 0},
	} {
		s := newSite(t, map[string]any{"/page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Date"] = nil
			if tc.date != "" {
				w.Header().Set("Date", tc.date)
			}
			if tc.age != "" {
				w.Header().Set("Age", tc.age)
			}
			_, _ = w.Write([]byte(`{"account":"42"}`))
		}})
		r, _ := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}})
		if d := r.Skew - tc.want; d.Abs() > time.Second {
			t.Errorf("%s: %s, want %s", name, r.Skew, tc.want)
		}
	}
}

// The environment changes nothing: no proxy, none of colly's variables.
func TestEnvironmentIsIgnored(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	t.Setenv("COLLY_USER_AGENT", "Mozilla/5.0")
	t.Setenv("COLLY_ALLOWED_DOMAINS", "elsewhere.example")
	t.Setenv("COLLY_MAX_BODY_SIZE", "1")
	s := newSite(t, map[string]any{"/page": listing{Account: "42", IDs: []string{"1"}}})
	r, rec := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}})
	if r.Outcome != onrecord.OutcomeOK || !bytes.Contains(rec.entries[1].Exchange.Request, []byte("User-Agent: onrecord/1.0 ")) {
		t.Errorf("%s, %v, %s", r.Outcome, r.Problems, rec.entries[1].Exchange.Request)
	}
}
