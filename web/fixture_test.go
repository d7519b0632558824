// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"onrecord"
)

// now is when every page of the tests is asked for.
var now = time.Date(2026, 8, 6, 9, 30, 0, 0, time.UTC)

func clock() time.Time { return now }

func day(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", s)
	if err != nil {
		panic(err)
	}
	return t
}

var (
	jane     = onrecord.FigureRef{Slug: "jane-example", Name: "Jane Example"}
	jean     = onrecord.FigureRef{Slug: "jean-dupont", Name: "Jean Dupont"}
	ministry = onrecord.FigureRef{Slug: "ministry-of-examples", Name: "Ministry of Examples"}
)

// names of the statements that tests ask for.
const (
	idLive     onrecord.StatementID = "0000000000000001"
	idEdited   onrecord.StatementID = "0000000000000002"
	idDeleted  onrecord.StatementID = "9k3v0q7mzc2xw4ta" // the example of the API's description
	idGone     onrecord.StatementID = "0000000000000004"
	idOffline  onrecord.StatementID = "0000000000000005"
	idRestored onrecord.StatementID = "0000000000000006"
	idUnsure   onrecord.StatementID = "0000000000000007"
	idReported onrecord.StatementID = "0000000000000008"
	idDisputed onrecord.StatementID = "0000000000000009"
	idFrench   onrecord.StatementID = "000000000000000a"
	idArabic   onrecord.StatementID = "000000000000000b"
	idHostile  onrecord.StatementID = "000000000000000c"
	idWithheld onrecord.StatementID = "000000000000000d"
	idMeta     onrecord.StatementID = "000000000000000e"
	idPoll     onrecord.StatementID = "000000000000000f"
)

// longHandle is a handle as long as platforms allow, without a place to break it.
var longHandle = strings.Repeat("longhandle", 8) + "@social.example"

const secretText = "the words that were withheld"

// hostile is what a stranger would put into every field.
const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>'--></title></textarea>{{.}}` + "\u202e"

// build makes the archive of the tests.
func build() *memory {
	m := &memory{
		statements: map[onrecord.StatementID]onrecord.Statement{}, versions: map[onrecord.StatementID][]onrecord.Version{}, records: map[string][]byte{},
	}
	m.changed()
	m.gone()
	m.others()
	m.hostile()
	m.ordinary()
	m.people()
	m.sources()
	m.watched()
	slices.SortFunc(m.events, func(a, b onrecord.Event) int { return cmp.Compare(a.Index, b.Index) })
	return m
}

// add files a statement with a wording for each text, each seen once.
func (m *memory) add(st onrecord.Statement, platform string, contents ...onrecord.Content) {
	st.Platform = platform
	st.Account = onrecord.AccountRef{Platform: platform, ID: "1077" + string(st.ID[15:]), Handle: "@" + st.Figure.Slug + "@social.example"}
	if platform == "website" {
		st.Account.Handle = strings.TrimSuffix(st.Figure.Slug, "-of-examples") + ".example"
		if st.URL == "" {
			st.URL = "https://" + st.Account.Handle + "/" + string(st.ID)
		}
	}
	if st.AccountState == "" {
		st.AccountState = onrecord.AccountLive
	}
	if st.NativeID == "" {
		st.NativeID = "https://social.example/statuses/" + string(st.ID)
	}
	if st.URL == "" {
		st.URL = "https://social.example/@" + st.Figure.Slug + "/" + string(st.ID)
	}
	if st.Type == "" {
		st.Type = "post"
	}
	if st.Provenance == "" {
		st.Provenance = onrecord.Captured
	}
	if st.Precision == "" && !st.PublishedAt.IsZero() {
		st.Precision = onrecord.PrecisionSecond
	}
	if st.State == "" {
		st.State = onrecord.StateLive
	}
	if st.FirstSeen.IsZero() {
		st.FirstSeen = st.PublishedAt.Add(2*time.Minute + 19*time.Second)
	}
	if st.LastSeen.IsZero() && st.Provenance == onrecord.Captured {
		st.LastSeen = now.Add(-12 * time.Minute)
	}
	st.Date = st.PublishedAt
	if st.Date.IsZero() {
		st.Date = st.FirstSeen
	}
	index := int64(100 * (len(m.statements) + 1))
	st.LogIndex, st.LastIndex = index, index+int64(len(contents))
	for i, c := range contents {
		m.wording(&st, i, index+int64(i), c)
	}
	m.statements[st.ID] = st
}

