// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"bytes"
	"html"
	"regexp"
	"strings"
)

// wall says what stands in place of an article in a page with status 200, by its
// title or first heading alone; nothing where it may be the article. Only a
// title that is the phrase and nothing else counts, and only on a page that has
// no mark of an article: a text about cookies is no consent page.
func wall(body []byte, title string) (code string) {
	top := body[:min(len(body), 4*pageTop)]
	heading := firstHeading(top)
	if code = wallOf(title); code == "" {
		code = wallOf(heading)
	}
	if code == "" && title == "" && heading == "" && bare(top) {
		code = "no title"
	}
	if code == "" || !isMarkup(top) || articleMark.Match(top) {
		return ""
	}
	return code
}

// wallOf is wall by one title.
func wallOf(title string) string {
	for _, part := range titleParts(title) {
		if code, ok := walls[part]; ok {
			return code
		}
		if strings.HasPrefix(part, "wir und unsere ") && strings.HasSuffix(part, " partner") {
			return "consent page"
		}
	}
	return ""
}

// isMarkup reports whether an answer is HTML by its looks.
func isMarkup(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n\f\ufeff")
	return len(b) > 0 && b[0] == '<' && indexFold(b, "<html") >= 0
}

// articleMark is what only pages with an article have.
var articleMark = regexp.MustCompile(`(?i)<article\b|articlebody|datepublished|article:published_time|"(news)?article"|class="[^"]*(entry|post|article)[-_]?(content|body|text)|<time\b`)

// bare reports whether a page has neither a paragraph nor a title for others.
func bare(b []byte) bool {
	return !paragraph.Match(b) && indexFold(b, "og:title") < 0
}

var (
	paragraph = regexp.MustCompile(`(?i)<(p|td|li|pre|blockquote|h[1-6])\b|<br`)
	tags      = regexp.MustCompile(`<[^>]*>`)
)

// firstHeading returns the text of the first heading of a page, as a title.
func firstHeading(b []byte) string {
	for _, name := range []string{"<h1", "<h2"} {
		i := indexFold(b, name)
		if i < 0 {
			continue
		}
		rest := b[i:min(len(b), i+1024)]
		if end := indexFold(rest, "</h"); end >= 0 {
			return strings.TrimSpace(html.UnescapeString(string(tags.ReplaceAll(rest[:end], nil))))
		}
	}
	return ""
}

// titleParts returns a title in lower case, whole and without the name of the
// site that may stand before or behind it.
func titleParts(title string) []string {
	title = strings.ToLower(strings.Join(strings.Fields(strings.ReplaceAll(title, "’", "'")), " "))
	parts := []string{title}
	for _, sep := range []string{" | ", " - ", " – ", " — ", " · ", " :: "} {
		if i := strings.Index(title, sep); i >= 0 {
			parts = append(parts, title[:i], title[strings.LastIndex(title, sep)+len(sep):])
		}
	}
	for i, p := range parts {
		parts[i] = strings.TrimRight(p, " .!…")
	}
	return parts
}

// walls are the titles of pages that stand in place of others, and what those
// are.
var walls = func() map[string]string {
	m := make(map[string]string)
	for code, list := range map[string][]string{
		"consent page": {
			"we value your privacy", "your privacy", "your privacy choices", "we care about your privacy", "we use cookies", "wij gebruiken cookies", "wir verwenden cookies", "nous utilisons des cookies", "usamos cookies", "utilizamos cookies", "this site uses cookies", "cookie consent", "cookie settings", "before you continue",
			"datenschutzeinstellungen", "cookie-einstellungen", "privatsphäre-einstellungen", "ihre privatsphäre ist uns wichtig", "wir respektieren ihre privatsphäre",
			"votre vie privée nous importe", "nous respectons votre vie privée", "le respect de votre vie privée est notre priorité", "gestion des cookies", "paramètres des cookies",
			"valoramos tu privacidad", "valoramos su privacidad", "tu privacidad es importante para nosotros", "configuración de cookies",
			"rispettiamo la tua privacy", "la tua privacy è importante per noi", "impostazioni dei cookie", "valorizamos a sua privacidade", "a sua privacidade é importante para nós", "definições de cookies",
			"uw privacy", "wij waarderen uw privacy", "we waarderen je privacy", "jouw privacy is belangrijk voor ons", "cookie-instellingen", "мы используем файлы cookie", "kami menghargai privasi anda", "gizliliğinize önem veriyoruz", "نحن نقدر خصوصيتك",
		},
		"block page": {
			"blocked", "access blocked", "page blocked", "site blocked", "web page blocked", "request blocked", "request rejected", "access denied", "access forbidden", "forbidden", "403 forbidden", "403", "access to this page has been denied", "attention required",
			"security check", "are you a robot", "verify you are human", "checking your browser", "one more step", "pardon our interruption", "just a moment",
			"zugriff verweigert", "zugriff gesperrt", "zugang verweigert", "accès refusé", "accès interdit", "accès bloqué", "acceso denegado", "acceso bloqueado", "accesso negato", "acesso negado", "toegang geweigerd", "доступ запрещен", "доступ запрещён", "доступ ограничен",
			"akses ditolak", "erişim engellendi", "تم رفض الوصول",
		},
		"log-in page": {
			"log in", "login", "sign in", "log in to continue", "sign in to continue", "please log in", "anmelden", "anmeldung", "bitte melden sie sich an", "connexion", "se connecter", "iniciar sesión", "accedi", "iniciar sessão", "inloggen", "masuk", "вход", "войти", "giriş yap", "ログイン", "تسجيل الدخول",
		},
		"maintenance page": {
			"maintenance", "under maintenance", "site maintenance", "down for maintenance", "we'll be back soon", "service unavailable", "wartungsarbeiten", "wartungsmodus", "site en maintenance", "en mantenimiento", "sito in manutenzione", "em manutenção", "in onderhoud",
		},
		"soft 404":    {"sorry", "page removed", "content unavailable"},
		"parked page": {"this domain is for sale", "domain for sale", "diese domain steht zum verkauf", "ce domaine est à vendre"},
		"redirecting": {"redirecting", "you are being redirected"},
	} {
		for _, s := range list {
			m[s] = code
		}
	}
	return m
}()
