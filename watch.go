// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"net/url"
	"strings"
	"time"
	"unicode"
)

// A Day says in which hours of one UTC day a source was looked at: bit h is
// set where a look that the journal tells of lies in [h:00, h+1:00). A run
// joins visits at most an hour apart, so each hour between its first and its
// last visit holds one.
type Day struct {
	Date  time.Time // midnight UTC
	Hours uint32
}

// SourceDays is the coverage of a source by days, as far as the journal tells:
// a day that is not in Days was not looked at successfully.
type SourceDays struct {
	Source  string
	Figure  string
	Account AccountRef
	First   time.Time  // first look or beginning of the first gap; zero if there is none
	Last    time.Time  // end of the last look that is recorded
	Days    []Day      // oldest first
	Gaps    []Coverage // oldest first; those of one reason that touch the same days are told as one
}

// A DaysFilter narrows coverage by days. Empty fields ask nothing; Since and
// Until bound the days and the gaps that are told, not the sources. Of the
// sources that pass, by name, the first Limit after After are told.
type DaysFilter struct {
	Figure    string // slug
	Source    string
	Platform  string
	AccountID string // needs Platform
	Since     time.Time
	Until     time.Time
	After     string // a source
	Limit     int    // 0 for all
}

// A ChangeKind says what a list of changed statements holds.
type ChangeKind string

// The lists of changed statements.
const (
	ChangeDeleted  ChangeKind = "deleted"  // found deleted first-hand, and not back since
	ChangeReported ChangeKind = "reported" // said to be deleted by others; never seen here before
	ChangeEdited   ChangeKind = "edited"   // at least one edit was seen
)

// A ChangeFilter narrows a list of changed statements. Lists are alternatives;
// empty ones ask nothing.
type ChangeFilter struct {
	Kind      ChangeKind
	Figures   []string // slugs
	Platforms []string
	Cursor    string // from Changes.Next or Prev; empty for the newest
	Limit     int
}

// Changes is a page of changed statements, newest change first, by the time at
// which the change was found. Totals are exact, whatever the page.
type Changes struct {
	List      []Statement
	Total     int64
	Figures   []Facet // counted without the filter by figure
	Platforms []Facet // counted without the filter by platform
	Next      string
	Prev      string

	// Of the deletions that were asked for, whose publication is known to the
	// minute and that were not gone and back before: how many, and bounds of the median time online. The true
	// median lies between the median of the least and that of the most that
	// each can have been online.
	Timed       int64
	Least, Most time.Duration
}

// A Facet is a value that a list can be narrowed to, and how many there are.
type Facet struct {
	Value string
	Name  string // for people, where it has one
	Count int64
}

// Online returns the least and the most time that something published then,
// as its platform claims, was to be seen until it was gone. It is not ok where
// the claim is not exact to the minute, or the window says nothing of it.
func Online(published time.Time, p Precision, gone Window) (least, most time.Duration, ok bool) {
	exact := p == PrecisionSecond || p == PrecisionMinute
	if published.IsZero() || !exact || gone.By.IsZero() || gone.Disputed {
		return 0, 0, false
	}
	most = gone.By.Sub(published)
	if !gone.After.IsZero() {
		least = max(0, gone.After.Sub(published))
	}
	return least, most, most > 0
}

// A Handle is a name under which an account was observed.
type Handle struct {
	Handle string
	First  time.Time // observed first
	Last   time.Time // and last
}

// SameHandle compares handles as people do: without case and the first "@".
func SameHandle(a, b string) bool {
	return strings.EqualFold(strings.TrimPrefix(a, "@"), strings.TrimPrefix(b, "@"))
}

// AccountURL returns the address at which a platform shows an account, made
// from its handle, or of a website from its host. It is empty where the
// platform has none, or the handle is not enough.
func AccountURL(a AccountRef) string {
	handle := strings.TrimPrefix(a.Handle, "@")
	if a.Platform == "website" {
		return hostURL(firstOf(a.ID, handle))
	}
	if handle == "" {
		return ""
	}
	at := url.PathEscape(handle)
	switch a.Platform {
	case "x":
		return "https://x.com/" + at
	case "truthsocial":
		return "https://truthsocial.com/@" + at
	case "gab":
		return "https://gab.com/" + at
	case "telegram":
		return "https://t.me/" + at
	case "bluesky":
		return "https://bsky.app/profile/" + at
	case "mastodon":
		user, host, ok := strings.Cut(handle, "@")
		if at := hostURL(host); ok && at != "" {
			return at + "@" + url.PathEscape(user)
		}
	}
	return ""
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// hostURL is the address of a host; empty where the text is none.
func hostURL(host string) string {
	odd := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-:[]", r)
	}
	u, err := url.Parse("https://" + host + "/")
	if err != nil || host == "" || u.Host != host || strings.ContainsFunc(host, odd) {
		return ""
	}
	return u.String()
}

// Health is how the machine that serves an archive fares, its sources apart.
type Health struct {
	Spooled     int       // visits that wait in the spool for the record
	SpoolOldest time.Time // when the oldest of them began
	Kept        int       // visits that are recorded and kept in the spool until the store has confirmed them
	Ledger      int64     // size of the ledger in the bucket; -1 if that does not answer
	Signed      int64     // size that its checkpoint speaks for
	Applied     int64     // size that the catalog has applied
	Storage     string    // what the bucket is: "folder", "s3"
	Free, Size  int64     // bytes of the disk that the bucket is on; 0 where that is not known
	StorageDown string    // why the bucket does not answer; empty if it does
	Awaited     bool      // the bucket has not answered, or not passed its checks, since the process was started: it makes no visit
	Stopped     string    // why nothing is written any more until the process is started again; empty if it is
	Paused      string    // why no visit is begun until that has passed, as a full disk or spool does; empty if they are

	Lost []LostLines // lines that the record has lost, by ledger index

	Replicas  []ReplicaHealth // in the order of the configuration
	Witnesses []WitnessHealth // in the order of the configuration
}

// Missing counts the visits whose lines are lost and that nobody has given up:
// several runs of lines may be of one visit.
func Missing(list []LostLines) (n int) {
	seen := map[VisitID]bool{}
	for _, l := range list {
		if l.GivenUp < 0 && !seen[l.Visit] {
			seen[l.Visit] = true
			n++
		}
	}
	return n
}

// A WitnessHealth is how a witness of the ledger fares.
type WitnessHealth struct {
	Name    string
	Size    int64     // of the last checkpoint that it has cosigned; 0 for none
	At      time.Time // of that cosignature, by its clock
	Problem string    // why it has not cosigned a later one; empty if there is nothing
	Since   time.Time // when that began
}

// A ReplicaHealth is how a replica of the bucket fares.
type ReplicaHealth struct {
	Storage     string    // what it is in: "folder", "s3"
	Signed      int64     // size of the ledger that it has; -1 if that is not known
	SeenAt      time.Time // when that was read
	BehindSince time.Time // since when it has been behind; zero if it is not, or that is not known
	Missing     int       // visits of which it lacks objects, because the archive itself lacked them
	Damaged     bool      // something in it is not as it must be
	Trouble     string    // why it could not be brought up to date; empty if it could
}
