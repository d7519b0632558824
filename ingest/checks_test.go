// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"testing"
	"time"

	"onrecord"
	"onrecord/crawler"
)

// An able door is one that can do what it says, and does nothing.
type able struct {
	crawler.Door
	can onrecord.Capabilities
}

func (a able) Info() crawler.Info { return crawler.Info{Can: a.can} }

// Checks go through a door that reads what it looks at, else through one that
// can look at all: the visit's own before others, and others only while they are
// well.
func TestChecker(t *testing.T) {
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	none := Door{ID: "none", Door: able{}}
	feed := Door{ID: "feed", Door: able{can: onrecord.Capabilities{OwnAddress: true}}}
	page := Door{ID: "page", Door: able{can: onrecord.Capabilities{OwnAddress: true, OwnWording: true}}}
	api := Door{ID: "api", Door: able{can: onrecord.Capabilities{OwnAddress: true, OwnWording: true}}}
	mirror := Door{ID: "mirror", Door: able{can: onrecord.Capabilities{OwnAddress: true, OwnWording: true, ThirdParty: true}}}
	ill := map[string]onrecord.DoorState{"page": {Fails: 1, RetryAt: now.Add(time.Minute)}}
	for _, c := range []struct {
		name   string
		doors  []Door
		states map[string]onrecord.DoorState
		want   string
	}{
		{"the only one", []Door{feed}, nil, "feed"},
		{"one that reads", []Door{feed, page}, nil, "page"},
		{"itself, as it reads", []Door{page, api}, nil, "page"},
		{"the first that reads", []Door{feed, page, api}, nil, "page"},
		{"one that reads and is well", []Door{feed, page, api}, ill, "api"},
		{"itself, as no other is well", []Door{feed, page}, ill, "feed"},
		{"another, as it has no addresses", []Door{none, feed}, nil, "feed"},
		{"no mirror", []Door{none, mirror}, nil, ""},
		{"none is well", []Door{none, page}, ill, ""},
	} {
		got, ok := checker(Source{Doors: c.doors}, c.doors[0], onrecord.SourceState{Doors: c.states}, now)
		if got.ID != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, want %q", c.name, got.ID, c.want)
		}
	}
}
