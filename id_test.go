// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"onrecord"
)

// vectors reads the lines of a testdata file: fields parted by tabs.
func vectors(t testing.TB, name string, fields int) [][]string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		row := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(row) != fields {
			t.Fatalf("%s: %q: want %d fields", name, line, fields)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		t.Fatalf("%s: no vectors", name)
	}
	return rows
}

func TestStatementIDVectors(t *testing.T) {
	for _, v := range vectors(t, "ids.txt", 3) {
		platform, nativeID, want := v[0], v[1], v[2]
		if err := onrecord.CheckNativeID(nativeID); err != nil {
			t.Error(err)
		}
		id := onrecord.NewStatementID(platform, nativeID)
		if string(id) != want {
			t.Errorf("NewStatementID(%q, %q) = %s, want %s", platform, nativeID, id, want)
		}
		if got, err := onrecord.ParseStatementID(want); got != id || err != nil {
			t.Errorf("ParseStatementID(%s) = %s, %v", want, got, err)
		}
	}
}

func TestStatementIDIsBase32OfHash(t *testing.T) {
	sum := sha256.Sum256([]byte("x\n17"))
	want := strings.NewReplacer("i", "j", "j", "k", "k", "m", "l", "n", "m", "p", "n", "q", "o", "r", "p", "s",
		"q", "t", "r", "v", "s", "w", "t", "x", "u", "y", "v", "z").Replace(new(big.Int).SetBytes(sum[:10]).Text(32))
	got := string(onrecord.NewStatementID("x", "17"))
	if strings.TrimLeft(got, "0") != want || len(got) != 16 {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestParseIDsRefuse(t *testing.T) {
	for _, s := range []string{"", "0123456789abcde", "0123456789abcdefg", "0123456789ABCDEF", "0123456789abcdei", "0123456789abcdel", "0123456789abcdeo", "0123456789abcdeu", "0123456789abcd\u00e9"} {
		if _, err := onrecord.ParseStatementID(s); !errors.Is(err, onrecord.ErrID) {
			t.Errorf("ParseStatementID(%q): %v, want ErrID", s, err)
		}
	}
	for _, s := range []string{"", "0123456789a", "0123456789abc", "0123456789AB", "0123456789ag"} {
		if _, err := onrecord.ParseVersionID(s); !errors.Is(err, onrecord.ErrID) {
			t.Errorf("ParseVersionID(%q): %v, want ErrID", s, err)
		}
	}
	for _, s := range []string{"", "01arz3ndektsv4rrffq69g5fa", "01arz3ndektsv4rrffq69g5favv", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "81arz3ndektsv4rrffq69g5fav", "01arz3ndektsv4rrffq69g5fau"} {
		if _, err := onrecord.ParseVisitID(s); !errors.Is(err, onrecord.ErrID) {
			t.Errorf("ParseVisitID(%q): %v, want ErrID", s, err)
		}
	}
	if v, err := onrecord.ParseVersionID("0123456789ab"); v != "0123456789ab" || err != nil {
		t.Errorf("ParseVersionID: %q, %v", v, err)
	}
}

func TestCheckNativeID(t *testing.T) {
	for _, s := range []string{"1", "a b", "été", "https://jane.example/#x", strings.Repeat("x", onrecord.MaxNativeID)} {
		if err := onrecord.CheckNativeID(s); err != nil {
			t.Errorf("CheckNativeID(%.40q): %v", s, err)
		}
	}
	for _, s := range []string{"", " 1", "1 ", "1\n", "\u00a01", "a\nb", "a\x00b", "a\x7fb", "a\u0085b", "\xff", strings.Repeat("x", onrecord.MaxNativeID+1)} {
		if err := onrecord.CheckNativeID(s); !errors.Is(err, onrecord.ErrID) {
			t.Errorf("CheckNativeID(%.40q): %v, want ErrID", s, err)
		}
	}
}

func TestVisitID(t *testing.T) {
	// The example of github.com/ulid/spec, in lower case.
	const spec = "01arz3ndektsv4rrffq69g5fav"
	id, err := onrecord.ParseVisitID(spec)
	if err != nil {
		t.Fatal(err)
	}
	if want := time.UnixMilli(1469922850259).UTC(); id.String() != spec || !id.Time().Equal(want) {
		t.Errorf("got %s at %v, want %s at %v", id, id.Time(), spec, want)
	}
	at := time.Date(2026, 11, 22, 10, 0, 0, 123456789, time.FixedZone("", 3600))
	a, err := onrecord.NewVisitID(at, bytes.NewReader(bytes.Repeat([]byte{0xff}, 10)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := onrecord.NewVisitID(at.Add(time.Millisecond), bytes.NewReader(make([]byte, 10)))
	if err != nil {
		t.Fatal(err)
	}
	if want := at.UTC().Truncate(time.Millisecond); !a.Time().Equal(want) || a.Time().Location() != time.UTC {
		t.Errorf("Time() = %v, want %v", a.Time(), want)
	}
	if a.Compare(b) >= 0 || b.Compare(a) <= 0 || a.Compare(a) != 0 || a.String() >= b.String() {
		t.Errorf("order of %s and %s is wrong", a, b)
	}
	if got, err := onrecord.ParseVisitID(a.String()); got != a || err != nil {
		t.Errorf("ParseVisitID(%s) = %s, %v", a, got, err)
	}
}

func TestVisitIDRefuses(t *testing.T) {
	for _, at := range []time.Time{{}, time.UnixMilli(-1), time.UnixMilli(1 << 48)} {
		if _, err := onrecord.NewVisitID(at, bytes.NewReader(make([]byte, 10))); !errors.Is(err, onrecord.ErrID) {
			t.Errorf("NewVisitID(%v): %v, want ErrID", at, err)
		}
	}
	if _, err := onrecord.NewVisitID(time.UnixMilli(0), bytes.NewReader(make([]byte, 9))); err == nil {
		t.Error("NewVisitID with 9 bytes of entropy: no error")
	}
	boom := errors.New("boom")
	if _, err := onrecord.NewVisitID(time.UnixMilli(0), iotest.ErrReader(boom)); !errors.Is(err, boom) {
		t.Errorf("NewVisitID: %v, want %v", err, boom)
	}
}

func TestVisitIDText(t *testing.T) {
	type body struct{ A, B onrecord.VisitID }
	id, err := onrecord.ParseVisitID("01arz3ndektsv4rrffq69g5fav")
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(body{A: id})
	if want := `{"A":"01arz3ndektsv4rrffq69g5fav","B":""}`; string(b) != want || err != nil {
		t.Fatalf("got %s, %v; want %s", b, err, want)
	}
	got := body{B: id}
	if err := json.Unmarshal(b, &got); err != nil || got.A != id || !got.B.IsZero() {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := json.Unmarshal([]byte(`{"A":"x"}`), &got); !errors.Is(err, onrecord.ErrID) || got.A != id {
		t.Errorf("got %v, %s; want ErrID and A as it was", err, got.A)
	}
}

func TestCanonicalURLVectors(t *testing.T) {
	for _, v := range vectors(t, "urls.txt", 2) {
		raw, err := strconv.Unquote(`"` + v[0] + `"`)
		if err != nil {
			t.Fatalf("%q: %v", v[0], err)
		}
		got, err := onrecord.CanonicalURL(raw)
		if v[1] == "!" {
			if !errors.Is(err, onrecord.ErrURL) {
				t.Errorf("CanonicalURL(%q) = %q, %v; want ErrURL", raw, got, err)
			}
			continue
		}
		if got != v[1] || err != nil {
			t.Errorf("CanonicalURL(%q) = %q, %v; want %q", raw, got, err, v[1])
		}
	}
}

func TestCanonicalURLIsBounded(t *testing.T) {
	for _, s := range []string{
		"https://jane.example/" + strings.Repeat("a", onrecord.MaxNativeID),
		"https://jane.example/" + strings.Repeat("a", 1<<20),
		"https://" + strings.Repeat("a", 64) + ".example/",
		"https://" + strings.Repeat("é", 100) + ".example/",
		"https://" + strings.Repeat("a.", 127) + "example/",
	} {
		if got, err := onrecord.CanonicalURL(s); !errors.Is(err, onrecord.ErrURL) {
			t.Errorf("CanonicalURL(%.40q…) = %.40q, %v; want ErrURL", s, got, err)
		}
	}
}

func TestGUIDNativeID(t *testing.T) {
	if got, want := onrecord.GUIDNativeID("jane.example", "tag:17"), "jane.example/#tag:17"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzCanonicalURL: the result is ASCII, a valid native id and its own
// canonical form.
func FuzzCanonicalURL(f *testing.F) {
	for _, v := range vectors(f, "urls.txt", 2) {
		f.Add(v[0])
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := onrecord.CanonicalURL(raw)
		if err != nil {
			if u != "" || !errors.Is(err, onrecord.ErrURL) {
				t.Fatalf("%q: %q, %v", raw, u, err)
			}
			return
		}
		if err := onrecord.CheckNativeID(u); err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		if strings.ContainsFunc(u, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			t.Fatalf("%q: %q is not ASCII", raw, u)
		}
		if again, err := onrecord.CanonicalURL(u); again != u || err != nil {
			t.Fatalf("%q: %q, then %q, %v", raw, u, again, err)
		}
	})
}

func FuzzParseVisitID(f *testing.F) {
	f.Add("01arz3ndektsv4rrffq69g5fav")
	f.Add("7zzzzzzzzzzzzzzzzzzzzzzzzz")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := onrecord.ParseVisitID(s); err == nil && id.String() != s {
			t.Fatalf("%q became %q", s, id)
		}
	})
}
