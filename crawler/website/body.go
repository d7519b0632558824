// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"onrecord"
	"onrecord/crawler"
)

// A body is the text of an article.
type body struct {
	at     *html.Node // where it stands; nil where the structured data had it
	text   string
	markup string // HTML, after what is no text of the article was cut out
	html   string // the same, as far as it is kept
	media  []onrecord.Media
}

// maxKeptHTML bounds the HTML that is kept beside the text of an article, and
// maxText the text, in bytes: a visit's journal has 8 MiB for all of its news.
const (
	maxKeptHTML = 512 << 10
	maxText     = 2 << 20
)

// A place is where the text of an article stands on the pages of many sites.
type place struct {
	name  string
	sel   *picker
	least int  // bytes of text below which it is not that
	wide  bool // it holds more than the text: a page's frame
}

// places are tried in this order. The named ones say what they are; the others
// are the page's own division.
func places() []place {
	return []place{
		{"[itemprop=articleBody]", articleBody, 20, false},
		{"a class such as .entry-content", contentClass, 20, false},
		{"article", articles, 100, true},
		{"main", mains, 100, true},
		{"#content", contents, 100, true},
	}
}

var (
	articleBody  = mustPick(`[itemprop~="articleBody"]`)
	contentClass = mustPick(".entry-content, .article-content, .article__content, .article-body, .article__body, .articleBody, .article-text, .article__text, " +
		".post-content, .post__content, .post-body, .story-text, .story-body, .news-content, .news-body, .news-text, .single-content, .td-post-content, " +
		".field--name-body, .field-name-body, .field-docs-content, .ce-bodytext, .richtext, .rich-text")
	articles = mustPick("article")
	mains    = mustPick("main, [role=main]")
	contents = mustPick("#content, #main-content, #main, #inhalt, #contenu, #contenido")

	// never is what nobody says: it is cut out wherever it stands.
	never = mustPick("script, style, noscript, template, nav, form, button, select, textarea, dialog, [hidden], plaintext, xmp, iframe, object, embed, svg, canvas, link, meta, base")
	// around is what stands around a text within the frame of a page.
	around = mustPick("aside, footer, time, .date, .entry-date, .post-date, .published, [role=navigation], [role=complementary], [role=search], .breadcrumb, .breadcrumbs, #breadcrumbs, .entry-meta, .post-meta, .article-meta, .entry-footer, " +
		".pagination, .post-navigation, .nav-links, .related, .related-posts, .related-articles, .related-content, .related-news, .read-more, .readmore, .read-also, .more-news, .views, .view-count, .post-views, .entry-views, .comments, .comments-area, #comments, #respond, .author-box, .skip-link")
	// sharing is what invites to spread a text.
	sharing = mustPick(".sharedaddy, .share, .sharing, .share-buttons, .social-share, .social-sharing, .social-links, .addtoany_share_save_container, .a2a_kit, .shariff, .jp-relatedposts, " +
		".screen-reader-text, .visually-hidden, .sr-only, .visuallyhidden, .print-only, .aural")
)

// body returns the text of an article: where the configuration says, else at the
// first of the places where there is one. None is ErrDrift.
func (r reading) body(doc *page, d data, title string) (body, error) {
	cut(doc.root, never)
	showMail(doc)
	for _, p := range r.door.remove {
		cut(doc.root, p)
	}
	if r.door.text != nil {
		return r.configured(doc)
	}
	cut(doc.root, sharing)
	var tried []string
	for _, p := range places() {
		if p.wide && d.body != "" {
			break // the structured data's own text beats a page's frame
		}
		if n := best(p, doc, title); n != nil {
			return r.bodyAt(doc, []*html.Node{n})
		}
		tried = append(tried, p.name)
	}
	if t := plainBody(d.body); t != "" {
		return body{text: t}, nil
	}
	return body{}, fmt.Errorf("no text: tried %s and articleBody of the structured data; set the selector \"text\": %w", strings.Join(tried, ", "), crawler.ErrDrift)
}

// configured returns the text that the configured selector selects: all of it,
// in the order of the page.
func (r reading) configured(doc *page) (body, error) {
	sel := r.door.text
	var list []*html.Node
	for _, n := range sel.outer(doc.root) {
		if sel.attr != "" {
			if t := strings.TrimSpace(attr(n, sel.attr)); t != "" {
				return body{at: n, text: onrecord.PlainText(html.EscapeString(t))}, nil
			}
			continue
		}
		list = append(list, n)
	}
	b, err := r.bodyAt(doc, list)
	if err == nil && b.text == "" && len(b.media) == 0 {
		err = fmt.Errorf("text selector %q selects nothing: %w", sel.given, crawler.ErrDrift)
	}
	return b, err
}

