// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package website is the door "page": it reads the listing pages, articles and
// sitemaps of a website (docs/platforms/website.md).
//
// A visit begins with a listing of the newest items, or with a sitemap, and goes
// on to the page of each item that is not known. What stands where on them is
// told by selectors; for all but the items of a listing there are defaults.
//
// A listing has no complete ranges: an item that is no longer listed is not
// deleted. It is gone when its own address says so (404, 410). A page whose
// structure is not the expected one is crawler.ErrDrift, which says what was
// looked for; nothing is guessed.
package website
