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
	api, listen := FreePort(t), FreePort(t)
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

// call asks toxiproxy; it is on this machine, and must do as it is told. Where it
// takes longer than its own time limit, as it may to end a trouble in which
// connections hang, it closes the connection and goes on: so it is asked again, and
// then says that what was to be made is there, or what was to be removed is not.
func (p *Proxy) call(method, path string, body any) {
	p.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	for try := 1; ; try++ {
		status, text, err := p.ask(method, path, b)
		switch {
		case err != nil && try < calls && p.t.Context().Err() == nil:
			p.t.Logf("toxiproxy %s %s: %v", method, path, err)
			continue
		case err != nil:
			p.t.Fatal(err)
		case status < 300:
		case try > 1 && (method == http.MethodDelete && status == http.StatusNotFound || method == http.MethodPost && status == http.StatusConflict):
		default:
			p.t.Fatalf("toxiproxy %s %s: %d %s", method, path, status, text)
		}
		return
	}
}

// calls is how often toxiproxy is asked at most.
const calls = 5

// ask makes one request, on a connection of its own: toxiproxy closes those that
// are idle whenever it likes.
func (p *Proxy) ask(method, path string, body []byte) (status int, text []byte, err error) {
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.api+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	text, err = io.ReadAll(res.Body)
	return res.StatusCode, text, err
}
