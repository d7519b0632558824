// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package witnesstest lets the witness of transparency-dev, over HTTP on this
// machine, cosign ledgers that package ledger writes, and lets the readers of
// transparency-dev/formats, which share no code with ours but the note format,
// read the proofs. It is a module of its own so that their dependencies stay out
// of ours.
//
// Run it with: cd archive/witness/witnesstest && go test ./...
package witnesstest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/formats/proof"
	mproof "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/witness/persistence/inmemory"
	twitness "github.com/transparency-dev/witness/witness"
	"golang.org/x/mod/sumdb/note"

	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
	"onrecord/archive/witness"
	"onrecord/crawler"
)

const origin = "archive.example/log"

// client is the one that the program gives: it reaches this machine because the
// configuration says so.
func client(t *testing.T, allow ...netip.Prefix) *http.Client {
	t.Helper()
	return crawler.NewPlainClient(allow, nil)
}

var here = netip.MustParsePrefix("127.0.0.0/8")

// A logKey is a key of the ledger.
type logKey struct {
	public string
	signer note.Signer
}

func newKey(t *testing.T) logKey {
	t.Helper()
	_, public, signer, err := ledger.GenerateKeys(nil, origin)
	if err != nil {
		t.Fatal(err)
	}
	return logKey{public, signer}
}

