// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A doorKey is a key of a door that only some kinds take.
type doorKey struct {
	name     string
	get      func(*Door) string
	required bool
	address  bool // an http or https URL
}

// doorKeys returns the keys of a kind of door, beside those that all take.
func doorKeys(kind string) []doorKey {
	switch kind {
	case "feed":
		return []doorKey{
			{"url", func(d *Door) string { return d.URL }, true, true},
			{"zone", func(d *Door) string { return d.Zone }, false, false},
		}
	case "page":
		return []doorKey{
			{"start", func(d *Door) string { return d.Start }, false, true},
			{"sitemap", func(d *Door) string { return d.Sitemap }, false, true},
			{"match", func(d *Door) string { return d.Match }, false, false},
			{"item", func(d *Door) string { return d.Item }, false, false},
			{"next", func(d *Door) string { return d.Next }, false, false},
			{"title", func(d *Door) string { return d.Title }, false, false},
			{"text", func(d *Door) string { return d.Text }, false, false},
			{"date", func(d *Door) string { return d.Date }, false, false},
			{"remove", func(d *Door) string { return strings.Join(d.Remove, ",") }, false, false},
			{"zone", func(d *Door) string { return d.Zone }, false, false},
		}
	}
	return nil
}

// ownKeys returns what of a door is set that not every kind takes.
func ownKeys(d *Door) []string {
	var set []string
	for _, k := range append(doorKeys("feed"), doorKeys("page")...) {
		if k.get(d) != "" && !slices.Contains(set, k.name) {
			set = append(set, k.name)
		}
	}
	return set
}

// doors checks the doors of a source and names those that have no id.
func (k *checker) doors(s *Source, path string) {
	taken := map[string]string{}
	for i, d := range s.Doors {
		if d.ID != "" {
			at := fmt.Sprintf("%s.doors[%d]", path, i)
			k.id(at+".id", d.ID, at, taken)
		}
	}
	for i := range s.Doors {
		d, at := &s.Doors[i], fmt.Sprintf("%s.doors[%d]", path, i)
		if !k.required(at+".kind", d.Kind) {
			continue
		}
		if d.ID == "" {
			d.ID = freeID(d.Kind, taken)
			taken[d.ID] = at
		}
		if k.kind(d, s.Platform, at) {
			k.account(s, d.Kind, path)
			k.door(d, at)
		}
	}
}

// freeID returns kind, kind-2, kind-3 …, the first that is not taken.
func freeID(kind string, taken map[string]string) string {
	id := kind
	for n := 2; ; n++ {
		if _, ok := taken[id]; !ok {
			return id
		}
		id = fmt.Sprintf("%s-%d", kind, n)
	}
}

// kind reports whether this release has the door's kind, for the platform.
func (k *checker) kind(d *Door, platform, path string) bool {
	names := map[string]bool{}
	var reads []string
	for _, kind := range k.o.Kinds {
		names[kind.Name] = true
		if kind.Name == d.Kind {
			if len(kind.Platforms) == 0 || slices.Contains(kind.Platforms, platform) {
				return true
			}
			reads = append(reads, kind.Platforms...)
		}
	}
	if len(reads) > 0 {
		k.fault(path+".kind", "it reads "+strings.Join(reads, ", "), "a door of kind %q does not read %s", d.Kind, platform)
		return false
	}
	hint := didYouMean(d.Kind, slices.Sorted(maps.Keys(names)))
	k.fault(path+".kind", hint, "this release has no door of kind %q", d.Kind)
	return false
}

// account checks the account of a source as a kind of door wants it.
func (k *checker) account(s *Source, kind, path string) {
	for _, o := range k.o.Kinds {
		if o.Name != kind || o.Account == nil || len(o.Platforms) > 0 && !slices.Contains(o.Platforms, s.Platform) {
			continue
		}
		if err := o.Account(s.Account); err != nil && !k.faulty(path+".account") {
			k.fault(path+".account", "", "%v", err)
		}
	}
}

// door checks the keys of a door.
func (k *checker) door(d *Door, path string) {
	keys := doorKeys(d.Kind)
	names := []string{"id", "kind", "base_url", "original_url"}
	for _, dk := range keys {
		at := path + "." + dk.name
		names = append(names, dk.name)
		v := dk.get(d)
		if dk.required && !k.required(at, v) {
			continue
		}
		if dk.address && v != "" {
			k.webURL(at, v)
		}
	}
	for _, name := range ownKeys(d) {
		if !slices.Contains(names, name) {
			k.fault(path+"."+name, "it takes "+strings.Join(names, ", "), "a door of kind %q takes no key %q", d.Kind, name)
		}
	}
	if d.BaseURL != "" {
		k.webURL(path+".base_url", d.BaseURL)
	}
	if d.OriginalURL != "" {
		k.webURL(path+".original_url", d.OriginalURL)
	}
	k.original(d, path)
	k.zone(d.Zone, path+".zone")
	if d.Kind == "page" {
		k.page(d, path)
	}
}

// page checks where a page door begins, and its selectors.
func (k *checker) page(d *Door, path string) {
	switch {
	case d.Start == "" && d.Sitemap == "":
		k.required(path+".start", "")
	case d.Start == "" && d.Item != "":
		k.fault(path+".item", "without start, a visit begins with the sitemap, which lists items by itself", "there is no listing to select items in")
	case d.Start != "":
		k.required(path+".item", d.Item)
	}
	if k.o.Selector == nil {
		return
	}
	type selector struct{ key, value string }
	list := []selector{{"item", d.Item}, {"next", d.Next}, {"title", d.Title}, {"text", d.Text}, {"date", d.Date}}
	for i, s := range d.Remove {
		list = append(list, selector{fmt.Sprintf("remove[%d]", i), s})
	}
	for _, s := range list {
		if s.value == "" {
			continue
		}
		if err := k.o.Selector(s.value); err != nil {
			k.fault(path+"."+s.key, "such as h1, .entry-content p, time@datetime", "%v", err)
		}
	}
}

// original checks that original_url is the door's own address at another host:
// requests differ from what the platform has in scheme, host and port only.
func (k *checker) original(d *Door, path string) {
	at := cmp.Or(d.URL, d.Start, d.Sitemap)
	if d.OriginalURL == "" || d.BaseURL != "" || at == "" {
		return
	}
	a, errA := url.Parse(at)
	b, errB := url.Parse(d.OriginalURL)
	if errA == nil && errB == nil && a.RequestURI() != b.RequestURI() {
		k.fault(path+".original_url", "the path "+a.RequestURI()+" as in "+at, "it names another path than the door's address")
	}
}

func (k *checker) zone(zone, path string) {
	if zone == "" {
		return
	}
	check := k.o.Zone
	if check == nil {
		check = func(zone string) error { _, err := time.LoadLocation(zone); return err }
	}
	if err := check(zone); err != nil || zone == "Local" {
		k.fault(path, "such as Europe/Paris", "%q is no time zone", zone)
	}
}
