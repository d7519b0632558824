// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"iter"
)

// ahead reads a sequence in a goroutine of its own, by groups of n, and is two
// groups ahead of its caller. The sequence is asked for nothing more once the
// caller has stopped or ctx has ended.
func ahead[T any](ctx context.Context, n int, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	type element struct {
		v   T
		err error
	}
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		groups := make(chan []element, 1)
		go func() {
			defer close(groups)
			group := make([]element, 0, n)
			hand := func() bool {
				select {
				case groups <- group:
					group = make([]element, 0, n)
					return true
				case <-ctx.Done():
					return false
				}
			}
			for v, err := range seq {
				if group = append(group, element{v, err}); len(group) == n && !hand() {
					return
				}
			}
			if len(group) > 0 {
				hand()
			}
		}()
		defer func() {
			cancel()
			for range groups { // until the goroutine has ended
			}
		}()
		for group := range groups {
			for _, e := range group {
				if !yield(e.v, e.err) {
					return
				}
			}
		}
	}
}
