// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"onrecord/dispatch"
	"onrecord/internal/repotest"
	"onrecord/internal/testservers"
)

// serverEnv makes the test binary a NATS server: its value is the port.
const serverEnv = "ONRECORD_TEST_NATS_PORT"

func TestMain(m *testing.M) {
	if port := os.Getenv(serverEnv); port != "" {
		serveNATS(port)
		return
	}
	os.Exit(m.Run())
}

// serveNATS runs a server on loopback until stdin ends, and prints its address.
func serveNATS(port string) {
	n := -1
	_, _ = fmt.Sscan(port, &n)
	dir, err := os.MkdirTemp("", "nats")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: n, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true})
	if err != nil {
		panic(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		panic("not ready")
	}
	fmt.Println(s.ClientURL())
	_, _ = io.Copy(io.Discard, os.Stdin)
	s.Shutdown()
}

// outside begins a NATS server in a process of its own.
func outside(t *testing.T, port string) (url string, p *os.Process) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serverEnv+"="+port)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGCONT)
		_ = in.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server did not begin: %v", err)
	}
	return strings.TrimSpace(line), cmd.Process
}

// patience is how long a test waits for what takes seconds on a machine with
// nothing else to do. Only a test that fails waits so long.
const patience = 5 * time.Minute

// wait is how long a silent worker keeps its turn where a test waits for its end.
// A worker knows that it has none an eighth of this before.
const wait = 4 * time.Second

// open opens a queue. A silent worker keeps its turn for longer than any test
// lasts, unless o says otherwise.
func open(t *testing.T, o dispatch.Options) *dispatch.Queue {
	t.Helper()
	if o.Wait == 0 {
		o.Wait = 10 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.URL == "" && o.Dir == "" {
		o.Dir = t.TempDir()
	}
	q, err := dispatch.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Close)
	return q
}

