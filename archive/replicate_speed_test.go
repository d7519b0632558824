// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"onrecord/archive"
)

// TestReplicaSpeedS3 measures how fast a replica in a real S3 store is filled,
// and how far it is behind while an archive is written to ten times a second
// and the replica looked at every two seconds, as serve does. With
// ONRECORD_LONG the load lasts a minute.
func TestReplicaSpeedS3(t *testing.T) {
	visits, commits := 60, 20
	if os.Getenv("ONRECORD_LONG") != "" {
		visits, commits = 2000, 600
	}
	w, b, a, _ := filled(t, visits)
	to := storeOf(t)()
	began := time.Now()
	done, err := a.Replica(to).Replicate(t.Context(), archive.ReplicateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	t.Logf("filled with %d objects in %s, %.0f/s", done.Objects, took.Round(time.Millisecond), float64(done.Objects)/took.Seconds())

	type commit struct {
		size int64
		at   time.Time
	}
	made := make(chan commit, commits)
	go func() {
		defer close(made)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for n := range commits {
			<-tick.C
			d, err := visit(t.Context(), w, a, fmt.Sprintf("press-%d", n%3), fmt.Sprintf("under load %d", n))
			if err != nil {
				t.Error(err)
				return
			}
			made <- commit{d.Index + 1, time.Now()}
			w.wait(1e9)
		}
	}()
	var lags []time.Duration
	r := a.Replica(to)
	look := time.NewTicker(2 * time.Second)
	defer look.Stop()
	for waiting, open := []commit(nil), true; open || len(waiting) > 0; {
		select {
		case c, ok := <-made:
			if open = ok; ok {
				waiting = append(waiting, c)
			} else {
				made = nil
			}
			continue
		case <-look.C:
		}
		got, err := r.Replicate(t.Context(), archive.ReplicateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		waiting = slices.DeleteFunc(waiting, func(c commit) bool {
			if c.size <= got.Size {
				lags = append(lags, now.Sub(c.at))
			}
			return c.size <= got.Size
		})
	}
	slices.Sort(lags)
	t.Logf("%d commits: the replica had each after p50 %s, p99 %s, at most %s", len(lags), lags[len(lags)/2].Round(time.Millisecond), lags[len(lags)*99/100].Round(time.Millisecond), lags[len(lags)-1].Round(time.Millisecond))
	if last := lags[len(lags)-1]; last > time.Minute {
		t.Errorf("the replica was %s behind, at most a minute", last)
	}
	sameAs(t, b, to)
}
