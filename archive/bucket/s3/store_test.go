// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minio/minio-go/v7"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/s3"
	"onrecord/internal/testservers"
)

func TestProbe(t *testing.T) {
	store := testservers.StartS3(t)
	plain := open(t, store.URL(), keys(store), s3.Options{})
	r, err := plain.Probe(t.Context(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Refusal(); err != nil || !r.ChecksSum || !r.ListsInOrder || r.Versioning || r.Lock.Enabled || r.Left != "" || r.Skew.Abs() > 5*time.Second || r.Server == "" {
		t.Errorf("a plain bucket: %+v, %v", r, err)
	}
	nothingLeft(t, plain)

	old := versioned(t, store, "with-versions", false)
	b := open(t, old.URL(), keys(store), s3.Options{})
	if r, err = b.Probe(t.Context(), time.Now); err != nil || r.Refusal() != nil || !r.Versioning || r.Left != "" {
		t.Errorf("a bucket with versions: %+v, %v", r, err)
	}
	for v := range client(t, store).ListObjects(t.Context(), old.Bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		t.Errorf("left: %s version %s", v.Key, v.VersionID)
	}
	if err := b.Erases(t.Context()); err != nil {
		t.Errorf("a bucket with versions erases: %v", err)
	}

	locked := versioned(t, store, "with-lock", true)
	mode, days, unit := minio.Compliance, uint(30), minio.Days
	if err := client(t, store).SetObjectLockConfig(t.Context(), locked.Bucket, &mode, &days, &unit); err != nil {
		t.Fatal(err)
	}
	b = open(t, locked.URL(), keys(store), s3.Options{})
	if r, err = b.Probe(t.Context(), time.Now); err != nil || r.Refusal() != nil || r.Lock.String() != "Object Lock, COMPLIANCE, 30 DAYS" || r.Left == "" {
		t.Errorf("a bucket with locks: %+v, %v", r, err)
	}
	if err := b.Erases(t.Context()); !errors.Is(err, bucket.ErrKeeps) || !strings.Contains(err.Error(), "COMPLIANCE, 30 DAYS") {
		t.Errorf("a bucket with locks erases: %v", err)
	}
}

// nothingLeft checks that a bucket is empty.
func nothingLeft(t *testing.T, b bucket.Bucket) {
	t.Helper()
	for info, err := range b.List(t.Context(), "", "") {
		t.Errorf("left: %s, %v", info.Key, err)
	}
}

// TestProbeRefuses checks that a store that ignores a condition is refused in
// words.
func TestProbeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		drop string
		want []string
	}{
		"no If-None-Match": {"If-None-Match", []string{"it overwrites an object", "of two creates"}},
		"no If-Match":      {"If-Match", []string{"out of date", "of two swaps", "in spite of If-Match"}},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(&memoryStore{objects: map[string][]byte{}, ignores: c.drop})
			defer server.Close()
			b := open(t, "s3://bucket?endpoint="+server.URL, s3.Credentials{AccessKey: "a", SecretKey: s3.NewSecret("b")}, s3.Options{})
			r, err := b.Probe(t.Context(), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			refusal, ok := errors.AsType[*s3.Refusal](r.Refusal())
			if !ok {
				t.Fatalf("not refused: %+v", r)
			}
			for _, want := range c.want {
				if !strings.Contains(refusal.Error(), want) {
					t.Errorf("refused with %q, want %q", refusal, want)
				}
			}
			nothingLeft(t, b)
		})
	}
}

