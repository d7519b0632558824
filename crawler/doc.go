// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package crawler visits sources: it holds the Door protocol, the visit loop
// and the one HTTP client through which all traffic goes. The client names
// itself honestly, obeys robots, rates and Retry-After, refuses private
// addresses at the socket, bounds size, ratio and time, and records every
// exchange before any parser sees it.
package crawler