func (m *memory) wording(st *onrecord.Statement, i int, index int64, c onrecord.Content) {
	c.Type, c.Lang = st.Type, st.Lang
	sum := sha256.Sum256([]byte(c.Title + "\n" + c.Text + "\n" + c.Spoiler + spelled(c.Media)))
	digest := hex.EncodeToString(sum[:])
	v := onrecord.Version{ID: onrecord.VersionID(digest[:12]), SHA256: digest, Content: c, FirstSeen: st.FirstSeen, LastSeen: st.LastSeen, Doors: []string{"masto/api"}, LogIndex: index}
	kind := onrecord.StatementCreated
	if i > 0 {
		kind = onrecord.StatementEdited
		v.Window, v.FirstSeen = st.EditWindow, st.EditWindow.By
		before := &m.versions[st.ID][i-1]
		before.LastSeen = st.EditWindow.After
	}
	for _, one := range c.Media {
		v.Media = append(v.Media, attachmentOf(one))
	}
	st.Media = v.Media
	m.versions[st.ID] = append(m.versions[st.ID], v)
	st.Version, st.SHA256, st.Content, st.Versions, st.Edited = v.ID, digest, c, i+1, i > 0
	st.Captures = i + 1
	m.event(*st, kind, index, v.FirstSeen, v.Window)
}

// event records an event of st with one capture.
func (m *memory) event(st onrecord.Statement, kind onrecord.EventType, index int64, when time.Time, win onrecord.Window) {
	record := []byte(fmt.Sprintf("WARC/1.1\r\nWARC-Type: response\r\n\r\n%s %d\r\n\r\n", st.ID, index))
	sum := sha256.Sum256(record)
	digest := hex.EncodeToString(sum[:])
	m.records[digest] = record
	m.events = append(m.events, onrecord.Event{
		Type: kind, At: when, After: win.After, By: win.By, Disputed: win.Disputed, Figure: st.Figure.Slug, Source: "masto", Account: st.Account,
		Statement: st.ID, NativeID: st.NativeID, Version: st.Version, Grade: st.Grade, Provenance: st.Provenance, Index: index, Visit: onrecord.VisitID{},
		Captures: []onrecord.CaptureRef{{
			Object: "captures/" + when.Format("2006/01/02") + "/01j" + string(st.ID) + ".warc.gz", Offset: 18432 + index, Length: int64(len(record)),
			SHA256: digest, URL: "https://social.example/api/v1/accounts/1077/statuses?limit=40", At: when, Status: 200,
		}},
	})
}

