// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawlertest_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/crawlertest"
)

// lines is a door to an invented platform: "v1", then a native id a line, then
// "end".
type lines struct {
	can   onrecord.Capabilities
	spoil func(t *crawler.Target, c *crawler.Capture, p *crawler.Page, err *error)
	first []crawler.Request
}

func (d lines) Info() crawler.Info {
	return crawler.Info{Kind: "lines", Parser: "lines/1", Can: d.can}
}

func (d lines) First(crawler.Target) ([]crawler.Request, error) { return d.first, nil }

func (d lines) Look(_ crawler.Target, s onrecord.Ref) (crawler.Request, bool) {
	return crawler.Request{URL: "https://platform.example/" + s.NativeID, Kind: "look", About: s}, d.can.OwnAddress
}

func (d lines) Read(t crawler.Target, c crawler.Capture) (p crawler.Page, err error) {
	body, ok := strings.CutPrefix(string(c.Body), "v1\n")
	body, whole := strings.CutSuffix(body, "end\n")
	if !ok || !whole {
		err = fmt.Errorf("no lines: %w", crawler.ErrDrift)
	} else {
		for id := range strings.FieldsSeq(body) {
			p.Items = append(p.Items, onrecord.Observation{Ref: onrecord.Ref{NativeID: id}, State: onrecord.ItemLive, Content: onrecord.Content{Type: "post"}})
		}
	}
	if d.spoil != nil {
		d.spoil(&t, &c, &p, &err)
	}
	return p, err
}

// spoilt are doors that the suite must refuse, by what is wrong with them.
func spoilt() map[string]lines {
	item := func(f func(*onrecord.Observation)) lines {
		return lines{spoil: func(_ *crawler.Target, _ *crawler.Capture, p *crawler.Page, _ *error) {
			if len(p.Items) > 0 {
				f(&p.Items[0])
			}
		}}
	}
	page := func(f func(*crawler.Page)) lines {
		return lines{spoil: func(_ *crawler.Target, _ *crawler.Capture, p *crawler.Page, _ *error) { f(p) }}
	}
	calls := 0
	return map[string]lines{
		"empty page for nonsense": {spoil: func(_ *crawler.Target, _ *crawler.Capture, _ *crawler.Page, err *error) { *err = nil }},
		"own wording unread":      {can: onrecord.Capabilities{OwnAddress: true, OwnWording: true}},
		"other error":             {spoil: func(_ *crawler.Target, _ *crawler.Capture, _ *crawler.Page, err *error) { *err = fmt.Errorf("boom") }},
		"writes to the body":      {spoil: func(_ *crawler.Target, c *crawler.Capture, _ *crawler.Page, _ *error) { clear(c.Body) }},
		"not the same twice": {spoil: func(_ *crawler.Target, _ *crawler.Capture, p *crawler.Page, _ *error) {
			calls++
			p.Cursor = fmt.Sprint(calls)
		}},
		"gone when cut": {spoil: func(_ *crawler.Target, _ *crawler.Capture, p *crawler.Page, err *error) {
			if *err != nil {
				*err = nil
				p.Items = []onrecord.Observation{{Ref: onrecord.Ref{NativeID: "a"}, State: onrecord.ItemGone, Code: "404"}}
			}
		}},
		"id with space":     item(func(o *onrecord.Observation) { o.NativeID += " " }),
		"id not NFC":        item(func(o *onrecord.Observation) { o.NativeID += "e\u0301" }),
		"own alias":         item(func(o *onrecord.Observation) { o.Aliases = []string{o.NativeID} }),
		"no type":           item(func(o *onrecord.Observation) { o.Content.Type = "" }),
		"no state":          item(func(o *onrecord.Observation) { o.State = "" }),
		"gone without code": item(func(o *onrecord.Observation) { o.State = onrecord.ItemGone }),
		"signed":            item(func(o *onrecord.Observation) { o.State, o.Code, o.Signed = onrecord.ItemGone, "x", true }),
		"changed":           item(func(o *onrecord.Observation) { o.Changed = time.Unix(1, 0).UTC() }),
		"local time": item(func(o *onrecord.Observation) {
			o.Published, o.Precision = time.Unix(1, 0).In(time.FixedZone("", 60)), onrecord.PrecisionSecond
		}),
		"no precision":     item(func(o *onrecord.Observation) { o.Published = time.Unix(1, 0).UTC() }),
		"carriage return":  item(func(o *onrecord.Observation) { o.Content.Text = "a\r\nb" }),
		"range":            page(func(p *crawler.Page) { p.Range = onrecord.Range{From: "1"} }),
		"account state":    page(func(p *crawler.Page) { p.Account.State = onrecord.AccountSuspended }),
		"long cursor":      page(func(p *crawler.Page) { p.Cursor = strings.Repeat("x", 2000) }),
		"relative address": page(func(p *crawler.Page) { p.Next = []crawler.Request{{URL: "/a", Kind: "page"}} }),
		"no kind":          page(func(p *crawler.Page) { p.Follow = []crawler.Request{{URL: "https://platform.example/"}} }),
		"secrets": page(func(p *crawler.Page) {
			p.Next = []crawler.Request{{URL: "https://platform.example/", Kind: "page", Header: map[string]string{"cookie": "x"}}}
		}),
	}
}

// look is an answer of a statement's own address.
func look() crawlertest.Fixture {
	return crawlertest.Fixture{Name: "look", Capture: crawlertest.Capture("look", "https://platform.example/a", 200, "text/plain", []byte("v1\na\nend\n")), IDs: []string{"a"}}
}

func suite(d lines) crawlertest.Suite {
	d.first = []crawler.Request{{URL: "https://platform.example/", Kind: "page"}}
	return crawlertest.Suite{Door: d, Fixtures: []crawlertest.Fixture{
		{Name: "two", Capture: crawlertest.Capture("page", "https://platform.example/", 200, "text/plain", []byte("v1\na\nb\nend\n")), IDs: []string{"a", "b"}},
		{Name: "old", Capture: crawlertest.Capture("page", "https://platform.example/", 200, "text/plain", []byte("v0\na\n")), Drift: true},
	}}
}

func TestGoodDoor(t *testing.T) {
	crawlertest.Run(t, suite(lines{}))
	crawlertest.Run(t, suite(lines{can: onrecord.Capabilities{OwnAddress: true}}))
	s := suite(lines{can: onrecord.Capabilities{OwnAddress: true, OwnWording: true}})
	s.Fixtures = append(s.Fixtures, look())
	crawlertest.Run(t, s)
}

// TestSpoiltDoors runs the suite over each spoilt door in a process of its
// own, where it must fail.
func TestSpoiltDoors(t *testing.T) {
	const variable = "CRAWLERTEST_SPOILT"
	if name := os.Getenv(variable); name != "" {
		crawlertest.Run(t, suite(spoilt()[name]))
		return
	}
	for name := range spoilt() {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSpoiltDoors$")
			cmd.Env = append(os.Environ(), variable+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL") || strings.Contains(string(out), "panic:") {
				t.Errorf("the suite takes it: %v\n%s", err, out)
			}
		})
	}
}
