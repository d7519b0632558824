// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"context"
	"io"
	"sync/atomic"
	"time"
)

// watchWindow is the span over which the rate of a payload is measured.
const watchWindow = 10 * time.Second

// A watch ends an exchange whose payload comes too slowly: one byte every ten
// seconds would hold a host's turn for as long as the server likes.
type watch struct {
	r     io.Reader
	least int64 // bytes a window
	n     atomic.Int64
	timer *time.Timer
}

// newWatch starts to watch r. stop is called with errSlow once.
func newWatch(r io.Reader, rate int64, stop context.CancelCauseFunc) *watch {
	w := &watch{r: r, least: rate * int64(watchWindow/time.Second)}
	w.timer = time.AfterFunc(watchWindow, func() {
		if w.n.Swap(0) < w.least {
			stop(errSlow)
			return
		}
		w.timer.Reset(watchWindow)
	})
	return w
}

// Read implements io.Reader.
func (w *watch) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.n.Add(int64(n))
	return n, err
}

func (w *watch) stop() { w.timer.Stop() }