// changed are statements that were edited, and one that was not.
func (m *memory) changed() {
	m.add(onrecord.Statement{ID: idLive, Figure: jane, Lang: "en", PublishedAt: day("2026-08-06 07:12:09"), Engagement: map[string]int64{"likes": 1204, "reposts": 88, "replies": 31}, EngagementAt: now.Add(-12 * time.Minute)}, "mastodon",
		onrecord.Content{Text: "The public budget is not a secret. Tomorrow we will publish every line of it, with the names of those who signed.\n\nRead the draft: https://ministry.example/budget/2027, and tell us what is missing.", Links: []string{"https://ministry.example/budget/2027"}})
	m.add(onrecord.Statement{
		ID: idEdited, Figure: jane, Lang: "en", PublishedAt: day("2026-08-04 22:52:51"),
		EditWindow: onrecord.Window{After: day("2026-08-04 23:00:12"), By: day("2026-08-04 23:10:02")},
	}, "mastodon",
		onrecord.Content{Text: "We will impose a 25% tariff on imported umbrellas, beginning on Monday. The rain is ours."},
		onrecord.Content{Text: "We will impose a 50% tariff on imported umbrellas, beginning on Friday. The rain is ours, and so is the profit."})
	m.add(onrecord.Statement{
		ID: idMeta, Figure: ministry, Lang: "en", PublishedAt: day("2026-07-30 10:00:00"), Type: "article",
		EditWindow: onrecord.Window{After: day("2026-07-30 12:00:00"), By: day("2026-07-30 12:05:00")},
	}, "website",
		onrecord.Content{Title: "Notice on the examination of examples", Text: "The examination takes place on the first Tuesday of each month.", Media: []onrecord.Media{{ID: "media-1", Alt: "A room"}}},
		onrecord.Content{Title: "Notice on the examination of examples", Text: "The examination takes place on the first Tuesday of each month.", Media: []onrecord.Media{{ID: "media-1", Alt: "An empty room with forty chairs"}}})
}

// gone are statements that are not, or perhaps not, at their source.
func (m *memory) gone() {
	m.add(onrecord.Statement{
		ID: idDeleted, Figure: jane, Lang: "en", PublishedAt: day("2026-08-04 22:53:00"), State: onrecord.StateDeleted, Grade: onrecord.GradeD2, Type: "reply",
		StateWindow: onrecord.Window{After: day("2026-08-05 03:10:02"), By: day("2026-08-05 03:25:04")}, LastSeen: day("2026-08-05 03:10:02"), FirstGone: day("2026-08-05 03:25:04"), GoneChecks: 3, ReplyTo: idLive,
	}, "mastodon", onrecord.Content{Text: "I never said that umbrellas would be free. Whoever says so has not listened, and I have the recording to prove it."})
	st := m.statements[idDeleted]
	m.event(st, onrecord.StatementDeleted, st.LogIndex+7, day("2026-08-05 03:40:00"), st.StateWindow)
	m.add(onrecord.Statement{
		ID: idGone, Figure: jean, Lang: "en", PublishedAt: day("2026-01-08 20:41:00"), State: onrecord.StateGoneWithAccount, AccountState: onrecord.AccountSuspended,
		StateWindow: onrecord.Window{After: day("2026-01-08 23:12:00"), By: day("2026-01-08 23:27:00")}, LastSeen: day("2026-01-08 23:12:00"),
	}, "x", onrecord.Content{Text: "Nobody can close this account. Nobody."})
	m.add(onrecord.Statement{
		ID: idOffline, Figure: jean, Lang: "en", PublishedAt: day("2026-01-10 12:00:00"), State: onrecord.StatePlatformOffline,
		StateWindow: onrecord.Window{After: day("2026-01-11 07:45:00"), By: day("2026-01-11 08:00:00")}, LastSeen: day("2026-01-11 07:45:00"),
	}, "gab", onrecord.Content{Text: "From now on you will find me here only."})
	m.add(onrecord.Statement{
		ID: idRestored, Figure: ministry, Lang: "en", PublishedAt: day("2026-06-01 08:00:00"), State: onrecord.StateRestored, Type: "article",
		StateWindow: onrecord.Window{After: day("2026-06-03 08:00:00"), By: day("2026-06-03 08:05:00")},
	}, "website", onrecord.Content{Title: "Figures of the second quarter", Text: "All figures are given in examples."})
	m.add(onrecord.Statement{
		ID: idUnsure, Figure: ministry, Lang: "en", PublishedAt: day("2026-08-01 16:20:00"), State: onrecord.StateUnconfirmed, LastSeen: day("2026-08-05 18:02:00"),
		StateWindow: onrecord.Window{After: day("2026-08-05 18:02:00"), By: day("2026-08-05 18:17:00")},
	}, "telegram", onrecord.Content{Text: "The hotline is closed on Thursday."})
}

