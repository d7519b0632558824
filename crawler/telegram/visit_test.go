// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/fake"
	"onrecord/crawler/telegram"
)

// A tape is a recorder that keeps nothing.
type tape struct{ n int64 }

func (t *tape) Record(_ context.Context, x onrecord.Exchange) (onrecord.CaptureRef, error) {
	t.n++
	return onrecord.CaptureRef{Object: "captures/test.warc.gz", Offset: t.n, Length: 1, URL: x.URL, At: x.At, Status: x.Status}, nil
}

// TestLife visits a channel through everything that t.me may answer, and
// compares what the visits return with the golden. The clock is set forward an
// hour a visit; what waits, waits in its time.
func TestLife(t *testing.T) {
	p, err := fake.New(fixture(t, "life.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	now := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	client, err := crawler.NewClient(crawler.Options{
		Version: "test", ArchiveURL: "https://archive.example", Contact: "desk@archive.example",
		Now:   func() time.Time { return now },
		Sleep: func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil },
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, MinInterval: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	door, err := crawler.Elsewhere(telegram.New(telegram.Options{}), srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	job := crawler.Job{
		Source: "telegram", DoorID: "preview", Door: door, Recorder: &tape{},
		Target: crawler.Target{Platform: telegram.Platform, Handle: "janeoffice", URL: "https://t.me/s/janeoffice"},
	}
	var out bytes.Buffer
	for scene := range 14 {
		p.SetScene(scene)
		now = now.Add(48 * time.Hour)
		if scene == 2 {
			job.Looks, job.Canary = []onrecord.Ref{{NativeID: channel + "/6", ID: "6"}}, onrecord.Ref{NativeID: channel + "/2", ID: "2"}
		}
		res, err := client.Visit(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		job.State, job.Target.AccountID = res.State, channel
		tell(&out, scene, res, strings.TrimPrefix(srv.URL, "http://"))
	}
	golden(t, "testdata/life.golden", out.Bytes())
}

// tell writes what a visit returned, without what changes from run to run.
func tell(out *bytes.Buffer, scene int, res crawler.Result, host string) {
	fmt.Fprintf(out, "scene %d: %s, account %s %q, %d requests, cursor %s\n", scene, res.Outcome, res.Account.State, res.Account.ID, res.Requests, res.State.Cursor)
	for _, s := range res.Seen {
		fmt.Fprintf(out, "  %s %s %s\n", s.Kind, s.Outcome, s.Capture.URL[strings.Index(s.Capture.URL, host)+len(host):])
		if s.Account.ID != "" && s.Account.ID != channel {
			fmt.Fprintf(out, "    another channel: %s %s\n", s.Account.ID, s.Account.Name)
		}
		if !s.Range.IsZero() {
			fmt.Fprintf(out, "    range %+v\n", s.Range)
		}
		for _, o := range s.Items {
			fmt.Fprintf(out, "    %s %s %s %q %s %q\n", o.NativeID, o.State, o.Code, o.Content.Text, o.Content.Type, o.Aliases)
		}
	}
	for _, err := range res.Problems {
		text := err.Error()
		if i := strings.Index(text, "127.0.0.1"); i >= 0 {
			text = strings.ReplaceAll(text, host, "HOST")
		}
		fmt.Fprintf(out, "  problem: %s\n", text)
	}
}