// plainBody returns the text of structured data, which some sites fill with HTML.
func plainBody(s string) string {
	if strings.Contains(s, "</") || strings.Contains(s, "<br") {
		return onrecord.PlainText(s)
	}
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "").Replace(unescape(s)), "\n")
	for i, l := range lines {
		lines[i] = oneLine(l)
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// maxPlaces bounds how many elements of one kind are weighed against each other.
const maxPlaces = 50

// best returns the element of a kind that holds the text of the article: of the
// frames of a page the only one with the article's heading, unless another is
// twice as long; else the longest, if it is longer than all other frames
// together. Nil if there is none.
func best(p place, doc *page, title string) *html.Node {
	list := p.sel.outer(doc.root)
	list = list[:min(len(list), maxPlaces)]
	var headed []*html.Node
	if p.wide {
		for _, n := range list {
			cut(n, around)
			if cutHeading(n, title) {
				headed = append(headed, n)
			}
		}
	}
	var top *html.Node
	longest, sum := 0, 0
	for _, n := range list {
		size := len(oneLine(text(n)))
		if sum += size; size > longest {
			top, longest = n, size
		}
	}
	if len(headed) == 1 {
		if size := len(oneLine(text(headed[0]))); size >= p.least && size*2 >= longest {
			return headed[0]
		}
	}
	if longest < p.least || p.wide && longest*2 < sum {
		return nil
	}
	return top
}

// cutHeading drops the heading that is the title, which stands beside the text,
// and reports whether there was one.
func cutHeading(n *html.Node, title string) bool {
	for _, h := range headings.all(n) {
		if oneLine(text(h)) == title {
			h.Parent.RemoveChild(h)
			return true
		}
	}
	return false
}

var headings = mustPick("h1, h2")

// cut drops what p selects below n.
func cut(n *html.Node, p *picker) {
	for _, m := range p.all(n) {
		if m.Parent != nil && m.Data != "html" && m.Data != "body" && m != n {
			m.Parent.RemoveChild(m)
		}
	}
}

// bodyAt returns the text of elements, one after the other.
func (r reading) bodyAt(doc *page, list []*html.Node) (body, error) {
	var b body
	var out bytes.Buffer
	for i, n := range list {
		if i == 0 {
			b.at = n
		}
		cutFilings(n)
		if err := html.Render(&out, n); err != nil {
			return b, fmt.Errorf("text: %w: %w", err, crawler.ErrDrift)
		}
		b.addMedia(doc, n)
	}
	b.markup = out.String()
	b.text = onrecord.PlainText(b.markup)
	if len(b.text) > maxText {
		return b, fmt.Errorf("a text of %d bytes, at most %d: %w", len(b.text), maxText, crawler.ErrDrift)
	}
	if len(b.markup) <= maxKeptHTML {
		b.html = b.markup
	}
	return b, nil
}

var pictures = mustPick("img, video, audio, video > source, audio > source")

// maxMedia bounds how many pictures and recordings of an article are kept.
const maxMedia = 100

// addMedia adds the pictures and recordings within n.
func (b *body) addMedia(doc *page, n *html.Node) {
	for _, m := range pictures.all(n) {
		class := strings.ToLower(attr(m, "class"))
		if w, h := attr(m, "width"), attr(m, "height"); w == "1" || h == "1" || w == "0" || strings.Contains(class, "emoji") || strings.Contains(class, "smiley") {
			continue
		}
		for _, name := range []string{"data-src", "data-lazy-src", "data-original", "src"} {
			at := attr(m, name)
			if at == "" || strings.HasPrefix(at, "data:") {
				continue
			}
			id := mediaID(resolve(doc.base, at))
			same := func(o onrecord.Media) bool { return o.ID == id }
			if id != "" && len(b.media) < maxMedia && !slices.ContainsFunc(b.media, same) {
				one := onrecord.Media{ID: id, Alt: oneLine(attr(m, "alt"))}
				b.media = append(b.media, crawler.MediaAt(one, doc.base.String(), at, mediaWord(m)))
			}
			break
		}
	}
}

// mediaWord returns what an element shows: a picture, a film, sound.
func mediaWord(n *html.Node) string {
	if n.Data == "source" && n.Parent != nil {
		n = n.Parent
	}
	if n.Data == "img" {
		return onrecord.MediaImage
	}
	return n.Data
}

// mediaID returns an address without query and fragment, and without the size of
// a picture.
func mediaID(address string) string {
	u, err := url.Parse(address)
	if err != nil || address == "" {
		return ""
	}
	u.RawQuery, u.Fragment, u.RawFragment, u.ForceQuery = "", "", "", false
	u.Path, u.RawPath = withoutSize(u.Path), ""
	return u.String()
}
