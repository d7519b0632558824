// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"os"
	"sync"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// A keysFile gives the client the credentials of a file as it is: it is read again
// when it has changed. So a key can be changed, and a session token that ends be
// followed by the next, while a process runs.
type keysFile struct {
	path string

	mu   sync.Mutex
	now  credentials.Value // guarded by mu
	seen os.FileInfo       // of the file when it was read last; nil before; guarded by mu
	err  error             // why it could not be read then; guarded by mu
}

// IsExpired implements credentials.Provider: it reports whether the file has
// changed. One that is gone has not: what was read goes on.
func (f *keysFile) IsExpired() bool {
	info, err := os.Stat(f.path)
	if err != nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen == nil || !os.SameFile(info, f.seen) || !info.ModTime().Equal(f.seen.ModTime()) || info.Size() != f.seen.Size() || info.Mode() != f.seen.Mode()
}

// Retrieve implements credentials.Provider. Where the file can't be read, as while
// it is being written, what was read before goes on.
func (f *keysFile) Retrieve() (credentials.Value, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path) // first: a change while it is read is one more
	if err != nil {
		return f.now, nil
	}
	c, err := FileCredentials(f.path)
	f.seen, f.err = info, err
	if err == nil {
		f.now = valueOf(c)
	}
	return f.now, nil
}

// RetrieveWithCredContext implements credentials.Provider.
func (f *keysFile) RetrieveWithCredContext(*credentials.CredContext) (credentials.Value, error) {
	return f.Retrieve()
}

// fault returns why the file, as it is now, is not what the store is given.
func (f *keysFile) fault() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// valueOf returns credentials as the client wants them.
func valueOf(c Credentials) credentials.Value {
	return credentials.Value{
		AccessKeyID: c.AccessKey, SecretAccessKey: c.SecretKey.text, SessionToken: c.SessionToken.text, SignerType: credentials.SignatureV4,
	}
}
