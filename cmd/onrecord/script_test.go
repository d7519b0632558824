// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"onrecord"
	"onrecord/crawler/fake"
	"onrecord/internal/testservers"
)

// TestMain resolves no names, here and in the processes that the tests start:
// whatever would go to a host outside is an error at once.
func TestMain(m *testing.M) {
	net.DefaultResolver.PreferGo = true
	net.DefaultResolver.Dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("the tests ask no name server")
	}
	testscript.Main(m, map[string]func(){"onrecord": main})
}

// TestScripts runs the program as a user types it. $SITE serves the files of
// the script's folder "site"; $PORT is free.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			srv := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(e.WorkDir, "site"))))
			e.Defer(srv.Close)
			e.Setenv("SITE", srv.URL)
			e.Values["hang"] = new(*httptest.Server)
			e.Setenv("SCHEDULED", string(onrecord.NewStatementID("website", "https://blog.jane.example/on-schedule")))
			_, port, err := net.SplitHostPort(testservers.FreePort(t))
			if err != nil {
				return err
			}
			e.Setenv("PORT", port)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status": cmdStatus, "flip": cmdFlip, "expand": cmdExpand, "until": cmdUntil, "hang": cmdHang, "quit": cmdQuit, "fake": cmdFake,
		},
	})
}

// cmdStatus runs a program and wants its exit status: status N PROGRAM ARG…
func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(*exec.ExitError); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// cmdFlip turns one bit of the file that a pattern names, in its middle.
func cmdFlip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flip PATTERN")
	}
	names, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(names) == 0 {
		ts.Fatalf("no file matches %s", args[0])
	}
	b, err := os.ReadFile(names[0])
	ts.Check(err)
	b[len(b)/2] ^= 1
	ts.Check(os.Chmod(names[0], 0o644))
	ts.Check(os.WriteFile(names[0], b, 0o644))
}

// cmdFake serves an invented platform of the demonstration: fake NAME PLATFORM
// sets $NAME to its address.
func cmdFake(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fake NAME PLATFORM")
	}
	script, err := demoFiles.ReadFile("demo/" + args[1] + ".txtar")
	ts.Check(err)
	p, err := fake.New(script)
	ts.Check(err)
	p.SetScene(3)
	srv := httptest.NewServer(p)
	ts.Defer(srv.Close)
	ts.Setenv(args[0], srv.URL)
}

// cmdExpand replaces $NAME in a file by the environment's values.
func cmdExpand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: expand FILE")
	}
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}

// cmdUntil gets an address until it answers with the wanted status.
func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: until STATUS URL")
	}
	last := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(args[1])
		if err == nil {
			resp.Body.Close()
			if last = strconv.Itoa(resp.StatusCode); last == args[0] {
				return
			}
		} else {
			last = err.Error()
		}
	}
	ts.Fatalf("%s: %s, want %s", args[1], last, args[0])
}

// cmdHang serves, on $HANG, a site that never ends its answer and writes the
// file "asked" when somebody has asked.
func cmdHang(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: hang")
	}
	asked := ts.MkAbs("asked")
	var once sync.Once
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, "<rss>")
		w.(http.Flusher).Flush()
		once.Do(func() { _ = os.WriteFile(asked, nil, 0o644) })
		<-r.Context().Done()
	}))
	*ts.Value("hang").(**httptest.Server) = srv
	ts.Defer(srv.CloseClientConnections)
	ts.Setenv("HANG", srv.URL)
}

// cmdQuit ends the server of cmdHang: nobody listens there any more.
func cmdQuit(ts *testscript.TestScript, neg bool, args []string) {
	srv := *ts.Value("hang").(**httptest.Server)
	if neg || len(args) != 0 || srv == nil {
		ts.Fatalf("usage: quit, after hang")
	}
	srv.CloseClientConnections()
	srv.Close()
}
