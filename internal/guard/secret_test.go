package guard

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"lathe"
)

func TestMintKey(t *testing.T) {
	if bits := randomDigits * math.Log2(62); bits < 178 {
		t.Errorf("%.1f random bits", bits)
	}
	seen := map[string]bool{}
	for range 1000 {
		key := MintKey(lathe.KindCaller)
		if !checkSecret(key) || !strings.HasPrefix(key, "lathe_caller_") || seen[key] {
			t.Fatalf("key %s", key)
		}
		seen[key] = true
	}
}

// TestChecksum: each changed character is noticed without a look-up.
func TestChecksum(t *testing.T) {
	w := newWorld(t)
	key := MintKey(lathe.KindService)
	for i := range len(key) {
		changed := []byte(key)
		if changed[i]++; checkSecret(string(changed)) {
			t.Errorf("character %d was changed to %s", i, changed)
		}
	}
	reads := w.store.reads.Load()
	for _, bad := range []string{"", "lathe_", "lathe_owner_", "lathe_boss_" + key[14:], key + "x", key[1:], strings.Repeat("a", 10_000), "lathe_service_" + strings.Repeat("\xff", 36)} {
		if _, _, err := w.keys.authenticate(t.Context(), bad); lathe.CodeOf(err) != lathe.CodeUnauthenticated {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	if w.store.reads.Load() != reads {
		t.Error("a key of a wrong form was looked up")
	}
}

func FuzzCheckSecret(f *testing.F) {
	f.Add(MintKey(lathe.KindOwner))
	f.Add("lathe_owner_x")
	f.Fuzz(func(t *testing.T, text string) {
		if checkSecret(text) && (len(text) < randomDigits+sumDigits+len(keyPrefix) || text != strings.ToValidUTF8(text, "")) {
			t.Errorf("%q", text)
		}
	})
}

// TestStoredHash: nothing of the key is stored, and another pepper gives another hash.
func TestStoredHash(t *testing.T) {
	w := newWorld(t)
	stored := w.store.keys[0]
	if len(stored.Hash) != 32 || strings.Contains(string(stored.Hash), w.owner[12:20]) {
		t.Errorf("hash %x", stored.Hash)
	}
	other := NewKeys(w.store, []byte(strings.Repeat("p", 32)), w.clock.now)
	if _, _, err := other.authenticate(t.Context(), w.owner); lathe.CodeOf(err) != lathe.CodeUnauthenticated {
		t.Errorf("another pepper: %v", err)
	}
}

func TestExpiry(t *testing.T) {
	w := newWorld(t)
	by := &lathe.Principal{Project: "a", Scopes: []lathe.Scope{{Verb: "*"}}}
	key, secret, err := w.keys.CreateKey(t.Context(), by, lathe.NewKey{Name: "k", Scopes: []lathe.Scope{{Verb: lathe.VerbRead}}, ExpiresIn: time.Hour})
	if err != nil || !key.ExpiresAt.Equal(w.clock.now().Add(time.Hour)) {
		t.Fatal(key, err)
	}
	for _, step := range []struct {
		advance time.Duration
		holds   bool
	}{
		{0, true},
		{-24 * time.Hour, true},
		{24 * time.Hour, true},
		{time.Hour - 1, true},
		{1, false},
		{-24 * time.Hour, false}, // a clock that is set back revives nothing
		{10 * time.Second, false},
	} {
		w.clock.advance(step.advance)
		if _, _, err := w.keys.authenticate(t.Context(), secret); (err == nil) != step.holds {
			t.Errorf("after %v: %v", step.advance, err)
		}
	}
}

// TestRevocation: a revoked key fails from the next request on, also where the key was being read at that moment.
func TestRevocation(t *testing.T) {
	w := newWorld(t)
	key, secret := w.key(t, "a", nil, lathe.Scope{Verb: lathe.VerbRead})
	if _, _, err := w.keys.authenticate(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	reads := w.store.reads.Load()
	if _, _, err := w.keys.authenticate(t.Context(), secret); err != nil || w.store.reads.Load() != reads {
		t.Errorf("not from the cache: %v", err)
	}
	if _, err := w.keys.RevokeKey(t.Context(), "b", key.ID); lathe.CodeOf(err) != lathe.CodeNotFound {
		t.Errorf("another project revokes: %v", err)
	}
	if _, err := w.keys.RevokeKey(t.Context(), "a", key.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.keys.authenticate(t.Context(), secret); lathe.CodeOf(err) != lathe.CodeUnauthenticated {
		t.Errorf("revoked: %v", err)
	}
	second, secret2 := w.key(t, "a", nil, lathe.Scope{Verb: lathe.VerbRead})
	w.store.found = func() { // between the look-up and its answer
		w.store.found = nil
		if _, err := w.keys.RevokeKey(t.Context(), "a", second.ID); err != nil {
			t.Error(err)
		}
	}
	_, _, _ = w.keys.authenticate(t.Context(), secret2) // may still hold: it came at the same time
	if _, _, err := w.keys.authenticate(t.Context(), secret2); lathe.CodeOf(err) != lathe.CodeUnauthenticated {
		t.Errorf("revoked while it was read: %v", err)
	}
}

// TestRevokedElsewhere: what another process revoked holds after a second.
func TestRevokedElsewhere(t *testing.T) {
	w := newWorld(t)
	key, secret := w.key(t, "a", nil, lathe.Scope{Verb: lathe.VerbRead})
	if _, _, err := w.keys.authenticate(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.RevokeKey(t.Context(), "a", key.ID); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(recheck)
	if _, _, err := w.keys.authenticate(t.Context(), secret); lathe.CodeOf(err) != lathe.CodeUnauthenticated {
		t.Errorf("%v", err)
	}
}

// TestStoreFails: when keys cannot be read nobody gets in, and nobody is told that the key is wrong.
func TestStoreFails(t *testing.T) {
	w := newWorld(t)
	w.store.fail = errors.New("disk gone")
	if _, _, err := w.keys.authenticate(t.Context(), w.owner); lathe.CodeOf(err) != lathe.CodeInternal {
		t.Errorf("%v", err)
	}
}

func TestCreateKey(t *testing.T) {
	w := newWorld(t)
	all := &lathe.Principal{Project: "a", Scopes: []lathe.Scope{{Verb: "*"}}}
	some := &lathe.Principal{Project: "a", Scopes: []lathe.Scope{{Verb: lathe.VerbKeys}, {Verb: lathe.VerbPredict, Model: "churn*"}, {Verb: lathe.VerbRead, Model: "churn"}}}
	scopes := func(s ...lathe.Scope) []lathe.Scope { return s }
	predict := scopes(lathe.Scope{Verb: lathe.VerbPredict, Model: "churn-eu"})
	for _, c := range []struct {
		name  string
		by    *lathe.Principal
		key   lathe.NewKey
		code  lathe.Code
		field string
	}{
		{"fine", all, lathe.NewKey{Name: "k", Kind: lathe.KindCaller, Scopes: predict}, "", ""},
		{"part of a prefix", some, lathe.NewKey{Name: "k", Scopes: predict}, "", ""},
		{"narrower prefix", some, lathe.NewKey{Name: "k", Scopes: scopes(lathe.Scope{Verb: lathe.VerbPredict, Model: "churn-*"})}, "", ""},
		{"owner", all, lathe.NewKey{Name: "k", Kind: lathe.KindOwner, Scopes: predict}, lathe.CodeInvalid, "kind"},
		{"no name", all, lathe.NewKey{Scopes: predict}, lathe.CodeInvalid, "name"},
		{"no scopes", all, lathe.NewKey{Name: "k"}, lathe.CodeInvalid, "scopes"},
		{"unknown verb", all, lathe.NewKey{Name: "k", Scopes: scopes(lathe.Scope{Verb: "fly"})}, lathe.CodeInvalid, "scopes"},
		{"bad model", all, lathe.NewKey{Name: "k", Scopes: scopes(lathe.Scope{Verb: lathe.VerbRead, Model: "../x"})}, lathe.CodeInvalid, "scopes"},
		{"caller trains", all, lathe.NewKey{Name: "k", Kind: lathe.KindCaller, Scopes: scopes(lathe.Scope{Verb: lathe.VerbTrain})}, lathe.CodeInvalid, "scopes"},
		{"caller may all", all, lathe.NewKey{Name: "k", Kind: lathe.KindCaller, Scopes: scopes(lathe.Scope{Verb: "*"})}, lathe.CodeInvalid, "scopes"},
		{"verb not had", some, lathe.NewKey{Name: "k", Scopes: scopes(lathe.Scope{Verb: lathe.VerbTrain})}, lathe.CodeForbidden, "scopes"},
		{"all verbs", some, lathe.NewKey{Name: "k", Scopes: scopes(lathe.Scope{Verb: "*"})}, lathe.CodeForbidden, "scopes"},
		{"wider model", some, lathe.NewKey{Name: "k", Scopes: scopes(lathe.Scope{Verb: lathe.VerbPredict})}, lathe.CodeForbidden, "scopes"},
		{"wider prefix", some, lathe.NewKey{Name: "k", Scopes: scopes(lathe.Scope{Verb: lathe.VerbPredict, Model: "chu*"})}, lathe.CodeForbidden, "scopes"},
		{"prefix of an exact one", some, lathe.NewKey{Name: "k", Scopes: scopes(lathe.Scope{Verb: lathe.VerbRead, Model: "churn*"})}, lathe.CodeForbidden, "scopes"},
		{"star", some, lathe.NewKey{Name: "k", Scopes: scopes(lathe.Scope{Verb: lathe.VerbRead, Model: "*"})}, lathe.CodeForbidden, "scopes"},
		{"expired already", all, lathe.NewKey{Name: "k", Scopes: predict, ExpiresIn: -1}, lathe.CodeInvalid, "expires_in"},
		{"unknown unit", all, lathe.NewKey{Name: "k", Scopes: predict, Limits: []lathe.Limit{{Unit: "cats", Window: lathe.WindowDay}}}, lathe.CodeInvalid, "limits"},
		{"unknown window", all, lathe.NewKey{Name: "k", Scopes: predict, Limits: []lathe.Limit{{Unit: lathe.UnitRows, Window: "week"}}}, lathe.CodeInvalid, "limits"},
		{"negative limit", all, lathe.NewKey{Name: "k", Scopes: predict, Limits: []lathe.Limit{{Unit: lathe.UnitRows, Window: lathe.WindowDay, Max: -1}}}, lathe.CodeInvalid, "limits"},
		{"limit twice", all, lathe.NewKey{Name: "k", Scopes: predict, Limits: []lathe.Limit{{Unit: lathe.UnitRows, Window: lathe.WindowDay}, {Unit: lathe.UnitRows, Window: lathe.WindowDay}}}, lathe.CodeInvalid, "limits"},
	} {
		key, secret, err := w.keys.CreateKey(t.Context(), c.by, c.key)
		if lathe.CodeOf(err) != c.code || c.code == "" && (!checkSecret(secret) || key.Project != "a") {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var e *lathe.Error
		if errors.As(err, &e) && e.Field != c.field {
			t.Errorf("%s: field %q", c.name, e.Field)
		}
	}
}

// TestInherit: making a key is no way around one's own limits.
func TestInherit(t *testing.T) {
	w := newWorld(t)
	day := func(max int64) lathe.Limit {
		return lathe.Limit{Unit: lathe.UnitRows, Window: lathe.WindowDay, Max: max}
	}
	total := lathe.Limit{Unit: lathe.UnitMoney, Window: lathe.WindowTotal, Max: 7}
	by := &lathe.Principal{Project: "a", Scopes: []lathe.Scope{{Verb: "*"}}, Limits: []lathe.Limit{day(10), total}}
	key, _, err := w.keys.CreateKey(t.Context(), by, lathe.NewKey{Name: "k", Scopes: []lathe.Scope{{Verb: lathe.VerbRead}}, Limits: []lathe.Limit{day(100)}})
	if err != nil || len(key.Limits) != 2 || key.Limits[0] != day(10) || key.Limits[1] != total {
		t.Errorf("%+v, %v", key.Limits, err)
	}
}