// each runs a test on a queue inside the process and on one outside.
func each(t *testing.T, test func(t *testing.T, o dispatch.Options)) {
	t.Parallel()
	t.Run("inside", func(t *testing.T) { t.Parallel(); test(t, dispatch.Options{}) })
	t.Run("outside", func(t *testing.T) {
		t.Parallel()
		url, _ := outside(t, "-1")
		test(t, dispatch.Options{URL: url})
	})
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func task(source, host string, tick time.Time) dispatch.Task {
	return dispatch.Task{Source: source, Host: host, Tick: tick}
}

func put(t *testing.T, q *dispatch.Queue, task dispatch.Task, want bool) {
	t.Helper()
	got, err := q.Put(t.Context(), task)
	if errors.Is(err, dispatch.ErrUnreachable) { // the machine stood still for as long as the queue is waited for
		if got, err = q.Put(t.Context(), task); err == nil {
			got = want // the first may have been heard
		}
	}
	if err != nil || got != want {
		t.Errorf("Put(%v) = %t, %v, want %t", task, got, err, want)
	}
}

// take takes a turn that must come.
func take(t *testing.T, q *dispatch.Queue, host string) *dispatch.Turn {
	t.Helper()
	turn, ok, err := q.Take(t.Context(), host, patience)
	if err != nil || !ok {
		t.Fatalf("Take(%s) = %t, %v", host, ok, err)
	}
	return turn
}

// none wants that nobody gets a turn at a host now.
func none(t *testing.T, q *dispatch.Queue, host string) {
	t.Helper()
	if turn, ok, err := q.Take(t.Context(), host, 50*time.Millisecond); ok || err != nil {
		t.Fatalf("Take(%s) = %v, %t, %v, want none", host, turn, ok, err)
	}
}

// steady skips the test, where something did not go as it must on a machine that
// runs, if it stood still for so long that a worker may have seemed silent.
func steady(t *testing.T, stalls func() time.Duration) {
	t.Helper()
	if d := stalls(); d > wait/16 {
		t.Skipf("the machine stood still for %s: what happens to turns then shows nothing", d)
	}
}

// finish ends a turn, of which stalls says whether it could be kept.
func finish(t *testing.T, turn *dispatch.Turn, stalls ...func() time.Duration) {
	t.Helper()
	if err := turn.Done(t.Context()); err != nil {
		for _, s := range stalls {
			steady(t, s)
		}
		t.Error(err)
	}
}

func TestOneMessageAVisit(t *testing.T) {
	each(t, func(t *testing.T, o dispatch.Options) {
		q := open(t, o)
		none(t, q, "one.example:443")
		put(t, q, task("press", "one.example:443", noon), true)
		put(t, q, task("press", "one.example:443", noon), false)                  // the same tick
		put(t, q, task("press", "one.example:443", noon.Add(time.Minute)), false) // one waits already
		turn := take(t, q, "one.example:443")
		if turn.Task != task("press", "one.example:443", noon) || turn.Delivered != 1 {
			t.Errorf("turn %+v, delivered %d", turn.Task, turn.Delivered)
		}
		put(t, q, task("press", "one.example:443", noon.Add(time.Minute)), false) // one is under way
		finish(t, turn)
		put(t, q, task("press", "one.example:443", noon), false) // that tick was handed out
		put(t, q, task("press", "one.example:443", noon.Add(time.Minute)), true)
		if s, err := q.Status(t.Context()); err != nil || s.Queued != 1 || s.Hosts != 1 {
			t.Errorf("status %+v, %v", s, err)
		}
		finish(t, take(t, q, "one.example:443"))
		none(t, q, "one.example:443")
	})
}

// A host has one visitor at a time; hosts do not wait for one another, whatever
// their names are made of.
func TestOneTurnAHost(t *testing.T) {
	each(t, func(t *testing.T, o dispatch.Options) {
		q := open(t, o)
		hosts := []string{"one.example:443", "one.example:80", "ONE.example:443", "[2001:db8::1]:443", "*", ">", "", "a b", strings.Repeat("x", 200)}
		for _, h := range hosts {
			put(t, q, task("a/"+h, h, noon), true)
			put(t, q, task("b/"+h, h, noon), true)
		}
		for _, h := range hosts {
			first := take(t, q, h)
			none(t, q, h)
			finish(t, first)
			second := take(t, q, h)
			if first.Task.Host != h || second.Task.Host != h || first.Task.Source != "a/"+h || second.Task.Source != "b/"+h {
				t.Errorf("host %q: %+v, %+v", h, first.Task, second.Task)
			}
			finish(t, second)
		}
	})
}

// A visit that is given back comes again, to another worker too.
func TestLater(t *testing.T) {
	t.Parallel()
	url, _ := outside(t, "-1")
	a, b := open(t, dispatch.Options{URL: url}), open(t, dispatch.Options{URL: url})
	put(t, a, task("press", "one.example:443", noon), true)
	if err := take(t, a, "one.example:443").Later(0); err != nil {
		t.Fatal(err)
	}
	turn := take(t, b, "one.example:443")
	if turn.Delivered != 2 {
		t.Errorf("delivered %d times, want 2", turn.Delivered)
	}
	given := time.Now()
	if err := turn.Later(wait); err != nil {
		t.Fatal(err)
	}
	if other, ok, err := a.Take(t.Context(), "one.example:443", 50*time.Millisecond); err != nil || ok && time.Since(given) < wait {
		t.Fatalf("it came again after %s: %+v, %v", time.Since(given), other, err)
	} else if ok {
		finish(t, other)
		return
	}
	finish(t, take(t, a, "one.example:443"))
}

// A heartbeat keeps a turn for longer than the queue waits for a silent worker.
func TestHeartbeat(t *testing.T) {
	each(t, func(t *testing.T, o dispatch.Options) {
		o.Wait = wait
		q := open(t, o)
		put(t, q, task("press", "one.example:443", noon), true)
		stalls := repotest.Stalls(t)
		turn := take(t, q, "one.example:443")
		if other, ok, err := q.Take(t.Context(), "one.example:443", 2*wait); ok || err != nil {
			steady(t, stalls)
			t.Fatalf("another worker got %+v, %v", other, err)
		}
		finish(t, turn, stalls)
	})
}

// A worker dies: another one gets its visit, once the first was silent for long
// enough.
func TestWorkerDies(t *testing.T) {
	t.Parallel()
	url, _ := outside(t, "-1")
	a, b := open(t, dispatch.Options{URL: url, Wait: wait}), open(t, dispatch.Options{URL: url, Wait: wait})
	put(t, a, task("press", "one.example:443", noon), true)
	lost := take(t, a, "one.example:443")
	stalls := repotest.Stalls(t)
	a.Close()
	turn := take(t, b, "one.example:443")
	if turn.Task != lost.Task || turn.Delivered != 2 {
		steady(t, stalls)
		t.Errorf("%+v, delivered %d", turn.Task, turn.Delivered)
	}
	finish(t, turn, stalls)
}

// A worker is frozen, another one gets its visit, the first wakes up: it is told
// that its turn is lost, and ends nobody else's.
func TestWorkerFreezesAndWakes(t *testing.T) {
	each(t, func(t *testing.T, o dispatch.Options) {
		o.Wait = wait
		var frozen atomic.Int64
		o.Now = func() time.Time { return time.Now().Add(time.Duration(frozen.Load())) }
		q := open(t, o)
		put(t, q, task("press", "one.example:443", noon), true)
		put(t, q, task("other", "one.example:443", noon), true)
		asleep := take(t, q, "one.example:443")
		stalls := repotest.Stalls(t)
		frozen.Store(int64(time.Hour))
		turn := take(t, q, "one.example:443")
		if turn.Task.Source != "press" {
			t.Errorf("the second worker got %s", turn.Task.Source)
		}
		if err := asleep.Done(t.Context()); !errors.Is(err, dispatch.ErrLost) {
			t.Errorf("Done of the first: %v, want ErrLost", err)
		}
		if other, ok, err := q.Take(t.Context(), "one.example:443", 50*time.Millisecond); ok || err != nil {
			steady(t, stalls)
			t.Fatalf("the second still has the host: %+v, %v", other, err)
		}
		finish(t, turn, stalls)
		finish(t, take(t, q, "one.example:443"))
	})
}

// The server outside is killed and comes back empty, or is frozen for a while:
// callers are told, and go on when it answers.
func TestServerIsLost(t *testing.T) {
	t.Parallel()
	_, port, _ := net.SplitHostPort(testservers.FreePort(t)) // of which another server can be told
	url, p := outside(t, port)
	q := open(t, dispatch.Options{URL: url, Wait: wait})
	put(t, q, task("press", "one.example:443", noon), true)
	turn := take(t, q, "one.example:443")
	put(t, q, task("other", "one.example:443", noon), true)

	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return stands(t, p.Pid) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := q.Put(ctx, task("third", "one.example:443", noon)); !errors.Is(err, dispatch.ErrUnreachable) {
		t.Errorf("Put to a frozen server: %v", err)
	}
	if err := p.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { _, err := q.Status(t.Context()); return err == nil })
	_ = turn.Done(t.Context()) // in time or not

	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = p.Wait()
	if _, err := q.Put(ctx, task("third", "one.example:443", noon)); err == nil {
		t.Error("Put to a killed server: no error")
	}
	outside(t, port)
	until(t, func() bool {
		queued, err := q.Put(t.Context(), task("other", "one.example:443", noon))
		return err == nil && queued
	})
	turn = take(t, q, "one.example:443")
	if turn.Task.Source != "other" || turn.Delivered != 1 {
		t.Errorf("after the loss: %+v, delivered %d", turn.Task, turn.Delivered)
	}
	finish(t, turn)
}

