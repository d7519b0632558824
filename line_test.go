// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
)

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// fullEvent has a value in every field that a line carries.
func fullEvent(t testing.TB) onrecord.Event {
	at := instant(t, "2026-08-04T23:10:00.123456Z")
	return onrecord.Event{
		Type: onrecord.StatementEdited, At: at, After: at.Add(-time.Hour), By: at, Disputed: true,
		Figure: "jane-example", Source: "masto", Door: "api", Parser: "mastodon/1",
		Account:   onrecord.AccountRef{Platform: "mastodon", ID: "https://social.example/users/jane", Handle: "jane@social.example", Name: "Jane Example"},
		Statement: onrecord.NewStatementID("mastodon", "https://social.example/users/jane/statuses/17"),
		NativeID:  "https://social.example/users/jane/statuses/17", LocalID: "17", URL: "https://social.example/@jane/17",
		Aliases: []string{"https://social.example/@jane/17"}, Order: "17", Version: "0123456789ab",
		Content:     &onrecord.Content{Type: "post", Text: "Good <morning> & \"hello\"", HTML: "<p>Good</p>"},
		PublishedAt: at.Add(-2 * time.Hour), Precision: onrecord.PrecisionSecond, Changed: at.Add(-time.Minute),
		Engagement: map[string]int64{"reposts": 2, "likes": 45},
		Grade:      onrecord.GradeD2, Provenance: onrecord.Captured, Look: onrecord.LookGone, State: onrecord.AccountLive,
		Code: "404", Reason: "a reason",
		Gap: &onrecord.Gap{Reason: "blocked", Open: true, Since: at.Add(-time.Hour), Note: "a note"},
		Run: &onrecord.Run{Door: "api", Parser: "mastodon/1", From: at.Add(-time.Hour), Until: at, Visits: 12, Base: 16,
			Range: onrecord.Range{From: "1", To: "17", FromIn: true, ToIn: true}, Except: []onrecord.StatementID{"0123456789abcdef"}, Seen: []onrecord.StatementID{"fedcba9876543210"},
			Unread: []onrecord.StatementID{"fedcba9876543210"}, Asked: []onrecord.Asked{
				{At: at.Add(-time.Hour), Read: []onrecord.StatementID{"1123456789abcdef"}, Live: []onrecord.StatementID{"2123456789abcdef"}},
				{At: at, Gone: []onrecord.StatementID{"3123456789abcdef"}, Unclear: []onrecord.StatementID{"4123456789abcdef"}}}},
		Platform: "mastodon",
		Observed: &onrecord.AccountObservation{State: onrecord.AccountMoved, ID: "1", Handle: "jane", Name: "Jane", MovedTo: "https://other.example/@jane", Code: "moved"},
		Captures: []onrecord.CaptureRef{{Object: "captures/2026/08/04/01arz3ndektsv4rrffq69g5fav.warc.gz", Offset: 17, Length: 400,
			SHA256: strings.Repeat("0a", 32), URL: "https://social.example/api", At: at, Status: 200}, {Object: "captures/x"}},
		Prev: 12, Index: -1, Salt: strings.Repeat("5a", 16),
		Extra: map[string]any{"zeta": json.Number("1.50"), "alpha": []any{"x", nil, true, map[string]any{"k": "v"}}},
	}
}

func TestLineVectors(t *testing.T) {
	files, names := texts(t, "lines.txtar")
	events := map[string]onrecord.Event{
		"full":    fullEvent(t),
		"minimal": {Type: onrecord.ArchiveCreated, At: instant(t, "2026-03-01T10:00:00Z"), Prev: -1, Index: -1},
		"times": {Type: onrecord.SourceLooked, At: instant(t, "2026-03-01T10:00:00.1234567+02:00"), After: instant(t, "2026-03-01T10:00:00.100Z"),
			Source: "press", Run: &onrecord.Run{From: instant(t, "2026-03-01T09:00:00Z")}, Prev: 0, Index: 17, Visit: onrecord.VisitID{1}},
	}
	events["erased"] = erasedEvent(t)
	if len(names) != len(events) {
		t.Fatalf("%d lines, %d events", len(names), len(events))
	}
	for _, name := range names {
		got, err := events[name].AppendLine([]byte("before "))
		if d := cmp.Diff("before "+files[name], string(got)); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, d)
		}
	}
}

