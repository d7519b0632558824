// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x

import (
	"cmp"
	"strconv"
	"strings"

	"onrecord"
	"onrecord/crawler"
)

// entities reads the addresses and media of a text.
func (t *tweet) entities(d *decoder, urls *[]link) {
	d.object(func(key []byte) {
		switch string(key) {
		case "urls":
			*urls = t.links(d, (*urls)[:0])
		case "media":
			d.array(func() { t.attach(d) })
		default:
			d.skip()
		}
	})
}

// links reads addresses; in API v2 those of media are among them.
func (t *tweet) links(d *decoder, list []link) []link {
	d.array(func() {
		var l link
		var key string
		d.object(func(k []byte) {
			switch string(k) {
			case "url":
				l.short = d.str()
			case "expanded_url":
				l.long = d.str()
			case "media_key":
				key = d.str()
			default:
				d.skip()
			}
		})
		switch {
		case key != "":
			t.addMedia(attachment{id: mediaID(key), short: l.short})
		case l.short != "" && l.long != "":
			list = append(list, l)
		}
	})
	return list
}

// attach reads one attachment of API v1.1 or GraphQL. Entities name the first,
// extended entities all.
func (t *tweet) attach(d *decoder) {
	var a attachment
	d.object(func(key []byte) {
		switch string(key) {
		case "id_str":
			a.id = d.str()
		case "id":
			a.id = firstOf(a.id, d.str())
		case "media_key":
			a.id = firstOf(a.id, mediaID(d.str()))
		case "url":
			a.short = d.str()
		case "ext_alt_text":
			a.alt = d.str()
		default:
			a.film = better(a.film, a.serve(d, key))
		}
	})
	t.addMedia(a)
}

// serve reads where an attachment is served: the picture, and of the films that
// its value lists the best.
func (a *attachment) serve(d *decoder, key []byte) (film variant) {
	switch string(key) {
	case "type":
		a.kind = d.str()
	case "media_url_https":
		a.url = d.str()
	case "video_info":
		d.object(func(key []byte) {
			if string(key) == "variants" {
				film = variants(d)
			} else {
				d.skip()
			}
		})
	case "variants":
		film = variants(d)
	default:
		d.skip()
	}
	return film
}

// variants returns the MP4 of the highest bit rate.
func variants(d *decoder) (best variant) {
	d.array(func() {
		v, mp4 := variant{rate: -1}, false
		d.object(func(key []byte) {
			switch string(key) {
			case "url":
				v.url = d.str()
			case "content_type":
				mp4 = d.str() == "video/mp4"
			case "bitrate", "bit_rate":
				v.rate, _ = strconv.ParseInt(d.str(), 10, 64)
			default:
				d.skip()
			}
		})
		if mp4 {
			best = better(best, v)
		}
	})
	return best
}

func better(a, b variant) variant {
	if b.url != "" && (a.url == "" || b.rate > a.rate) {
		return b
	}
	return a
}

// media returns a as it stands in a content.
func (a attachment) media() onrecord.Media {
	return crawler.MediaAt(onrecord.Media{ID: a.id, Alt: a.alt}, "", cmp.Or(a.film.url, a.url), a.kind)
}

func (t *tweet) addMedia(a attachment) {
	if a.id == "" {
		return
	}
	for i, m := range t.media {
		if m.id == a.id {
			t.media[i].alt = firstOf(m.alt, a.alt)
			t.media[i].url, t.media[i].kind = cmp.Or(a.url, m.url), cmp.Or(a.kind, m.kind)
			t.media[i].film = better(m.film, a.film)
			return
		}
	}
	t.media = append(t.media, a)
}

// mediaID returns the media id in a media key: "3_1234" is media 1234 of kind 3.
func mediaID(key string) string {
	if _, id, ok := strings.Cut(key, "_"); ok {
		return id
	}
	return key
}

// note reads the whole text of a long post: GraphQL's and API v2's form.
func (t *tweet) note(d *decoder) {
	d.object(func(key []byte) {
		switch string(key) {
		case "note_tweet_results", "result":
			t.note(d)
		case "text":
			t.long = d.str()
		case "entity_set", "entities":
			t.entities(d, &t.longURLs)
		default:
			d.skip()
		}
	})
}

// readCard reads the options of a poll, which GraphQL calls a card.
func readCard(d *decoder) []string {
	var options [4]string
	var walk func(key []byte)
	walk = func(key []byte) {
		switch string(key) {
		case "legacy":
			d.object(walk)
		case "binding_values":
			d.array(func() {
				var name, value string
				d.object(func(key []byte) {
					switch string(key) {
					case "key":
						name = d.str()
					case "value":
						d.object(func(key []byte) {
							if string(key) == "string_value" {
								value = d.str()
							} else {
								d.skip()
							}
						})
					default:
						d.skip()
					}
				})
				if len(name) == len("choice1_label") && strings.HasPrefix(name, "choice") && strings.HasSuffix(name, "_label") {
					if i := int(name[len("choice")]) - '1'; 0 <= i && i < len(options) {
						options[i] = value
					}
				}
			})
		default:
			d.skip()
		}
	}
	d.object(walk)
	var list []string
	for _, o := range options {
		if o != "" {
			list = append(list, o)
		}
	}
	return list
}
