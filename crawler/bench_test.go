// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gocolly/colly/v2"

	"onrecord"
	"onrecord/crawler"
)

// discard records nothing, so that what is measured is the client.
type discard struct{}

func (discard) Record(_ context.Context, x onrecord.Exchange) (onrecord.CaptureRef, error) {
	return onrecord.CaptureRef{URL: x.URL, At: x.At, Status: x.Status}, nil
}

// canned serves the same answer to every request, at as little cost as can be,
// since it runs in the process that is measured. robots.txt is another.
func canned(b *testing.B, contentType, body string) (base string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var conns sync.WaitGroup
	b.Cleanup(func() {
		_ = l.Close()
		conns.Wait()
	})
	answer := []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", contentType, len(body), body))
	none := []byte("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for {
					out := answer
					for {
						line, err := r.ReadSlice('\n')
						if err != nil {
							return
						}
						if strings.HasPrefix(string(line), "GET /robots.txt ") {
							out = none
						}
						if len(line) == 2 {
							break
						}
					}
					if _, err := c.Write(out); err != nil {
						return
					}
				}
			})
		}
	})
	return "http://" + l.Addr().String()
}

// cpu returns the CPU time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// forty is a page of 40 statements, about 12 KB.
func forty() listing {
	l := listing{Account: "42", Cursor: "40"}
	for i := range 40 {
		l.IDs = append(l.IDs, fmt.Sprintf("%d %s", i, strings.Repeat("said the Ministry of Examples ", 9)))
	}
	return l
}

// A quiet visit of 40 statements: request, record, read, next state.
func BenchmarkVisit40(b *testing.B) {
	page, err := json.Marshal(forty())
	if err != nil {
		b.Fatal(err)
	}
	base := canned(b, "application/json", string(page))
	c := newClient(b, newClock(), func(o *crawler.Options) { o.MinInterval = 1 })
	j := crawler.Job{Source: "s", DoorID: "api", Door: jsonDoor{base: base}, Target: crawler.Target{AccountID: "42"}, Recorder: discard{}}
	b.ReportAllocs()
	start := cpu()
	for b.Loop() {
		r, err := c.Visit(b.Context(), j)
		if err != nil || r.Outcome != onrecord.OutcomeOK || len(r.Seen[0].Items) != 40 {
			b.Fatal(err, r.Outcome)
		}
		j.State = r.State
	}
	b.ReportMetric(float64(cpu()-start)/float64(b.N)/1e3, "cpu-µs/op")
}

// The client against plain colly with the same handler, a visit of 50 pages
// each: cpu-µs/req is the column to compare.
func BenchmarkCrawl(b *testing.B) {
	small, err := json.Marshal(forty())
	if err != nil {
		b.Fatal(err)
	}
	html := "<!doctype html><html><head><title>Press</title></head><body>" + strings.Repeat("<p>said the <b>Ministry</b> of Examples</p>\n", 1400)
	for _, tc := range []struct{ name, ct, body string }{
		{"json=12KB", "application/json", string(small)},
		{"html=60KB", "text/html; charset=utf-8", html},
	} {
		base := canned(b, tc.ct, tc.body)
		var reqs []crawler.Request
		for i := range 50 {
			reqs = append(reqs, crawler.Request{URL: fmt.Sprintf("%s/p/%d", base, i), Kind: "page"})
		}
		door := jsonDoor{first: reqs}
		read := func(c crawler.Capture) {
			if tc.ct == "application/json" {
				if _, err := door.Read(crawler.Target{}, c); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.Run(tc.name+"/onrecord", func(b *testing.B) {
			c := newClient(b, newClock(), func(o *crawler.Options) { o.MinInterval = 1 })
			j := crawler.Job{Door: readDoor{door, read}, Target: crawler.Target{AccountID: "42"}, Recorder: discard{}, Budget: crawler.Budget{Bytes: 1 << 40}}
			measure(b, len(reqs), func() {
				r, err := c.Visit(b.Context(), j)
				if err != nil || r.Requests != len(reqs) || r.Outcome != onrecord.OutcomeOK {
					b.Fatal(err, r.Requests, r.Outcome, r.Problems)
				}
			})
		})
		b.Run(tc.name+"/colly", func(b *testing.B) {
			col := colly.NewCollector(colly.AllowURLRevisit(), colly.MaxBodySize(0))
			col.OnResponse(func(r *colly.Response) {
				read(crawler.Capture{URL: r.Request.URL.String(), Status: r.StatusCode, Header: *r.Headers, Body: r.Body})
			})
			measure(b, len(reqs), func() {
				for _, r := range reqs {
					if err := col.Visit(r.URL); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// measure runs f and reports the CPU time of one of its n requests.
func measure(b *testing.B, n int, f func()) {
	b.ReportAllocs()
	start := cpu()
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(cpu()-start)/float64(b.N*n)/1e3, "cpu-µs/req")
}

// A readDoor reads with a function and shows nothing.
type readDoor struct {
	jsonDoor
	read func(crawler.Capture)
}

func (d readDoor) Read(_ crawler.Target, c crawler.Capture) (crawler.Page, error) {
	d.read(c)
	return crawler.Page{}, nil
}