// TestProbeInTrouble checks that a store that says to every third request that it
// should be made later, some of which it has carried out all the same, is found to
// be what it is.
func TestProbeInTrouble(t *testing.T) {
	for _, ignores := range []string{"", "If-None-Match", "If-Match"} {
		t.Run(ignores, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &memoryStore{objects: map[string][]byte{}, ignores: ignores}
				var mu sync.Mutex
				dice := rand.New(rand.NewPCG(3, 30))
				through := transport(func(r *http.Request) (*http.Response, error) {
					mu.Lock()
					slow, done := dice.IntN(10) < 3, dice.IntN(2) == 0
					mu.Unlock()
					if r.Body == nil {
						r.Body = http.NoBody
					}
					answer := httptest.NewRecorder()
					if !slow || done {
						store.ServeHTTP(answer, r)
					}
					if slow {
						answer = httptest.NewRecorder()
						answer.WriteHeader(http.StatusServiceUnavailable)
						fmt.Fprint(answer, `<Error><Code>SlowDown</Code></Error>`)
					}
					res := answer.Result()
					res.Request = r
					return res, nil
				})
				at, err := s3.ParseURL("s3://bucket?endpoint=https://store.example")
				if err != nil {
					t.Fatal(err)
				}
				b, err := s3.New(at, s3.Credentials{AccessKey: "a", SecretKey: s3.NewSecret("b")}, s3.Options{Transport: through})
				if err != nil {
					t.Fatal(err)
				}
				r, err := b.Probe(t.Context(), time.Now)
				if err != nil || (r.Refusal() == nil) != (ignores == "") || r.Left != "" {
					t.Errorf("%+v, %v", r, err)
				}
				if len(store.objects) > 0 {
					t.Errorf("%d objects were left", len(store.objects))
				}
			})
		})
	}
}

// A memoryStore is an S3 store of a few lines, without signatures.
type memoryStore struct {
	mu      sync.Mutex
	objects map[string][]byte
	ignores string // a header
}

func (m *memoryStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	r.Header.Del(m.ignores)
	old, there := m.objects[r.URL.Path]
	etag := func(b []byte) string { return fmt.Sprintf(`"%x"`, sha256.Sum256(b)) }
	switch {
	case r.URL.Query().Has("versioning") || r.URL.Query().Has("object-lock"):
		w.WriteHeader(http.StatusNotImplemented)
	case r.URL.Query().Has("list-type"):
		m.list(w, r)
	case r.Method == http.MethodDelete:
		delete(m.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPut:
		match := r.Header.Get("If-Match")
		if r.Header.Get("If-None-Match") != "" && there || match != "" && (!there || match != etag(old)) {
			w.WriteHeader(http.StatusPreconditionFailed)
			return
		}
		m.objects[r.URL.Path] = body
		w.Header().Set("ETag", etag(body))
	case !there:
		w.WriteHeader(http.StatusNotFound)
	default:
		w.Header().Set("ETag", etag(old))
		http.ServeContent(w, r, "", time.Unix(1, 0), bytes.NewReader(old))
	}
}

func (m *memoryStore) list(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, `<ListBucketResult>`)
	for path, body := range m.objects {
		_, key, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if strings.HasPrefix(key, r.URL.Query().Get("prefix")) {
			fmt.Fprintf(w, `<Contents><Key>%s</Key><Size>%d</Size></Contents>`, key, len(body))
		}
	}
	fmt.Fprint(w, `</ListBucketResult>`)
}

