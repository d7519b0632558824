// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// TestNotes: what packages log comes as a note among the messages of a command, and
// as logfmt from one that serves.
func TestNotes(t *testing.T) {
	var out bytes.Buffer
	e := &env{io: stdio{err: &out}}
	e.logger().With("source", "press").Warn("a visit is late", "by", "2h", "err", errors.New("the store\x1b[2J does not answer"))
	e.logger().Info("not said without -v")
	if got, want := out.String(), "note: a visit is late (source press, by 2h): the store\ufffd[2J does not answer\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	out.Reset()
	e.serving = true
	e.logger().Warn("a visit is late", "by", "2h")
	if got := out.String(); !strings.Contains(got, `level=WARN msg="a visit is late" by=2h`) {
		t.Errorf("serving: %q", got)
	}
}

// TestTold: each thing is said once, and what stands behind the name of an object
// alone stays.
func TestTold(t *testing.T) {
	const object = "captures/2026/08/04/01k1v5p0000000000000000000.warc.gz"
	for _, row := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("follow: ledger: log/head: the checksum at its end is another: %w: %w", bucket.ErrSum, ledger.ErrTampered), "ledger: log/head: the checksum at its end is another"},
		{fmt.Errorf("log/head: %w", bucket.ErrSum), "log/head: bytes do not match their digest"},
		{fmt.Errorf("two roots at size 4: %w", ledger.ErrTampered), "two roots at size 4: the ledger does not match its tree"},
		{fmt.Errorf("capture at offset 7 of %s: other: %s, 6 bytes from 7: SHA-256 is a, should be b: %w", object, object, bucket.ErrSum), "capture at offset 7 of " + object + ": other: 6 bytes from 7: SHA-256 is a, should be b"},
	} {
		if got := told(row.err); got != row.want {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
	if got := about(object, "open "+object+": no such object"); got != "no such object" {
		t.Errorf("of a finding: %q", got)
	}
}
