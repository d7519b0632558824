// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package testservers starts real servers for tests: versitygw, an S3 store
// over a folder, and toxiproxy, which stands between it and a client and makes
// trouble.
//
// They are built from their Go modules, whose versions are pinned in
// servers/go.mod, once into a folder that tests share: ONRECORD_TEST_SERVERS,
// or onrecord-test-servers in the user's cache. Where they can't be built, as
// without a network, a test skips with the reason, unless ONRECORD_REQUIRE
// names the server ("s3", "toxiproxy").
package testservers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Require skips a test for which something is missing, or fails it where
// ONRECORD_REQUIRE, a list with commas, has the word.
func Require(t testing.TB, word string, err error) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("ONRECORD_REQUIRE"), ","), word) {
		t.Fatalf("%s is required: %v", word, err)
	}
	t.Skipf("no %s: %v", word, err)
}

// build returns the program of a package of servers/go.mod.
func build(ctx context.Context, name, pkg string) (string, error) {
	module, err := moduleFolder()
	if err != nil {
		return "", err
	}
	dir := os.Getenv("ONRECORD_TEST_SERVERS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(cache, "onrecord-test-servers")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	version, err := fingerprint(module)
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, name+"-"+version)
	lock, err := os.OpenFile(filepath.Join(dir, name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	tmp := program + ".new"
	defer os.Remove(tmp)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", tmp, pkg)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w: %s", pkg, err, bytes.TrimSpace(out))
	}
	return program, os.Rename(tmp, program)
}

// moduleFolder finds servers/go.mod from the folder of whichever test runs.
func moduleFolder() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		module := filepath.Join(dir, "internal", "testservers", "servers")
		if _, err := os.Stat(filepath.Join(module, "go.mod")); err == nil {
			return module, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("internal/testservers/servers/go.mod is not above the test's folder")
		}
		dir = up
	}
}

// fingerprint names what a program is built of.
func fingerprint(module string) (string, error) {
	h := sha256.New()
	io.WriteString(h, runtime.Version())
	for _, name := range []string{"go.mod", "go.sum"} {
		b, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			return "", err
		}
		h.Write(b)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), nil
}

// FreePort returns an address of this machine, "127.0.0.1:port", on which nobody
// listens at this moment, for a server that is told where to listen. The system
// gives such ports to nobody who does not ask for them by number, so it stays free
// until the server listens, and while it is stopped.
func FreePort(t testing.TB) string {
	t.Helper()
	var err error
	for range 100 {
		// Below what Linux and the BSDs give to connections and to listeners on port 0.
		var ln net.Listener
		if ln, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.N(22_000))); err == nil {
			_ = ln.Close()
			return ln.Addr().String()
		}
	}
	t.Fatal(err)
	return ""
}

// A process is a server that runs until its test ends, or is stopped.
type process struct {
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{}
}

// start runs a program and waits until it answers at url, whatever it says.
func start(t testing.TB, url, program string, args ...string) (*process, error) {
	log, err := os.CreateTemp(t.TempDir(), filepath.Base(program)+"-*.log")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	p := &process{cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended does not matter: tests kill it
		close(p.done)
	}()
	t.Cleanup(p.Stop)
	return p, p.ready(url)
}

// ready waits until the server answers.
func (p *process) ready(url string) error {
	client := &http.Client{Timeout: 10 * time.Second}
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); {
		res, err := client.Get(url)
		if err == nil {
			return res.Body.Close()
		}
		select {
		case <-p.done:
			text, _ := os.ReadFile(p.log.Name())
			return fmt.Errorf("%s ended: %s", filepath.Base(p.cmd.Path), bytes.TrimSpace(text))
		case <-time.After(10 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s does not answer at %s", filepath.Base(p.cmd.Path), url)
}

// Stop kills the server, as a power cut would. A second Stop does nothing.
func (p *process) Stop() {
	_ = p.cmd.Process.Kill()
	<-p.done
	_ = p.log.Close()
}
