// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onrecord"
)

func TestMediaLine(t *testing.T) {
	at := instant(t, "2026-08-06T10:00:00Z")
	sum := strings.Repeat("0a", 32)
	events := map[string]onrecord.Event{
		`"media_kept":{"id":"photo/1","url":"https://cdn.example/1.jpg?t=2","sha256":"` + sum + `","type":"image/jpeg","size":9,"width":3,"height":2,` +
			`"at":{"object":"media/2026/08/06/v.warc","offset":400,"length":9}}`: {
			Type: onrecord.MediaKept, Media: &onrecord.KeptMedia{ID: "photo/1", URL: "https://cdn.example/1.jpg?t=2", SHA256: sum, Type: "image/jpeg",
				Size: 9, Width: 3, Height: 2, At: onrecord.Span{Object: "media/2026/08/06/v.warc", Offset: 400, Length: 9}},
		},
		`"media_kept":{"id":"photo/1","missing":"gone"}`: {
			Type: onrecord.MediaMissed, Media: &onrecord.KeptMedia{ID: "photo/1", Missing: onrecord.MissingGone},
		},
	}
	for want, e := range events {
		e.At, e.Source, e.Statement, e.Prev, e.Index = at, "press", "5qmwp306h4y8cvth", 7, -1
		line, err := e.AppendLine(nil)
		if err != nil || !strings.Contains(string(line), want) {
			t.Fatalf("%v: %s, want %s", err, line, want)
		}
		if err := onrecord.CheckLine(line); err != nil {
			t.Error(err)
		}
		got, err := onrecord.ParseEvent(line)
		if diff := cmp.Diff(e, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
}

// TestMediaBeside: where an attachment was served is in the journal, and in no hash.
func TestMediaBeside(t *testing.T) {
	bare := onrecord.Content{Type: "post", Text: "x", Media: []onrecord.Media{{ID: "1", Alt: "a chart"}}}
	full := bare
	full.Media = []onrecord.Media{{ID: "1", Alt: "a chart", URL: "https://cdn.example/1.jpg?sig=é", Kind: onrecord.MediaImage, Expires: instant(t, "2026-08-06T10:00:00.5Z")}}
	if bare.Version() != full.Version() || string(bare.Record()) != string(full.Record()) {
		t.Fatalf("the record is %s, with addresses %s", bare.Record(), full.Record())
	}
	b, err := full.MarshalJSON()
	const want = `{"media":[{"alt":"a chart","expires":"2026-08-06T10:00:00.5Z","id":"1","kind":"image","url":"https://cdn.example/1.jpg?sig=é"}],"text":"x","type":"post","v":1}`
	if err != nil || string(b) != want {
		t.Fatalf("%v:\n%s\n%s", err, b, want)
	}
	var again onrecord.Content
	if err := again.UnmarshalJSON(b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full, again); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestMediaEventsAreNoSighting: what became of an attachment moves a
// statement's chain of events, and nothing else.
func TestMediaEventsAreNoSighting(t *testing.T) {
	at := instant(t, "2026-08-06T10:00:00Z")
	k := onrecord.NewKnown("5qmwp306h4y8cvth")
	k.Apply(onrecord.Event{Type: onrecord.StatementCreated, Statement: k.Statement, NativeID: "1", At: at, Version: "aaaaaaaaaaaa", Source: "press", Index: 7})
	want := k.Clone()
	want.Prev = 9
	k.Apply(onrecord.Event{Type: onrecord.MediaKept, Statement: k.Statement, NativeID: "1", At: at.Add(1e9), Source: "press", Index: 9, Media: &onrecord.KeptMedia{ID: "1"}})
	if diff := cmp.Diff(want, k); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
