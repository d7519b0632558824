// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package searchtest

import (
	"time"

	"onrecord"
)

// A Document is one statement of the corpus as an implementation has to hold
// it. All of it is invented.
type Document struct {
	Key       string // short name within the suite; the native id
	ID        onrecord.StatementID
	Figure    string // slug
	Platform  string
	AccountID string
	Published time.Time
	FirstSeen time.Time
	State     onrecord.State // as shown: gone and offline come from the account
	Imported  bool           // never seen by the archive itself
	Wordings  []onrecord.Content
}

// Account states that the corpus needs: every statement of these accounts that
// was not deleted is gone or offline with them.
const (
	SuspendedAccount = "200" // jane-example on x
	OfflineAccount   = "ministry.example"
)

// NewDocument returns a live document of one wording.
func NewDocument(key, figure, platform, account, kind, published, text string) Document {
	t, err := time.Parse(time.RFC3339, published)
	if err != nil {
		panic("searchtest: " + err.Error())
	}
	return Document{
		Key: key, ID: onrecord.NewStatementID(platform, key), Figure: figure, Platform: platform, AccountID: account,
		Published: t, FirstSeen: t.Add(5 * time.Minute), State: onrecord.StateLive,
		Wordings: []onrecord.Content{{Type: kind, Text: text, Published: published}},
	}
}

func (d Document) state(s onrecord.State) Document { d.State = s; return d }

func (d Document) imported() Document { d.Imported = true; return d }

// then adds a later wording: the statement was edited.
func (d Document) then(text string) Document {
	c := d.Wordings[len(d.Wordings)-1]
	c.Text = text
	d.Wordings = append(d.Wordings, c)
	return d
}

func (d Document) with(fn func(c *onrecord.Content)) Document {
	fn(&d.Wordings[len(d.Wordings)-1])
	return d
}

// Corpus returns the documents, in no order of time.
func Corpus() []Document {
	return append(append(english(), french()...), others()...)
}

func english() []Document {
	mast := func(key, kind, at, text string) Document {
		return NewDocument(key, "jane-example", "mastodon", "100", kind, at, text)
	}
	onX := func(key, kind, at, text string) Document {
		return NewDocument(key, "jane-example", "x", SuspendedAccount, kind, at, text).state(onrecord.StateGoneWithAccount)
	}
	site := func(key, kind, at, text string) Document {
		return NewDocument(key, "ministry-of-examples", "website", OfflineAccount, kind, at, text).state(onrecord.StatePlatformOffline)
	}
	return []Document{
		mast("m01", "post", "2019-03-01T08:00:00Z", "We will cut the tariff on steel. No more taxes!"),
		mast("m02", "post", "2019-03-02T09:30:00Z", "The TARIFF is a tax, and the tax is a mistake."),
		mast("m03", "reply", "2019-12-31T23:59:59Z", "Happy new year to losers and haters alike"),
		mast("m04", "post", "2020-01-01T00:00:00Z", "Haters and losers: a happy new year"),
		mast("m05", "quote", "2020-01-06T12:30:00Z", "The state of the art in tariffs is to have none."),
		mast("m06", "post", "2020-02-29T10:00:00Z", "state-of-the-art mills for state of the art steel"),
		mast("m07", "post", "2020-03-01T10:00:00Z", "I never said that. Don't believe it, don’t repeat it.").state(onrecord.StateDeleted),
		mast("m08", "post", "2020-03-02T10:00:00Z", "The budget is 25% larger").then("The budget is 50% larger"),
		mast("m09", "repost", "2020-03-03T10:00:00Z", "Steel, steel and more steel").state(onrecord.StateRestored),
		mast("m10", "post", "2020-03-04T10:00:00Z", "A tariffed market is no free market").state(onrecord.StateUnconfirmed),
		mast("m11", "post", "2020-03-05T10:00:00Z", "The secret address is 12 Example Street").state(onrecord.StateWithheld),
		mast("m12", "post", "2020-03-06T10:00:00Z", "Read https://ministry.example/budget-2020?lang=en at 12:30 🎉"),
		mast("m13", "post", "2020-03-07T10:00:00Z", "").with(func(c *onrecord.Content) {
			c.Media, c.Poll = []onrecord.Media{{ID: "1", Alt: "A chart of steel prices"}}, []string{"More tariff", "Less tariff"}
		}),
		mast("m14", "post", "2020-03-07T10:00:00Z", "𝐁𝐨𝐥𝐝 letters, ﬁne ligatures and “smart” quotes — dashes too").with(func(c *onrecord.Content) { c.Spoiler = "Typography" }),
		onX("x01", "post", "2018-05-05T05:05:05Z", "Tariff man! Tariffs on everything, steel too."),
		onX("x02", "reply", "2018-06-06T06:06:06Z", "Covfefe was a tax on letters"),
		onX("x03", "post", "2018-07-07T07:07:07Z", "A great day for losers").state(onrecord.StateDeleted),
		onX("x04", "post", "2017-07-07T07:07:07Z", "From an old dump: tariffs are great").imported(),
		site("w01", "article", "2021-01-10T09:00:00Z", "The Ministry regrets an error in the tariff table.").with(func(c *onrecord.Content) { c.Title = "Correction of the steel tariff" }),
		site("w02", "article", "2021-01-11T09:00:00Z", "Opening hours of the Ministry of Examples").then("New opening hours of the Ministry of Examples").then("Opening hours of the Ministry"),
		site("w03", "article", "2021-02-01T09:00:00Z", "Steel and coal: the tax table").state(onrecord.StateDeleted),
	}
}

