// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package fake plays platforms over net/http from scripts, for the
// demonstration and the tests: what an address answers first, next and ever
// after, how slowly, and where the connection breaks.
//
// A script is a txtar archive (golang.org/x/tools/txtar). Its comment is for
// people. Each file is one answer; its name is the request that it answers:
//
//	The feed of an invented ministry: an edit, then a deletion, then an outage.
//	-- robots.txt --
//	User-agent: *
//	Disallow: /private/
//	-- GET /feed.xml --
//	Content-Type: application/rss+xml
//	conditional
//
//	<rss version="2.0">… <link>{{base}}/news/1</link> …</rss>
//	-- GET /feed.xml --
//	status 503
//	Retry-After: 60
//	delay 200ms
//	-- GET /news/* --
//	scene 2
//	status 410
//
// # Requests
//
// A name is METHOD SP PATH. A path with a query matches that query only, one
// without matches any. A path that ends in "*" matches what begins with the
// rest. The longest match that is no pattern wins, then the longest pattern. A
// HEAD is answered by the script of the GET. "robots.txt" is short for "GET
// /robots.txt" with status 200 and text/plain; without it there is none (404).
// What is not in the script is 404.
//
// # Sequences and scenes
//
// Files of the same name are a sequence: each request takes the next answer,
// and the last one stays. An answer with "scene N" (0 if left out) begins a new
// sequence for its request when the platform's scene reaches N; scenes are set
// by SetScene. Sequences are in the order of their scenes.
//
// # Answers
//
// An answer is header lines and directives, an empty line, and the body
// without the line end before the next file. A header line is "Name: value". The directives:
//
//	status N       status of the answer, 200 if left out
//	delay D        wait so long before the answer, such as 50ms
//	cut N          break the connection after N bytes of the body
//	reset          reset the connection instead of an answer
//	conditional    add an ETag made of the body
//	gzip           compress the body, with Content-Encoding
//	repeat N       send the body N times over
//	scene N        see above
//	picture WxH bridge          the body is a PNG of that size: a bridge over a harbour, at sunrise
//	picture WxH chart N         the same: a chart of a price that ends at N %
//	sound SECONDS HERTZ         the body is a WAV: one tone
//
// A request whose If-None-Match names the answer's ETag, or, without one,
// whose If-Modified-Since is not before the answer's Last-Modified, is answered
// 304 without body. In the headers and the body, {{base}} is the platform's
// address as the client wrote it, such as http://127.0.0.1:40000, and {{host}} is its
// host and port.
package fake
