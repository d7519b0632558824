// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package witness

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"onrecord/archive/ledger"
)

// These are the conditions that callers branch on.
var (
	// ErrLarger reports a witness that has cosigned a larger ledger than the one
	// it was shown.
	ErrLarger = errors.New("the witness has seen a larger ledger")
	// ErrInconsistent reports a witness that says that the checkpoint is of
	// another history than the one it has cosigned.
	ErrInconsistent = errors.New("the witness has seen another ledger")
)

// The bounds of one request.
const (
	requestTime = 10 * time.Second
	maxAnswer   = 64 << 10 // bytes
	maxProof    = 63       // hashes
)

// A Doer makes HTTP requests: a client that refuses private addresses and
// follows no redirect.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// A prover proves that checkpoints extend earlier ones.
type prover interface {
	Consistency(ctx context.Context, from int64, to ledger.Tree) ([][32]byte, error)
}

// A client speaks C2SP tlog-witness to one witness.
type client struct {
	do     Doer
	url    string // submission prefix
	key    note.Verifier
	agent  string
	prover prover
}

// A cosigned is a witness's answer to a checkpoint that it accepts.
type cosigned struct {
	line []byte
	at   time.Time
}

// addCheckpoint asks the witness to cosign c. old is the size that it is
// believed to have cosigned last, 0 where that is not known: it says itself. The
// size that it has is returned, whatever else happens, -1 where it did not say.
func (c client) addCheckpoint(ctx context.Context, old int64, point ledger.Checkpoint) (out cosigned, has int64, err error) {
	has = -1
	if old > point.Size {
		old = 0
	}
	for range 3 {
		status, body, err := c.post(ctx, old, point)
		if err != nil {
			return out, has, err
		}
		switch status {
		case http.StatusOK:
			out.line, out.at, err = cosignature(point.Note, body, c.key)
			return out, point.Size, err
		case http.StatusConflict:
			size, err := parseSize(body)
			switch {
			case old == point.Size && (err != nil || size == old):
				return out, max(has, old), fmt.Errorf("%w: another root at size %d", ErrInconsistent, old)
			case err != nil:
				return out, has, err
			case size > point.Size:
				return out, size, fmt.Errorf("%w: size %d, the checkpoint has %d", ErrLarger, size, point.Size)
			}
			has, old = size, size
		default:
			return out, has, refusal(status, body, point)
		}
	}
	return out, has, errors.New("it changes the size that it has with every answer")
}

// refusal words the other answers.
func refusal(status int, body []byte, point ledger.Checkpoint) error {
	origin, _, _ := strings.Cut(string(point.Note), "\n")
	switch status {
	case http.StatusUnprocessableEntity:
		return fmt.Errorf("%w: it says that the checkpoint of size %d does not extend the one that it has cosigned", ErrInconsistent, point.Size)
	case http.StatusNotFound:
		return fmt.Errorf("404: it does not know the log %s; its operator adds it", origin)
	case http.StatusForbidden:
		return fmt.Errorf("403: it does not know the key that signs %s; its operator adds it", origin)
	}
	first, _, _ := strings.Cut(strings.ToValidUTF8(string(body), "?"), "\n")
	return fmt.Errorf("%d %s: %.100q", status, http.StatusText(status), first)
}

// post sends one request and returns its answer.
func (c client) post(ctx context.Context, old int64, point ledger.Checkpoint) (status int, body []byte, err error) {
	proof, err := c.prover.Consistency(ctx, old, point.Tree)
	if err != nil {
		return 0, nil, err
	}
	if len(proof) > maxProof {
		return 0, nil, fmt.Errorf("a proof of %d hashes", len(proof))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	for _, h := range proof {
		fmt.Fprintf(&b, "%s\n", base64.StdEncoding.EncodeToString(h[:]))
	}
	b.WriteByte('\n')
	b.Write(point.Note)
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/add-checkpoint", &b)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	res, err := c.do.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	}
	return res.StatusCode, body, err
}

// parseSize reads the size that a witness has: a decimal and a newline.
func parseSize(body []byte) (int64, error) {
	text := strings.TrimSuffix(string(body), "\n")
	size, err := strconv.ParseInt(text, 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != text {
		return 0, fmt.Errorf("409 with %.40q in place of a size", body)
	}
	return size, nil
}
