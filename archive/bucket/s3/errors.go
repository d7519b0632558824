// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"onrecord/archive/bucket"
)

// An Error says that a request came to nothing, and leaves open what it did.
type Error struct {
	Op, Key string
	Status  int           // of HTTP; 0: no answer came
	Code    string        // of the store, such as "AccessDenied"
	Message string        // of the store
	Date    string        // the store's clock (RFC 9110 5.6.7); may be empty
	After   time.Duration // that the store asks to wait
	Err     error         // why no answer came; nil where one did

	at   Location
	keys error // why the file of the credentials, which has changed, is not used
}

// Error implements error. Where the cause is the operator's to mend, it says
// so in words.
func (e *Error) Error() string {
	if e.keys != nil {
		return fmt.Sprintf("%s; the credentials are those of before, since their file was changed and can't be used: %v", e.words(), e.keys)
	}
	return e.words()
}

func (e *Error) words() string {
	where := e.Op
	if e.Key != "" {
		where += " " + e.Key
	}
	if e.Err != nil {
		return fmt.Sprintf("%s: %s does not answer: %v", where, e.at.Endpoint(), inner(e.Err))
	}
	switch e.Code {
	case "NoSuchBucket":
		return fmt.Sprintf("%s: there is no bucket %q at %s", where, e.at.Bucket, e.at.Endpoint())
	case "InvalidAccessKeyId", "XAdminUserNotFound": // the latter is versitygw's
		return fmt.Sprintf("%s: %s does not know this access key", where, e.at.Endpoint())
	case "SignatureDoesNotMatch":
		return fmt.Sprintf("%s: the secret key is not that of this access key (%s)", where, e.Message)
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
		return fmt.Sprintf("%s: the session token of this access key has ended (%s)", where, e.Message)
	case "RequestTimeTooSkewed", "RequestExpired":
		return fmt.Sprintf("%s: the clock of this machine is not that of the store, which says %s", where, e.Date)
	case "AccessDenied":
		return fmt.Sprintf("%s: this access key may not do that in bucket %q (%s)", where, e.at.Bucket, e.Message)
	}
	text := strings.Join(strings.Fields(e.Message), " ")
	switch {
	case e.Foreign():
		text = http.StatusText(e.Status) + ", with a page that is no answer of an S3 store"
	case text == "":
		text = http.StatusText(e.Status)
	}
	if e.Code != "" && !strings.HasPrefix(e.Code, strconv.Itoa(e.Status)) {
		text = e.Code + ": " + text
	}
	return fmt.Sprintf("%s: the store answers %d, %.300s", where, e.Status, text)
}

// Foreign reports whether what answered is no S3 store: a website, or a proxy in
// front of a store that is away.
func (e *Error) Foreign() bool {
	return e.Err == nil && strings.HasPrefix(strings.TrimSpace(e.Message), "<")
}

// Unwrap returns why no answer came.
func (e *Error) Unwrap() error { return e.Err }

// Retryable reports whether the same request may do better later.
func (e *Error) Retryable() bool {
	switch {
	case e.Err != nil:
		return !isHopeless(e.Err)
	case e.Status == http.StatusRequestTimeout, e.Status == http.StatusTooEarly, e.Status == http.StatusTooManyRequests:
		return true
	case e.Status == http.StatusConflict:
		return e.Code == "ConditionalRequestConflict" || e.Code == "OperationAborted"
	case e.Code == "RequestTimeout":
		return true
	}
	return e.Status >= 500 && e.Status != http.StatusNotImplemented
}

// Refused reports whether the store says that it has written nothing, since another
// write came at the same moment: to try again is not to ask whose write it was.
func (e *Error) Refused() bool {
	return e.Err == nil && e.Status == http.StatusConflict && e.Retryable()
}

// RetryAfter returns how long the store asks to wait.
func (e *Error) RetryAfter() time.Duration { return e.After }

// isHopeless reports whether a connection fails by what the two sides are.
func isHopeless(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	return strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

// inner takes off what repeats the address.
func inner(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// A timeout is the end of our own patience.
type timeout struct{ wait time.Duration }

func (t *timeout) Error() string {
	return fmt.Sprintf("no answer within %s", t.wait.Round(time.Second))
}

// Timeout reports true, as a net.Error does.
func (t *timeout) Timeout() bool { return true }

// fail makes our error of the client's. caller is the context of the call, ctx
// that of the request.
func (b *Bucket) fail(caller, ctx context.Context, a *answer, op, key string, err error) error {
	if cerr := caller.Err(); cerr != nil {
		return fmt.Errorf("%s %s: %w", op, key, cerr)
	}
	e := &Error{Op: op, Key: key, at: b.at}
	e.After, e.Date, _ = a.told()
	if res, ok := errors.AsType[minio.ErrorResponse](err); ok && res.StatusCode != 0 {
		e.Status, e.Code, e.Message = res.StatusCode, res.Code, res.Message
		if e.Status == http.StatusBadRequest || e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden {
			e.keys = b.keys.fault()
		}
		return e
	}
	e.Err = err
	if t, ok := errors.AsType[*timeout](context.Cause(ctx)); ok {
		e.Err = t
	}
	return e
}

// refused returns what an error of a conditional put says in the words of
// package bucket: taken is for a condition that did not hold.
func refused(err, taken error) error {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok || e.Err != nil:
	case e.Status == http.StatusPreconditionFailed:
		return fmt.Errorf("%s %s: %w", e.Op, e.Key, taken)
	case e.isKey():
		return fmt.Errorf("%s %s, whose beginning or continuation is a key: %w", e.Op, e.Key, bucket.ErrKey)
	case isMissing(err) && errors.Is(taken, bucket.ErrConflict):
		return fmt.Errorf("%s %s, which is not there: %w", e.Op, e.Key, taken)
	case slices.Contains([]string{"BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest", "XAmzContentChecksumMismatch"}, e.Code):
		return fmt.Errorf("%s %s: the store got other bytes than were sent (%s): %w", e.Op, e.Key, e.Code, bucket.ErrSum)
	}
	return err
}

// isKey reports whether a store of files can't keep both a key and one that it
// begins.
func (e *Error) isKey() bool {
	return slices.Contains([]string{"ObjectParentIsFile", "ExistingObjectIsDirectory", "XMinioParentIsObject"}, e.Code)
}

// isMissing reports whether err says that nothing lies under the key; never
// that there is no bucket.
func isMissing(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Err == nil && (e.Code == "NoSuchKey" || e.Code == "NoSuchVersion" || e.isKey())
}

// isUnsupported reports whether the store does not have the request at all.
func isUnsupported(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Status == http.StatusNotImplemented || e.Code == "NotImplemented" || e.Status == http.StatusMethodNotAllowed)
}

// retryAfter reads the seconds of Retry-After (RFC 9110 10.2.3); a date there
// would need a clock, and S3 stores send none.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(h.Get("Retry-After")))
	if err != nil || n < 0 || n > 3600 {
		return 0
	}
	return time.Duration(n) * time.Second
}
