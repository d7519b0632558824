// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"bytes"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"onrecord"
)

// ItemPage says what the answer of an item's own page says of the item, for
// every door that asks for pages of a website, so that all of them agree. Host
// is the site's, without port.
//
// Only 404 and 410 of the site itself say that it is gone, with the status as
// code. What begins with 2 is live, except the answers that sites give for what
// they never had, or to a visitor whom they want something else from: those are
// unclear, neither gone nor live, and the code says why: "empty"; after a
// redirect "home page", "listing" (a folder above the item's address), "another
// site", "log-in page", "consent page"; by its title "soft 404"; by its title or
// heading alone, where nothing marks an article, also "block page", "maintenance
// page", "parked page", "redirecting"; without any "no title". Every other
// status is unclear too. ItemPage does not judge whether a live page can be read.
func ItemPage(host string, c Capture) (s onrecord.ItemState, code string) {
	from, errFrom := url.Parse(c.Request.URL)
	to, errTo := url.Parse(c.URL)
	if errFrom != nil || errTo != nil {
		return onrecord.ItemUnclear, "address"
	}
	left := SameSite(from.Hostname(), host) && !SameSite(to.Hostname(), host)
	switch {
	case c.Status == http.StatusNotFound || c.Status == http.StatusGone:
		if left {
			return onrecord.ItemUnclear, "another site"
		}
		return onrecord.ItemGone, strconv.Itoa(c.Status)
	case c.Status < 200 || c.Status > 299:
		return onrecord.ItemUnclear, strconv.Itoa(c.Status)
	case len(bytes.TrimSpace(c.Body)) == 0:
		return onrecord.ItemUnclear, "empty"
	}
	if code := led(from, to); code != "" {
		return onrecord.ItemUnclear, code
	}
	title := pageTitle(c.Body)
	switch {
	case left:
		return onrecord.ItemUnclear, "another site"
	case SaysNotFound(title):
		return onrecord.ItemUnclear, "soft 404"
	case asksPassword(c.Body, title):
		return onrecord.ItemUnclear, "log-in page"
	}
	if code := wall(c.Body, title); code != "" {
		return onrecord.ItemUnclear, code
	}
	return onrecord.ItemLive, ""
}

// led says where redirects led from an item's address, if that is no place for
// an item.
func led(from, to *url.URL) string {
	at, was := strings.Trim(to.Path, "/"), strings.Trim(from.Path, "/")
	if from.Host == to.Host && at == was {
		return ""
	}
	host := strings.ToLower(to.Hostname())
	switch {
	case at == "" && to.RawQuery == "" && (was != "" || from.RawQuery != ""):
		return "home page"
	case hasSegment(at, "login", "log-in", "signin", "sign-in", "wp-login.php", "sso", "anmelden", "connexion") && !hasSegment(was, "login", "log-in", "signin", "sign-in", "sso", "anmelden", "connexion"):
		return "log-in page"
	case strings.HasPrefix(host, "consent.") || hasSegment(at, "consent", "cookie-consent", "cookiewall", "cookie-wall") && !hasSegment(was, "consent"):
		return "consent page"
	case strings.HasPrefix(was, at+"/") && !isRendition(was[len(at)+1:]) && SameSite(from.Hostname(), host):
		return "listing"
	}
	return ""
}

// isRendition reports whether the last part of an address only names another
// form of the page above it.
func isRendition(rest string) bool {
	switch rest {
	case "amp", "print", "index.html", "index.htm", "index.php":
		return true
	}
	return false
}

// hasSegment reports whether a segment of a path is one of these words.
func hasSegment(path string, words ...string) bool {
	for s := range strings.SplitSeq(strings.ToLower(path), "/") {
		for _, w := range words {
			if s == w {
				return true
			}
		}
	}
	return false
}

// SameSite reports whether two hosts are one site: equal but for "www.", or
// one below the other. An empty host is any.
func SameSite(a, b string) bool {
	a, b = strings.TrimPrefix(strings.ToLower(a), "www."), strings.TrimPrefix(strings.ToLower(b), "www.")
	return a == b || a == "" || b == "" || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a)
}

// notFound are the beginnings of titles that only pages about nothing have, and
// within are words that stand anywhere in them.
var (
	notFound = []string{"404", "not found", "introuvable", "nicht gefunden", "no encontrada", "non trovata", "не найдена", "nothing found", "just a moment", "access denied", "oops"}
	within   = []string{
		"404 not found", "error 404", "404 error", "erreur 404", "fehler 404", "page not found", "page could not be found", "page can't be found", "page can’t be found", "page cannot be found",
		"page doesn't exist", "page doesn’t exist", "page does not exist", "page introuvable", "page non trouvée", "page n'existe pas", "page n’existe pas", "seite nicht gefunden", "seite wurde nicht gefunden", "página no encontrada",
		"página não encontrada", "pagina non trovata", "pagina niet gevonden", "страница не найдена", "halaman tidak ditemukan", "sayfa bulunamadı", "الصفحة غير موجودة", "页面不存在", "ページが見つかりません",
	}
)

// SaysNotFound reports whether a title or headline is that of an error page.
func SaysNotFound(title string) bool {
	title = strings.ToLower(strings.Join(strings.Fields(title), " "))
	for _, s := range notFound {
		if strings.HasPrefix(title, s) {
			return true
		}
	}
	for _, s := range within {
		if strings.Contains(title, s) {
			return true
		}
	}
	return false
}

// pageTop is how much of a page is searched for its title.
const pageTop = 64 << 10

// pageTitle returns the title of an HTML page, decoded.
func pageTitle(body []byte) string {
	top := body[:min(len(body), pageTop)]
	i := indexFold(top, "<title")
	if i < 0 {
		return ""
	}
	_, rest, _ := bytes.Cut(top[i:], []byte(">"))
	if end := indexFold(rest, "</title"); end >= 0 {
		rest = rest[:end]
	}
	return html.UnescapeString(string(rest[:min(len(rest), 1024)]))
}

// indexFold is bytes.Index for an ASCII word in lower case, in any case.
func indexFold(b []byte, word string) int {
	for i := 0; i+len(word) <= len(b); i++ {
		n := bytes.IndexByte(b[i:], word[0])
		if n < 0 {
			return -1
		}
		if i += n; i+len(word) <= len(b) && bytes.EqualFold(b[i:i+len(word)], []byte(word)) {
			return i
		}
	}
	return -1
}

// logIn are words of titles that only pages to log in have.
var logIn = []string{"log in", "login", "log-in", "sign in", "sign-in", "signin", "anmelden", "anmeldung", "connexion", "se connecter", "iniciar sesión", "entrar", "accedi", "inloggen", "masuk", "вход", "войти", "giriş", "تسجيل الدخول"}

// asksPassword reports whether a page is there to log in: its title says so and
// it has a field for a password. Other pages may have such a form in their head.
func asksPassword(body []byte, title string) bool {
	title = strings.ToLower(title)
	named := false
	for _, w := range logIn {
		named = named || strings.Contains(title, w)
	}
	if !named {
		return false
	}
	lower := bytes.ToLower(body[:min(len(body), 4*pageTop)])
	for _, s := range []string{`type="password"`, `type='password'`, `type=password`} {
		if bytes.Contains(lower, []byte(s)) {
			return true
		}
	}
	return false
}
