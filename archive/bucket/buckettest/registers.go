// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package buckettest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"onrecord/archive/bucket"
)

// racingCreators is the check that a "look, then write" implementation fails.
func racingCreators(t *testing.T, b bucket.Bucket) {
	const n = 8
	for round := range 10 {
		key := fmt.Sprintf("race/%d/k", round)
		errs := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { errs[i] = b.Create(t.Context(), key, bucket.Bytes([]byte{byte(i)})) })
		}
		wg.Wait()
		var won []int
		for i, err := range errs {
			switch {
			case err == nil:
				won = append(won, i)
			case !errors.Is(err, bucket.ErrExists):
				t.Errorf("writer %d: %v, want nil or ErrExists", i, err)
			}
		}
		if len(won) != 1 {
			t.Fatalf("writers %v all succeeded, want exactly one", won)
		}
		if got := read(t, b, key, 0, -1); got != string([]byte{byte(won[0])}) {
			t.Errorf("object holds %q, but writer %d was told it won", got, won[0])
		}
	}
}

func swapConditions(t *testing.T, b bucket.Bucket) {
	ctx := t.Context()
	_, err := b.Swap(ctx, "r", bucket.Condition{}, []byte("x"))
	wantErr(t, "zero Condition", err, bucket.ErrCondition)
	_, err = b.Swap(ctx, "r", bucket.Matches(bucket.Tag{}), []byte("x"))
	wantErr(t, "zero Tag", err, bucket.ErrCondition)
	_, err = b.Swap(ctx, "r", bucket.Matches(bucket.NewTag("nothing")), []byte("x"))
	wantErr(t, "Matches on an absent register", err, bucket.ErrConflict)
	if ks := keys(t, b, "", ""); len(ks) != 0 {
		t.Fatalf("refused swaps left %v", ks)
	}
	first, err := b.Swap(ctx, "r", bucket.Absent(), []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Swap(ctx, "r", bucket.Absent(), []byte("2"))
	wantErr(t, "Absent on an existing register", err, bucket.ErrConflict)
	second, err := b.Swap(ctx, "r", bucket.Matches(first), []byte("2"))
	if err != nil {
		t.Fatal(err)
	}
	for what, cond := range map[string]bucket.Condition{
		"stale tag": bucket.Matches(first), "foreign tag": bucket.Matches(bucket.NewTag("nothing")), "Absent": bucket.Absent(),
	} {
		_, err = b.Swap(ctx, "r", cond, []byte("3"))
		wantErr(t, what, err, bucket.ErrConflict)
	}
	if body, tag := load(t, b, "r"); body != "2" || tag != second {
		t.Errorf("register is %q with %v, want 2 with %v", body, tag, second)
	}
}

func registerTooLarge(t *testing.T, b bucket.Bucket) {
	full := strings.Repeat("x", bucket.MaxRegister)
	tag, err := b.Swap(t.Context(), "r", bucket.Absent(), []byte(full))
	if err != nil {
		t.Fatalf("a register of MaxRegister bytes: %v", err)
	}
	_, err = b.Swap(t.Context(), "r", bucket.Matches(tag), []byte(full+"x"))
	wantErr(t, "one byte more", err, bucket.ErrTooLarge)
	if body, _ := load(t, b, "r"); body != full {
		t.Errorf("register has %d bytes", len(body))
	}
	create(t, b, "object", full+"x")
	_, _, err = b.Load(t.Context(), "object")
	wantErr(t, "Load of a large object", err, bucket.ErrTooLarge)
}

// registersAndObjects checks that both live in one key space.
func registersAndObjects(t *testing.T, b bucket.Bucket) {
	create(t, b, "o", "object")
	_, err := b.Swap(t.Context(), "o", bucket.Absent(), []byte("register"))
	wantErr(t, "Swap over an object", err, bucket.ErrConflict)
	if _, err := b.Swap(t.Context(), "r", bucket.Absent(), []byte("register")); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "Create over a register", b.Create(t.Context(), "r", bucket.Bytes(nil)), bucket.ErrExists)
	if got := read(t, b, "r", 2, 3); got != "gis" {
		t.Errorf("range of a register is %q", got)
	}
	if got := read(t, b, "o", 0, -1); got != "object" {
		t.Errorf("object is %q", got)
	}
	if got := keys(t, b, "", ""); len(got) != 2 {
		t.Errorf("listing is %q, want both", got)
	}
}

// Increment adds 1 to the decimal number in a register by Load and Swap, until
// it succeeds. An absent register counts as 0.
func Increment(t testing.TB, b bucket.Bucket, key string) error {
	for {
		body, tag, err := b.Load(t.Context(), key)
		cond, n := bucket.Matches(tag), 0
		switch {
		case errors.Is(err, bucket.ErrNotExist):
			cond = bucket.Absent()
		case err != nil:
			return err
		default:
			if n, err = strconv.Atoi(string(body)); err != nil {
				return err
			}
		}
		_, err = b.Swap(t.Context(), key, cond, []byte(strconv.Itoa(n+1)))
		if !errors.Is(err, bucket.ErrConflict) {
			return err
		}
	}
}

func racingSwaps(t *testing.T, b bucket.Bucket) {
	const writers, each = 16, 20
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				if err := Increment(t, b, "count/er"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if body, _ := load(t, b, "count/er"); body != strconv.Itoa(writers*each) {
		t.Errorf("%d writers made %d increments each, the register counts %s", writers, each, body)
	}
}

func racingFirstSwaps(t *testing.T, b bucket.Bucket) {
	var won [8]bool
	var wg sync.WaitGroup
	for i := range won {
		wg.Go(func() {
			_, err := b.Swap(t.Context(), "r", bucket.Absent(), []byte{byte(i)})
			won[i] = err == nil
			if err != nil && !errors.Is(err, bucket.ErrConflict) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	body, _ := load(t, b, "r")
	for i, w := range won {
		if w != (body == string([]byte{byte(i)})) {
			t.Errorf("writer %d was told %v, the register holds %q", i, w, body)
		}
	}
}

// loadsDuringSwaps checks that a reader sees whole bodies, and never an older
// one after a newer.
func loadsDuringSwaps(t *testing.T, b bucket.Bucket) {
	body := func(i int) []byte { return []byte(strings.Repeat(fmt.Sprintf("%04d", i), 1000)) }
	tag, err := b.Swap(t.Context(), "r", bucket.Absent(), body(0))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	done := make(chan struct{})
	defer close(done)
	for range 2 {
		wg.Go(func() {
			for last := 0; ; {
				select {
				case <-done:
					return
				default:
				}
				got, _, err := b.Load(t.Context(), "r")
				if err != nil {
					t.Errorf("Load: %v", err)
					return
				}
				n, err := strconv.Atoi(string(got[:4]))
				if err != nil || string(got) != string(body(n)) || n < last {
					t.Errorf("Load gives a torn or older body: %.8q after %d", got, last)
					return
				}
				last = n
			}
		})
	}
	for i := 1; i <= 50; i++ {
		if tag, err = b.Swap(t.Context(), "r", bucket.Matches(tag), body(i)); err != nil {
			t.Errorf("swap %d: %v", i, err)
			return
		}
	}
}
