// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mastodon_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/klauspost/compress/zstd"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/crawlertest"
	"onrecord/crawler/mastodon"
	"onrecord/internal/repotest"
)

// A cassette is a recording of requests and their answers (vcrpy, version 1).
type cassette struct {
	Interactions []struct {
		Request struct {
			Method string
			URI    string
		}
		Response struct {
			Body    struct{ String string }
			Headers map[string][]string
			Status  struct{ Code int }
		}
	}
}

// cassettes reads the cassettes, by their names.
func cassettes(t *testing.T) map[string]cassette {
	t.Helper()
	folder := filepath.Join(repotest.Data(t, "mastodon/api-cassettes"), "tests", "cassettes")
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]cassette{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		name, packed := strings.CutSuffix(e.Name(), ".zst")
		if packed {
			z, err := zstd.NewReader(nil, zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderConcurrency(1))
			if err != nil {
				t.Fatal(err)
			}
			if b, err = z.DecodeAll(b, nil); err != nil {
				t.Fatal(err)
			}
			z.Close()
		}
		var c cassette
		if err := yaml.Unmarshal(b, &c); err != nil {
			t.Fatalf("%s: %v", e.Name(), err)
		}
		all[strings.TrimSuffix(strings.TrimPrefix(name, "test_"), ".yaml")] = c
	}
	return all
}

// asked returns the kind of request of this door that an address is for, and the
// local id in it; nothing for addresses that it never asks for.
func asked(u *url.URL) (kind, id string) {
	for _, p := range []struct {
		kind, pattern string
	}{
		{"lookup", `^/api/v1/accounts/lookup$`}, {"page", `^/api/v1/accounts/(\d+)/statuses$`},
		{"history", `^/api/v1/statuses/(\d+)/history$`}, {"look", `^/api/v1/statuses/(\d+)$`},
	} {
		if m := regexp.MustCompile(p.pattern).FindStringSubmatch(u.Path); m != nil {
			return p.kind, m[len(m)-1]
		}
	}
	return "", ""
}

// TestCassettes reads every recorded answer of a real server: as what it answers
// where it answers a request of this door, else as an answer to each of them. It
// compares with the golden what came in, what came out, and what was refused.
func TestCassettes(t *testing.T) {
	all := cassettes(t)
	var out bytes.Buffer
	total := tally{reasons: map[string]int{}}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		sum := tally{reasons: map[string]int{}}
		for _, i := range all[name].Interactions {
			u, err := url.Parse(i.Request.URI)
			if err != nil {
				t.Fatal(err)
			}
			c := crawler.Capture{URL: i.Request.URI, Status: i.Response.Status.Code, Header: http.Header{}, Body: []byte(i.Response.Body.String)}
			for k, v := range i.Response.Headers {
				c.Header[http.CanonicalHeaderKey(k)] = v
			}
			sum.records++
			kind, id := asked(u)
			switch {
			case kind == "" || i.Request.Method != "GET" && kind != "look":
				// Not an answer to a request of this door.
				for _, k := range kinds {
					sum.refuse(t, name, k, c)
				}
			default:
				sum.take(t, name, kind, id, u, c)
			}
		}
		sum.write(&out, name)
		total.add(sum)
	}
	total.write(&out, "all")
	golden(t, "testdata/cassettes.golden", out.Bytes())
}

// A tally counts what became of records.
type tally struct {
	records, statements, wordings, accounts, gone int
	reasons                                       map[string]int
}

func (s *tally) add(o tally) {
	s.records += o.records
	s.statements += o.statements
	s.wordings += o.wordings
	s.accounts += o.accounts
	s.gone += o.gone
	for k, n := range o.reasons {
		s.reasons[k] += n
	}
}

func (s *tally) write(out *bytes.Buffer, name string) {
	fmt.Fprintf(out, "%s: %d records, %d statements, %d wordings, %d accounts, %d gone\n", name, s.records, s.statements, s.wordings, s.accounts, s.gone)
	for _, k := range slices.Sorted(maps.Keys(s.reasons)) {
		fmt.Fprintf(out, "%6d %s\n", s.reasons[k], k)
	}
}

