// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"onrecord/archive/bucket"
)

// A Report says what a store really does, as Probe found it.
type Report struct {
	Endpoint string `json:"endpoint"`
	Bucket   string `json:"bucket"`
	Server   string `json:"server,omitempty"` // as it calls itself

	// Without these a commit could be lost, or made twice.
	KeepsFirst    bool `json:"keeps_first"`    // a second create of a key is refused
	OneCreator    bool `json:"one_creator"`    // of creates at the same moment one is made
	RefusesStale  bool `json:"refuses_stale"`  // a swap with an old tag is refused
	RefusesAbsent bool `json:"refuses_absent"` // a swap of what is not there is refused
	OneSwap       bool `json:"one_swap"`       // of swaps at the same moment one is made
	ReadsBack     bool `json:"reads_back"`     // what was written is read at once, with its tag, and by range

	// These are good to have.
	ChecksSum     bool          `json:"checks_sum"`     // bytes other than their x-amz-checksum-sha256 are refused
	ChecksPayload bool          `json:"checks_payload"` // bytes other than those signed are refused
	ListsInOrder  bool          `json:"lists_in_order"`
	Versioning    bool          `json:"versioning"` // replaced and removed bytes are kept
	Lock          Lock          `json:"lock"`
	Skew          time.Duration `json:"skew"` // the store's clock less ours, to the second

	// Left says why objects below "probe/" were left; empty: none were.
	Left string `json:"left,omitempty"`
}

// A Lock is what is known of the Object Lock of a bucket.
type Lock struct {
	Enabled bool   `json:"enabled"`
	Mode    string `json:"mode,omitempty"` // GOVERNANCE or COMPLIANCE, where every object is locked
	For     string `json:"for,omitempty"`  // such as "30 DAYS"
}

// String words l.
func (l Lock) String() string {
	switch {
	case !l.Enabled:
		return "no Object Lock"
	case l.Mode == "":
		return "Object Lock without a default retention"
	}
	return fmt.Sprintf("Object Lock, %s, %s", l.Mode, l.For)
}

// A Refusal says why a store can't hold an archive.
type Refusal struct {
	Report  Report
	Reasons []string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("the store at %s would break the commit of the record: %s", r.Report.Endpoint, strings.Join(r.Reasons, "; "))
}

