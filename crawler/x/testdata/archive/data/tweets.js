window.YTD.tweets.part0 = [
 {
  "tweet": {
   "edit_info": {
    "initial": {
     "editTweetIds": [
      "2029104557061046272"
     ],
     "editsRemaining": "5"
    }
   },
   "retweeted": false,
   "id_str": "2029104557061046272",
   "id": "2029104557061046272",
   "full_text": "From my archive &amp; mine",
   "favorite_count": "12",
   "retweet_count": "3",
   "created_at": "Wed Mar 04 08:00:00 +0000 2026",
   "lang": "en",
   "entities": {
    "urls": [],
    "user_mentions": [
     {
      "indices": [
       "0",
       "8"
      ],
      "id_str": "1"
     }
    ]
   }
  }
 },
 {
  "tweet": {
   "id_str": "2029104808719286272",
   "full_text": "RT @jeandupont: From Jean",
   "created_at": "Wed Mar 04 08:01:00 +0000 2026",
   "favorite_count": "0",
   "retweet_count": "0"
  }
 }
];