// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"net"
	"sync"
)

// A line dials the server outside and can be cut: what was written to it and has
// not left this machine then never arrives. It is a nats.CustomDialer.
type line struct {
	mu   sync.Mutex
	conn *net.TCPConn // the newest; guarded by mu
}

// Dial connects to a server.
func (l *line) Dial(network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: callAtMost}
	c, err := d.Dial(network, address)
	if tcp, ok := c.(*net.TCPConn); ok && err == nil {
		l.mu.Lock()
		l.conn = tcp
		l.mu.Unlock()
	}
	return c, err
}

// cut ends the connection at once. The client makes another. Inside the process
// there is none, and nothing that could hold a word back.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return
	}
	_ = l.conn.SetLinger(0) // else the system goes on sending
	_ = l.conn.Close()
	l.conn = nil
}
