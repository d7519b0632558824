// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package witness_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
	"onrecord/archive/witness"
)

const origin = "archive.example/log"

// A fakeWitness answers by a script. It is its own HTTP client.
type fakeWitness struct {
	name   string
	secret ed25519.PrivateKey
	size   int64 // that it says it has
	answer func(req *http.Request, body string) (*http.Response, error)
	asked  atomic.Int64
	back   atomic.Bool // it keeps to the protocol again, whatever answer says
}

func newFake(name string) *fakeWitness {
	seed := sha256.Sum256([]byte(name))
	f := &fakeWitness{name: name, secret: ed25519.NewKeyFromSeed(seed[:])}
	f.answer = f.good
	return f
}

// vkey returns its key, as one of cosignatures.
func (f *fakeWitness) vkey() string {
	key := append([]byte{4}, f.secret.Public().(ed25519.PublicKey)...)
	hash := sha256.Sum256(append([]byte(f.name+"\n"), key...))
	return fmt.Sprintf("%s+%08x+%s", f.name, binary.BigEndian.Uint32(hash[:]), base64.StdEncoding.EncodeToString(key))
}

// cosign returns the line of its cosignature of a checkpoint's text.
func (f *fakeWitness) cosign(text string) string { return f.cosignAt(1_800_000_000, text) }

func (f *fakeWitness) cosignAt(at uint64, text string) string {
	key := append([]byte{4}, f.secret.Public().(ed25519.PublicKey)...)
	hash := sha256.Sum256(append([]byte(f.name+"\n"), key...))
	sig := binary.BigEndian.AppendUint64(append([]byte{}, hash[:4]...), at)
	sig = append(sig, ed25519.Sign(f.secret, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))...)
	return "\u2014 " + f.name + " " + base64.StdEncoding.EncodeToString(sig) + "\n"
}

func reply(status int, body string) (*http.Response, error) {
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}, nil
}

// good keeps to the protocol, but for the proof, which it believes.
func (f *fakeWitness) good(_ *http.Request, body string) (*http.Response, error) {
	head, checkpoint, _ := strings.Cut(body, "\n\n")
	var old, size int64
	text, _, _ := strings.Cut(checkpoint, "\n\n")
	if _, err := fmt.Sscanf(head, "old %d", &old); err != nil {
		return reply(400, "")
	}
	if _, err := fmt.Sscanf(checkpoint, origin+"\n%d\n", &size); err != nil || old > size {
		return reply(400, "")
	}
	if old != f.size {
		return reply(409, fmt.Sprintf("%d\n", f.size))
	}
	f.size = size
	return reply(200, f.cosign(text+"\n"))
}

func (f *fakeWitness) Do(req *http.Request) (*http.Response, error) {
	f.asked.Add(1)
	b, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if f.back.Load() {
		return f.good(req, string(b))
	}
	return f.answer(req, string(b))
}

// A bench is a ledger and a gatherer of one witness.
type bench struct {
	b memory.Bucket
	o ledger.Options
	l *ledger.Ledger
	g *witness.Gatherer
	f *fakeWitness
}

func newBench(t *testing.T, state string) *bench {
	t.Helper()
	s := &bench{f: newFake("witness.example/w1")}
	_, public, signer, err := ledger.GenerateKeys(nil, origin)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	s.o = ledger.Options{Origin: origin, Signer: signer, Verifier: v, Mark: filepath.Join(t.TempDir(), "mark")}
	if err := ledger.Create(t.Context(), &s.b, s.o); err != nil {
		t.Fatal(err)
	}
	if s.l, err = ledger.New(&s.b, s.o); err != nil {
		t.Fatal(err)
	}
	s.grow(t, 10)
	s.again(t, state)
	return s
}

// again begins as a new process does: the ledger asks the gatherer.
func (s *bench) again(t *testing.T, state string) {
	t.Helper()
	g, err := witness.New(witness.Options{
		Witnesses: []witness.Witness{{Key: s.f.vkey(), URL: "https://witness.example"}}, HTTP: s.f, Now: time.Now, State: state,
	})
	if err != nil {
		t.Fatal(err)
	}
	o := s.o
	o.Known, o.Published = g.Known, g.Published
	if s.l, err = ledger.New(&s.b, o); err != nil {
		t.Fatal(err)
	}
	g.Of(s.l)
	s.g = g
}

