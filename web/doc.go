// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package web is the public face of an archive: a website without scripts and
// a JSON API. It reads, and never writes.
//
// Both answer from the same small interfaces, declared here and satisfied by
// the catalog; web knows no driver, no bucket and no crawler. Every page and
// every statement object says that it comes from an archive, who runs it, and
// where the original is: no option removes that. The text of a statement is
// data from a stranger: it is shown as text, its HTML is never shown.
//
// Every sentence the site says is in texts/en.txt. New fails where a template
// asks for a text that is not there, where a text is asked for by nobody, and
// where the wording of the label leaves out the archive, the figure or the
// word for archive, so that none of these can be found out by a reader.
package web