// ask returns c as the answer to a request of that kind, and who asked.
func ask(c crawler.Capture, kind, id string) (crawler.Target, crawler.Capture) {
	var who struct {
		Username string
		Account  struct{ ID, Username string }
	}
	_ = json.Unmarshal(c.Body, &who)
	var list []struct {
		Account struct{ ID, Username string }
	}
	if json.Unmarshal(c.Body, &list) == nil && len(list) > 0 {
		who.Account = list[0].Account
	}
	name := who.Username
	if name == "" {
		name = who.Account.Username
	}
	if name == "" {
		name = "jane"
	}
	t := crawler.Target{Platform: mastodon.Platform, Handle: name + "@localhost:3000"}
	r := answer(kind, id, 200, nil).Request
	if kind == "history" {
		r.State = fmt.Sprintf(`{"k":"post","a":%q}`, who.Account.ID)
	}
	r.URL = c.URL
	c.Request = r
	return t, c
}

// take reads an answer to a request of this door.
func (s *tally) take(t *testing.T, name, kind, id string, u *url.URL, c crawler.Capture) {
	t.Helper()
	who, c := ask(c, kind, id)
	if kind == "look" {
		c.Request.About = onrecord.Ref{NativeID: "http://localhost:3000/statuses/" + id, ID: id}
	}
	p, err := mastodon.New(mastodon.Options{}).Read(who, c)
	if err != nil {
		if !errors.Is(err, crawler.ErrDrift) {
			t.Errorf("%s: %s: %v, want ErrDrift", name, u, err)
		}
		s.reasons[kind+": "+reason(err)]++
		return
	}
	if p.Outcome != "" {
		s.reasons[fmt.Sprintf("%s: %s: %s", kind, p.Outcome, p.Reason)]++
	}
	if p.Account.ID != "" && kind == "lookup" {
		s.accounts++
	}
	for _, o := range p.Items {
		switch {
		case o.State == onrecord.ItemGone:
			s.gone++
		case kind == "history":
			s.wordings++
		default:
			s.statements++
		}
		if err := onrecord.CheckNativeID(o.NativeID); err != nil {
			t.Errorf("%s: %s: %v", name, u, err)
		}
	}
	if kind == "page" {
		n := strings.Count(string(c.Body), `"spoiler_text"`)
		if len(p.Items) == 0 && n > 0 {
			t.Errorf("%s: %s: an empty page of %d statuses", name, u, n)
		}
		if !p.Range.IsZero() && len(p.Items) > 0 && !p.Range.Contains(p.Items[0].Order) {
			t.Errorf("%s: %s: range %+v without its first status", name, u, p.Range)
		}
	}
}

// refuse reads what is no answer to a request of this door as one of that kind:
// it must be refused. Two shapes can't be told apart from what was asked for: a
// list with nothing in it, and one status, whatever for it was sent.
func (s *tally) refuse(t *testing.T, name, kind string, c crawler.Capture) {
	t.Helper()
	who, c := ask(c, kind, "1")
	p, err := mastodon.New(mastodon.Options{}).Read(who, c)
	switch {
	case errors.Is(err, crawler.ErrDrift):
		s.reasons["as "+kind+": "+reason(err)]++
	case err != nil:
		t.Errorf("%s: as %s: %v, want ErrDrift", name, kind, err)
	case p.Outcome != "":
		s.reasons[fmt.Sprintf("as %s: %s", kind, p.Outcome)]++
	case string(bytes.TrimSpace(c.Body)) == "[]" && (kind == "page" || kind == "older"):
		s.reasons["as "+kind+": an empty list"]++
	case kind == "look" && len(p.Items) == 1 && p.Items[0].State != onrecord.ItemGone:
		s.reasons["as look: one status"]++
	case kind == "look" && len(p.Items) == 1 && c.Status == http.StatusNotFound:
		s.reasons["as look: 404"]++
	case kind == "lookup" && isAccount(c.Body):
		s.reasons["as lookup: one account"]++
	default:
		t.Errorf("%s: %s: as %s it is taken for a page of %d items, account %+v", name, c.URL, kind, len(p.Items), p.Account)
	}
}