func french() []Document {
	jean := func(key, kind, at, text string) Document {
		return NewDocument(key, "jean-dupont", "telegram", "300", kind, at, text)
	}
	return []Document{
		jean("300/1", "post", "2021-06-01T07:00:00Z", "L’élection de l’été a été reportée."),
		jean("300/2", "post", "2021-06-02T07:00:00Z", "Une ELECTION sans débat n'est pas une élection"),
		jean("300/3", "post", "2021-06-03T07:00:00Z", "Le cœur du problème, c’est l’impôt : « trop d’impôt tue l’impôt »"),
		jean("300/4", "post", "2021-06-04T07:00:00Z", "Les impôts baisseront cet ete").state(onrecord.StateDeleted),
		jean("300/5", "post", "2021-06-05T07:00:00Z", "Garçon, où est la naïveté ? À Noël."),
		jean("300/6", "post", "2021-06-05T07:00:00Z", "Le texte d'avant parlait de la taxe").then("Le texte d'après n'en parle plus"),
	}
}

func others() []Document {
	amal := func(key, at, text string) Document {
		return NewDocument(key, "amal-example", "telegram", "600", "post", at, text)
	}
	li := func(key, at, text string) Document {
		return NewDocument(key, "li-example", "mastodon", "500", "post", at, text)
	}
	ivan := func(key, at, text string) Document {
		return NewDocument(key, "ivan-example", "telegram", "700", "post", at, text)
	}
	return []Document{
		amal("600/1", "2022-01-01T00:00:00Z", "سنخفض الضَّرائِبَ هذا العام"),
		amal("600/2", "2022-01-02T00:00:00Z", "الضرائب مرتفعة في كل إمارة"),
		amal("600/3", "2022-01-03T00:00:00Z", "أحمد ومصطفى في الامارة ١٢٣"),
		li("l01", "2022-02-01T00:00:00Z", "中国人民的关税问题"),
		li("l02", "2022-02-02T00:00:00Z", "关于税收和GDP的讲话"),
		li("l03", "2022-02-03T00:00:00Z", "東京でスピーチをした。タイトルはカメラ"),
		li("l04", "2022-02-04T00:00:00Z", "대한민국의 관세에 대하여"),
		ivan("700/1", "2022-03-01T00:00:00Z", "Всё ещё платим налоги и тарифы"),
		ivan("700/2", "2022-03-02T00:00:00Z", "Еще один тариф: мой край, мои налоги"),
		ivan("700/3", "2022-03-03T00:00:00Z", "Украї́на и Йошкар-Ола"),
	}
}
