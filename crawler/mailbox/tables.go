// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox

import "strings"

// set makes a table of words.
func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// trackers are hosts whose links count who follows them, and hosts below them;
// shorteners are among them, since nobody can see where theirs lead.
var trackers = set(`
	list-manage.com list-manage1.com list-manage2.com mailchi.mp campaign-archive.com sendgrid.net sendgrid.com
	hubspotlinks.com hubspotemail.net hs-sites.com nationbuilder.com mandrillapp.com mailgun.org sparkpostmail.com cmail19.com
	cmail20.com createsend.com constantcontact.com rs6.net exacttarget.com salesforce-communities.com mkt.com
	ngpvan.com everyaction.com actionnetwork.org actionkit.com bsd.net convio.net mlsend.com sendinblue.com brevo.com sibforms.com
	awstrack.me emltrk.com mjt.lu klclick.com klclick1.com iterable.com customeriomail.com
	bit.ly t.co tinyurl.com ow.ly buff.ly is.gd goo.gl lnkd.in rebrand.ly`)

// trackerLabels are first labels of hosts that do the same.
var trackerLabels = set("click clicks link links track tracking trk go2 email e em mailer url r")

// publicHosts are hosts whose paths name what is to be seen there, not who
// follows the link, however much like a token the name looks.
var publicHosts = set("youtube.com youtu.be twitter.com x.com instagram.com facebook.com tiktok.com t.me threads.net bsky.app linkedin.com vimeo.com")

// personalParts are found in the paths of what is for one reader only.
var personalParts = strings.Fields(`unsub optout opt-out opt_out preferences subscription webversion web-version view-in-browser viewinbrowser viewonline
	viewemail view-email view_email emailview forward-to-a-friend profile-center track/open open.php /ls/click /wf/click
	abmeld austrag abbestell desabonn désabonn desinscri désinscri`)

// personalSegments are whole segments of such paths.
var personalSegments = set("confirm confirmation verify optin opt-in profile profil account konto compte manage u user users member leave baja subscriber recipient reader lists")

// freeMail are providers whose domain says nothing of who writes: an address
// there is the sender's only if it is the very one.
var freeMail = set(`
	gmail.com googlemail.com yahoo.com ymail.com rocketmail.com hotmail.com outlook.com live.com msn.com icloud.com me.com mac.com aol.com
	proton.me protonmail.com pm.me tutanota.com tuta.io fastmail.com hey.com zoho.com mail.com gmx.com gmx.de gmx.net gmx.at gmx.ch web.de
	t-online.de freenet.de posteo.de mailbox.org arcor.de 1und1.de online.de orange.fr wanadoo.fr free.fr sfr.fr laposte.net libero.it virgilio.it
	alice.it tin.it mail.ru yandex.ru yandex.com ya.ru bk.ru inbox.ru list.ru rambler.ru qq.com 163.com 126.com sina.com foxmail.com naver.com
	daum.net hanmail.net comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net btinternet.com
	sky.com virginmedia.com bluewin.ch seznam.cz wp.pl onet.pl o2.pl interia.pl ukr.net hotmail.co.uk yahoo.co.uk yahoo.fr yahoo.de
	outlook.de outlook.fr hotmail.fr hotmail.de uol.com.br bol.com.br terra.com.br rediffmail.com groups.io googlegroups.com`)

// roles are local parts, and words in names, that stand for an office or a
// list and not for one person.
var roles = set(`
	the list lists liste listen newsletter news press presse prensa media medien members friends subscribers recipients undisclosed supporters
	verteiler redaktion editor editors desk team office info contact kontakt contacts mail email post hello admin webmaster postmaster support
	service public announce updates update alerts alert all everyone staff noreply reply group groups board committee campaign
	owner bounce bounces bounced return feedback notifications archive inbox abonnenten freunde mitglieder amis membres lista`)

// greetings come before the name of who is addressed, folded.
var greetings = set(`
	dear hi hello hey greetings morning afternoon evening welcome thanks hallo liebe lieber liebes tag moin servus geehrte geehrter verehrte
	verehrter bonjour bonsoir salut cher chere hola estimado estimada querido querida dias tardes caro cara ciao gentile beste geachte hei hej
	kara kare kaere ola prezado prezada szanowny szanowna drogi droga drahy draga dragi`)

// titles stand between a greeting and a name, folded.
var titles = set(`
	mr mrs ms miss mx dr prof professor sir madam rev hon herr herrn frau monsieur madame mademoiselle mme mlle m senor senora srta sr sra don dona
	signor signora sig dottore pan pani mag ing dipl med`)

// suffixes follow a name, folded.
var suffixes = set("jr sr ii iii iv md phd esq mba jd")

// leadIns are words after which a name between commas is an address.
var leadIns = set("so and but now well thanks thank you yes no look listen because remember friend please today sorry okay also")

// common are first names and surnames that are words too, folded: they stay
// unless they are plainly somebody's name.
var common = set(`
	will mark may grace hope art bill rose joy faith frank grant rich chase april june august summer autumn dawn eve ivy lily olive ruby pearl
	jack drew pat rob sue gene guy dean duke earl king prince max miles sterling victor victoria christian charity chance destiny harmony
	justice liberty honor mercy patience prudence serenity trinity amber crystal ginger hazel holly iris violet daisy heather sandy
	robin jay wade lance pierce ray skip buck chip dale glen heath brook brooke cliff forest reed stone young long short strong white black
	brown green gray grey gold silver day week knight bishop church carpenter baker cook smith page law rights power love wise good best
	sharp small little rice bush ford bridge bridges house home hill field fields lane street park wood woods banks price cash case major
	general north south east west spring winter england french english german holland paris london dallas austin sydney israel jordan
	georgia virginia carolina dakota montana you we they he she it a an the in on at of to for not now then this that who all ernst wolf
	gut klein gross lang kurz stark fuchs vogel konig kaiser richter bauer herr frau alles sommer ehe neu recht friede heil
	pascal clement juste aime marin bon petit grand leblanc noel parfait an do so be can see van le la de du es el son sol luz angel cruz rey paz`)

// accountWords come before the name under which a reader is registered.
var accountWords = set("user username login account benutzername konto identifiant usuario nutzername profile handle nickname user-name utente")

// honorifics follow a surname in the far east.
var honorifics = strings.Fields("様 さん 先生 氏 님 씨 女士 小姐 同志")
