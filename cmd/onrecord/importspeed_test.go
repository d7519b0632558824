// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"onrecord/ingest"

	"onrecord/internal/repotest"
)

// A measured import: the program in a process of its own, from its start until
// all is searchable.
type measured struct {
	rep       ingest.ImportReport
	wall, cpu time.Duration
	peak      int64 // RSS, bytes
}

// each is a new statement's share of the processors' time.
func (m measured) each() time.Duration { return m.cpu / time.Duration(max(m.rep.Created, 1)) }

func (m measured) String() string {
	n := float64(m.rep.Items)
	return fmt.Sprintf("%d statements read, %d new, %s wall (%.0f a second), %s CPU (%s a new statement; %.0f read a second if both cores are free), peak RSS %d MB",
		m.rep.Items, m.rep.Created, m.wall.Round(time.Millisecond), n/m.wall.Seconds(), m.cpu.Round(time.Millisecond), m.each(), 2*n/m.cpu.Seconds(), m.peak>>20)
}

// importInChild imports path into a new archive.
func importInChild(t *testing.T, path string) measured {
	t.Helper()
	w := newWorld(t, &movedClock{t: time.Now()})
	h := w.open(t, "      - {id: tweets, platform: x, account: janeexample, account_id: \"77\"}\n")
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.at.config, w.cfg.Print(), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd, out := child(t, "-c", w.at.config, "import", "thetrumparchive", path, "--json", "--dated", "2020-03-21")
	began := time.Now()
	err := cmd.Run()
	m := measured{wall: time.Since(began)}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	m.peak, m.cpu = u.Maxrss<<10, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
	if err := json.Unmarshal([]byte(out.String())[max(0, strings.LastIndexByte(strings.TrimSpace(out.String()), '\n')):], &m.rep); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := statements(t, w.reopen(t)); n != m.rep.Created {
		t.Errorf("%d are searchable, %d were created", n, m.rep.Created)
	}
	return m
}

// TestImportSpeed imports 46,000 real posts, which stand in overlapping dumps,
// and, where ONRECORD_IMPORT_TEN is set, ten times as many that are recombined
// from them. What depends on how busy the machine is, is told; what does not is
// held: memory, and how both grow.
func TestImportSpeed(t *testing.T) {
	repotest.Large(t)
	if testing.Short() {
		t.Skip("imports 57,000 records")
	}
	dir := repotest.Data(t, "twitter/trump-condensed")
	one := importInChild(t, dir)
	t.Logf("46,000: %s", one)
	if one.rep.Created < 45_900 || one.rep.Refused != 0 || one.rep.Records != one.rep.Items {
		t.Errorf("%+v", one.rep)
	}
	if one.peak > 300<<20 {
		t.Errorf("peak RSS %d MB, at most 300", one.peak>>20)
	}
	if os.Getenv("ONRECORD_IMPORT_TEN") == "" {
		return
	}
	path := t.TempDir()
	recombined(t, path, 10*int(one.rep.Created))
	ten := importInChild(t, path)
	t.Logf("ten times as many: %s; %.2f times the CPU time a statement, %.2f times the memory", ten,
		float64(ten.each())/float64(one.each()), float64(ten.peak)/float64(one.peak))
	if ten.rep.Created != 10*one.rep.Created || ten.peak > one.peak*5/4 || ten.each() > one.each()*5/4 {
		t.Errorf("created %d; more than 1.25 times the time a statement, or the memory", ten.rep.Created)
	}
}

// recombined writes dumps of n posts, in order of time, of which each has two
// halves of real ones.
func recombined(t *testing.T, dir string, n int) {
	t.Helper()
	const files = 10
	texts := realSentences(t, 40_000)
	r := rand.New(rand.NewPCG(1, 7))
	half := func() []rune { s := []rune(texts[r.IntN(len(texts))]); return s[:len(s)/2] }
	for f := range files {
		out, err := os.Create(filepath.Join(dir, fmt.Sprintf("part-%d.json", f)))
		if err != nil {
			t.Fatal(err)
		}
		w := bufio.NewWriter(out)
		sep := "[\n"
		for i := f * n / files; i < (f+1)*n/files; i++ {
			b, err := json.Marshal(map[string]any{
				"id_str": fmt.Sprint(1_000_000_000_000_000_000 + int64(i)<<22), "text": string(half()) + " " + string(half()),
				"created_at":    time.Date(2009, 5, 4, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 12 * time.Minute).Format(time.RubyDate),
				"retweet_count": r.IntN(90_000), "favorite_count": r.IntN(200_000), "is_retweet": false, "in_reply_to_user_id_str": nil, "source": "Desk",
			})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = w.WriteString(sep)
			_, _ = w.Write(b)
			sep = ",\n"
		}
		_, _ = w.WriteString("\n]\n")
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
