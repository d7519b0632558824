// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x

import (
	"strconv"
	"strings"
	"time"

	"onrecord"
)

// epoch is where the clock of status ids begins, in milliseconds.
const epoch = 1288834974657

// firstSnowflake is the least status id that carries its time: those before
// November 2010 are sequence numbers (platforms reference 1.1).
const firstSnowflake = 30_000_000_000

// idTime returns the time that a status id carries, UTC, in milliseconds; zero
// where it carries none.
func idTime(id string) time.Time {
	n, err := strconv.ParseUint(id, 10, 63)
	if err != nil || n < firstSnowflake {
		return time.Time{}
	}
	return time.UnixMilli(int64(n>>22) + epoch).UTC()
}

// isID reports whether s can be the id of a status or a user.
func isID(s string) bool {
	if s == "" || len(s) > 19 || s[0] == '0' {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) < 19 || s <= "9223372036854775807"
}

// layouts of claimed times: API v1.1's, the oldest archives', The Trump
// Archive's (in UTC, though it does not say so), ISO 8601's.
var layouts = []struct {
	layout    string
	zone      bool
	precision onrecord.Precision
}{
	{"Mon Jan 02 15:04:05 -0700 2006", true, onrecord.PrecisionSecond},
	{"2006-01-02T15:04:05Z07:00", true, onrecord.PrecisionSecond},
	{"2006-01-02 15:04:05", false, onrecord.PrecisionSecond},
	{"2006-01-02 15:04:05 -0700", true, onrecord.PrecisionSecond},
	{"2006-01-02 15:04:05Z07:00", true, onrecord.PrecisionSecond},
	{"2006-01-02T15:04:05", false, onrecord.PrecisionSecond},
	{"2006-01-02 15:04", false, onrecord.PrecisionMinute},
	{"2006-01-02T15:04", false, onrecord.PrecisionMinute},
	{"01-02-2006 15:04:05", false, onrecord.PrecisionSecond}, // condensed tables
	{"2006-01-02", false, onrecord.PrecisionDay},
}

// published returns the instant that a claim means, for the status with this
// id. A claim without zone is of the given one, and of UTC where that is nil,
// but where it differs from the time that the
// id carries by quarters of an hour: then it is the time of an unknown zone,
// and the id's counts. Without a claim, too, the id's counts.
func published(claim, id string, zone *time.Location) (time.Time, onrecord.Precision) {
	byID := idTime(id).Truncate(time.Millisecond)
	if zone == nil {
		zone = time.UTC
	}
	for _, l := range layouts {
		at, err := time.ParseInLocation(l.layout, claim, zone)
		if err != nil || at.Year() < 2006 {
			continue
		}
		at = at.UTC().Truncate(time.Microsecond)
		if strings.HasSuffix(claim, "00:00:00 +0000") && byID.IsZero() {
			return at, onrecord.PrecisionDay // archives of 2010 have lost the time of day
		}
		if !l.zone && l.precision == onrecord.PrecisionSecond && !byID.IsZero() && otherZone(at, byID) {
			return byID, onrecord.PrecisionSecond
		}
		return at, l.precision
	}
	if byID.IsZero() {
		return time.Time{}, ""
	}
	return byID, onrecord.PrecisionSecond
}

// otherZone reports whether a is b in the clock of another zone.
func otherZone(a, b time.Time) bool {
	d := a.Sub(b).Abs()
	off := d.Round(15 * time.Minute)
	return off > 0 && off <= 14*time.Hour && (d-off).Abs() <= 2*time.Second
}

// millis returns a count of milliseconds since 1970 as a date; s where it is none.
func millis(s string) string {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n > 1<<43 {
		return s
	}
	return time.UnixMilli(n).UTC().Format("2006-01-02T15:04:05.000Z")
}
