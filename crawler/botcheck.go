// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"bytes"
	"net/http"
	"strings"
)

// These bound how much of a page is searched for markers. Bot checks are small
// and have theirs at the top; an ordinary page should cost next to nothing.
const (
	looksRefused = 64 << 10 // where the status refuses
	looksOther   = 16 << 10 // elsewhere
)

// headerMarkers are answer headers that only a bot check has, or with the
// value that only it has.
var headerMarkers = []struct{ product, header, value string }{
	{"Cloudflare", "Cf-Mitigated", "challenge"},
	{"AWS WAF", "X-Amzn-Waf-Action", "challenge"},
	{"AWS WAF", "X-Amzn-Waf-Action", "captcha"},
	{"Vercel", "X-Vercel-Mitigated", "challenge"},
	{"Vercel", "X-Vercel-Mitigated", "deny"},
	{"Anubis", "X-Anubis-Action", "challenge"},
}

// titles are the beginnings of the titles that only bot checks have.
var titles = []struct{ product, title string }{
	{"Cloudflare", "Just a moment..."},
	{"Cloudflare", "Attention Required! | Cloudflare"},
	{"DDoS-Guard", "DDoS-Guard"},
	{"Imperva", "Pardon Our Interruption"},
	{"HUMAN", "Access to this page has been denied"},
	{"Anubis", "Making sure you&#39;re not a bot!"},
	{"Anubis", "Making sure you're not a bot!"},
	{"Sucuri", "Sucuri WebSite Firewall - Access Denied"},
	{"Sucuri", "You are being redirected..."},
}

// scripts are texts that only bot checks have, in their own spelling.
var scripts = []struct{ product, text string }{
	{"Cloudflare", "window._cf_chl_opt"},
	{"Cloudflare", "cf-browser-verification"},
	{"Cloudflare", "Checking your browser before accessing"},
	{"DataDome", "captcha-delivery.com/c.js"},
	{"Google", "Our systems have detected unusual traffic"},
}

// refusals are texts, in lower case, that ordinary pages have too: Cloudflare
// puts its scripts into them, forms use captchas. They count only beside a
// status that refuses.
var refusals = []struct{ product, text string }{
	{"Cloudflare", "/cdn-cgi/challenge-platform/"},
	{"Cloudflare", "challenges.cloudflare.com/turnstile"},
	{"DDoS-Guard", "/.well-known/ddos-guard/"},
	{"Imperva", "_incapsula_resource"},
	{"HUMAN", "px-captcha"},
	{"DataDome", "captcha-delivery.com"},
	{"Akamai", "errors.edgesuite.net"},
	{"AWS WAF", "awswafcookiedomainlist"},
	{"AWS WAF", "gokuprops"},
	{"Anubis", "/.within.website/x/cmd/anubis/"},
	{"Kasada", "/149e9513-01fa-4fb0-aad4-566afd725d1b/"},
	{"hCaptcha", "hcaptcha.com/1/api.js"},
	{"reCAPTCHA", "google.com/recaptcha/"},
	{"reCAPTCHA", "g-recaptcha"},
	{"a captcha", "verify you are human"},
	{"a captcha", "are you a robot?"},
	{"a captcha", "enable javascript and cookies to continue"},
}

// botCheck names the product whose check an answer is, or returns "". Body is
// decoded. Only HTML is searched: an API's JSON may quote anything.
func botCheck(status int, h http.Header, body []byte) string {
	for _, m := range headerMarkers {
		if strings.EqualFold(strings.TrimSpace(h.Get(m.header)), m.value) {
			return m.product
		}
	}
	if len(body) == 0 || !isHTML(h, body) {
		return ""
	}
	top := body[:min(len(body), looksOther)]
	title := titleOf(top)
	for _, m := range titles {
		if len(title) >= len(m.title) && strings.EqualFold(title[:len(m.title)], m.title) {
			return m.product
		}
	}
	for _, m := range scripts {
		if bytes.Contains(top, []byte(m.text)) {
			return m.product
		}
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusTooManyRequests, http.StatusServiceUnavailable:
	default:
		return ""
	}
	page := bytes.ToLower(body[:min(len(body), looksRefused)])
	for _, m := range refusals {
		if bytes.Contains(page, []byte(m.text)) {
			return m.product
		}
	}
	return ""
}

// titleOf returns the beginning of a page's title, as written.
func titleOf(page []byte) string {
	i := bytes.Index(page, []byte("<title"))
	if i < 0 {
		i = bytes.Index(page, []byte("<TITLE"))
	}
	if i < 0 {
		return ""
	}
	_, rest, ok := bytes.Cut(page[i:], []byte(">"))
	if !ok {
		return ""
	}
	rest, _, _ = bytes.Cut(rest[:min(len(rest), 256)], []byte("<"))
	return strings.TrimSpace(string(rest))
}

func isHTML(h http.Header, body []byte) bool {
	ct := h.Get("Content-Type")
	if ct == "" {
		ct = http.DetectContentType(body)
	}
	return strings.Contains(strings.ToLower(ct), "html")
}