// start serves a real witness that knows the log by its key. It returns how the
// configuration names it.
func start(t *testing.T, name string, k logKey) witness.Witness {
	t.Helper()
	secret, public, err := note.GenerateKey(nil, name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := fnote.NewSignerForCosignatureV1(secret)
	if err != nil {
		t.Fatal(err)
	}
	if public, err = fnote.VKeyToCosignatureV1(public); err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(k.public)
	if err != nil {
		t.Fatal(err)
	}
	w, err := twitness.New(t.Context(), twitness.Opts{
		Persistence: inmemory.New(), Signers: []note.Signer{signer},
		VerifierForLog: func(_ context.Context, o string) (note.Verifier, bool, error) { return verifier, o == origin, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", twitness.NewHTTPHandler(w).AddCheckpoint)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return witness.Witness{Key: public, URL: srv.URL}
}

// A machine is a process that writes a ledger, with its mark.
type machine struct {
	l *ledger.Ledger
	g *witness.Gatherer
}

func begin(t *testing.T, b *memory.Bucket, k logKey, mark string, ws ...witness.Witness) machine {
	t.Helper()
	verifier, err := note.NewVerifier(k.public)
	if err != nil {
		t.Fatal(err)
	}
	g, err := witness.New(witness.Options{Witnesses: ws, HTTP: client(t, here), UserAgent: "onrecord/test", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	o := ledger.Options{Origin: origin, Signer: k.signer, Verifier: verifier, Mark: mark, Trust: true, Known: g.Known, Published: g.Published}
	if _, _, err := b.Load(t.Context(), ledger.HeadKey); err != nil {
		made := o
		made.Known = nil
		if err := ledger.Create(t.Context(), b, made); err != nil {
			t.Fatal(err)
		}
	}
	l, err := ledger.New(b, o)
	if err != nil {
		t.Fatal(err)
	}
	g.Of(l)
	return machine{l, g}
}

// leaf returns the i-th leaf of a history.
func leaf(history byte, i int64) ledger.Leaf {
	l := ledger.Leaf{Line: uint32(i), Hash: sha256.Sum256(binary.BigEndian.AppendUint64([]byte{history}, uint64(i)))}
	l.Visit[0] = 1
	return l
}

func (m machine) grow(t *testing.T, history byte, n int64) error {
	t.Helper()
	h, tag, err := m.l.Head(t.Context())
	if err != nil {
		return err
	}
	var leaves []ledger.Leaf
	for i := range n {
		leaves = append(leaves, leaf(history, h.Size+i))
	}
	if h, _, err = m.l.Append(t.Context(), h, tag, leaves); err != nil {
		return err
	}
	return m.l.Publish(t.Context(), h)
}

// TestRealWitnesses has three witnesses cosign each checkpoint, and formats read
// the proofs.
func TestRealWitnesses(t *testing.T) {
	var b memory.Bucket
	k := newKey(t)
	ws := []witness.Witness{start(t, "witness.example/w1", k), start(t, "witness.example/w2", k), start(t, "witness.example/w3", k)}
	m := begin(t, &b, k, filepath.Join(t.TempDir(), "mark"), ws...)
	for _, n := range []int64{1, 1, 254, 1, 300, 4000} {
		if err := m.grow(t, 0, n); err != nil {
			t.Fatal(err)
		}
		if err := m.g.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c, err := m.l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range m.g.Status() {
		if s.Size != 4557 || s.Err != "" {
			t.Errorf("%+v", s)
		}
	}
	for _, index := range []int64{0, 255, 256, 4556} {
		text, err := m.l.Proof(t.Context(), index)
		if err != nil {
			t.Fatal(err)
		}
		checkProof(t, text, k, ws, index, c.Size)
	}
}

// checkProof reads a proof by formats and merkle alone.
func checkProof(t *testing.T, text []byte, k logKey, ws []witness.Witness, index, size int64) {
	t.Helper()
	var p proof.TLogProof
	if err := p.Unmarshal(text); err != nil {
		t.Fatal(err)
	}
	if again := p.Marshal(); string(again) != string(text) {
		t.Errorf("formats writes the proof of %d otherwise:\n%s", index, again)
	}
	verifier, err := note.NewVerifier(k.public)
	if err != nil {
		t.Fatal(err)
	}
	var cosigners []note.Verifier
	for _, w := range ws {
		v, err := fnote.NewVerifierForCosignatureV1(w.Key)
		if err != nil {
			t.Fatal(err)
		}
		cosigners = append(cosigners, v)
	}
	c, _, n, err := log.ParseCheckpoint(p.Checkpoint, origin, verifier, cosigners...)
	if err != nil {
		t.Fatal(err)
	}
	if int64(c.Size) != size || int64(p.Index) != index || len(n.Sigs) != 1+len(ws) {
		t.Errorf("index %d, size %d, %d signatures", p.Index, c.Size, len(n.Sigs))
	}
	for _, s := range n.Sigs[1:] {
		if at, err := fnote.CoSigV1Timestamp(s); err != nil || time.Since(at) > time.Minute {
			t.Errorf("%s cosigned at %s, %v", s.Name, at, err)
		}
	}
	hashes := make([][]byte, len(p.Hashes))
	for i := range p.Hashes {
		hashes[i] = p.Hashes[i][:]
	}
	one := leaf(0, index).Bytes()
	if err := mproof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, c.Size, rfc6962.DefaultHasher.HashLeaf(one[:]), hashes, c.Hash); err != nil {
		t.Error(err)
	}
}

// TestRollBackIsRefused restores bucket and mark from an older copy: only the
// witness remembers.
func TestRollBackIsRefused(t *testing.T) {
	var b memory.Bucket
	k := newKey(t)
	w := start(t, "witness.example/w1", k)
	m := begin(t, &b, k, filepath.Join(t.TempDir(), "mark"), w)
	grown(t, m, 0, 300)
	old := b.Clone()
	grown(t, m, 0, 10)
	again := begin(t, old, k, filepath.Join(t.TempDir(), "mark"), w)
	if err := again.grow(t, 0, 1); !errors.Is(err, ledger.ErrSeenMore) || !strings.Contains(err.Error(), "310") {
		t.Errorf("a bucket of yesterday: %v", err)
	}
	alone := begin(t, old.Clone(), k, filepath.Join(t.TempDir(), "mark")) // the witness was taken out of the configuration
	if err := alone.grow(t, 0, 1); err != nil {
		t.Error(err)
	}
}

func grown(t *testing.T, m machine, history byte, n int64) {
	t.Helper()
	if err := m.grow(t, history, n); err != nil {
		t.Fatal(err)
	}
	if err := m.g.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestSplitViewIsRefused has a second history signed with the same key, smaller
// than, as large as and larger than the first: the witness cosigns none of it,
// and who is told so signs no more.
func TestSplitViewIsRefused(t *testing.T) {
	for _, size := range []int64{5, 10, 11, 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			var b memory.Bucket
			k := newKey(t)
			w := start(t, "witness.example/w1", k)
			m := begin(t, &b, k, filepath.Join(t.TempDir(), "mark"), w)
			grown(t, m, 0, 300)
			split := b.Clone()
			grown(t, m, 0, 10)
			fork := begin(t, split, k, filepath.Join(t.TempDir(), "mark"))
			if err := fork.grow(t, 1, size); err != nil {
				t.Fatal(err)
			}
			honest := begin(t, split, k, filepath.Join(t.TempDir(), "mark"), w)
			if err := honest.grow(t, 1, 1); !errors.Is(err, ledger.ErrSeenMore) {
				t.Errorf("%v, want ErrSeenMore", err)
			}
			c, err := honest.l.Checkpoint(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			v, err := witness.NewVerifier(w.Key)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := witness.CosignedAt(c.Note, v); ok || c.Size != 300+size {
				t.Errorf("size %d, cosigned %v", c.Size, ok)
			}
		})
	}
}

// TestStrangersAreRefused has a witness that does not know the log's key. By the
// specification it says 403; this one says 500.
func TestStrangersAreRefused(t *testing.T) {
	var b memory.Bucket
	k := newKey(t)
	w := start(t, "witness.example/w1", newKey(t))
	m := begin(t, &b, k, filepath.Join(t.TempDir(), "mark"), w)
	grown(t, m, 0, 3)
	if s := m.g.Status()[0]; s.Err == "" || s.Other || s.Size != 0 {
		t.Errorf("%+v", s)
	}
}

// TestPrivateAddressesAreRefused asks a witness on this machine with a
// configuration that does not allow it.
func TestPrivateAddressesAreRefused(t *testing.T) {
	var b memory.Bucket
	k := newKey(t)
	w := start(t, "witness.example/w1", k)
	m := begin(t, &b, k, filepath.Join(t.TempDir(), "mark"))
	grown(t, m, 0, 3)
	g, err := witness.New(witness.Options{Witnesses: []witness.Witness{w}, HTTP: client(t), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	g.Of(m.l)
	if known, err := g.Known(t.Context()); err != nil || len(known) != 0 {
		t.Errorf("%v, %v", known, err)
	}
	if s := g.Status()[0]; !strings.Contains(s.Err, crawler.ErrRefused.Error()) {
		t.Errorf("%+v", s)
	}
}
