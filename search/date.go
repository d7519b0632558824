// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package search

import (
	"strconv"
	"strings"
	"time"
)

// The years that a date may name: what the order of statements can express.
const (
	minYear = 1900
	maxYear = 2169
)

// zonedForms carry their own zone; the others are read in the reader's.
var zonedForms = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04Z07:00",
	"2006-01-02_15:04:05_UTC",
	"2006-01-02_15:04_UTC",
	"2006-01-02_UTC",
}

var localForms = []string{
	"2006",
	"2006-01",
	"2006-01-02",
	"2006-01-02T15:04",
	"2006-01-02T15:04:05",
	"2006-01-02_15:04:05",
	"2006-01-02_15:04",
}

// ParseDate reads a date as since: and until: take it: a year, month or day,
// which means its first instant in zone, a time with or without a zone of its
// own, or Unix seconds of five digits and more. The result is in UTC. ok is
// false for anything else, and outside the years 1900 to 2169.
func ParseDate(s string, zone *time.Location) (t time.Time, ok bool) {
	if len(s) >= 5 && len(s) <= 11 && strings.Trim(s, "0123456789") == "" {
		n, err := strconv.ParseInt(s, 10, 64)
		return inRange(time.Unix(n, 0), err)
	}
	for _, f := range zonedForms {
		if t, err := time.Parse(f, s); err == nil {
			return inRange(t, nil)
		}
	}
	for _, f := range localForms {
		if t, err := time.ParseInLocation(f, s, zone); err == nil {
			return inRange(t, nil)
		}
	}
	return time.Time{}, false
}

func inRange(t time.Time, err error) (time.Time, bool) {
	t = t.UTC()
	if err != nil || t.Year() < minYear || t.Year() > maxYear {
		return time.Time{}, false
	}
	return t, true
}
