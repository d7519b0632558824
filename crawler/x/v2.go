// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x

// reference reads one of API v2's references to another post.
func (t *tweet) reference(d *decoder) {
	var kind, id string
	d.object(func(key []byte) {
		switch string(key) {
		case "type":
			kind = d.str()
		case "id":
			id = d.str()
		default:
			d.skip()
		}
	})
	switch kind {
	case "replied_to":
		t.replyTo = id
	case "quoted":
		t.quoteOf = id
	case "retweeted":
		t.repostOf, t.isRepost = id, true
	}
}

// attachments reads what API v2 says is attached: keys of what stands in
// includes.
func (t *tweet) attachments(d *decoder) {
	d.object(func(key []byte) {
		switch string(key) {
		case "media_keys":
			d.array(func() { t.keys = append(t.keys, d.str()) })
		case "poll_ids":
			d.array(func() { t.polls = append(t.polls, d.str()) })
		default:
			d.skip()
		}
	})
}

// includes are the posts, users, media and polls that an answer of API v2
// refers to.
type includes struct {
	tweets map[string]*tweet
	users  map[string]user
	files  map[string]attachment // by media key
	polls  map[string][]string
}

func (in *includes) read(d *decoder) {
	in.tweets, in.users = map[string]*tweet{}, map[string]user{}
	in.files, in.polls = map[string]attachment{}, map[string][]string{}
	d.object(func(key []byte) {
		switch string(key) {
		case "tweets":
			d.array(func() {
				t := new(tweet)
				t.inner(d)
				in.tweets[t.id] = t
			})
		case "users":
			d.array(func() {
				var u user
				u.read(d)
				in.users[u.id] = u
			})
		case "media":
			d.array(func() { in.media(d) })
		case "polls":
			d.array(func() { in.poll(d) })
		default:
			d.skip()
		}
	})
}

func (in *includes) media(d *decoder) {
	var id string
	var a attachment
	d.object(func(key []byte) {
		switch string(key) {
		case "media_key":
			id = d.str()
		case "alt_text":
			a.alt = d.str()
		case "url":
			a.url = d.str()
		default:
			a.film = better(a.film, a.serve(d, key))
		}
	})
	in.files[id] = a
}

func (in *includes) poll(d *decoder) {
	var id string
	var options []string
	d.object(func(key []byte) {
		switch string(key) {
		case "id":
			id = d.str()
		case "options":
			d.array(func() {
				d.object(func(key []byte) {
					if string(key) == "label" {
						options = append(options, d.str())
					} else {
						d.skip()
					}
				})
			})
		default:
			d.skip()
		}
	})
	in.polls[id] = options
}

// join completes t with what it refers to.
func (in *includes) join(t *tweet) {
	if u, ok := in.users[t.user.id]; ok {
		t.user = u
	}
	for _, k := range t.keys {
		a := in.files[k]
		a.id = mediaID(k)
		t.addMedia(a)
	}
	for _, p := range t.polls {
		t.poll = append(t.poll, in.polls[p]...)
	}
	if other := in.tweets[t.repostOf]; other != nil {
		if u, ok := in.users[other.user.id]; ok {
			other.user = u
		}
		t.repost = other
	}
	if other := in.tweets[t.quoteOf]; other != nil {
		if u, ok := in.users[other.user.id]; ok {
			t.quoteURL = address(u.handle, other.id)
		}
	}
}
