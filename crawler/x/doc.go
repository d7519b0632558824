// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package x reads files of posts on X (Twitter), as others made them: nothing
// of X is asked for.
//
// NewTwitter reads what X's programming interfaces and its site have answered
// (API v1.1 in its full and condensed forms, API v2, GraphQL), archives of an
// account as X hands them out, and tables with a column of ids.
// NewTheTrumpArchive reads the dumps of The Trump Archive: JSON or CSV, and
// its lists of ids that it found deleted. Files may be packed (gzip, zip,
// zstd), and are known by their content, not by their name. Shapes and their
// traps: platforms reference 1.1, 1.5, 1.7; docs/platforms/x.md.
//
// The native id of a post is its decimal status id, as text from end to end;
// of a chain of edits the first, the others are aliases. Times are UTC.
package x
