// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import "time"

type apiFacet struct {
	Value    string  `json:"value"`
	Label    *string `json:"label"`
	Count    int64   `json:"count" doc:"Without the filter of its own group"`
	Selected bool    `json:"selected"`
}

type apiFacets struct {
	Figure   []apiFacet `json:"figure" nullable:"false"`
	Platform []apiFacet `json:"platform" nullable:"false"`
}

// apiMedian bounds the median time online of deleted statements.
type apiMedian struct {
	Statements int64 `json:"statements" doc:"How many it is of: those whose publication is known to the minute"`
	Min        int64 `json:"min"`
	Max        int64 `json:"max"`
}

// apiChanges is a page of changed statements.
type apiChanges struct {
	Data   []apiStatement   `json:"data" nullable:"false"`
	Meta   apiMeta          `json:"meta"`
	Links  apiLinks         `json:"links"`
	Facets apiFacets        `json:"facets"`
	Median maybe[apiMedian] `json:"median_online_seconds" doc:"Bounds of the median time online; null where it is not known"`
}

type apiDoor struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind" example:"feed"`
	Host       *string    `json:"host"`
	Outcome    *string    `json:"outcome" doc:"Of the last visit through it; null if there was none"`
	Fails      int        `json:"fails" doc:"In a row"`
	RetryAt    *time.Time `json:"retry_at" doc:"Not tried before"`
	LastGoodAt *time.Time `json:"last_good_at"`
}

// apiSource is how a source fares.
type apiSource struct {
	Source          string        `json:"source"`
	Figure          *string       `json:"figure"`
	Platform        string        `json:"platform"`
	Account         apiAccountRef `json:"account"`
	Schedule        *string       `json:"schedule"`
	LastVisitAt     *time.Time    `json:"last_visit_at"`
	LastGoodAt      *time.Time    `json:"last_good_at"`
	Outcome         *string       `json:"outcome" doc:"Of the last visit"`
	NextAt          *time.Time    `json:"next_at"`
	Trouble         bool          `json:"trouble" doc:"The last visit failed, a gap is open, three intervals went by without success, absences don't count, another account answers to the handle, or its state can't be read"`
	Overdue         bool          `json:"overdue" doc:"Three intervals went by without success"`
	Readable        bool          `json:"readable" doc:"Whether its state can be read: if not, what is in no ledger is null"`
	Frozen          *string       `json:"frozen" doc:"Why absences don't count"`
	FrozenAt        *time.Time    `json:"frozen_at"`
	PausedAt        *time.Time    `json:"paused_at"`
	PausedNote      *string       `json:"paused_note"`
	IdentityChanged bool          `json:"identity_changed"`
	Gaps            []apiGap      `json:"gaps" nullable:"false" doc:"Open ones"`
	Doors           []apiDoor     `json:"doors" nullable:"false" doc:"In order of preference"`
	Unrecorded      []apiCoverage `json:"unrecorded" nullable:"false" doc:"Looks that are not in the journal yet"`
	Statements      int64         `json:"statements"`
}

// apiReplica is how a replica of the bucket fares. Where it is is not told: an
// address invites those who would have it gone.
type apiReplica struct {
	Number      int        `json:"number" doc:"From 1, in the order of the configuration"`
	Signed      *int64     `json:"signed" doc:"Entries that its checkpoint speaks for; null if that is not known"`
	SeenAt      *time.Time `json:"seen_at" doc:"When that was read"`
	Behind      *int64     `json:"behind" doc:"How many entries of the archive's checkpoint it does not have yet; null if that is not known"`
	BehindSince *time.Time `json:"behind_since" doc:"Null if it is not behind"`
	Answers     bool       `json:"answers" doc:"Whether the last attempt to fill it went well"`
	Whole       bool       `json:"whole" doc:"False while it lacks objects that the archive itself did not have, or holds damaged ones"`
}

// apiWitness is how a witness of the ledger fares.
type apiWitness struct {
	Name       string     `json:"name" doc:"As its cosignatures have it" example:"witness.example/w1"`
	Size       *int64     `json:"size" doc:"Entries of the last checkpoint that it has cosigned; null for none"`
	CosignedAt *time.Time `json:"cosigned_at" doc:"By its own clock"`
	Troubled   *time.Time `json:"troubled_since" doc:"Since when it has not cosigned what it was given; null if there is nothing"`
}

// apiMachine is how the machine that answers fares.
type apiMachine struct {
	Spooled        int        `json:"spooled" doc:"Visits that wait for the record"`
	SpoolOldestAt  *time.Time `json:"spool_oldest_at"`
	Kept           int        `json:"kept" doc:"Visits that are recorded and not yet confirmed by the store"`
	Ledger         *int64     `json:"ledger" doc:"Entries in the bucket; null if it does not answer"`
	Signed         int64      `json:"signed" doc:"Entries that its checkpoint speaks for"`
	Applied        int64      `json:"applied" doc:"Entries that answers rest on"`
	Storage        string     `json:"storage" doc:"folder, s3"`
	StorageAnswers bool       `json:"storage_answers"`
	Writing        bool       `json:"writing" doc:"False after an error of its disk: nothing is recorded until it is started again"`
	Visiting       bool       `json:"visiting" doc:"False while no visit is begun: its disk or its spool is full, or it does not write"`
	FreeBytes      *int64     `json:"free_bytes"`
	SizeBytes      *int64     `json:"size_bytes"`

	Replicas  []apiReplica `json:"replicas" nullable:"false" doc:"In the order of the configuration"`
	Witnesses []apiWitness `json:"witnesses" nullable:"false" doc:"In the order of the configuration"`
	Missing   []apiLost    `json:"missing" nullable:"false" doc:"Runs of lines that stand in the ledger and can't be read any more: at most 100, those that nobody has given up first, both by ledger index"`

	MissingTotal apiLostTotal `json:"missing_total" doc:"Of all such runs, those that are not listed among them"`
}

// apiStatus is how the archive fares.
type apiStatus struct {
	Meta    apiMeta           `json:"meta"`
	Crawls  bool              `json:"crawls" doc:"Whether this machine visits sources"`
	Trouble int               `json:"trouble" doc:"How many sources are in trouble"`
	Paused  int               `json:"paused" doc:"How many others are paused"`
	Waiting int               `json:"not_visited" doc:"How many others are to be visited and have not been yet"`
	Sources []apiSource       `json:"sources" nullable:"false"`
	Machine maybe[apiMachine] `json:"machine"`
	Version *string           `json:"version"`
}

type apiGap struct {
	Reason string     `json:"reason"`
	Open   bool       `json:"open"`
	Since  *time.Time `json:"since"`
	Note   *string    `json:"note"`
}

// apiCoverage is a span in which a source was looked at, or a gap.
type apiCoverage struct {
	Source   string     `json:"source"`
	Figure   *string    `json:"figure"`
	Door     *string    `json:"door"`
	From     *time.Time `json:"from"`
	Until    *time.Time `json:"until" doc:"null: a gap that is still open"`
	Status   string     `json:"status" doc:"captured, gap"`
	Reason   *string    `json:"reason"`
	Visits   int        `json:"visits"`
	LogIndex *int64     `json:"log_index" doc:"null: not yet recorded"`
}