// importSum is the digest of the collection that was imported.
const importSum = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"

// others came here otherwise, or are of another kind.
func (m *memory) others() {
	m.add(onrecord.Statement{
		ID: idReported, Figure: jane, Lang: "en", PublishedAt: day("2021-01-06 19:38:00"), State: onrecord.StateDeleted, Grade: onrecord.GradeD0, Provenance: onrecord.Imported, Reported: "the Example Collection",
		StateWindow: onrecord.Window{After: day("2021-01-06 19:38:00"), By: day("2021-01-08 00:00:00")}, FirstSeen: day("2026-03-01 00:00:00"),
	}, "x", onrecord.Content{Text: "Please hold the umbrellas peacefully."})
	for i := range m.events {
		if m.events[i].Statement == idReported {
			m.events[i].Captures[0].URL, m.events[i].Captures[0].Status = "urn:onrecord:import:"+importSum+"/example%20collection.json", 0
		}
	}
	m.add(onrecord.Statement{
		ID: idDisputed, Figure: jane, Lang: "en", PublishedAt: day("2026-05-05 10:00:00"), State: onrecord.StateDeleted, Grade: onrecord.GradeD3, GoneChecks: 4,
		StateWindow: onrecord.Window{After: day("2026-05-06 10:00:00"), By: day("2026-05-06 10:00:40"), Disputed: true}, LastSeen: day("2026-05-06 10:00:00"), FirstGone: day("2026-05-06 10:00:40"),
	}, "mastodon", onrecord.Content{Text: "A clock that stands still is right twice a day."})
	m.add(onrecord.Statement{ID: idFrench, Figure: jean, Lang: "fr", PublishedAt: day("2026-08-03 00:00:00"), Precision: onrecord.PrecisionDay, Type: "article"}, "website",
		onrecord.Content{Title: "L’été des parapluies", Text: "Il a plu tout l’été ; nous n’avons rien promis, « pas même le soleil ».\n\nLe ministère répondra : oui !"})
	m.add(onrecord.Statement{ID: idArabic, Figure: ministry, Lang: "ar", PublishedAt: day("2026-08-02 09:15:00")}, "telegram",
		onrecord.Content{Text: "ستنشر الوزارة الميزانية كاملة يوم الاثنين. اقرأ المسودة: https://ministry.example/ar"})
	m.add(onrecord.Statement{ID: idWithheld, Figure: jane, Lang: "en", PublishedAt: day("2026-08-01 10:00:00"), State: onrecord.StateWithheld, Decision: &onrecord.Decision{
		Takedown: onrecord.Takedown{Case: "T-2026-014", Ground: onrecord.GroundPolicy, Reason: "personal data of a third party", Decided: day("2026-08-06 09:00:00")},
		Type:     onrecord.StatementWithheld, Index: 48000, Entry: 47930,
	}}, "mastodon",
		onrecord.Content{Text: secretText})
	m.events = append(m.events, onrecord.Event{Type: onrecord.StatementWithheld, At: now, Figure: jane.Slug, Statement: idWithheld, Reason: "personal data of a third party", Index: 48000, Prev: -1})
	m.add(onrecord.Statement{ID: idPoll, Figure: jean, Lang: "en", PublishedAt: day("2026-07-28 18:00:00"), QuoteOf: idLive}, "bluesky",
		onrecord.Content{Text: "Which umbrella?", Spoiler: "Rain", Poll: []string{"The black one", "The other black one"}, Categories: []string{"weather", "trade"}, Media: []onrecord.Media{{ID: "m1", Alt: "Two black umbrellas"}, {ID: "m2"}}})
}