// erasedEvent has a value in every field of an erasure.
func erasedEvent(t testing.TB) onrecord.Event {
	at := instant(t, "2026-08-06T10:00:00Z")
	return onrecord.Event{
		Type: onrecord.StatementErased, At: at, By: at, Source: "archive", Statement: "5qmwp306h4y8cvth", Prev: -1, Index: -1,
		Takedown: &onrecord.Takedown{Case: "T-2026-014", Ground: onrecord.GroundLaw, Reason: "personal data of a third party", Decided: at.Add(-time.Hour)},
		Erasure: &onrecord.Erasure{
			Leaves:  []int64{0, 17},
			Records: []onrecord.Span{{Object: "captures/2026/08/04/01arz3ndektsv4rrffq69g5fav.warc.gz", Offset: 17, Length: 400}, {}},
			Objects: []onrecord.ObjectValue{{Key: "journal/2026/08/04/01arz3ndektsv4rrffq69g5fav.ndjson.zst", Length: 900, SHA256: strings.Repeat("0a", 32)}, {}},
			Also:    []onrecord.StatementID{"6qmwp306h4y8cvth"},
			Note:    "onrecord erasure v1\nexample.org/log\n",
		},
		Salt: strings.Repeat("5a", 16),
	}
}

func TestLineRoundTrip(t *testing.T) {
	want := fullEvent(t)
	order := erasedEvent(t)
	want.Takedown, want.Erasure = order.Takedown, order.Erasure
	line, err := want.AppendLine(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := onrecord.CheckLine(line); err != nil {
		t.Error(err)
	}
	got, err := onrecord.ParseEvent(line)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestLineRoundTripProperty writes and reads events with random fields left
// out, odd strings and odd times.
func TestLineRoundTripProperty(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 1))
	word := func() string {
		alphabet := []rune("aé漢🙂\"\\\n\r\t\x00\x01\u2028<&> /")
		r := make([]rune, rng.IntN(6))
		for i := range r {
			r[i] = alphabet[rng.IntN(len(alphabet))]
		}
		return string(r)
	}
	words := func() []string {
		if n := rng.IntN(3); n > 0 {
			return []string{word(), word()}[:n]
		}
		return nil
	}
	when := func() time.Time {
		if rng.IntN(3) == 0 {
			return time.Time{}
		}
		return time.UnixMicro(rng.Int64N(1 << 52)).UTC()
	}
	for range 2000 {
		want := onrecord.Event{
			Type: onrecord.EventType("x" + word()), At: when(), After: when(), By: when(), Disputed: rng.IntN(2) == 0,
			Figure: word(), Source: word(), Account: onrecord.AccountRef{Platform: word(), ID: word()}, NativeID: word(), LocalID: word(),
			Aliases: words(), PublishedAt: when(), Code: word(), Prev: rng.Int64N(5) - 1, Index: -1, Salt: word(),
		}
		if rng.IntN(2) == 0 {
			want.Content = &onrecord.Content{Text: word(), HTML: word(), Links: words(), Poll: words()}
			want.Engagement = map[string]int64{word(): rng.Int64() - rng.Int64()}
			want.Gap = &onrecord.Gap{Reason: word(), Since: when()}
			want.Run = &onrecord.Run{From: when(), Visits: rng.IntN(9), Range: onrecord.Range{From: word()}}
			want.Observed = &onrecord.AccountObservation{Name: word()}
			want.Captures = []onrecord.CaptureRef{{URL: word(), Offset: rng.Int64()}}
			want.Extra = map[string]any{"extra" + word(): word()}
		}
		line, err := want.AppendLine(nil)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, err := onrecord.ParseEvent(line)
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, line, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, d)
		}
		var v any
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("seed %d: encoding/json: %v", seed, err)
		}
	}
}

