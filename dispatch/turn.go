// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrLost reports a turn that this worker has no more: it gave no sign of life
// for too long, and the visit may be somebody else's.
var ErrLost = errors.New("the turn is lost")

// A Turn is a visit that this worker is to make, and with it the right to visit
// its host. A heartbeat keeps it until Done or Later.
type Turn struct {
	Task      Task
	Delivered int // how often the visit was handed out, this time included

	q      *Queue
	msg    jetstream.Msg
	server string // id of the server that gave it
	ctx    context.Context
	lose   context.CancelCauseFunc
	stop   chan struct{}
	done   chan struct{}

	mu   sync.Mutex
	beat time.Time // when the last sign of life that the queue has confirmed was given; guarded by mu
}

// Take takes the next visit of a host, waiting for it for at most wait. ok is
// false where there is none, or another worker is at the host.
func (q *Queue) Take(ctx context.Context, host string, wait time.Duration) (t *Turn, ok bool, err error) {
	server := q.conn.ConnectedServerId()
	c, err := q.consumer(ctx, host)
	if err != nil {
		return nil, false, fmt.Errorf("dispatch: host %s: %w", host, q.reach(err))
	}
	msg, asked, err := q.fetch(ctx, c, max(wait, 10*time.Millisecond))
	if err != nil {
		return nil, false, fmt.Errorf("dispatch: host %s: %w", host, q.reach(err))
	}
	if msg == nil {
		return nil, false, nil
	}
	t = &Turn{q: q, msg: msg, server: server, stop: make(chan struct{}), done: make(chan struct{}), beat: asked.Round(0)}
	t.ctx, t.lose = context.WithCancelCause(context.Background())
	meta, err := msg.Metadata()
	if err == nil {
		t.Delivered = int(meta.NumDelivered)
		err = json.Unmarshal(msg.Data(), &t.Task)
	}
	if err != nil {
		t.lose(nil)
		_ = msg.Term() // nobody can read it; what is due is found again
		return nil, false, fmt.Errorf("dispatch: host %s: a message that is no visit: %w", host, err)
	}
	go t.keep()
	return t, true, nil
}

// fetch waits for a message, and says when it was asked for. It asks often, so
// that this is close to when the queue gave the turn: a worker that is frozen
// between the two must not take the turn for its own when it wakes up.
func (q *Queue) fetch(ctx context.Context, c jetstream.Consumer, wait time.Duration) (msg jetstream.Msg, asked time.Time, err error) {
	for ; wait > 0 && ctx.Err() == nil; wait -= q.o.Wait / 4 {
		asked = q.o.Now()
		batch, err := c.Fetch(1, jetstream.FetchMaxWait(min(wait, q.o.Wait/4)))
		if err != nil {
			return nil, asked, err
		}
		if msg, ok := <-batch.Messages(); ok {
			return msg, asked, nil
		}
		if err := batch.Error(); err != nil && !nothing(err) {
			return nil, asked, err
		}
	}
	return nil, asked, ctx.Err()
}

// nothing reports whether an error of a fetch says that there was nothing to
// fetch, or that the consumer went away meanwhile: the next Take makes another.
func nothing(err error) bool {
	return errors.Is(err, nats.ErrTimeout) || errors.Is(err, jetstream.ErrConsumerDeleted) || errors.Is(err, jetstream.ErrNoMessages) ||
		errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, nats.ErrNoResponders)
}

// consumer makes the consumer of a host, or finds that it is there.
func (q *Queue) consumer(ctx context.Context, host string) (c jetstream.Consumer, err error) {
	sum := sha256.Sum256([]byte(host)) // names are bounded, hosts less so
	err = q.again(ctx, func(ctx context.Context) (err error) {
		c, err = q.js.CreateOrUpdateConsumer(ctx, q.stream, jetstream.ConsumerConfig{
			Durable: hex.EncodeToString(sum[:12]), FilterSubject: q.subject(host) + ".*",
			AckPolicy: jetstream.AckExplicitPolicy, AckWait: q.o.Wait, MaxAckPending: 1,
			MemoryStorage: true, InactiveThreshold: consumerIdle,
		})
		return err
	})
	return c, err
}

