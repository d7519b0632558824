// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/s3"
)

// TestKeysFileIsReadAgain changes credentials beneath a bucket in use: the store
// takes one session token at a time.
func TestKeysFileIsReadAgain(t *testing.T) {
	var token atomic.Value
	token.Store("first")
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Security-Token") != token.Load() {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>`)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `<Error><Code>NoSuchKey</Code></Error>`)
	}))
	t.Cleanup(store.Close)
	path, changed := filepath.Join(t.TempDir(), "s3.key"), time.Now()
	write := func(text string, mode os.FileMode) {
		t.Helper()
		changed = changed.Add(time.Second)
		err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode), os.Chtimes(path, changed, changed))
		if err != nil {
			t.Fatal(err)
		}
	}
	keys := func(token string) string {
		return fmt.Sprintf("access_key: a\nsecret_key: secret-%s\nsession_token: %s\n", token, token)
	}
	write(keys("first"), 0o600)
	c, err := s3.FileCredentials(path)
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, "s3://bucket?endpoint="+store.URL, c, s3.Options{KeysFile: path})
	load := func() error {
		_, _, err := b.Load(t.Context(), "r")
		return err
	}
	works := func(when string) {
		t.Helper()
		if err := load(); !errors.Is(err, bucket.ErrNotExist) {
			t.Errorf("%s: %v", when, err)
		}
	}
	fails := func(when, want string) {
		t.Helper()
		if err := load(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret-") {
			t.Errorf("%s: %v", when, err)
		}
	}
	works("as it was opened")
	token.Store("second")
	fails("its token has ended", "the session token of this access key has ended (The provided token has expired.)")
	write("access_key: a\nsecret_key", 0o600)
	fails("the file is being written", "was changed and can't be used: credentials: "+path+":2: want")
	write(keys("second"), 0o644)
	fails("others may read it", "can be read by others")
	write(keys("second"), 0o600)
	works("a new token")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	works("the file is gone")
	write(keys("third"), 0o600)
	token.Store("third")
	works("it is back")
}