func (s *bench) append(ctx context.Context, n int64) error {
	h, tag, err := s.l.Head(ctx)
	if err != nil {
		return err
	}
	var leaves []ledger.Leaf
	for i := range n {
		leaves = append(leaves, ledger.Leaf{Line: uint32(h.Size + i)})
	}
	if h, _, err = s.l.Append(ctx, h, tag, leaves); err != nil {
		return err
	}
	return s.l.Publish(ctx, h)
}

func (s *bench) grow(t *testing.T, n int64) {
	t.Helper()
	if err := s.append(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

// cosigned reports whether the published checkpoint has the size and the
// witness's name.
func (s *bench) cosigned(t *testing.T, size int64) bool {
	t.Helper()
	c, err := s.l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v, err := witness.NewVerifier(s.f.vkey())
	if err != nil {
		t.Fatal(err)
	}
	_, ok := witness.CosignedAt(c.Note, v)
	return ok && c.Size == size
}

// TestCosignatureAfterEachCheckpoint runs a gatherer beside a ledger that grows,
// and another process.
func TestCosignatureAfterEachCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t, filepath.Join(t.TempDir(), "witness.json"))
		s.f.size = 3
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); s.g.Run(ctx) }()
		synctest.Wait()
		if !s.cosigned(t, 10) {
			t.Error("the checkpoint that is there at the start is not cosigned")
		}
		for size := int64(11); size < 14; size++ {
			time.Sleep(5 * time.Second)
			s.grow(t, 1)
			time.Sleep(5 * time.Second)
			synctest.Wait()
			if !s.cosigned(t, size) {
				t.Errorf("size %d is not cosigned", size)
			}
		}
		st := s.g.Status()[0]
		if st.Size != 13 || st.At.Unix() != 1_800_000_000 || st.Err != "" || st.Other {
			t.Errorf("status %+v", st)
		}
		asked := s.f.asked.Load()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := s.f.asked.Load() - asked; n != 0 {
			t.Errorf("asked %d times for a checkpoint that it has cosigned", n)
		}
		cancel()
		<-done
	})
}

// TestOutageBlocksNothing has a witness that does not answer: the first commit
// waits for five seconds, the others for nothing, and it is asked ever less.
func TestOutageBlocksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t, "")
		s.f.answer = func(req *http.Request, _ string) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.g.Run(ctx)
		for i, most := range []time.Duration{5 * time.Second, 0, 0} {
			began := time.Now()
			s.grow(t, 1)
			if took := time.Since(began); took > most {
				t.Errorf("commit %d took %s", i, took)
			}
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if n := s.f.asked.Load(); n < 20 || n > 40 {
			t.Errorf("asked %d times in a day", n)
		}
		if st := s.g.Status()[0]; st.Err == "" || st.Since.IsZero() {
			t.Errorf("status %+v", st)
		}
		s.f.back.Store(true)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if !s.cosigned(t, 13) || s.g.Status()[0].Err != "" {
			t.Errorf("not cosigned when it is back: %+v", s.g.Status())
		}
	})
}

// TestWitnessKnowsMore has a bucket that was restored from an older copy, on a
// machine whose mark was, too.
func TestWitnessKnowsMore(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(f *fakeWitness)
		refused bool
	}{
		"more":        {func(f *fakeWitness) { f.size = 50 }, true},
		"the same":    {func(f *fakeWitness) { f.size = 10 }, false},
		"less":        {func(f *fakeWitness) { f.size = 4 }, false},
		"nothing":     {func(f *fakeWitness) {}, false},
		"another":     {func(f *fakeWitness) { f.answer = always(422, "") }, true},
		"root by 409": {func(f *fakeWitness) { f.size = 10; f.answer = always(409, "10\n") }, true},
		"unknown log": {func(f *fakeWitness) { f.answer = always(404, "") }, false},
		"unknown key": {func(f *fakeWitness) { f.answer = always(403, "") }, false},
		"busy":        {func(f *fakeWitness) { f.answer = always(429, "") }, false},
		"broken":      {func(f *fakeWitness) { f.answer = always(500, "\x1b[2J") }, false},
		"moved":       {func(f *fakeWitness) { f.answer = always(302, "") }, false},
		"junk":        {func(f *fakeWitness) { f.answer = always(200, "junk") }, false},
		"no size":     {func(f *fakeWitness) { f.answer = always(409, "-1\n") }, false},
		"flood":       {func(f *fakeWitness) { f.answer = always(200, strings.Repeat("x", 1<<20)) }, false},
		"another's":   {func(f *fakeWitness) { f.answer = always(200, newFake("other.example/w").cosign("x\n")) }, false},
		"gone": {func(f *fakeWitness) {
			f.answer = func(*http.Request, string) (*http.Response, error) { return nil, errors.New("refused") }
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newBench(t, "")
			c.change(s.f)
			err := s.append(t.Context(), 1)
			if !c.refused {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, ledger.ErrSeenMore) || !strings.Contains(err.Error(), "witness witness.example/w1 at https://witness.example") {
				t.Errorf("%v, want ErrSeenMore that names it", err)
			}
			if c, err := s.l.Checkpoint(t.Context()); err != nil || c.Size != 10 {
				t.Errorf("checkpoint of size %d, %v", c.Size, err)
			}
		})
	}
}

