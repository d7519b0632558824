// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrUnreachable reports a queue that does not answer. Due visits are found
// again when it does.
var ErrUnreachable = errors.New("the queue is out of reach")

// Defaults of Options.
const (
	defaultName = "onrecord"
	defaultWait = 5 * time.Second
)

const (
	// consumerIdle is how long the consumer of a host without work stays. The
	// server keeps one whose message is under way for longer.
	consumerIdle = 10 * time.Second
	// remember is how long a tick that was handed out is not taken again. The
	// state of its source says so for good.
	remember = time.Minute
	// callAtMost bounds a question to the server.
	callAtMost = 5 * time.Second
	// memory bounds what the server inside the process keeps: a message is a
	// few hundred bytes.
	memory = 64 << 20
)

// Options say where the queue is.
type Options struct {
	// URL is that of a NATS server or cluster with JetStream,
	// "nats://host:4222", several joined by commas. Empty: a server inside the
	// process, in memory, which listens nowhere.
	URL string
	// Dir is where the server inside the process makes a folder that it insists
	// on. Nothing of worth is put there.
	Dir string
	// Name is that of the archive in a server that serves several; letters,
	// digits, "-" and "_"; default "onrecord".
	Name string
	// Replicas is how many servers of a cluster hold the queue; default 1. With
	// 3 it survives the loss of one, else what was queued is found again.
	Replicas int
	// Wait is how long a worker that gives no sign of life keeps its turn;
	// default 5s, at least 1s.
	Wait time.Duration
	Now  func() time.Time // required
	Log  *slog.Logger     // nil: discarded
}

// A Task is one visit to be made.
type Task struct {
	Source string    `json:"source"`
	Host   string    `json:"host"` // host and port that its requests go to
	Tick   time.Time `json:"tick"` // when it was due, UTC
}

// A Queue is an open queue. It is safe for concurrent use.
type Queue struct {
	o      Options
	server *server.Server // nil where it is outside
	conn   *nats.Conn
	line   line // to the server outside
	js     jetstream.JetStream
	stream string
}

// Open opens the queue and makes its stream where there is none.
func Open(ctx context.Context, o Options) (*Queue, error) {
	if o.Name == "" {
		o.Name = defaultName
	}
	if strings.Trim(o.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return nil, fmt.Errorf("dispatch: name %q: letters, digits, - and _ only", o.Name)
	}
	if o.Wait == 0 {
		o.Wait = defaultWait
	}
	o.Wait = max(o.Wait, time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	q := &Queue{o: o, stream: o.Name + "-visits"}
	if err := q.connect(); err != nil {
		return nil, fmt.Errorf("dispatch: %w", err)
	}
	if err := q.makeStream(ctx); err != nil {
		q.Close()
		return nil, fmt.Errorf("dispatch: %w", q.reach(err))
	}
	return q, nil
}

// connect begins the server inside the process, or finds the one outside.
func (q *Queue) connect() (err error) {
	options := []nats.Option{
		nats.Name("onrecord"), nats.MaxReconnects(-1), nats.ReconnectWait(time.Second), nats.Timeout(callAtMost),
		nats.ReconnectBufSize(-1), // a word that waits for the connection would come too late
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				q.o.Log.Warn("the queue is out of reach", "err", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { q.o.Log.Info("the queue answers again") }),
	}
	url := q.o.URL
	if url == "" {
		if q.server, err = begin(q.o.Dir); err != nil {
			return err
		}
		options = append(options, nats.InProcessServer(q.server))
	} else {
		options = append(options, nats.SetCustomDialer(&q.line))
	}
	if q.conn, err = nats.Connect(url, options...); err != nil {
		q.Close()
		return fmt.Errorf("%w: %s: %w", ErrUnreachable, url, err)
	}
	q.js, err = jetstream.New(q.conn)
	return err
}

// begin begins a server inside the process.
func begin(dir string) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		ServerName: "onrecord", DontListen: true, NoLog: true, NoSigs: true,
		JetStream: true, StoreDir: dir, JetStreamMaxMemory: memory, JetStreamMaxStore: 1, // disk is not used; 0 would mean any
	})
	if err != nil {
		return nil, fmt.Errorf("queue inside the process: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(callAtMost) {
		s.Shutdown()
		return nil, fmt.Errorf("queue inside the process: not ready within %s; can %s be written?", callAtMost, dir)
	}
	return s, nil
}

