// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"time"
)

// A network is the internet of the demonstration: its hosts are on this machine,
// under the addresses that they would have. Nothing else is in it.
type network struct {
	hosts map[string]string // where a host and port is
	roots *x509.CertPool    // that certify them
}

// newNetwork returns a network without hosts, and the certificate of those that
// are to be in it.
func newNetwork(names []string) (*network, tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "onrecord demo"}, DNSNames: names,
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, tls.Certificate{}, err
	}
	n := &network{hosts: map[string]string{}, roots: x509.NewCertPool()}
	n.roots.AddCert(leaf)
	return n, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// serve answers for a host, until the server is closed.
func (n *network) serve(host string, cert tls.Certificate, answer http.HandlerFunc) (*http.Server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("%s of the demonstration: %w", host, err)
	}
	srv := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: answer}
	go func() {
		_ = srv.Serve(tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}))
	}()
	n.hosts[net.JoinHostPort(host, "443")] = ln.Addr().String()
	return srv, nil
}
