// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/http"
	"time"
)

// The pace of a download: a reader that takes paceBytes in paceTime, about 17 KB a
// second, may go on to the end, however long that is; a slower one is cut off.
const (
	paceBytes = 1 << 20
	paceTime  = writeTimeout
)

// A paced answer has no deadline for the whole of it, but one for each paceBytes.
type paced struct {
	http.ResponseWriter
	control *http.ResponseController
	timer   *time.Timer // nil where the connection has no deadlines
	n       int64       // bytes since the timer was set
}

// pace begins a paced answer on w. Its end or stop must be called.
func pace(w http.ResponseWriter) *paced {
	p := &paced{ResponseWriter: w, control: http.NewResponseController(w)}
	if p.control.SetWriteDeadline(time.Time{}) == nil {
		p.timer = time.AfterFunc(paceTime, func() { _ = p.control.SetWriteDeadline(time.Unix(1, 0)) })
	}
	return p
}

// Write implements io.Writer.
func (p *paced) Write(b []byte) (int, error) {
	n, err := p.ResponseWriter.Write(b)
	if p.n += int64(n); p.n >= paceBytes && p.timer != nil {
		p.n = 0
		p.timer.Reset(paceTime)
	}
	return n, err
}

// Unwrap is for http.ResponseController.
func (p *paced) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// end sends what is written, while it is still timed: the next deadline is that of
// the next request.
func (p *paced) end() error {
	defer p.stop()
	if p.timer == nil {
		return nil
	}
	return p.control.Flush()
}

// stop ends the timing.
func (p *paced) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}
