// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Command onrecord mirrors what public figures say, keeps what the platforms
// served as evidence, and makes it searchable. See `onrecord help`.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // zones of feeds and readers, on machines without them
)

func main() { os.Exit(program()) }

// program is main with an exit status instead of an exit.
func program() int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	s := newStop(signals, os.Stderr)
	defer s.close()
	e := &env{io: stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}, stop: s, now: time.Now}
	if self, err := os.Executable(); err == nil {
		e.helper = []string{self, helperCommand}
	}
	return report(os.Stderr, s, runIn(e, os.Args[1:]))
}

// stdio is what a command reads and prints to.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// run is the whole program but for the process around it: it calls no os.Exit
// and can run many times in one test.
func run(s *stop, args []string, io stdio, now func() time.Time) error {
	return runIn(&env{io: io, stop: s, now: now}, args)
}

// runIn is run in a given environment.
func runIn(e *env, args []string) error {
	root := newRoot(e)
	root.SetArgs(args)
	root.SetIn(e.io.in)
	root.SetOut(e.io.out)
	root.SetErr(e.io.err)
	return e.fitting(root.ExecuteContext(e.stop.hard))
}

// A stop tells a command in two steps to end: soft ends when the first signal
// comes (finish what is under way, begin nothing new), hard when the second
// one does (stop now).
type stop struct {
	soft, hard context.Context
	close      func()
}

// newStop listens to signals until it is closed. What the first one does it
// says to stderr.
func newStop(signals <-chan os.Signal, stderr io.Writer) *stop {
	hard, cancelHard := context.WithCancel(context.Background())
	soft, cancelSoft := context.WithCancel(hard)
	done := make(chan struct{})
	go func() {
		select {
		case <-signals:
			fmt.Fprintln(stderr, "onrecord: finishing what is under way; press Ctrl-C again to stop now")
			cancelSoft()
		case <-done:
			return
		}
		select {
		case <-signals:
			cancelHard()
		case <-done:
		}
	}()
	return &stop{soft: soft, hard: hard, close: func() { close(done); cancelSoft(); cancelHard() }}
}

// interrupted reports whether somebody asked the program to end.
func (s *stop) interrupted() bool { return s.soft.Err() != nil }