// makeStream makes the stream, or finds that it is there.
func (q *Queue) makeStream(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callAtMost)
	defer cancel()
	_, err := q.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: q.stream, Subjects: []string{q.o.Name + ".visit.>"},
		Retention: jetstream.WorkQueuePolicy, Storage: jetstream.MemoryStorage,
		MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, DiscardNewPerSubject: true,
		Duplicates: remember, Replicas: max(q.o.Replicas, 1),
	})
	return err
}

// Put announces a due visit. It is no error, and false, if one of its source
// waits or is under way, or if this tick was announced within the last minute.
func (q *Queue) Put(ctx context.Context, t Task) (queued bool, err error) {
	t.Tick = t.Tick.UTC()
	body, err := json.Marshal(t)
	if err != nil {
		return false, fmt.Errorf("dispatch: %w", err)
	}
	id := jetstream.WithMsgID(t.Source + "@" + t.Tick.Format(time.RFC3339Nano))
	var ack *jetstream.PubAck
	err = q.again(ctx, func(ctx context.Context) error {
		ack, err = q.js.Publish(ctx, q.subject(t.Host)+"."+token(t.Source), body, id, jetstream.WithRetryAttempts(1))
		return err
	})
	if e, ok := errors.AsType[*jetstream.APIError](err); ok && e.ErrorCode == fullSubject {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("dispatch: visit of %s: %w", t.Source, q.reach(err))
	}
	return !ack.Duplicate, nil
}

// fullSubject is the server's code for a second message on a subject that keeps
// one ("maximum messages per subject exceeded"); nats.go has no name for it.
const fullSubject = 10077

// again asks the server, and once more after the stream was made anew, where the
// server has lost it.
func (q *Queue) again(ctx context.Context, ask func(context.Context) error) error {
	one := func() error {
		ctx, cancel := context.WithTimeout(ctx, callAtMost)
		defer cancel()
		return ask(ctx)
	}
	err := one()
	if !errors.Is(err, jetstream.ErrNoStreamResponse) && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	if err := q.makeStream(ctx); err != nil {
		return err
	}
	return one()
}

// reach marks an error as that of a queue out of reach, unless the queue has
// answered or the caller has given up.
func (q *Queue) reach(err error) error {
	if _, ok := errors.AsType[*jetstream.APIError](err); ok || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// A Status is what a queue holds.
type Status struct {
	Queued int // visits that wait or are under way
	Hosts  int // of which a consumer stands
}

// Status asks what the queue holds.
func (q *Queue) Status(ctx context.Context) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, callAtMost)
	defer cancel()
	s, err := q.js.Stream(ctx, q.stream)
	if err != nil {
		return Status{}, fmt.Errorf("dispatch: %w", q.reach(err))
	}
	state := s.CachedInfo().State
	return Status{Queued: int(state.Msgs), Hosts: state.Consumers}, nil
}

// Close gives the queue up. Turns that were not given back come to others after
// Options.Wait; a server inside the process ends, and what it held is found
// again from the states of the sources.
func (q *Queue) Close() {
	if q.conn != nil {
		q.conn.Close()
	}
	if q.server != nil {
		q.server.Shutdown()
		q.server.WaitForShutdown()
	}
}

// subject returns the subject of a host's visits, without the source.
func (q *Queue) subject(host string) string { return q.o.Name + ".visit." + token(host) }

// token makes one token of a subject of any text: letters, digits and "-" stand
// for themselves, every other byte is "_" and two hex digits.
func token(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	if b.Len() == 0 {
		return "_"
	}
	return b.String()
}
