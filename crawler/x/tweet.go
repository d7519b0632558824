// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x

import "onrecord"

// A tweet is one post as a file has it, whatever the file's shape.
type tweet struct {
	id        string
	user      user
	text      string
	long      string // the whole text, where text may be cut
	hasText   bool
	truncated bool
	created   string
	lang      string
	replyTo   string // status
	replyUser string // the user replied to
	quoteOf   string
	quoteURL  string
	isQuote   bool
	isRepost  bool
	repostOf  string // status, where the file has only its id
	repost    *tweet
	deleted   bool // the file says that it was deleted
	edits     []string
	urls      []link
	longURLs  []link // of long
	media     []attachment
	keys      []string // media keys, to be looked up in includes (API v2)
	polls     []string // poll ids, as keys
	poll      []string
	counts    counts

	other shape // keys that are no post's
}

// A shape is what an object's keys say that it is.
type shape uint8

const (
	isAnswer  shape = 1 << iota // data, errors, statuses: an answer of an interface
	isTyped                     // __typename, entryId: a part of a GraphQL answer
	isWrapper                   // tweet: an account archive
	isAccount                   // account, screen_name: an account, not a post
)

type user struct {
	id, handle, name string
	protected        bool // an answer about the user says so
}

type link struct{ short, long string }

type attachment struct {
	id, short, alt string
	kind, url      string // photo, video …; where the picture is, or the still of a film
	film           variant
}

// A variant is a film at one bit rate.
type variant struct {
	url  string
	rate int64
}

// counts are the counters shown with a post; negative where none is.
type counts struct{ likes, reposts, replies, quotes, views int64 }

func (t *tweet) reset() {
	*t = tweet{
		edits: t.edits[:0], urls: t.urls[:0], longURLs: t.longURLs[:0], media: t.media[:0],
		keys: t.keys[:0], polls: t.polls[:0], counts: counts{-1, -1, -1, -1, -1},
	}
}

// read reads a post of API v1.1 in any of its forms, of API v2, of an account
// archive, of The Trump Archive, or the inside of a GraphQL one.
func (t *tweet) read(d *decoder) {
	d.object(func(key []byte) {
		if !t.identity(d, key) && !t.words(d, key) && !t.relation(d, key) && !t.counter(d, key) && !t.parts(d, key) {
			d.skip()
		}
	})
}

// identity reads what names the post and its author.
func (t *tweet) identity(d *decoder, key []byte) bool {
	switch string(key) {
	case "id_str", "rest_id", "tweet_id", "tweetid":
		if s := d.str(); s != "" {
			t.id = s
		}
	case "id":
		if s := d.str(); t.id == "" {
			t.id = s
		}
	case "user":
		t.user.read(d)
	case "author_id", "user_id_str":
		t.user.id = d.str()
	case "core":
		d.object(func(key []byte) {
			if string(key) == "user_results" || string(key) == "user_result" {
				t.user.read(d)
			} else {
				d.skip()
			}
		})
	case "created_at", "date":
		t.created = d.str()
	case "created_at_ms":
		t.created = millis(d.str())
	case "data", "errors", "statuses":
		t.other |= isAnswer
		d.skip()
	case "__typename", "entryId", "tweet_results":
		t.other |= isTyped
		d.skip()
	case "screen_name":
		t.other |= isAccount
		t.user.handle = d.str()
	case "account", "accountId":
		t.other |= isAccount
		d.skip()
	default:
		return false
	}
	return true
}

// words reads the text and what it is made of.
func (t *tweet) words(d *decoder, key []byte) bool {
	switch string(key) {
	case "text":
		t.setText(d, t.text)
	case "full_text":
		t.setText(d, "")
	case "truncated":
		t.truncated = d.truth()
	case "lang":
		t.lang = d.str()
	case "entities", "extended_entities":
		t.entities(d, &t.urls)
	case "extended_tweet":
		d.object(func(key []byte) {
			switch string(key) {
			case "full_text":
				t.long = d.str()
			case "entities", "extended_entities":
				t.entities(d, &t.longURLs)
			default:
				d.skip()
			}
		})
	case "note_tweet":
		t.note(d)
	case "attachments":
		t.attachments(d)
	case "card":
		t.poll = readCard(d)
	default:
		return false
	}
	return true
}

// setText takes a text unless there is a better one.
func (t *tweet) setText(d *decoder, better string) {
	if d.peek() != '"' {
		d.skip()
		return
	}
	t.hasText = true
	if s := d.str(); better == "" {
		t.text = s
	}
}