// Refusal returns nil if the store can hold an archive, and else a *Refusal.
func (r Report) Refusal() error {
	var reasons []string
	for _, c := range []struct {
		ok  bool
		why string
	}{
		{r.ReadsBack, "what was written is not read back at once"},
		{r.KeepsFirst, "it overwrites an object in spite of If-None-Match"},
		{r.OneCreator, "of two creates at the same moment it makes both, or none"},
		{r.RefusesStale, "it overwrites a register in spite of an If-Match that is out of date"},
		{r.RefusesAbsent, "it writes a register that is not there in spite of If-Match"},
		{r.OneSwap, "of two swaps at the same moment it makes both, or none"},
	} {
		if !c.ok {
			reasons = append(reasons, c.why)
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	return &Refusal{Report: r, Reasons: reasons}
}

// Probe finds out what the store does by doing it, with objects below
// "probe/" that it removes again. now is our clock. A request that fails for a
// moment is made again. An error says that the store could not be asked; what it
// does wrong is in the Report.
func (b *Bucket) Probe(ctx context.Context, now func() time.Time) (Report, error) {
	p := &probe{b: b, base: "probe/" + strings.ToLower(rand.Text()) + "/", r: Report{Endpoint: b.at.Endpoint(), Bucket: b.at.Bucket}}
	err := p.run(ctx, now)
	p.clean(context.WithoutCancel(ctx))
	return p.r, err
}

// A probe is one run of Probe.
type probe struct {
	b    *Bucket
	base string
	r    Report

	object string // a key under which something lies
	keys   []string
}

func (p *probe) run(ctx context.Context, now func() time.Time) error {
	for _, step := range []func(context.Context) error{p.first, p.swaps, p.raceCreates, p.raceSwaps, p.sums, p.order} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := p.again(ctx, func() error { return p.clock(ctx, now) }); err != nil {
		return err
	}
	err := p.again(ctx, func() error {
		state, err := p.b.keeps(ctx)
		p.r.Versioning = state == versioned
		return err
	})
	if err != nil && !isDenied(err) {
		return err
	}
	err = p.again(ctx, func() (err error) {
		p.r.Lock, err = p.b.lock(ctx)
		return err
	})
	if err != nil && !isDenied(err) {
		return err
	}
	return nil
}

// key returns a key that nothing lies under.
func (p *probe) key(name string) string {
	key := fmt.Sprintf("%s%s-%d", p.base, name, len(p.keys))
	p.keys = append(p.keys, key)
	return key
}

// first creates an object, reads it, and creates it again.
func (p *probe) first(ctx context.Context) error {
	body := []byte("onrecord asks what this store does\n")
	err := p.again(ctx, func() error {
		p.object = p.key("object")
		return p.b.Create(ctx, p.object, bucket.Bytes(body))
	})
	if err != nil {
		return err
	}
	got, err := p.read(ctx, p.object)
	if isOpen(err) {
		return err
	}
	p.r.ReadsBack = err == nil && string(got) == string(body)
	part := bucket.Bytes(body[9:13])
	err = p.again(ctx, func() error {
		_, err := bucket.ReadRange(ctx, p.b, p.object, 9, 4, 4, part.SHA256)
		return err
	})
	if isOpen(err) {
		return err
	}
	p.r.ReadsBack = p.r.ReadsBack && err == nil
	err = p.again(ctx, func() error { return p.b.Create(ctx, p.object, bucket.Bytes([]byte("another\n"))) })
	p.r.KeepsFirst = errors.Is(err, bucket.ErrExists)
	if err != nil && !p.r.KeepsFirst {
		return err
	}
	return nil
}

// read reads a whole object of the probe.
func (p *probe) read(ctx context.Context, key string) (body []byte, err error) {
	err = p.again(ctx, func() error {
		body, err = bucket.ReadAll(ctx, p.b, key, 1<<10)
		return err
	})
	return body, err
}

// load reads a register of the probe.
func (p *probe) load(ctx context.Context, key string) (body []byte, tag bucket.Tag, err error) {
	err = p.again(ctx, func() error {
		body, tag, err = p.b.Load(ctx, key)
		return err
	})
	return body, tag, err
}

// swaps moves a register, with its tag, an old one, and one of nothing.
func (p *probe) swaps(ctx context.Context) error {
	var key string
	var old, tag bucket.Tag
	err := p.again(ctx, func() (err error) {
		key = p.key("register")
		if old, err = p.b.Swap(ctx, key, bucket.Absent(), []byte("1")); err == nil {
			tag, err = p.b.Swap(ctx, key, bucket.Matches(old), []byte("2"))
		}
		return err
	})
	if err != nil {
		return err
	}
	body, loaded, err := p.load(ctx, key)
	if isOpen(err) {
		return err
	}
	p.r.ReadsBack = p.r.ReadsBack && err == nil && string(body) == "2" && loaded == tag
	err = p.again(ctx, func() error {
		_, err := p.b.Swap(ctx, key, bucket.Matches(old), []byte("3"))
		return err
	})
	if p.r.RefusesStale = errors.Is(err, bucket.ErrConflict); err != nil && !p.r.RefusesStale {
		return err
	}
	err = p.again(ctx, func() error {
		_, err := p.b.Swap(ctx, p.key("nothing"), bucket.Matches(old), []byte("4"))
		return err
	})
	if p.r.RefusesAbsent = errors.Is(err, bucket.ErrConflict); err != nil && !p.r.RefusesAbsent {
		return err
	}
	return nil
}

// sums sends bytes that are not what their checksum, or their signature, says.
func (p *probe) sums(ctx context.Context) error {
	body, other := []byte("these bytes\n"), bucket.Bytes([]byte("other bytes\n"))
	right := bucket.Bytes(body)
	send := func(name string, sum, signed [32]byte) (bool, error) {
		o, err := conditional(bucket.Absent())
		if err != nil {
			return false, err
		}
		o.UserMetadata = map[string]string{sumHeader: base64.StdEncoding.EncodeToString(sum[:])}
		key := p.key(name)
		rctx, a, cancel := p.b.begin(ctx, right.Size)
		defer cancel()
		_, err = p.b.core.PutObject(rctx, p.b.at.Bucket, p.b.name(key), strings.NewReader(string(body)), right.Size, "", hex.EncodeToString(signed[:]), o)
		if err == nil {
			return false, nil
		}
		err = p.b.fail(ctx, rctx, a, "create", key, err)
		if e, ok := errors.AsType[*Error](err); ok && e.Status >= 400 && e.Status < 500 && !e.Retryable() {
			return true, nil
		}
		return false, err
	}
	err := p.again(ctx, func() (err error) {
		p.r.ChecksSum, err = send("sum", other.SHA256, right.SHA256)
		return err
	})
	if err != nil {
		return err
	}
	return p.again(ctx, func() (err error) {
		p.r.ChecksPayload, err = send("payload", right.SHA256, other.SHA256)
		return err
	})
}

// order lists what the probe has written.
func (p *probe) order(ctx context.Context) error {
	for _, name := range []string{"z/a", "z-a", "z.a"} {
		key := p.base + name
		p.keys = append(p.keys, key)
		err := p.again(ctx, func() error { return p.b.Create(ctx, key, bucket.Bytes(nil)) })
		if err != nil && !errors.Is(err, bucket.ErrExists) { // by an attempt that had no answer
			return err
		}
	}
	var names []string
	err := p.again(ctx, func() error {
		names = nil
		for info, err := range p.b.List(ctx, p.base+"z", "") {
			if err != nil {
				return err
			}
			names = append(names, strings.TrimPrefix(info.Key, p.base))
		}
		return nil
	})
	if isOpen(err) {
		return err
	}
	if err != nil {
		return nil // out of order
	}
	p.r.ListsInOrder = strings.Join(names, " ") == "z-a z.a z/a"
	return nil
}

// clock compares the store's clock with ours.
func (p *probe) clock(ctx context.Context, now func() time.Time) error {
	rctx, a, cancel := p.b.begin(ctx, 0)
	defer cancel()
	_, err := p.b.core.StatObject(rctx, p.b.at.Bucket, p.b.name(p.object), minio.StatObjectOptions{})
	if err != nil {
		return p.b.fail(ctx, rctx, a, "probe", p.object, err)
	}
	_, date, server := a.told()
	p.r.Server = server
	if at, err := http.ParseTime(date); err == nil {
		p.r.Skew = at.Sub(now()).Truncate(time.Second)
	}
	return nil
}

// clean removes what the probe has written.
func (p *probe) clean(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, cleanTime)
	defer cancel()
	for _, key := range p.keys {
		if err := p.again(ctx, func() error { return p.b.clear(ctx, "remove", key) }); err != nil {
			p.r.Left = err.Error()
			if e, ok := errors.AsType[*Error](err); !ok || e.Err != nil || isDenied(err) {
				return // the others would fare no better
			}
		}
	}
}

// lock asks for the rules of Object Lock.
func (b *Bucket) lock(ctx context.Context) (Lock, error) {
	rctx, a, cancel := b.begin(ctx, 0)
	defer cancel()
	enabled, mode, n, unit, err := b.core.GetObjectLockConfig(rctx, b.at.Bucket)
	if err != nil {
		err = b.fail(ctx, rctx, a, "object lock", "", err)
		e, ok := errors.AsType[*Error](err)
		if isUnsupported(err) || ok && (e.Code == "ObjectLockConfigurationNotFoundError" || e.Code == "NoSuchObjectLockConfiguration") {
			return Lock{}, nil
		}
		return Lock{}, err
	}
	l := Lock{Enabled: enabled == "Enabled"}
	if mode != nil && n != nil && unit != nil {
		l.Mode, l.For = mode.String(), fmt.Sprintf("%d %s", *n, *unit)
	}
	return l, nil
}

// isDenied reports whether the credentials may not ask.
func isDenied(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusForbidden
}

// isOpen reports whether err is no answer: the store could not be asked, or
// may not be.
func isOpen(err error) bool {
	if _, ok := errors.AsType[*Error](err); ok {
		return true
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF)
}
