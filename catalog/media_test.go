// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/catalog"
)

// mediaStory is a statement with two pictures, one of which is kept, and one by
// an import with a third.
func mediaStory() []onrecord.Event {
	at := time.Date(2026, 8, 6, 10, 0, 0, 0, time.UTC)
	said := func(n string, minutes int, p onrecord.Provenance, media ...onrecord.Media) onrecord.Event {
		c := onrecord.Content{Type: "post", Text: "a picture of statement " + n, Media: media}
		return onrecord.Event{Type: onrecord.StatementCreated, At: at.Add(time.Duration(minutes) * time.Minute), Figure: "jane-example", Source: "masto", Door: "api", Parser: "1",
			Account: onrecord.AccountRef{Platform: "mastodon", ID: "9"}, Statement: onrecord.NewStatementID("mastodon", n), NativeID: n,
			Version: c.Version(), Content: &c, Provenance: p, Prev: -1}
	}
	image := func(id, query string) onrecord.Media {
		return onrecord.Media{ID: id, Alt: "picture " + id, URL: "https://cdn.example/" + id + ".png?" + query, Kind: onrecord.MediaImage, Expires: at.Add(time.Duration(len(query)) * time.Hour)}
	}
	first := said("1", 0, onrecord.Captured, image("a", "s"), image("b", "s"))
	again := said("1", 5, onrecord.Captured, image("a", "later"), image("b", "later"))
	again.Type, again.Door = onrecord.StatementSeen, "web"
	imported := said("2", 1, onrecord.Imported, image("c", "s"))
	kept := onrecord.Event{Type: onrecord.MediaKept, At: at.Add(9 * time.Minute), Figure: "jane-example", Source: "masto", Account: first.Account, Statement: first.Statement, NativeID: "1", Prev: -1,
		Media: &onrecord.KeptMedia{ID: "a", URL: "https://cdn.example/a.png?s", SHA256: strings.Repeat("0a", 32), Type: "image/png", Size: 9, Width: 3, Height: 2, At: onrecord.Span{Object: "media/x.warc", Offset: 400, Length: 9}}}
	missed := kept
	missed.Type, missed.At, missed.Media = onrecord.MediaMissed, at.Add(10*time.Minute), &onrecord.KeptMedia{ID: "a", Missing: onrecord.MissingGone}
	return []onrecord.Event{first, imported, again, kept, missed}
}

func applyMedia(t *testing.T, order []int) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open(t.Context(), t.TempDir()+"/catalog.db", catalog.Options{MACKey: []byte("key")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	story := mediaStory()
	err = c.Apply(t.Context(), func(yield func(catalog.Entry, error) bool) {
		if !yield(catalog.Entry{Index: 0, Event: onrecord.Event{Type: onrecord.VisitLine, Source: "masto"}}, nil) {
			return
		}
		for n, i := range order {
			if !yield(catalog.Entry{Index: int64(n + 1), Event: story[i]}, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMediaWanted(t *testing.T) {
	c := applyMedia(t, []int{0, 1, 2, 3, 4})
	ids := func(imports bool) (list []string) {
		wanted, err := c.MediaWanted(t.Context(), "masto", imports, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range wanted {
			list = append(list, w.Media.ID+" "+w.Media.URL)
		}
		return list
	}
	if diff := cmp.Diff([]string{"b https://cdn.example/b.png?later"}, ids(false)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"c https://cdn.example/c.png?s", "b https://cdn.example/b.png?later"}, ids(true)); diff != "" {
		t.Errorf("with imports (-want +got):\n%s", diff)
	}
	st, err := c.Statement(t.Context(), onrecord.NewStatementID("mastodon", "1"))
	if err != nil || len(st.Media) != 2 || st.Media[0].Kept == nil || st.Media[0].Kept.Width != 3 || !st.Media[1].Pending || st.Media[1].Alt != "picture b" || st.Captures != 0 {
		t.Errorf("%v: %+v", err, st.Media)
	}
	for _, m := range st.Content.Media {
		if m.URL != "" {
			t.Errorf("a view shows %s", m.URL)
		}
	}
	got, err := c.StoredMedia(t.Context(), strings.Repeat("0a", 32))
	if err != nil || got.Withheld || got.At.Offset != 400 || got.Captured.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	for _, sum := range []string{"", "zz", strings.Repeat("0b", 32)} {
		if _, err := c.StoredMedia(t.Context(), sum); !errors.Is(err, onrecord.ErrNotFound) {
			t.Errorf("%q: %v", sum, err)
		}
	}
}

// TestMediaInAnyOrder: the tables are the same whatever was committed first.
func TestMediaInAnyOrder(t *testing.T) {
	var want string
	for _, order := range [][]int{{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {3, 0, 2, 4, 1}, {2, 4, 0, 3, 1}} {
		var b strings.Builder
		if err := applyMedia(t, order).Dump(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		if want == "" {
			want = b.String()
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("%v:\n%s", fmt.Sprint(order), diff)
		}
	}
}

// TestStoredMediaOfMany: a picture that a thousand statements have costs no more to
// find than that of one. It is told of the first that is shown.
func TestStoredMediaOfMany(t *testing.T) {
	c, l := temporary(t), &ledger{}
	sum := strings.Repeat("0a", 32)
	var events []onrecord.Event
	for i := range 1000 {
		n := strconv.Itoa(100 + i)
		created := said(onrecord.StatementCreated, n, "words", noon)
		kept := created
		kept.Type, kept.Content, kept.Version, kept.At = onrecord.MediaKept, nil, "", noon.Add(time.Duration(i)*time.Second)
		kept.Media = &onrecord.KeptMedia{ID: "a", URL: "https://cdn.example/a.png", SHA256: sum, Type: "image/png", Size: 9, At: onrecord.Span{Object: "media/x.warc", Offset: 400, Length: 9}}
		events = append(events, created, kept)
	}
	apply(t, c, l.visit(noon, "masto", events...)...)
	stored := func(want string) {
		t.Helper()
		m, err := c.StoredMedia(t.Context(), sum)
		if err != nil || m.Statement != id(want) || m.Withheld || m.Size != 9 {
			t.Errorf("%+v, %v", m, err)
		}
	}
	stored("100")
	if n := testing.AllocsPerRun(3, func() { stored("100") }); n > 1000 {
		t.Errorf("%.0f allocations", n)
	}
	down := onrecord.Event{Type: onrecord.StatementWithheld, At: noon, By: noon, Source: "archive", Statement: id("100"), Prev: -1, Takedown: &onrecord.Takedown{Case: "T-1", Ground: onrecord.GroundPolicy}}
	apply(t, c, l.visit(noon, "archive", down)...)
	stored("101")
}
