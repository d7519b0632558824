// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package crawler visits sources: it holds the Door protocol, the visit loop
// and the one HTTP client through which all traffic goes.
//
// # The client
//
// [Client] names itself honestly and obeys robots.txt (RFC 9309). It connects
// to the public internet on ports 80 and 443 only, decided on the address of
// the socket; proxies of the environment are not used. There is one exchange
// with a host and port at a time, at the slowest of the configured interval,
// the door's floor and the host's crawl-delay, and at most so many an hour.
// What a host asks for by Retry-After or rate limit headers binds every source
// that is visited there, for at most a day; a bot check does so for a day.
// It does not pass itself off as a browser, keeps no cookies and solves no
// checks.
//
// Payloads are bounded in bytes sent, bytes decoded, the ratio of the two,
// time and rate. What exceeds a bound is recorded as far as it came, marked as
// truncated, and never parsed.
//
// # The record
//
// Every exchange goes to a [Recorder] before a door sees the answer: requests
// without secrets, answers without the values of cookies, payloads as sent.
// So do the exchanges that failed, those for robots.txt, and the decisions not
// to send a request. The client speaks HTTP/1.1 only. Heads are recorded with
// their names in canonical spelling and sorted, not byte by byte.
//
// # The visit
//
// [Client.Visit] makes the requests that a [Door] asks for and judges the
// answers that are not for a door to read: 304, 429, 5xx, bot checks, and what
// was cut. [Replay] is the same loop over a record. It returns what the visit
// returned, because the loop looks at nothing that is not recorded: its time
// is that of the exchanges, its jitter comes from the visit's own name.
package crawler
