// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"time"

	"onrecord"
	"onrecord/crawler"
)

// ImportParser names what Import makes of an export. It moves with every change
// of results.
const ImportParser = "telegram-export/1"

// exportFile is the only file of an export that is read.
const exportFile = "result.json"

// An Importer reads exports of Telegram Desktop ("Machine-readable JSON"): of
// one channel, or of an account, of which it reads the channel that the source
// names and nothing else. It is safe for concurrent use.
type Importer struct{ zone *time.Location }

// NewImport returns an importer.
func NewImport(o Options) *Importer { return &Importer{zone: o.Zone} }

// Info returns what the importer is. A zone is part of the parser's name: results
// depend on it.
func (imp *Importer) Info() crawler.Info {
	parser := ImportParser
	if imp.zone != nil {
		parser += " " + imp.zone.String()
	}
	return crawler.Info{
		Kind: "telegram", Parser: parser, Platform: Platform,
		Can: onrecord.Capabilities{EditSignal: true},
	}
}

// Files returns result.json.
func (*Importer) Files(fsys fs.FS) ([]string, error) {
	if _, err := fs.Stat(fsys, exportFile); err == nil {
		return []string{exportFile}, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("telegram: %w", err)
	}
	if _, err := fs.Stat(fsys, "messages.html"); err == nil {
		return nil, errors.New("telegram: messages.html is an export for people: export the channel again, in the format Machine-readable JSON")
	}
	return nil, errors.New("telegram: no result.json: PATH is the folder that Telegram Desktop has exported a channel to, in the format Machine-readable JSON")
}

// Import yields the posts of the channel.
func (imp *Importer) Import(ctx context.Context, fsys fs.FS, t crawler.Target) iter.Seq2[crawler.Batch, error] {
	return func(yield func(crawler.Batch, error) bool) {
		err := ctx.Err()
		if err == nil {
			err = checkNumber(t.AccountID)
		}
		if err == nil {
			err = imp.read(ctx, fsys, t, yield)
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(crawler.Batch{}, err)
		}
	}
}

// errEnough ends an import that nobody wants more of.
var errEnough = errors.New("enough")

func (imp *Importer) read(ctx context.Context, fsys fs.FS, t crawler.Target, yield func(crawler.Batch, error) bool) error {
	f, err := fsys.Open(exportFile)
	if err != nil {
		return fmt.Errorf("telegram: %w", err)
	}
	defer f.Close()
	name, _ := Name(t.Handle) // without one, addresses are those of a channel without name
	x := &export{ctx: ctx, target: t, name: name, zone: imp.zone, yield: yield, in: newInput(f)}
	if err := x.top(); err != nil {
		if errors.Is(err, errEnough) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return fmt.Errorf("telegram: %s near byte %d: %w", exportFile, x.in.offset(), err)
	}
	return x.found()
}

// An export is one reading of result.json.
type export struct {
	ctx    context.Context
	target crawler.Target
	name   string // user name of the channel; empty if not known
	zone   *time.Location
	yield  func(crawler.Batch, error) bool
	in     *input

	whole  bool     // an export of an account: others' chats are in the file
	read   bool     // the channel was found
	others []string // public channels that are not the one
	chats  int      // all that are not the one

	chat    chat
	batch   crawler.Batch
	kept    []string // the messages of the batch, as they are, if the file must not be published
	records int64
	album   []post // posts that may be one album
}

// found reports what is wrong where the channel was not found.
func (x *export) found() error {
	switch {
	case x.read:
		return nil
	case x.chats == 0:
		return fmt.Errorf("telegram: %s holds no chat", exportFile)
	case x.target.AccountID == "":
		return fmt.Errorf("telegram: %s is the export of an account, with %d chats: say by account_id of the source which channel it is; public ones: %s", exportFile, x.chats, x.list())
	}
	return fmt.Errorf("telegram: no public channel %s in %s, which holds %d other chats; public channels: %s", x.target.AccountID, exportFile, x.chats, x.list())
}

// maxOthers is how many channels an error names.
const maxOthers = 20

func (x *export) list() string {
	if len(x.others) == 0 {
		return "none"
	}
	return strings.Join(x.others, ", ")
}

// top reads the outermost object: a chat, or an account with its chats. What an
// account holds besides is nobody's business and is skipped.
func (x *export) top() error {
	if err := x.in.open('{'); err != nil {
		return err
	}
	var c chat
	for x.in.more() {
		key, err := x.in.key()
		if err != nil {
			return err
		}
		switch key {
		case "chats", "left_chats":
			x.whole = true
			err = x.chatList()
		default:
			err = x.chatMember(&c, key)
		}
		if err != nil {
			return err
		}
	}
	return x.in.end()
}

// chatList reads {"about":…,"list":[…]}.
func (x *export) chatList() error {
	return x.in.object(func(key string) error {
		if key != "list" {
			return x.in.skip()
		}
		return x.in.array(func() error {
			var c chat
			return x.in.object(func(key string) error { return x.chatMember(&c, key) })
		})
	})
}

// A chat is the head of a chat, which stands before its messages.
type chat struct {
	Name string
	Type string
	ID   string
}

// chatMember reads one member of a chat. The head of a chat is written before
// its messages.
func (x *export) chatMember(c *chat, key string) error {
	switch key {
	case "name":
		return x.in.text(&c.Name)
	case "type":
		return x.in.text(&c.Type)
	case "id":
		return x.in.text(&c.ID)
	case "messages":
		ours, err := x.ours(*c)
		if err != nil {
			return err
		}
		if !ours {
			return x.in.array(x.in.drop)
		}
		return x.messages(*c)
	}
	return x.in.skip()
}

// ours reports whether c is the channel to be read. An export of one chat is
// that chat or an error; of an account, private chats are neither read nor
// named.
func (x *export) ours(c chat) (bool, error) {
	if c.ID == "" {
		return false, errors.New("a chat without id before its messages")
	}
	public := c.Type == "public_channel"
	if !x.whole {
		switch {
		case !public:
			return false, fmt.Errorf("the chat is a %s: only public channels are read", c.Type)
		case !numberPattern.MatchString(c.ID):
			return false, fmt.Errorf("the chat's id %.40q is no number", c.ID)
		case x.target.AccountID != "" && x.target.AccountID != c.ID:
			return false, fmt.Errorf("it is the export of channel %s (%s), the source is channel %s", c.ID, c.Name, x.target.AccountID)
		}
		return true, nil
	}
	if public && c.ID == x.target.AccountID && !x.read {
		return true, nil
	}
	x.chats++
	if public && len(x.others) < maxOthers {
		x.others = append(x.others, fmt.Sprintf("%s (%s)", c.ID, c.Name))
	}
	return false, nil
}
