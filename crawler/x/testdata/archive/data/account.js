window.YTD.account.part0 = [
 {
  "account": {
   "phoneNumber": "+10000000000",
   "email": "jane@jane.example",
   "username": "janeexample",
   "accountId": "1234567890",
   "accountDisplayName": "Jane Example"
  }
 }
]