func TestAppendLineRefuses(t *testing.T) {
	for name, e := range map[string]onrecord.Event{
		"no type":    {},
		"visit line": {Type: onrecord.VisitLine},
		"tombstone":  {Type: onrecord.TombstoneLine},
		"year 10000": {Type: "x", At: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"year 0":     {Type: "x", At: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)},
		"too long":   {Type: "x", Content: &onrecord.Content{Text: strings.Repeat("x", onrecord.MaxLine)}},
	} {
		if b, err := e.AppendLine([]byte("x")); !errors.Is(err, onrecord.ErrLine) || b != nil {
			t.Errorf("%s: %v; want ErrLine", name, err)
		}
	}
	e := onrecord.Event{Type: "x", Extra: map[string]any{"c": make(chan int)}}
	if _, err := e.AppendLine(nil); err == nil {
		t.Error("a channel has no JSON: no error")
	}
}

func TestExtraNeverOverridesFields(t *testing.T) {
	e := onrecord.Event{Type: "x", Prev: -1, Extra: map[string]any{"type": "y", "prev": json.Number("3"), "new": "z"}}
	line, err := e.AppendLine(nil)
	if want := `{"v":1,"type":"x","new":"z"}`; string(line) != want || err != nil {
		t.Errorf("got %s, %v; want %s", line, err, want)
	}
}