func isAccount(body []byte) bool {
	var a struct{ Username, Acct string }
	return json.Unmarshal(body, &a) == nil && a.Username != "" && a.Acct != ""
}

// reason is what an error says, without addresses, numbers and words of the
// data.
func reason(err error) string {
	s := strings.TrimSuffix(err.Error(), ": "+crawler.ErrDrift.Error())
	s = strings.TrimPrefix(s, "mastodon: ")
	if _, rest, ok := strings.Cut(s, ": "); ok {
		s = rest
	}
	for _, cut := range []string{", begins with", " with id ", "the answer is about", `is by account`} {
		s, _, _ = strings.Cut(s, cut)
	}
	s = regexp.MustCompile(`account "[^"]*" has id "[^"]*"`).ReplaceAllString(s, "no account")
	s = regexp.MustCompile(`asked for \w+, `).ReplaceAllString(s, "asked for another")
	return regexp.MustCompile(`\d+`).ReplaceAllString(s, "N")
}

// TestDocumentedEntities reads the samples of Mastodon's own documentation.
func TestDocumentedEntities(t *testing.T) {
	folder := filepath.Join(repotest.Data(t, "mastodon/documentation-entities"), "content", "en", "entities")
	sample := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(string(b), "```json\n")
		text, _, _ = strings.Cut(text, "```")
		return []byte(text)
	}
	who := crawler.Target{Platform: mastodon.Platform, Handle: "Gargron@mastodon.social"}
	c := crawlertest.Capture("look", "https://mastodon.social/api/v1/statuses/103270115826048975", 200, "application/json", sample("Status.md"))
	p, err := mastodon.New(mastodon.Options{}).Read(who, c)
	if err != nil || len(p.Items) != 1 || p.Items[0].NativeID != "https://mastodon.social/users/Gargron/statuses/103270115826048975" || len(p.Items[0].Content.Links) != 1 {
		t.Errorf("Status: %+v, %v", p, err)
	}
	for _, name := range []string{"MediaAttachment.md", "Poll.md", "PreviewCard.md", "Quote.md", "QuoteApproval.md", "StatusSource.md", "StatusEdit.md"} {
		for _, kind := range kinds {
			x := answer(kind, local, 200, sample(name))
			if p, err := mastodon.New(mastodon.Options{}).Read(who, x); !errors.Is(err, crawler.ErrDrift) {
				t.Errorf("%s as %s: %+v, %v; want ErrDrift", name, kind, p, err)
			}
		}
	}
}

// TestRealEdit: the history of a status that was really edited ends in what its
// own address shows.
func TestRealEdit(t *testing.T) {
	var shown, history []byte
	for _, i := range cassettes(t)["status_edit"].Interactions {
		u, err := url.Parse(i.Request.URI)
		if err != nil {
			t.Fatal(err)
		}
		switch kind, _ := asked(u); {
		case kind == "look" && i.Request.Method == "GET":
			shown = []byte(i.Response.Body.String)
		case kind == "history":
			history = []byte(i.Response.Body.String)
		}
	}
	var s struct{ Account struct{ ID, Username string } }
	if err := json.Unmarshal(shown, &s); err != nil {
		t.Fatal(err)
	}
	d := mastodon.New(mastodon.Options{})
	who := crawler.Target{Platform: mastodon.Platform, Handle: s.Account.Username + "@localhost:3000"}
	list, err := d.Read(who, answer("page", s.Account.ID, 200, fmt.Appendf(nil, "[%s]", shown)))
	if err != nil || len(list.Items) != 1 || len(list.Follow) != 1 {
		t.Fatalf("%d statuses, %d histories, %v", len(list.Items), len(list.Follow), err)
	}
	c := answer("history", s.Account.ID, 200, history)
	c.Request = list.Follow[0]
	p, err := d.Read(who, c)
	if err != nil || len(p.Items) != 2 {
		t.Fatalf("%d wordings, %v", len(p.Items), err)
	}
	if last := p.Items[1]; last.Content.Version() != list.Items[0].Content.Version() || !last.Changed.Equal(list.Items[0].Changed) || last.NativeID != list.Items[0].NativeID {
		t.Errorf("the history ends in %+v, the list shows %+v", last, list.Items[0])
	}
}