func always(status int, body string) func(*http.Request, string) (*http.Response, error) {
	return func(*http.Request, string) (*http.Response, error) { return reply(status, body) }
}

// TestStateIsKept begins a second process, which knows what the first learnt.
func TestStateIsKept(t *testing.T) {
	state := filepath.Join(t.TempDir(), "witness.json")
	s := newBench(t, state)
	s.grow(t, 5)
	if err := s.g.Flush(t.Context()); err != nil || !s.cosigned(t, 15) {
		t.Fatal("not cosigned", err)
	}
	if kept := witness.ReadState(state); len(kept) != 1 || kept[0].Size != 15 || kept[0].Origin != origin {
		t.Errorf("kept %+v", kept)
	}
	s.f.answer = always(503, "")
	s.again(t, state)
	if known, err := s.g.Known(t.Context()); err != nil || len(known) != 1 || known[0].Size != 15 {
		t.Errorf("known %+v, %v", known, err)
	}
	if st := s.g.Status()[0]; st.Size != 15 || st.Err == "" {
		t.Errorf("status %+v", st)
	}
}

// TestTimeOfACosignature: a witness says what time it is, and what can't be written
// down would make every status unreadable.
func TestTimeOfACosignature(t *testing.T) {
	f := newFake("witness.example/w1")
	v, err := witness.NewVerifier(f.vkey())
	if err != nil {
		t.Fatal(err)
	}
	const text = origin + "\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
	for at, want := range map[uint64]bool{0: true, 1_800_000_000: true, 253402300799: true, 253402300800: false, 1 << 62: false, 1<<64 - 1: false} {
		got, ok := witness.CosignedAt([]byte(text+"\n"+f.cosignAt(at, text)), v)
		if ok != want || ok && got.Unix() != int64(at) {
			t.Errorf("a cosignature at %d: %s, %t", at, got, ok)
		}
		if _, err := got.MarshalJSON(); err != nil {
			t.Error(err)
		}
	}
}

func TestNewVerifier(t *testing.T) {
	good := newFake("witness.example/w1").vkey()
	if v, err := witness.NewVerifier(good); err != nil || v.Name() != "witness.example/w1" {
		t.Errorf("%v", err)
	}
	// A plain Ed25519 key names the same cosigner (formats, NewVerifierForCosignatureV1).
	_, plain, _, err := ledger.GenerateKeys(nil, "witness.example/w1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := witness.NewVerifier(plain); err != nil {
		t.Error(err)
	}
	mldsa := append([]byte{6}, make([]byte, 1312)...)
	hash := sha256.Sum256(append([]byte("w\n"), mldsa...))
	for _, bad := range []string{
		"", "w", "w+00000000", "+" + good, "a b+00000000+AAAA", strings.Replace(good, "/w1", "/w2", 1), good[:len(good)-4], good + "AAAA",
		fmt.Sprintf("w+%08x+%s", binary.BigEndian.Uint32(hash[:]), base64.StdEncoding.EncodeToString(mldsa)),
	} {
		if _, err := witness.NewVerifier(bad); err == nil {
			t.Errorf("%.80q was taken", bad)
		}
	}
}