// hostile has an attack in every field that comes from elsewhere.
func (m *memory) hostile() {
	st := onrecord.Statement{
		ID: idHostile, Figure: onrecord.FigureRef{Slug: "jean-dupont", Name: "Jean Dupont" + hostile}, Lang: hostile, PublishedAt: day("2026-02-02 02:02:02"), NativeID: hostile,
		URL: "javascript:alert(3)", Reported: hostile, State: onrecord.StateDeleted, Grade: onrecord.GradeD0,
		StateWindow: onrecord.Window{After: day("2026-02-02 03:00:00"), By: day("2026-02-02 03:10:00")},
		EditWindow:  onrecord.Window{After: day("2026-02-02 02:10:00"), By: day("2026-02-02 02:20:00")},
	}
	c := onrecord.Content{
		Title: hostile, Text: hostile + " http://evil.example/\"onmouseover=alert(4) https://user:pass@evil.example/ javascript:alert(5)", Spoiler: hostile,
		Links: []string{"javascript:alert(6)", "data:text/html,<script>alert(7)</script>", "https://evil.example/\"><script>"}, Categories: []string{hostile}, Poll: []string{hostile},
		Media: []onrecord.Media{{ID: "javascript:alert(8)" + hostile, Alt: hostile}}, HTML: "<script>alert(9)</script>",
	}
	later := c
	later.Text += " " + hostile
	m.add(st, "mastodon", c, later)
	done := m.statements[idHostile]
	done.Account.Handle = hostile
	m.statements[idHostile] = done
	for i := range m.events {
		if m.events[i].Statement == idHostile {
			m.events[i].Captures[0].URL = "javascript:alert(10)" + hostile
			m.events[i].Account.Handle = hostile
		}
	}
}

// ordinary fills the pages.
func (m *memory) ordinary() {
	said := []string{
		"Good morning. The bridge is open again.",
		"I have read the report. I have also read the last page, which others have not.",
		"Thank you to the forty thousand who wrote to us about the umbrellas. We answer each letter.",
		"No comment on the weather.",
		"The minister will take questions at noon, in the yard if it stays dry.",
		"It is not a tax. It is a contribution to the common roof.",
	}
	for i := range 30 {
		figure := []onrecord.FigureRef{jane, jean, ministry}[i%3]
		m.add(onrecord.Statement{ID: onrecord.StatementID(fmt.Sprintf("00000000000001%02d", i)), Figure: figure, Lang: "en", PublishedAt: day("2026-07-29 12:00:00").Add(-time.Duration(i) * 31 * time.Hour)},
			[]string{"mastodon", "bluesky", "telegram"}[i%3], onrecord.Content{Text: said[i%len(said)]})
	}
}

func (m *memory) people() {
	account := func(platform, handle string, state onrecord.AccountState, n int64) onrecord.Account {
		return onrecord.Account{
			AccountRef: onrecord.AccountRef{Platform: platform, ID: "1077" + platform, Handle: handle}, URL: "https://" + platform + ".example/" + handle, State: state, Statements: n,
			Since: day("2026-01-02 08:00:00"), LastLooked: now.Add(-4 * time.Minute),
		}
	}
	banned := account("x", "jeandupont", onrecord.AccountSuspended, 12481)
	banned.Window, banned.Code = onrecord.Window{After: day("2026-01-08 23:12:00"), By: day("2026-01-08 23:27:00")}, "Account suspended"
	long := account("mastodon", longHandle, onrecord.AccountSuspended, 0)
	long.ID, long.Window = "1077long", onrecord.Window{After: day("2026-01-08 23:12:00"), By: day("2026-01-08 23:27:00")}
	m.figures = []onrecord.Figure{
		{FigureRef: jane, Statements: 16, LastCapture: now.Add(-4 * time.Minute), Accounts: []onrecord.Account{account("mastodon", "@jane@social.example", onrecord.AccountLive, 15), account("x", "janeexample", "", 1)}},
		{FigureRef: jean, Statements: 15, LastCapture: now.Add(-50 * time.Minute), Accounts: []onrecord.Account{account("bluesky", "jean.example", onrecord.AccountLive, 12), account("gab", "jean", onrecord.AccountLive, 1), banned}},
		{FigureRef: ministry, Statements: 14, LastCapture: now.Add(-26 * time.Hour), Accounts: []onrecord.Account{account("telegram", "examples", onrecord.AccountLive, 11), account("website", "ministry.example", onrecord.AccountLive, 3), long}},
	}
}