// TestReplaceForgets checks that a version that was replaced can't be read any
// more, and that a Replace broken off before that is brought to its end.
func TestReplaceForgets(t *testing.T) {
	store := versioned(t, testservers.StartS3(t), "with-versions", false)
	b := open(t, store.URL(), keys(store), s3.Options{})
	const key = "captures/2026/03/01/v.warc.gz"
	secret, blank := bucket.Bytes([]byte("what was said")), bucket.Bytes([]byte("             "))
	versions := func() (n int) {
		for v := range client(t, store).ListObjects(t.Context(), store.Bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
			if v.Err != nil {
				t.Fatal(v.Err)
			}
			n++
		}
		return n
	}
	if err := b.Create(t.Context(), key, secret); err != nil {
		t.Fatal(err)
	}
	if err := b.Replace(t.Context(), key, secret.SHA256, blank); err != nil || versions() != 1 {
		t.Errorf("Replace: %v, %d versions", err, versions())
	}
	// What a Replace leaves that dies between its two steps.
	name := b.Location().Prefix + "/" + key
	for _, text := range []string{"what was said", "             "} {
		if _, err := client(t, store).PutObject(t.Context(), store.Bucket, name, strings.NewReader(text), int64(len(text)), minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Replace(t.Context(), key, secret.SHA256, blank); !errors.Is(err, bucket.ErrConflict) || versions() != 1 {
		t.Errorf("Replace again: %v, %d versions", err, versions())
	}
	if err := b.Create(t.Context(), "views/catalog/1.db.zst", secret); err != nil {
		t.Fatal(err)
	}
	if err := b.Remove(t.Context(), "views/catalog/1.db.zst"); err != nil || versions() != 1 {
		t.Errorf("Remove: %v, %d versions", err, versions())
	}
}

// TestLarge sends objects that are larger than what is sent without a look
// before: one put, too, so that the condition of a put is all that counts.
func TestLarge(t *testing.T) {
	store := testservers.AnyS3(t)
	var puts atomic.Int32
	through := requests(func(r *http.Request) {
		if r.Method == http.MethodPut && r.URL.RawQuery == "" {
			puts.Add(1)
		} else if r.Method == http.MethodPost {
			t.Errorf("%s %s", r.Method, r.URL)
		}
	})
	b := open(t, store.URL(), keys(store), s3.Options{Transport: through})
	large := bytes.Repeat([]byte("0123456789abcdef"), 17<<16) // 17 MiB
	body := bucket.Bytes(large)
	lie := body
	lie.SHA256[0] ^= 1
	if err := b.Create(t.Context(), "captures/large", lie); !errors.Is(err, bucket.ErrSum) {
		t.Errorf("a body that lies: %v", err)
	}
	nothingLeft(t, b)
	tried := again(b)
	errs := make([]error, 3)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = tried.Create(t.Context(), "captures/large", body) })
	}
	wg.Wait()
	if !slices.Contains(errs, nil) {
		t.Errorf("none of three at once made it: %v", errs)
	}
	for _, err := range errs { // equal bytes are ours, where an answer was lost
		if err != nil && !errors.Is(err, bucket.ErrExists) {
			t.Errorf("one of three at once: %v", err)
		}
	}
	if _, err := bucket.ReadRange(t.Context(), b, "captures/large", 0, -1, body.Size, body.SHA256); err != nil {
		t.Error(err)
	}
	puts.Store(0)
	other := bytes.Clone(large)
	other[7] ^= 1
	if err := b.Create(t.Context(), "captures/large", bucket.Bytes(other)); !errors.Is(err, bucket.ErrExists) || puts.Load() != 0 {
		t.Errorf("again: %v, after %d puts", err, puts.Load())
	}
	// What an erasure does.
	if err := b.Replace(t.Context(), "captures/large", body.SHA256, bucket.Bytes(other)); err != nil {
		t.Errorf("replace: %v", err)
	}
	broken := body
	broken.Open = func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(large[:6<<20]), errReader{io.ErrNoProgress})), nil
	}
	if err := b.Create(t.Context(), "captures/broken", broken); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a disk that fails in the middle: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancelled := body
	cancelled.Open = func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(large[:6<<20]), doing{cancel}, bytes.NewReader(large[6<<20:]))), nil
	}
	if err := b.Create(ctx, "captures/cancelled", cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled in the middle: %v", err)
	}
	for _, key := range []string{"captures/broken", "captures/cancelled"} {
		if _, err := b.Open(t.Context(), key, 0, -1); !errors.Is(err, bucket.ErrNotExist) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// requests is a transport that shows each request to a function.
type requests func(*http.Request)

func (f requests) RoundTrip(r *http.Request) (*http.Response, error) {
	f(r)
	return http.DefaultTransport.RoundTrip(r)
}

// TestTooLarge checks that what no put can hold is refused before a byte of it
// is read, to be created as to be replaced.
func TestTooLarge(t *testing.T) {
	store := testservers.StartS3(t)
	b := open(t, store.URL(), keys(store), s3.Options{Largest: 20})
	small, large := bucket.Bytes([]byte("twenty bytes at most")), bucket.Bytes([]byte("twenty-one bytes here"))
	large.Open = func() (io.ReadCloser, error) { return nil, errors.New("it was read") }
	const key = "captures/2026/03/01/v.warc.gz"
	if err := b.Create(t.Context(), key, large); !errors.Is(err, bucket.ErrTooLarge) || !strings.Contains(err.Error(), "it has 21 bytes, and an S3 store takes at most 20 in one put") {
		t.Errorf("Create: %v", err)
	}
	if err := b.Create(t.Context(), key, small); err != nil {
		t.Fatal(err)
	}
	if err := b.Replace(t.Context(), key, small.SHA256, large); !errors.Is(err, bucket.ErrTooLarge) {
		t.Errorf("Replace: %v", err)
	}
	if err := again(b).Create(t.Context(), "captures/other", large); !errors.Is(err, bucket.ErrTooLarge) {
		t.Errorf("Create behind retry: %v", err)
	}
}

// TestSlowStore checks that a body may take as long as it goes on at MinRate, and
// that one that is slower, or has come to a stand, is given up, however large it
// is and however little of it is to come.
func TestSlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at, err := s3.ParseURL("s3://bucket?endpoint=http://store.example")
		if err != nil {
			t.Fatal(err)
		}
		var wait time.Duration // for 64 KiB
		var from int           // the byte from which on it is that
		store := transport(func(r *http.Request) (*http.Response, error) {
			buf := make([]byte, 64<<10)
			for n := 0; r.Body != nil; {
				k, err := r.Body.Read(buf)
				if n += k; err != nil {
					break
				}
				after := time.Second // MinRate
				if n > from {
					after = time.Duration(k) * wait / (64 << 10)
				}
				select {
				case <-time.After(after):
				case <-r.Context().Done():
					return nil, r.Context().Err()
				}
			}
			if r.Method == http.MethodHead {
				return &http.Response{StatusCode: http.StatusNotFound, Body: http.NoBody, Request: r, Header: http.Header{}}, nil
			}
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r, Header: http.Header{"Etag": {`"1"`}}}, nil
		})
		b, err := s3.New(at, s3.Credentials{AccessKey: "a", SecretKey: s3.NewSecret("b")}, s3.Options{Transport: store})
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			size int
			from int
			wait time.Duration
			most time.Duration // 0: it is sent
		}{
			"large":                     {40 << 20, 40 << 20, 0, 0},
			"a register":                {1 << 20, 0, 2 * time.Second, 0},
			"half of MinRate":           {40 << 20, 0, 2 * time.Second, 5 * time.Minute},
			"a trickle":                 {20 << 20, 0, 9 * time.Minute, 5 * time.Minute},
			"a trickle, and a register": {1 << 20, 0, 40 * time.Second, time.Minute},
			"at a stand":                {20 << 20, 1 << 20, 24 * time.Hour, 5 * time.Minute},
			"at a stand near the end":   {20 << 20, 20<<20 - 1<<17, 24 * time.Hour, 10 * time.Minute},
		} {
			wait, from = c.wait, c.from
			began := time.Now()
			err := b.Create(t.Context(), "captures/slow", bucket.Bytes(make([]byte, c.size)))
			took := time.Since(began)
			if e, ok := errors.AsType[*s3.Error](err); (err == nil) != (c.most == 0) || err != nil && (!ok || !e.Retryable() || !strings.Contains(err.Error(), "no answer within ") || took > c.most) {
				t.Errorf("%s: %v after %s", name, err, took)
			}
		}
	})
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// A doing reader does something, and has no bytes.
type doing struct{ f func() }

