// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mastodon_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/mastodon"
)

// kinds are the kinds of requests, as a fuzzer picks them.
var kinds = []string{"lookup", "page", "older", "history", "look"}

// FuzzRead: no input makes Read panic; what it refuses is ErrDrift; what it
// gives has valid ids of the account's own server, states and cursors of
// bearable size, and nothing is gone but for 404 and 410.
func FuzzRead(f *testing.F) {
	for _, name := range fixtures(f) {
		kind, account := kindOf(name)
		for i, k := range kinds {
			if k == kind {
				f.Add(uint8(i), uint16(200), account, fixture(f, name), "")
			}
		}
	}
	f.Add(uint8(4), uint16(404), local, []byte(`{"error":"Record not found"}`), "")
	f.Add(uint8(1), uint16(200), local, statuses("9", "8"), `<https://social.example/?max_id=8>; rel="next"`)
	d := mastodon.New(mastodon.Options{})
	f.Fuzz(func(t *testing.T, kind uint8, status uint16, account string, body []byte, link string) {
		if strings.Trim(account, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || len(account) > 64 {
			return
		}
		c := answer(kinds[int(kind)%len(kinds)], account, int(status), body)
		c.Header.Set("Link", link)
		p, err := d.Read(target, c)
		if err != nil {
			if !errors.Is(err, crawler.ErrDrift) {
				t.Fatal(err)
			}
			return
		}
		if err := sound(p, status); err != nil {
			t.Fatal(err)
		}
	})
}

// sound checks what holds of every page.
func sound(p crawler.Page, status uint16) error {
	if len(p.Cursor) > 1<<10 {
		return fmt.Errorf("cursor of %d bytes", len(p.Cursor))
	}
	for _, r := range append(p.Follow, p.Next...) {
		if len(r.State) > 1<<10 || !strings.HasPrefix(r.URL, server+"/api/v1/") {
			return fmt.Errorf("request %+v", r)
		}
	}
	for _, o := range p.Items {
		if err := onrecord.CheckNativeID(o.NativeID); err != nil {
			return err
		}
		if o.State == onrecord.ItemGone && status != 404 && status != 410 {
			return fmt.Errorf("gone by status %d", status)
		}
		if o.Order != "" && !p.Range.IsZero() && !p.Range.Contains(o.Order) {
			return fmt.Errorf("%s is not in the range %+v of its page", o.Order, p.Range)
		}
	}
	return nil
}

// FuzzParseHandle: what is accepted gives an address of that host.
func FuzzParseHandle(f *testing.F) {
	for _, s := range []string{"@jane@social.example", "jane@[::1]:3000", "a@b@c", "@@", "jane@xn--bcher-kva.example:443"} {
		f.Add(s)
	}
	d := mastodon.New(mastodon.Options{})
	f.Fuzz(func(t *testing.T, handle string) {
		_, host, err := mastodon.ParseHandle(handle)
		if err != nil {
			if !errors.Is(err, mastodon.ErrHandle) {
				t.Fatal(err)
			}
			return
		}
		first, err := d.First(crawler.Target{Handle: handle})
		if err != nil || !strings.HasPrefix(first[0].URL, "https://"+host+"/api/v1/") {
			t.Fatalf("%q: %+v, %v", handle, first, err)
		}
	})
}

// BenchmarkRead40 reads a page of forty statuses as Mastodon sends them.
func BenchmarkRead40(b *testing.B) {
	one := strings.TrimSpace(string(fixture(b, "look.json")))
	text := strings.Repeat(`<p>The Ministry of Examples said <a href=\"https://ministry.example/x\" rel=\"nofollow\"><span class=\"invisible\">https://</span><span class=\"\">ministry.example/x</span><span class=\"invisible\"></span></a> so.</p>`, 3)
	var page strings.Builder
	for i := range 40 {
		s := strings.ReplaceAll(one, "117126778060800001", fmt.Sprint(117126778060800001-i))
		s = strings.Replace(s, "<p>The minister was wrong.</p>", text, 1)
		fmt.Fprintf(&page, "%s%s", map[bool]string{true: "[", false: ","}[i == 0], s)
	}
	c := answer("page", local, 200, []byte(page.String()+"]"))
	d := mastodon.New(mastodon.Options{})
	b.SetBytes(int64(len(c.Body)))
	b.ReportAllocs()
	for b.Loop() {
		if p, err := d.Read(target, c); err != nil || len(p.Items) != 40 {
			b.Fatal(len(p.Items), err)
		}
	}
}
