// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package buckettest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"onrecord/archive/bucket"
)

// shuffled are keys out of order; the order of folders is not that of keys.
func shuffled() []string {
	return []string{"b/1", "b-1", "b.1", "a", "b0", "b/1.x", "b/-", "c/d/e", "c/d.e", "c-d", "z/y/x/w", "b_1", "c/d0"}
}

func fill(t *testing.T, b bucket.Bucket) []string {
	ks := shuffled()
	for i, key := range ks {
		if i%3 == 0 {
			if _, err := b.Swap(t.Context(), key, bucket.Absent(), []byte(key)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		create(t, b, key, key)
	}
	slices.Sort(ks)
	return ks
}

func listOrder(t *testing.T, b bucket.Bucket) {
	if ks := keys(t, b, "", ""); len(ks) != 0 {
		t.Fatalf("an empty bucket lists %q", ks)
	}
	want := fill(t, b)
	if got := keys(t, b, "", ""); !slices.Equal(got, want) {
		t.Errorf("listing\n%q, want\n%q", got, want)
	}
	for info, err := range b.List(t.Context(), "", "") {
		if err != nil || info.Size != int64(len(info.Key)) {
			t.Errorf("%s has size %d, err %v", info.Key, info.Size, err)
		}
	}
}

func listAfterAndPrefix(t *testing.T, b bucket.Bucket) {
	all := fill(t, b)
	bounds := append(all, "", "b", "b/", "b/1/", "c/", "c/d", "c/d/", "zz", "b-", "a/", "none/", "b//", "-", "z/y/x/w/v")
	for _, prefix := range bounds {
		for _, after := range bounds {
			var want []string
			for _, key := range all {
				if strings.HasPrefix(key, prefix) && key > after {
					want = append(want, key)
				}
			}
			if got := keys(t, b, prefix, after); !slices.Equal(got, want) {
				t.Errorf("List(%q, %q) = %q, want %q", prefix, after, got, want)
			}
		}
	}
	for _, err := range b.List(t.Context(), "A", "") {
		wantErr(t, "List of a prefix that no key has", err, bucket.ErrKey)
	}
}

func listStop(t *testing.T, b bucket.Bucket) {
	want := fill(t, b)
	for n := 1; n <= len(want); n++ {
		var got []string
		for info, err := range b.List(t.Context(), "", "") {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, info.Key); len(got) == n {
				break
			}
		}
		if !slices.Equal(got, want[:n]) {
			t.Errorf("the first %d keys are %q", n, got)
		}
	}
}

func cancelled(t *testing.T, b bucket.Bucket) {
	create(t, b, "k", "x")
	tag, err := b.Swap(t.Context(), "r", bucket.Absent(), []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantErr(t, "Create", b.Create(ctx, "new", bucket.Bytes(nil)), context.Canceled)
	o, err := b.Open(ctx, "k", 0, -1)
	if err == nil { // a bucket may notice when it reads
		_, err = io.ReadAll(o)
		_ = o.Close()
	}
	wantErr(t, "Open", err, context.Canceled)
	_, _, err = b.Load(ctx, "r")
	wantErr(t, "Load", err, context.Canceled)
	_, err = b.Swap(ctx, "r", bucket.Matches(tag), []byte("2"))
	wantErr(t, "Swap", err, context.Canceled)
	rows := 0
	for info, err := range b.List(ctx, "", "") {
		if rows++; err == nil {
			t.Errorf("a cancelled listing yields %s", info.Key)
		}
		wantErr(t, "List", err, context.Canceled)
	}
	if rows != 1 {
		t.Errorf("a cancelled listing yields %d times, want its error once", rows)
	}
	if got := keys(t, b, "", ""); !slices.Equal(got, []string{"k", "r"}) {
		t.Errorf("cancelled calls left %q", got)
	}
	if body, _ := load(t, b, "r"); body != "1" {
		t.Errorf("a cancelled swap left %q", body)
	}
}

// cancelledRead ends contexts while a listing, a write and a read go on.
func cancelledRead(t *testing.T, b bucket.Bucket) {
	for i := range 20 {
		create(t, b, fmt.Sprintf("k%02d", i), "x")
	}
	ctx, cancel := context.WithCancel(t.Context())
	var last error
	rows := 0
	for _, err := range b.List(ctx, "", "") {
		if err != nil {
			last = err
			break
		}
		if rows++; rows == 3 {
			cancel()
		}
	}
	if rows != 3 || !errors.Is(last, context.Canceled) {
		t.Errorf("listing went on for %d rows to %v, want 3 and Canceled", rows, last)
	}
	ctx, cancel = context.WithCancel(t.Context())
	large := bucket.Bytes(make([]byte, 1<<20))
	open := large.Open
	large.Open = func() (io.ReadCloser, error) {
		cancel()
		return open()
	}
	wantErr(t, "Create whose context ends in the body", b.Create(ctx, "large", large), context.Canceled)
	if _, err := b.Open(t.Context(), "large", 0, -1); !errors.Is(err, bucket.ErrNotExist) {
		t.Errorf("it left something: %v", err)
	}
}