func (d doing) Read([]byte) (int, error) {
	d.f()
	return 0, io.EOF
}

// TestWords checks what an operator reads.
func TestWords(t *testing.T) {
	store := testservers.StartS3(t)
	other := *store
	other.Bucket = "not-there"
	for name, c := range map[string]struct {
		url       string
		keys      s3.Credentials
		want      string
		retryable bool
	}{
		"no bucket":     {other.URL(), keys(store), `load r: there is no bucket "not-there" at ` + store.Endpoint, false},
		"wrong user":    {store.URL(), s3.Credentials{AccessKey: "nobody", SecretKey: s3.NewSecret("x")}, "does not know this access key", false},
		"wrong secret":  {store.URL(), s3.Credentials{AccessKey: store.AccessKey, SecretKey: s3.NewSecret("x")}, "the secret key is not that of this access key", false},
		"nobody there":  {store.Through("http://" + testservers.FreePort(t)), keys(store), "does not answer: dial tcp", true},
		"no TLS there":  {store.Through(strings.Replace(store.Endpoint, "http:", "https:", 1)), keys(store), "does not answer: http: server gave HTTP response to HTTPS client", false},
		"no such place": {store.Through("http://nowhere.invalid"), keys(store), "does not answer: dial tcp", true},
	} {
		b := open(t, c.url, c.keys, s3.Options{})
		_, _, err := b.Load(t.Context(), "r")
		e, ok := errors.AsType[*s3.Error](err)
		if !ok || !strings.Contains(err.Error(), c.want) || e.Retryable() != c.retryable || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v (retryable %v)\nwant %s (%v)", name, err, ok && e.Retryable(), c.want, c.retryable)
		}
		for _, err := range b.List(t.Context(), "", "") {
			if _, ok := errors.AsType[*s3.Error](err); !ok {
				t.Errorf("%s: List gives %v", name, err)
			}
		}
		if err := b.Create(t.Context(), "k", bucket.Bytes([]byte("x"))); errors.Is(err, bucket.ErrNotExist) || errors.Is(err, bucket.ErrConflict) || err == nil {
			t.Errorf("%s: Create gives %v", name, err)
		}
	}
}