// relation reads what the post has to do with others.
func (t *tweet) relation(d *decoder, key []byte) bool {
	switch string(key) {
	case "in_reply_to_status_id_str", "in_reply_to_status_id":
		t.replyTo = firstOf(d.str(), t.replyTo)
	case "in_reply_to_user_id_str", "in_reply_to_user_id":
		t.replyUser = firstOf(d.str(), t.replyUser)
	case "quoted_status_id_str", "quoted_status_id":
		t.quoteOf = firstOf(d.str(), t.quoteOf)
	case "quoted_status_permalink":
		d.object(func(key []byte) {
			if string(key) == "expanded" {
				t.quoteURL = d.str()
			} else {
				d.skip()
			}
		})
	case "is_quote_status":
		t.isQuote = d.truth()
	case "quoted_status", "quoted_status_result", "quoted_tweet":
		var q tweet
		q.inner(d)
		t.quoteOf = firstOf(t.quoteOf, q.id)
		t.quoteURL = firstOf(t.quoteURL, q.address())
	case "retweeted_status", "retweeted_status_result":
		if d.peek() == '{' {
			t.repost = new(tweet)
			t.repost.inner(d)
		} else {
			d.skip()
		}
	case "is_retweet", "isRetweet":
		t.isRepost = d.truth()
	case "isDeleted", "is_deleted":
		t.deleted = d.truth()
	case "deleted_at":
		t.deleted = d.str() != ""
	case "reply_to_results":
		var r tweet
		r.inner(d)
		t.replyTo = firstOf(t.replyTo, r.id)
	case "referenced_tweets":
		d.array(func() { t.reference(d) })
	default:
		return false
	}
	return true
}

// inner reads a post within a post, wrapped or not.
func (t *tweet) inner(d *decoder) {
	t.reset()
	t.read(d)
}

func firstOf(a, b string) string {
	if a != "" && a != "null" {
		return a
	}
	return b
}

// counter reads a counter.
func (t *tweet) counter(d *decoder, key []byte) bool {
	switch string(key) {
	case "favorite_count", "favorites", "like_count":
		t.counts.likes = d.count()
	case "retweet_count", "retweets":
		t.counts.reposts = d.count()
	case "reply_count":
		t.counts.replies = d.count()
	case "quote_count":
		t.counts.quotes = d.count()
	case "views":
		d.object(func(key []byte) {
			if string(key) == "count" {
				t.counts.views = d.count()
			} else {
				d.skip()
			}
		})
	default:
		return false
	}
	return true
}

// parts reads the members that hold more of the same post.
func (t *tweet) parts(d *decoder, key []byte) bool {
	switch string(key) {
	case "legacy", "details", "counts", "public_metrics", "result":
		t.read(d)
	case "tweet": // of an account archive, of TweetWithVisibilityResults
		if d.peek() == '{' {
			t.other |= isWrapper
		}
		t.read(d)
	case "edit_history_tweet_ids":
		t.edited(d)
	case "edit_control", "edit_control_initial", "edit_info", "initial", "edit", "editTweetIds", "edit_tweet_ids":
		t.editControl(d, key)
	default:
		return false
	}
	return true
}

// editControl finds the chain of edits, which stands under several names at
// several depths.
func (t *tweet) editControl(d *decoder, key []byte) {
	switch string(key) {
	case "editTweetIds", "edit_tweet_ids":
		t.edited(d)
	case "edit_control", "edit_control_initial", "edit_info", "initial", "edit":
		d.object(func(key []byte) { t.editControl(d, key) })
	default:
		d.skip()
	}
}

func (t *tweet) edited(d *decoder) {
	if d.peek() != '[' {
		d.skip()
		return
	}
	t.edits = t.edits[:0]
	d.array(func() { t.edits = append(t.edits, d.str()) })
}

// read reads a user: of API v1.1, or GraphQL's with its wrappers.
func (u *user) read(d *decoder) {
	d.object(func(key []byte) {
		switch string(key) {
		case "id_str", "rest_id", "accountId":
			u.id = firstOf(d.str(), u.id)
		case "id":
			if s := d.str(); isID(s) { // GraphQL's id is another
				u.id = firstOf(u.id, s)
			}
		case "screen_name", "username":
			u.handle = d.str()
		case "name", "accountDisplayName":
			u.name = d.str()
		case "protected":
			u.protected = d.truth()
		case "result", "legacy", "core", "account", "privacy":
			u.read(d)
		default:
			d.skip()
		}
	})
}

// address returns the post's address; empty without its author.
func (t *tweet) address() string {
	if t.id == "" || t.user.handle == "" {
		return ""
	}
	return address(t.user.handle, t.id)
}

// account returns what a file says of the account.
func (u user) account() onrecord.AccountObservation {
	return onrecord.AccountObservation{ID: u.id, Handle: u.handle, Name: u.name}
}
