// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"regexp"
	"strings"

	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// objectKey is how an object of evidence is named in messages.
var objectKey = regexp.MustCompile(`(?:captures|media|journal)/[^ ,:;]+`)

// told is what err says to a person: each thing once. Errors name their kinds, for
// programs, behind what has happened, and objects at each step. Some of them repeat
// what a stranger has written, so nothing in it moves a terminal.
func told(err error) string { return plain(once(strings.TrimRight(err.Error(), "\n"))) }

// once is told of the text of an error.
func once(text string) string {
	text = strings.TrimPrefix(text, "follow: ")
	text = strings.ReplaceAll(text, "onrecord.json: open onrecord.json: ", "onrecord.json: ")
	sum := ": " + bucket.ErrSum.Error()
	if rest, ok := strings.CutSuffix(text, ": "+ledger.ErrTampered.Error()); ok && strings.HasSuffix(rest, sum) {
		text = rest
	}
	if rest, ok := strings.CutSuffix(text, sum); ok {
		// Behind the name of an object alone it is all that is said.
		if last := rest[strings.LastIndex(rest, ": ")+1:]; strings.ContainsRune(strings.TrimSpace(last), ' ') {
			text = rest
		}
	}
	if at := objectKey.FindStringIndex(text); at != nil {
		key := text[at[0]:at[1]]
		text = text[:at[1]] + strings.ReplaceAll(text[at[1]:], ": "+key+", ", ": ")
	}
	return text
}

// about is what a finding says of an object that has been named already.
func about(object, reason string) string {
	reason = strings.TrimPrefix(once(reason), "ledger: ")
	for _, again := range []string{object + ": ", "open " + object + ": "} {
		reason = strings.TrimPrefix(reason, again)
	}
	return strings.ReplaceAll(reason, " of "+object, "")
}
