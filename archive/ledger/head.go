// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"onrecord/archive/bucket"
)

// From returns the index of the first leaf of the head's batch.
func (h Head) From() int64 { return h.Size - int64(len(h.Batch)) }

// base returns the tree before the batch.
func (h Head) base() Tree { return Tree{Size: h.From(), Root: rootOf(h.Base)} }

// rootAt returns the root at size, which lies in [From, Size].
func (h Head) rootAt(size int64) [32]byte {
	return rootOf(grow(h.Base, h.From(), h.Batch[:size-h.From()]))
}

// grow returns the right edge of a tree of size whose edge is given, after
// leaves are appended.
func grow(edge [][32]byte, size int64, leaves []Leaf) [][32]byte {
	edge = slices.Clone(edge)
	for _, leaf := range leaves {
		node := leaf.treeHash()
		for s := size; s&1 == 1; s >>= 1 {
			last := len(edge) - 1
			node = tlog.NodeHash(edge[last], node)
			edge = edge[:last]
		}
		edge = append(edge, node)
		size++
	}
	return edge
}

// rootOf returns the root of a tree with the given right edge.
func rootOf(edge [][32]byte) [32]byte {
	if len(edge) == 0 {
		root, _ := tlog.TreeHash(0, nil) // the empty tree needs no reader and can't fail
		return root
	}
	root := tlog.Hash(edge[len(edge)-1])
	for _, left := range slices.Backward(edge[:len(edge)-1]) {
		root = tlog.NodeHash(left, root)
	}
	return root
}

// treeHash returns the RFC 6962 hash of the leaf.
func (l Leaf) treeHash() tlog.Hash {
	b := l.Bytes()
	return tlog.RecordHash(b[:])
}

// check reports whether the parts of h agree with each other.
func (h Head) check() error {
	from := h.From()
	switch {
	case h.Size < 0 || h.Size > maxSize || from < 0 || len(h.Batch) > MaxBatch:
		return fmt.Errorf("%s: size %d with a batch of %d: %w", HeadKey, h.Size, len(h.Batch), ErrTampered)
	case len(h.Base) != bits.OnesCount64(uint64(from)) || len(h.Edge) != bits.OnesCount64(uint64(h.Size)):
		return fmt.Errorf("%s: right edges of %d and %d hashes for sizes %d and %d: %w", HeadKey, len(h.Base), len(h.Edge), from, h.Size, ErrTampered)
	case !slices.Equal(h.Edge, grow(h.Base, from, h.Batch)):
		return fmt.Errorf("%s: the batch does not lead to the right edge: %w", HeadKey, ErrTampered)
	case h.Root != rootOf(h.Edge):
		return fmt.Errorf("%s: the right edge does not hash to the root: %w", HeadKey, ErrTampered)
	case len(h.Keys) > 0 && (len(h.Keys) > maxRotations || h.Keys[len(h.Keys)-1].Index >= h.Size):
		return fmt.Errorf("%s: %d changes of the key at size %d: %w", HeadKey, len(h.Keys), h.Size, ErrTampered)
	}
	return nil
}

// next returns the head after h with leaves appended.
func (h Head) next(leaves []Leaf) Head {
	edge := grow(h.Edge, h.Size, leaves)
	return Head{
		Tree:  Tree{Size: h.Size + int64(len(leaves)), Root: rootOf(edge)},
		Edge:  edge,
		Base:  h.Edge,
		Batch: slices.Clone(leaves),
		Keys:  h.Keys,
		N:     h.N + 1,
	}
}

// headBody is log/head as JSON.
type headBody struct {
	V     int      `json:"v"`
	N     uint64   `json:"n"`
	Nonce string   `json:"nonce"`
	Size  int64    `json:"size"`
	Root  []byte   `json:"root"`
	Edge  [][]byte `json:"edge"`
	Base  [][]byte `json:"base"`
	Batch []byte   `json:"batch"` // leaves, 52 bytes each

	Keys []Rotation `json:"keys,omitempty"`
}

// encode returns the register body for h, with a fresh nonce.
func (l *Ledger) encode(h Head) ([]byte, error) {
	var nonce [16]byte
	if _, err := io.ReadFull(l.o.Rand, nonce[:]); err != nil {
		return nil, fmt.Errorf("nonce: %w", err)
	}
	body := headBody{
		V: 1, N: h.N, Nonce: hex.EncodeToString(nonce[:]), Size: h.Size, Root: h.Root[:],
		Edge: slicesOf(h.Edge), Base: slicesOf(h.Base), Batch: []byte{}, Keys: h.Keys,
	}
	for _, leaf := range h.Batch {
		b := leaf.Bytes()
		body.Batch = append(body.Batch, b[:]...)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return bucket.Seal(text), nil
}

func slicesOf(hashes [][32]byte) [][]byte {
	s := make([][]byte, len(hashes))
	for i := range hashes {
		s[i] = hashes[i][:]
	}
	return s
}

// decode is the inverse of encode. It checks that the parts agree.
func decode(text []byte) (Head, error) {
	var body headBody
	if err := bucket.CheckSeal(text); err != nil {
		return Head{}, fmt.Errorf("%s: %w: %w", HeadKey, err, ErrTampered)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&body); err != nil {
		return Head{}, fmt.Errorf("%s: %w: %w", HeadKey, err, ErrTampered)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Head{}, fmt.Errorf("%s: more than one JSON value: %w", HeadKey, ErrTampered)
	}
	if body.V != 1 {
		return Head{}, fmt.Errorf("%s: version %d is not known; a newer onrecord may read it", HeadKey, body.V)
	}
	h := Head{Tree: Tree{Size: body.Size}, N: body.N, Nonce: body.Nonce, Keys: body.Keys}
	ok := len(body.Root) == 32 && len(body.Batch)%LeafSize == 0 && len(body.Batch) <= MaxBatch*LeafSize
	if ok {
		h.Root = [32]byte(body.Root)
	}
	for b := range slices.Chunk(body.Batch, LeafSize) {
		if ok {
			h.Batch = append(h.Batch, LeafFrom([LeafSize]byte(b)))
		}
	}
	var edgeOK, baseOK bool
	h.Edge, edgeOK = hashesOf(body.Edge)
	h.Base, baseOK = hashesOf(body.Base)
	if !ok || !edgeOK || !baseOK {
		return Head{}, fmt.Errorf("%s: a hash or a leaf has a wrong length: %w", HeadKey, ErrTampered)
	}
	return h, h.check()
}

func hashesOf(s [][]byte) ([][32]byte, bool) {
	var hashes [][32]byte
	for _, b := range s {
		if len(b) != 32 {
			return nil, false
		}
		hashes = append(hashes, [32]byte(b))
	}
	return hashes, true
}

// Head loads log/head and its tag. It checks that the base, the batch, the
// right edge and the root agree.
func (l *Ledger) Head(ctx context.Context) (Head, bucket.Tag, error) {
	h, tag, err := l.head(ctx)
	if err != nil {
		return Head{}, bucket.Tag{}, fmt.Errorf("ledger: %w", err)
	}
	return h, tag, nil
}

func (l *Ledger) head(ctx context.Context) (Head, bucket.Tag, error) {
	body, tag, err := l.b.Load(ctx, HeadKey)
	if err != nil {
		return Head{}, bucket.Tag{}, err
	}
	h, err := decode(body)
	h.tag = tag
	return h, tag, err
}
