// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package website is the door "page": it reads the listing pages, articles and
// sitemaps of a website by selectors from the configuration.
package website