// Context ends when the turn is lost, with the cause [ErrLost], and when it was
// given back. The visit runs under it: somebody else may be at the host now.
func (t *Turn) Context() context.Context { return t.ctx }

// keep gives signs of life until the turn ends.
func (t *Turn) keep() {
	defer close(t.done)
	next := time.NewTimer(t.q.o.Wait / 4)
	defer next.Stop()
	for {
		select {
		case <-t.stop:
			return
		case <-next.C:
		}
		left, ok := t.held()
		if !ok {
			return
		}
		if err := t.confirm(min(left, t.q.o.Wait/4)); err != nil {
			t.q.o.Log.Debug("heartbeat", "source", t.Task.Source, "err", err)
		}
		if left, ok = t.held(); !ok {
			return
		}
		next.Reset(min(left, t.q.o.Wait/4))
	}
}

// working says to the server that a message is being worked on.
const working = "+WPI"

// confirm gives a sign of life and waits until the queue has confirmed it. What
// a client has merely sent may lie in a buffer while the network is cut.
func (t *Turn) confirm(atMost time.Duration) error {
	if !t.q.conn.IsConnected() {
		return ErrUnreachable
	}
	now := t.q.o.Now().Round(0)
	ctx, cancel := context.WithTimeout(t.ctx, atMost)
	defer cancel()
	if _, err := t.q.conn.RequestWithContext(ctx, t.msg.Reply(), []byte(working)); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.beat = now
	return nil
}

// held reports whether the turn is still this worker's, and for how long without
// another sign of life. Once it was silent for almost as long as the queue
// waits, it is not, even if nobody else has taken it: a visit needs a moment to
// stop. Nor is it where another server answers: what was in the first one's
// memory is gone, and the same numbers may mean another turn there. Clocks on
// the wall are compared, for a frozen machine's other clock may stand still; one
// that was set back is no reason to go on.
func (t *Turn) held() (left time.Duration, ok bool) {
	t.mu.Lock()
	silent := t.q.o.Now().Round(0).Sub(t.beat)
	t.mu.Unlock()
	left = t.q.o.Wait - t.q.o.Wait/8 - silent
	server := t.q.conn.ConnectedServerId()
	if left <= 0 || silent < -t.q.o.Wait || server != "" && server != t.server {
		t.lose(ErrLost)
	}
	return left, t.ctx.Err() == nil
}

// end stops the heartbeat, and says for how long the turn is still this
// worker's. A late word of a worker that was frozen or cut off would end the
// turn of another, so it is not sent.
func (t *Turn) end() (left time.Duration, err error) {
	close(t.stop)
	<-t.done
	left, ok := t.held()
	t.lose(nil)
	if !ok {
		return 0, fmt.Errorf("dispatch: visit of %s: %w", t.Task.Source, ErrLost)
	}
	return left, nil
}

// say ends the turn with a word to the queue, and waits until it has heard it. A
// word that is not answered while the turn lasts must not arrive after it, so
// the connection that carries it is cut.
func (t *Turn) say(ctx context.Context, word string) error {
	left, err := t.end()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, min(left, callAtMost))
	defer cancel()
	_, err = t.q.conn.RequestWithContext(ctx, t.msg.Reply(), []byte(word))
	if err == nil {
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.q.line.cut()
	}
	return fmt.Errorf("dispatch: visit of %s: %w", t.Task.Source, t.q.reach(err))
}

// Done says that the visit has been made or is not needed. It returns when the
// queue has heard that. A lost turn is left alone: [ErrLost]. It is called once,
// and not after Later.
func (t *Turn) Done(ctx context.Context) error { return t.say(ctx, "+ACK") }

// Later gives the visit back, to be handed out again, to anybody, after a delay.
// Until then no other visit of the host is handed out.
func (t *Turn) Later(delay time.Duration) error {
	word := "-NAK"
	if delay > 0 {
		word = fmt.Sprintf(`-NAK {"delay": %d}`, delay.Nanoseconds())
	}
	return t.say(context.Background(), word)
}