// TestAnswersOfServers checks what becomes of answers that are none of ours.
func TestAnswersOfServers(t *testing.T) {
	for _, c := range []struct {
		status    int
		header    string
		body      string
		retryable bool
		after     time.Duration
	}{
		{503, "7", `<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>`, true, 7 * time.Second},
		{500, "", `<Error><Code>InternalError</Code></Error>`, true, 0},
		{429, "Sun, 22 Nov 2026 21:00:00 GMT", "", true, 0},
		{409, "", `<Error><Code>ConditionalRequestConflict</Code></Error>`, true, 0},
		{403, "", `<Error><Code>RequestTimeTooSkewed</Code></Error>`, false, 0},
		{501, "", `<Error><Code>NotImplemented</Code></Error>`, false, 0},
		{404, "", `<Error><Code>NoSuchBucket</Code></Error>`, false, 0},
		{200, "", "", false, 0}, // without an ETag
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c.header != "" {
				w.Header().Set("Retry-After", c.header)
			}
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		}))
		b := open(t, "s3://bucket?endpoint="+s.URL, s3.Credentials{AccessKey: "a", SecretKey: s3.NewSecret("b")}, s3.Options{})
		_, err := b.Swap(t.Context(), "r", bucket.Absent(), []byte("x"))
		for _, answer := range []error{bucket.ErrConflict, bucket.ErrExists, bucket.ErrNotExist} {
			if errors.Is(err, answer) {
				t.Errorf("%d: %v is an answer", c.status, err)
			}
		}
		e, ok := errors.AsType[*s3.Error](err)
		if err == nil || ok && (e.Retryable() != c.retryable || e.RetryAfter() != c.after || e.Refused() != (c.status == 409)) || !ok && c.status != 200 {
			t.Errorf("%d: %v", c.status, err)
		}
		s.Close()
	}
}

// TestTimeOuts checks that every call of a store that is silent ends.
func TestTimeOuts(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "stalls") {
			w.Header().Set("Content-Length", "10")
			w.Header().Set("ETag", `"x"`)
			w.Header().Set("Last-Modified", "Sun, 22 Nov 2026 21:00:00 GMT")
			io.WriteString(w, "01234")
			w.(http.Flusher).Flush()
		}
		<-release
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	b := open(t, "s3://bucket?endpoint="+s.URL, s3.Credentials{AccessKey: "a", SecretKey: s3.NewSecret("b")}, s3.Options{Timeout: 100 * time.Millisecond})
	for name, call := range map[string]func() error{
		"Create": func() error { return b.Create(t.Context(), "k", bucket.Bytes([]byte("x"))) },
		"Swap": func() error {
			_, err := b.Swap(t.Context(), "r", bucket.Absent(), []byte("x"))
			return err
		},
		"Load": func() error {
			_, _, err := b.Load(t.Context(), "r")
			return err
		},
		"Open": func() error {
			_, err := b.Open(t.Context(), "k", 0, -1)
			return err
		},
		"read":  func() error { _, err := bucket.ReadAll(t.Context(), b, "stalls", 100); return err },
		"Prune": func() error { return b.Prune(t.Context(), "log/tile/0/000.p/1") },
		"List": func() error {
			for _, err := range b.List(t.Context(), "", "") {
				return err
			}
			return nil
		},
	} {
		err := call()
		if e, ok := errors.AsType[*s3.Error](err); !ok || !e.Retryable() || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "no answer within") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