func (m *memory) sources() {
	m.coverage = []onrecord.Coverage{
		{Source: "masto", Figure: "jane-example", Door: "api", From: day("2026-01-02 08:00:00"), Until: now, Status: "captured", Visits: 148211, Index: 900},
		{Source: "press", Figure: "ministry-of-examples", Door: "feed", From: day("2026-01-02 08:00:00"), Until: now, Status: "captured", Visits: 60012, Index: 901},
		{Source: "telegram", Figure: "ministry-of-examples", From: day("2026-07-21 04:00:00"), Until: day("2026-07-23 10:30:00"), Status: "gap", Reason: "blocked", Index: 902},
		{Source: "telegram", Figure: "ministry-of-examples", From: day("2026-08-06 06:30:00"), Status: "gap", Reason: "outage", Index: -1},
	}
	source := func(id, figure, platform string, outcome onrecord.Outcome, ago time.Duration) onrecord.SourceStatus {
		return onrecord.SourceStatus{
			Source: id, Figure: figure, Platform: platform, Account: onrecord.AccountRef{Platform: platform, Handle: "@" + figure}, Schedule: "@every 2m",
			LastVisit: now.Add(-time.Minute), LastGood: now.Add(-ago), Outcome: outcome, Next: now.Add(time.Minute), Statements: 14,
		}
	}
	telegram := source("telegram", "ministry-of-examples", "telegram", onrecord.OutcomeOutage, 3*time.Hour)
	telegram.Doors = []onrecord.DoorStatus{
		{ID: "preview", Kind: "preview", Host: "t.me:443", Outcome: onrecord.OutcomeOutage, Fails: 6, RetryAt: now.Add(9 * time.Minute), LastGood: now.Add(-3 * time.Hour), Sees: onrecord.Capabilities{OwnAddress: true, AccountStates: true}},
	}
	telegram.OpenGaps = []onrecord.Gap{{Reason: "outage", Open: true, Since: day("2026-08-06 06:30:00")}}
	frozen := source("sky", "jean-dupont", "bluesky", onrecord.OutcomeOK, time.Minute)
	frozen.Frozen, frozen.FrozenAt = "14 of 40 statements were absent at once", now.Add(-2*time.Hour)
	frozen.IdentityChanged = true
	imports := source("tweets", "jean-dupont", "x", "", 0)
	imports.Schedule, imports.LastVisit, imports.LastGood, imports.Next = "", time.Time{}, time.Time{}, time.Time{}
	press := source("press", "ministry-of-examples", "website", onrecord.OutcomeOK, 4*time.Minute)
	press.Account.Handle = "ministry.example"
	press.Paused, press.PausedNote = now.Add(-30*time.Minute), "the ministry is moving its website"
	press.Doors = []onrecord.DoorStatus{{ID: "feed", Kind: "feed", Host: "ministry.example:443", Outcome: onrecord.OutcomeOK, Sees: onrecord.Capabilities{OwnAddress: true}}, {ID: "page", Kind: "page", Host: "ministry.example:443"}}
	press.OpenRuns = []onrecord.Coverage{{Source: "press", Door: "feed", From: now.Add(-40 * time.Minute), Until: now.Add(-4 * time.Minute), Visits: 8, Status: "captured", Index: -1}}
	m.status = []onrecord.SourceStatus{source("masto", "jane-example", "mastodon", onrecord.OutcomeOK, time.Minute), press, telegram, frozen, imports}
}
