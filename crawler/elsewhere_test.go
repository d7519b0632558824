// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"testing"

	"onrecord"
	"onrecord/crawler"
)

// An echoDoor asks for what it is told to and says where an answer seemed to
// come from.
type echoDoor struct{ first, next string }

func (d echoDoor) Info() crawler.Info { return crawler.Info{Kind: "echo", Parser: "echo/1"} }
func (d echoDoor) First(crawler.Target) ([]crawler.Request, error) {
	return []crawler.Request{{URL: d.first}}, nil
}
func (d echoDoor) Look(_ crawler.Target, s onrecord.Ref) (crawler.Request, bool) {
	return crawler.Request{URL: s.URL}, s.URL != ""
}
func (d echoDoor) Read(_ crawler.Target, c crawler.Capture) (crawler.Page, error) {
	return crawler.Page{
		Items: []onrecord.Observation{{Ref: onrecord.Ref{NativeID: c.URL, ID: c.Request.URL}}},
		Next:  []crawler.Request{{URL: d.next}},
	}, nil
}

func TestElsewhere(t *testing.T) {
	const base = "http://127.0.0.1:8081"
	for _, tt := range []struct{ name, target, first, wantFirst string }{
		{"the door has an address", "https://jane.example/feed.xml", "https://jane.example/feed.xml", base + "/feed.xml"},
		{"the door makes its own", "", "https://jane.example/api?x=1", base + "/api?x=1"},
		{"another host stays", "https://jane.example/feed.xml", "https://other.example/feed.xml", "https://other.example/feed.xml"},
		{"another port is another host", "https://jane.example/feed.xml", "https://jane.example:8443/feed.xml", "https://jane.example:8443/feed.xml"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := crawler.Elsewhere(echoDoor{tt.first, "https://jane.example/older"}, base)
			if err != nil {
				t.Fatal(err)
			}
			target := crawler.Target{URL: tt.target}
			reqs, err := d.First(target)
			if err != nil || len(reqs) != 1 || reqs[0].URL != tt.wantFirst {
				t.Errorf("First = %v, %v, want %s", reqs, err, tt.wantFirst)
			}
			look, ok := d.Look(target, onrecord.Ref{URL: "https://jane.example/a"})
			if !ok || look.URL != base+"/a" {
				t.Errorf("Look = %v, %t", look, ok)
			}
			if got := crawler.Moved(d, target, tt.first); got != tt.wantFirst {
				t.Errorf("Moved = %s, want %s", got, tt.wantFirst)
			}
			if got := crawler.Moved(echoDoor{}, target, tt.first); got != tt.first {
				t.Errorf("a door that is where it is: Moved = %s", got)
			}
			p, err := d.Read(target, crawler.Capture{URL: base + "/a", Request: crawler.Request{URL: base + "/b"}})
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Items[0].Ref; got.NativeID != "https://jane.example/a" || got.ID != "https://jane.example/b" {
				t.Errorf("the door saw %+v, want the platform's own addresses", got)
			}
			if p.Next[0].URL != base+"/older" {
				t.Errorf("Next = %s", p.Next[0].URL)
			}
		})
	}
	for _, bad := range []string{"", "127.0.0.1:80", "ftp://a.example", "http://a.example/x", "http://a.example/?q", "http://u@a.example"} {
		if _, err := crawler.Elsewhere(echoDoor{}, bad); err == nil {
			t.Errorf("Elsewhere took the base %q", bad)
		}
	}
}
