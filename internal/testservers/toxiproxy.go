// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package testservers

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// proxyPackage is the package of toxiproxy's server.
const proxyPackage = "github.com/Shopify/toxiproxy/v2/cmd/server"

// A Proxy is a TCP proxy of toxiproxy before one server.
type Proxy struct {
	// Endpoint is its address, "http://127.0.0.1:port".
	Endpoint string

	t   testing.TB
	api string
}

// StartProxy starts a toxiproxy before the server at endpoint.
func StartProxy(t testing.TB, endpoint string) *Proxy {
	t.Helper()
	program, err := build(t.Context(), "toxiproxy", proxyPackage)
	if err != nil {
		Require(t, "toxiproxy", err)
	}
	api, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	listen, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(api, ":")
	p := &Proxy{Endpoint: "http://" + listen, t: t, api: "http://" + api}
	if _, err := start(t, p.api+"/version", program, "-host", host, "-port", port); err != nil {
		t.Fatalf("toxiproxy: %v", err)
	}
	p.call(http.MethodPost, "/proxies", map[string]any{
		"name": "s3", "listen": listen, "upstream": strings.TrimPrefix(endpoint, "http://"), "enabled": true,
	})
	return p
}

// Down refuses connections and breaks those that are open; Up ends that.
func (p *Proxy) Down() { p.call(http.MethodPost, "/proxies/s3", map[string]any{"enabled": false}) }

// Up lets connections through.
func (p *Proxy) Up() { p.call(http.MethodPost, "/proxies/s3", map[string]any{"enabled": true}) }

// A Toxic is trouble of a kind that toxiproxy knows: latency, timeout,
// reset_peer, limit_data, slicer …
type Toxic struct {
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	Stream     string         `json:"stream"` // upstream: what the client sends; downstream: what it gets
	Toxicity   float64        `json:"toxicity"`
	Attributes map[string]any `json:"attributes"`
}

// Add begins a trouble for connections that are made from now on.
func (p *Proxy) Add(toxic Toxic) { p.call(http.MethodPost, "/proxies/s3/toxics", toxic) }

// Remove ends it.
func (p *Proxy) Remove(name string) { p.call(http.MethodDelete, "/proxies/s3/toxics/"+name, nil) }

// call asks toxiproxy; it is on this machine, and must do as it is told.
func (p *Proxy) call(method, path string, body any) {
	p.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.api+path, bytes.NewReader(b))
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode >= 300 {
		p.t.Fatalf("toxiproxy %s %s: %d %s (%v)", method, path, res.StatusCode, text, err)
	}
}
