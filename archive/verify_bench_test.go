// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/disk"
	"onrecord/archive/bucket/retry"
	"onrecord/archive/bucket/s3"
	"onrecord/internal/repotest"
	"onrecord/internal/testservers"
)

// payloads returns real answers of platforms, in folders of dir.
func payloads(t testing.TB, dir string, folders ...string) [][]byte {
	t.Helper()
	var out [][]byte
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(dir, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, ".md") {
				return err
			}
			b, err := os.ReadFile(path)
			if len(b) > 2<<10 && len(b) < 2<<20 {
				out = append(out, b)
			}
			return err
		})
		if err != nil || len(out) == 0 {
			t.Fatalf("payloads in %s: %d, %v", folder, len(out), err)
		}
	}
	return out
}

// fill commits visits of 40 answers each until size bytes are captured, and
// returns how many there are.
func fill(b *testing.B, w *world, a *archive.Archive, answers [][]byte, size int64) (total int64) {
	b.Helper()
	for n := 0; total < size; {
		v, err := a.Begin(b.Context(), press("press"), "feed", "feed/1", nil)
		if err != nil {
			b.Fatal(err)
		}
		v.Defer()
		d := archive.Draft{Outcome: onrecord.OutcomeOK, Started: w.now(), Ended: w.now(), Next: v.State(), KeepWARC: true, Base: max(v.State().Done.Index, 0)}
		d.Next.Platform, d.Next.AccountID = "website", "jane.example"
		for range 40 {
			x := exchange(w, "")
			x.URL = fmt.Sprintf("https://jane.example/%d", n)
			x.Payload = append([]byte(x.URL+"\n"), answers[n%len(answers)]...)
			ref, err := v.Record(b.Context(), x)
			if err != nil {
				b.Fatal(err)
			}
			e := said("press", x.URL, "Statement "+x.URL)
			e.Captures = []onrecord.CaptureRef{ref}
			d.Events = append(d.Events, e)
			total += int64(len(x.Payload))
			n++
		}
		if _, err := v.Commit(b.Context(), d); err != nil {
			b.Fatal(err)
		}
	}
	return total
}

// BenchmarkVerify verifies an archive of real captures in a folder. The floor is
// what can't be left out: the same objects inflated, and the bytes hashed, by as
// many goroutines, with nothing else done.
func BenchmarkVerify(b *testing.B) {
	dir := repotest.Data(b, "")
	for _, c := range []struct {
		name    string
		folders []string
	}{
		{"text", []string{"mastodon", "newsrooms", "wordpress", "bluesky", "truthsocial", "facebook", "youtube", "feeds"}},
		{"mixed", []string{"mastodon", "newsrooms", "wordpress", "media"}},
	} {
		folder := b.TempDir()
		d, err := disk.Open(folder, disk.Options{})
		if err != nil {
			b.Fatal(err)
		}
		w := newWorld(b)
		a := w.init(b, d, fastDir(b))
		fill(b, w, a, payloads(b, dir, c.folders...), 300<<20)
		b.Run(c.name, func(b *testing.B) {
			var decoded int64
			began := cpuTime()
			for b.Loop() {
				r, err := a.Verify(b.Context(), archive.VerifyOptions{})
				if err != nil || len(r.Findings) > 0 {
					b.Fatal(err, r.Findings)
				}
				decoded = r.Decoded
			}
			rates(b, decoded, cpuTime()-began)
		})
		b.Run(c.name+"/floor", func(b *testing.B) {
			keys := files(b, folder, "captures/")
			var decoded int64
			began := cpuTime()
			for b.Loop() {
				decoded = floor(b, folder, keys)
			}
			rates(b, decoded, cpuTime()-began)
		})
		d.Close()
	}
}

// BenchmarkVerifyS3 verifies the same text in a folder and in an S3 store on this
// machine, by turns. The store's own processor time counts.
func BenchmarkVerifyS3(b *testing.B) {
	dir := repotest.Data(b, "")
	folder, err := disk.Open(b.TempDir(), disk.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer folder.Close()
	store := testservers.StartS3(b)
	at, err := s3.ParseURL(store.URL())
	if err != nil {
		b.Fatal(err)
	}
	far, err := s3.New(at, s3.Credentials{AccessKey: store.AccessKey, SecretKey: s3.NewSecret(store.SecretKey)}, s3.Options{})
	if err != nil {
		b.Fatal(err)
	}
	w := newWorld(b)
	fill(b, w, w.init(b, folder, fastDir(b)), payloads(b, dir, "mastodon", "newsrooms", "wordpress", "bluesky", "truthsocial", "facebook", "youtube", "feeds"), 300<<20)
	for info, err := range folder.List(b.Context(), "", "") {
		var body []byte
		if err == nil {
			body, err = bucket.ReadAll(b.Context(), folder, info.Key, 1<<30)
		}
		if err == nil {
			err = far.Create(b.Context(), info.Key, bucket.Bytes(body)) // registers, too: nobody moves them
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		in   bucket.Bucket
	}{{"folder", folder}, {"store", retry.New(far, retry.Options{})}} {
		a, err := archive.Open(b.Context(), c.in, archive.Options{Now: w.now, PublicKey: w.public})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			var decoded int64
			began := cpuTime() + store.CPU()
			for b.Loop() {
				r, err := a.Verify(b.Context(), archive.VerifyOptions{})
				if err != nil || len(r.Findings) > 0 {
					b.Fatal(err, r.Findings)
				}
				decoded = r.Decoded
			}
			rates(b, decoded, cpuTime()+store.CPU()-began)
		})
	}
}

// cpuTime returns the CPU time that this process has used.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// rates reports bytes a second of wall time, and of CPU time.
func rates(b *testing.B, n int64, cpu time.Duration) {
	b.Helper()
	b.SetBytes(n)
	b.ReportMetric(float64(n)*float64(b.N)/1e6/cpu.Seconds(), "MB/cpu-s")
}

// floor inflates and hashes objects by two goroutines, and returns how many
// bytes came out.
func floor(b *testing.B, folder string, keys []string) int64 {
	b.Helper()
	var wg sync.WaitGroup
	sizes := make([]int64, 2)
	for part := range sizes {
		wg.Go(func() {
			z := new(gzip.Reader)
			sum := sha256.New()
			for i := part; i < len(keys); i += len(sizes) {
				f, err := os.Open(filepath.Join(folder, filepath.FromSlash(keys[i])))
				if err == nil {
					err = z.Reset(f)
				}
				if err == nil {
					var n int64
					n, err = io.Copy(sum, z)
					sizes[part] += n
				}
				if err != nil {
					b.Error(err)
				}
				f.Close()
			}
		})
	}
	wg.Wait()
	return sizes[0] + sizes[1]
}