// stands reports whether a process stands still: a signal takes its time.
func stands(t *testing.T, pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Skipf("no /proc: %v", err)
	}
	_, rest, ok := strings.Cut(string(b), ") ")
	return ok && strings.HasPrefix(rest, "T")
}

// until asks again and again.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-pace.C {
		if ok() {
			return
		}
	}
	t.Fatalf("not within %s", patience)
}

// Inside the process nothing is kept: the next queue is empty, whatever the
// first one held, and its folder holds no file.
func TestNothingIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	q := open(t, dispatch.Options{Dir: dir})
	for i := range 100 {
		put(t, q, task(fmt.Sprint(i), fmt.Sprint(i), noon), true)
	}
	take(t, q, "1")
	q.Close()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	q = open(t, dispatch.Options{Dir: dir})
	if s, err := q.Status(t.Context()); err != nil || s.Queued != 0 || s.Hosts != 0 {
		t.Errorf("status %+v, %v", s, err)
	}
	put(t, q, task("1", "1", noon), true)
}

// Eight workers on four connections share the visits of ten hosts: each visit is
// made once, and a host never has two visitors.
func TestManyWorkers(t *testing.T) {
	t.Parallel()
	url, _ := outside(t, "-1")
	const hosts, each = 10, 20
	var queues []*dispatch.Queue
	for range 4 {
		queues = append(queues, open(t, dispatch.Options{URL: url}))
	}
	for s := range each {
		for h := range hosts {
			put(t, queues[s%4], task(fmt.Sprintf("s%d-%d", h, s), fmt.Sprint(h), noon), true)
		}
	}
	var at [hosts]atomic.Int64
	var left atomic.Int64
	left.Store(hosts * each)
	var mu sync.Mutex
	made := map[string]int{}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for h, end := w, time.Now().Add(patience); left.Load() > 0 && time.Now().Before(end); {
				turn, ok, err := queues[w%4].Take(t.Context(), fmt.Sprint(h), 20*time.Millisecond)
				if err != nil {
					t.Error(err)
					return
				}
				if !ok {
					h = (h + 1) % hosts
					continue
				}
				if n := at[h].Add(1); n != 1 {
					t.Errorf("%d visitors at host %d", n, h)
				}
				mu.Lock()
				made[turn.Task.Source]++
				mu.Unlock()
				at[h].Add(-1)
				left.Add(-1)
				if err := turn.Done(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for s, n := range made {
		if n != 1 {
			t.Errorf("%s was visited %d times", s, n)
		}
	}
	if len(made) != hosts*each {
		t.Errorf("%d visits, want %d", len(made), hosts*each)
	}
}

func TestOpenFails(t *testing.T) {
	for _, o := range []dispatch.Options{
		{URL: "nats://127.0.0.1:1"}, {Name: "a.b"}, {Name: "*"},
	} {
		o.Now, o.Dir = time.Now, t.TempDir()
		if q, err := dispatch.Open(t.Context(), o); err == nil {
			q.Close()
			t.Errorf("Open(%+v): no error", o)
		} else if !strings.HasPrefix(err.Error(), "dispatch: ") || (o.URL != "") != errors.Is(err, dispatch.ErrUnreachable) {
			t.Errorf("Open(%+v): %v", o, err)
		}
	}
}

// A turn inside the process: announce, take, done.
func BenchmarkTurn(b *testing.B) {
	q, err := dispatch.Open(b.Context(), dispatch.Options{Dir: b.TempDir(), Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	for n := 0; b.Loop(); n++ {
		host := fmt.Sprint(n % 1000)
		if _, err := q.Put(b.Context(), task(host, host, noon.Add(time.Duration(n)))); err != nil {
			b.Fatal(err)
		}
		turn, ok, err := q.Take(b.Context(), host, time.Second)
		if err != nil || !ok {
			b.Fatal(ok, err)
		}
		if err := turn.Done(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