func TestParseEventRefuses(t *testing.T) {
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for _, s := range []string{
		``, ` `, `{`, `null`, `[]`, `"x"`, `{}`, `{"v":1}`, `{"type":"x"}`, `{"v":2,"type":"x"}`, `{"v":1.0,"type":"x"}`, `{"v":1,"type":"visit"}`,
		`{"v":1,"type":"x"} {}`, `{"v":1,"type":"x",}`, `{"v":1,"type":"x" "at":""}`, `{"v":1,"type":"x"`, `{"v":1,"type":"x","z":01}`,
		`{"v":1,"type":"x","type":"x"}`, `{"v":1,"type":"x","z":{"a":1,"a":1}}`, `{"v":1,"type":"x","z":[{"a":1,"\u0061":1}]}`,
		`{"v":1,"type":"x","account":{"id":"1","id":"1"}}`, `{"v":1,"type":"x","captures":[{"url":"1","url":"1"}]}`,
		`{"v":1,"type":"x","engagement":{"likes":1,"likes":2}}`, `{"v":1,"type":"x","content":{"v":1,"text":"a","text":"b"}}`,
		`{"v":1,"type":"x","takedown":{"case":"1","case":"2"}}`, `{"v":1,"type":"x","takedown":[]}`, `{"v":1,"type":"x","erasure":{"leaves":[1.5]}}`,
		`{"v":1,"type":"x","erasure":{"records":[{"object":"a","object":"b"}]}}`, `{"v":1,"type":"x","erasure":{"objects":[1]}}`, `{"v":1,"type":"tombstone"}`,
		`{"v":1,"type":1}`, `{"v":1,"type":null}`, `{"v":1,"type":"x","at":"yesterday"}`, `{"v":1,"type":"x","at":1}`,
		`{"v":1,"type":"x","prev":1.5}`, `{"v":1,"type":"x","prev":1e3}`, `{"v":1,"type":"x","prev":9223372036854775808}`,
		`{"v":1,"type":"x","clock_disputed":"yes"}`, `{"v":1,"type":"x","aliases":[1]}`, `{"v":1,"type":"x","captures":{}}`,
		`{"v":1,"type":"x","captures":[{"status":4294967296}]}`, `{"v":1,"type":"x","content":{"text":"no version"}}`,
		"{\"v\":1,\"type\":\"\xff\"}", "{\"v\":1,\"type\":\"a\nb\"}", `{"v":1,"type":"\ud800"}`, `{"v":1,"type":"\ud800\u0041"}`,
		`{"v":1,"type":"\udc00"}`, `{"v":1,"type":"\u12g4"}`, `{"v":1,"type":"\x"}`, `{"v":1,"type":"x","z":tru}`, `{"v":1,"type":"x","z":-}`,
		`{"v":1,"type":"x","z":1.}`, `{"v":1,"type":"x","z":.5}`, `{"v":1,"type":"x","z":1e}`, `{"v":1,"type":"x","z":+1}`, `{"v":1,"type":"x\`, `{"v":1,"type":"\u00`,
		`{"v":1,"type":"x","z":` + deep + `}`, `{"v":1,"type":"x","z":"` + strings.Repeat("x", onrecord.MaxLine) + `"}`,
	} {
		if e, err := onrecord.ParseEvent([]byte(s)); !errors.Is(err, onrecord.ErrLine) {
			t.Errorf("%.80s: %v, %v; want ErrLine", s, e, err)
		}
	}
}

func TestParseEventReads(t *testing.T) {
	line := " {\t\"type\" : \"x\\u00e9\\ud83d\\ude42\\/\\b\\f\\n\\r\\t\\\"\\\\\" ,\r\n \"v\":1, \"at\":\"2026-03-01T12:00:00.9999999+02:00\", \"new\":{\"a\":[-0.5e+3,true,false,null,{}]}, \"account\":{\"id\":\"1\",\"new\":1} } "
	got, err := onrecord.ParseEvent([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	want := onrecord.Event{Type: "xé🙂/\b\f\n\r\t\"\\", At: instant(t, "2026-03-01T10:00:00.999999Z"), Account: onrecord.AccountRef{ID: "1"}, Prev: -1, Index: -1,
		Extra: map[string]any{"new": map[string]any{"a": []any{json.Number("-0.5e+3"), true, false, nil, map[string]any{}}}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestManyKeysAreFast(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"v":1,"type":"x"`)
	for i := range 200_000 {
		b.WriteString(`,"k` + time.Duration(i).String() + `":0`)
	}
	b.WriteString(`}`)
	start := time.Now()
	if _, err := onrecord.ParseEvent([]byte(b.String())); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("took %v", d)
	}
	if err := onrecord.CheckLine([]byte(strings.Replace(b.String(), `"k7ns":0`, `"k6ns":0`, 1))); !errors.Is(err, onrecord.ErrJSON) {
		t.Errorf("duplicate among many: %v, want ErrJSON", err)
	}
}

// FuzzParseEvent: what is read can be written, and reads as the same.
func FuzzParseEvent(f *testing.F) {
	files, names := texts(f, "lines.txtar")
	for _, name := range names {
		f.Add([]byte(files[name]))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := onrecord.ParseEvent(line)
		if err != nil {
			return
		}
		if err := onrecord.CheckLine(line); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		out, err := e.AppendLine(nil)
		if errors.Is(err, onrecord.ErrLine) {
			return // a year that RFC 3339 can't write after the shift to UTC
		}
		if err != nil {
			t.Fatal(err)
		}
		again, err := onrecord.ParseEvent(out)
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if twice, err := again.AppendLine(nil); string(twice) != string(out) || err != nil {
			t.Fatalf("%s\n%s\n%v", out, twice, err)
		}
	})
}

func BenchmarkAppendLine(b *testing.B) {
	e := fullEvent(b)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = e.AppendLine(dst[:0])
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkParseEvent(b *testing.B) {
	line, err := fullEvent(b).AppendLine(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := onrecord.ParseEvent(line); err != nil {
			b.Fatal(err)
		}
	}
}

// What a key signs of an erasure is what stands in the line, without the note.
func TestErasureCanonical(t *testing.T) {
	e := erasedEvent(t)
	line, err := e.AppendLine(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(line), `"erasure":`)
	want, _, _ := strings.Cut(rest, `,"note":`)
	if got := string(e.Erasure.Canonical()); got != want+"}" || e.Erasure.Note == "" {
		t.Errorf("%s, want %s}", got, want)
	}
	if got := string(onrecord.Erasure{}.Canonical()); got != "{}" {
		t.Errorf("the empty one: %s", got)
	}
}
