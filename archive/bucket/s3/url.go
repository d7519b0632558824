// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"onrecord/archive/bucket"
)

// A Location is a bucket of an S3 store, and the prefix of our keys in it.
type Location struct {
	Bucket    string
	Prefix    string // without a slash at its ends; may be empty
	Host      string // host, or host:port, of the store
	Secure    bool   // HTTPS
	Region    string
	HostStyle bool // the bucket is a part of the host's name, not of the path
}

const (
	defaultRegion = "us-east-1" // what stores without regions expect
	maxPrefix     = 100         // bytes: an S3 key has 1,024, a key of ours up to 900
)

// ParseURL reads
//
//	s3://bucket/prefix?endpoint=https://host:port&region=eu-1&style=path
//
// Without an endpoint it is Amazon's, and then the region is needed. An
// endpoint without a scheme is HTTPS. style is "path" (the default where an
// endpoint is given) or "host".
func ParseURL(s string) (Location, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "s3" || u.Opaque != "" {
		return Location{}, fmt.Errorf("%q is no S3 address", s)
	}
	at := Location{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/")}
	switch {
	case u.User != nil:
		return at, errors.New("a password does not belong into a URL")
	case u.Fragment != "":
		return at, errors.New("an S3 address has no #")
	case !isBucketName(at.Bucket):
		return at, fmt.Errorf("%q is no name of a bucket: 3 to 63 of a to z, 0 to 9, dot and hyphen", at.Bucket)
	case len(at.Prefix) > maxPrefix:
		return at, fmt.Errorf("a prefix of %d bytes, at most %d", len(at.Prefix), maxPrefix)
	}
	if at.Prefix != "" {
		if err := bucket.CheckKey(at.Prefix); err != nil {
			return at, fmt.Errorf("prefix: %w", err)
		}
	}
	return at, at.options(u.RawQuery)
}

// options reads the parameters of an address.
func (at *Location) options(query string) error {
	q, err := url.ParseQuery(query)
	if err != nil {
		return err
	}
	for name, values := range q {
		if !slices.Contains([]string{"endpoint", "region", "style"}, name) {
			return fmt.Errorf("unknown parameter %q: known are endpoint, region and style", name)
		}
		if len(values) != 1 || values[0] == "" {
			return fmt.Errorf("parameter %s: want one value", name)
		}
	}
	endpoint := q.Get("endpoint")
	switch at.Region = q.Get("region"); {
	case endpoint == "" && at.Region == "":
		return errors.New("names neither endpoint nor region of the store")
	case endpoint == "":
		endpoint, at.HostStyle = "https://s3."+at.Region+".amazonaws.com", !strings.Contains(at.Bucket, ".")
	case at.Region == "":
		at.Region = defaultRegion
	}
	switch style := q.Get("style"); style {
	case "":
	case "path", "host":
		at.HostStyle = style == "host"
	default:
		return fmt.Errorf("style %q: want path or host", style)
	}
	return at.endpoint(endpoint)
}

// endpoint reads where the store is.
func (at *Location) endpoint(s string) error {
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Hostname() == "" {
		return fmt.Errorf("endpoint %q: want http:// or https://, a host and perhaps a port", s)
	}
	if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("endpoint %q: want a host and perhaps a port, and nothing else", s)
	}
	at.Host, at.Secure = u.Host, u.Scheme == "https"
	return nil
}

// isBucketName reports whether s can be the name of a bucket.
func isBucketName(s string) bool {
	if len(s) < 3 || len(s) > 63 || strings.Contains(s, "..") {
		return false
	}
	for i := range len(s) {
		c := s[i]
		inner := i > 0 && i < len(s)-1
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || inner && (c == '-' || c == '.')) {
			return false
		}
	}
	return true
}

// Endpoint returns the address of the store.
func (at Location) Endpoint() string {
	if at.Secure {
		return "https://" + at.Host
	}
	return "http://" + at.Host
}

// String returns the address, which ParseURL reads.
func (at Location) String() string {
	q := url.Values{"endpoint": {at.Endpoint()}, "region": {at.Region}}
	if at.HostStyle {
		q.Set("style", "host")
	}
	u := url.URL{Scheme: "s3", Host: at.Bucket, RawQuery: q.Encode()}
	if at.Prefix != "" {
		u.Path = "/" + at.Prefix
	}
	return u.String()
}
