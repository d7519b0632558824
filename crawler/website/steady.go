// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website

import (
	"regexp"

	"golang.org/x/net/html"

	"onrecord/crawler"
)

var (
	hiddenMails = mustPick(`[data-cfemail], a[href*="/cdn-cgi/l/email-protection"]`)
	filings     = mustPick(`a[rel~="tag"], a[rel~="category"]`)
)

// showMail puts the e-mail addresses that Cloudflare hides where a browser
// shows them.
func showMail(doc *page) {
	for _, n := range hiddenMails.all(doc.root) {
		code := attr(n, "data-cfemail")
		if code == "" {
			code = attr(n, "href")
		}
		address, ok := crawler.HiddenMail(code)
		for i, a := range n.Attr {
			if a.Key == "href" {
				n.Attr[i].Val = "mailto:" + address
			}
		}
		if ok && attr(n, "data-cfemail") != "" {
			for n.FirstChild != nil {
				n.RemoveChild(n.FirstChild)
			}
			n.AppendChild(&html.Node{Type: html.TextNode, Data: address})
		}
	}
}

// maxLabel is how many bytes beside links to topics make no text of them: "Filed
// under:", commas.
const maxLabel = 32

// cutFilings drops the paragraphs and lists below n that are nothing but links
// to topics: the site's filing, which is in the categories.
func cutFilings(n *html.Node) {
	list := filings.all(n)
	for _, a := range list[:min(len(list), maxCategories)] {
		var top *html.Node
		for p := a.Parent; p != nil && p != n; p = p.Parent {
			own := 0
			for _, l := range filings.all(p) {
				own += len(oneLine(text(l)))
			}
			if len(oneLine(text(p))) > own+maxLabel || len(pictures.all(p)) > 0 {
				break
			}
			top = p
		}
		if top != nil && top.Parent != nil {
			top.Parent.RemoveChild(top)
		}
	}
}

// rendition finds what names the size of a picture in its address: Drupal's
// styles, the sizes that WordPress makes.
var (
	style = regexp.MustCompile(`/styles/[^/]+/(?:public/|private/)?`)
	sized = regexp.MustCompile(`-(?:\d{2,4}x\d{2,4}|scaled)(\.[A-Za-z]{3,4})$`)
)

// withoutSize returns the path of a picture whatever the size in which it is
// shown, which themes choose.
func withoutSize(path string) string {
	return sized.ReplaceAllString(style.ReplaceAllString(path, "/"), "$1")
}
