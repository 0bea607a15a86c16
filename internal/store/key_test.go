package store_test

import (
	"crypto/sha256"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"lathe"
)

// hashOf stands for the HMAC of a key.
func hashOf(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	return sum[:]
}

func TestKeys(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		expires := e.clock.Now().Add(time.Hour)
		key := lathe.Key{
			Kind: lathe.KindCaller, Name: "Ana's laptop", Hash: hashOf("one"), ExpiresAt: &expires,
			Scopes: []lathe.Scope{{Verb: lathe.VerbPredict, Model: "churn-*"}},
			Limits: []lathe.Limit{{Unit: lathe.UnitRequests, Max: 100, Window: lathe.WindowDay}},
		}
		stored := value[lathe.Key](t)(e.CreateKey(ctx, a, key))
		key.Project, key.ID, key.CreatedAt = a, stored.ID, e.clock.Now()
		if !reflect.DeepEqual(stored, key) || len(stored.ID) != 26 {
			t.Errorf("stored\n%+v, want\n%+v", stored, key)
		}
		for name, got := range map[string]lathe.Key{
			"id":   value[lathe.Key](t)(e.FindKey(ctx, a, stored.ID)),
			"hash": value[lathe.Key](t)(e.FindKeyByHash(ctx, hashOf("one"))),
		} {
			if !reflect.DeepEqual(got, key) {
				t.Errorf("found by %s\n%+v, want\n%+v", name, got, key)
			}
		}
		_, err := e.FindKeyByHash(ctx, hashOf("two"))
		wantCode(t, lathe.CodeNotFound, err)
		_, err = e.CreateKey(ctx, b, lathe.Key{Kind: lathe.KindService, Hash: hashOf("one")})
		wantCode(t, lathe.CodeConflict, err)
		revoked := value[lathe.Key](t)(e.RevokeKey(ctx, a, stored.ID))
		at := e.clock.Now()
		e.clock.add(time.Minute)
		again := value[lathe.Key](t)(e.RevokeKey(ctx, a, stored.ID))
		if !revoked.RevokedAt.Equal(at) || !again.RevokedAt.Equal(at) {
			t.Errorf("revoked at %v, then %v, want %v", revoked.RevokedAt, again.RevokedAt, at)
		}
	})
}

func TestOwnerKey(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		owner := value[lathe.Key](t)(e.CreateKey(ctx, lathe.AllProjects, lathe.Key{Kind: lathe.KindOwner, ID: "owner", Hash: hashOf("owner")}))
		if owner.ID != "owner" || owner.Project != lathe.AllProjects {
			t.Errorf("owner %+v", owner)
		}
		if keys, _, err := e.FindKeys(ctx, a, lathe.Page{}); err != nil || len(keys) != 0 {
			t.Errorf("a project sees %v, %v", keys, err)
		}
		cases := map[string]struct {
			project lathe.Project
			key     lathe.Key
			code    lathe.Code
		}{
			"owner of one":  {a, lathe.Key{Kind: lathe.KindOwner, Hash: hashOf("x")}, lathe.CodeInvalid},
			"caller of all": {lathe.AllProjects, lathe.Key{Kind: lathe.KindCaller, Hash: hashOf("x")}, lathe.CodeInvalid},
			"kind":          {a, lathe.Key{Kind: "root", Hash: hashOf("x")}, lathe.CodeInvalid},
			"project":       {"a/b", lathe.Key{Kind: lathe.KindCaller, Hash: hashOf("x")}, lathe.CodeInvalid},
			"hash":          {a, lathe.Key{Kind: lathe.KindCaller, Hash: []byte("plain")}, lathe.CodeInvalid},
			"name":          {a, lathe.Key{Kind: lathe.KindCaller, Hash: hashOf("x"), Name: "a\nb"}, lathe.CodeInvalid},
			"id":            {lathe.AllProjects, lathe.Key{Kind: lathe.KindOwner, ID: "owner", Hash: hashOf("x")}, lathe.CodeConflict},
		}
		for name, c := range cases {
			if _, err := e.CreateKey(ctx, c.project, c.key); lathe.CodeOf(err) != c.code {
				t.Errorf("%s: %v, want %s", name, err, c.code)
			}
		}
	})
}

func TestSecrets(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		must(t, e.PutSecret(ctx, a, "upstream", []byte("one\x00'")))
		must(t, e.PutSecret(ctx, a, "upstream", []byte("two\x00'")))
		must(t, e.PutSecret(ctx, a, "another", []byte("x")))
		must(t, e.PutSecret(ctx, b, "upstream", []byte("b's")))
		if got := value[[]byte](t)(e.Secret(ctx, a, "upstream")); string(got) != "two\x00'" {
			t.Errorf("secret %q", got)
		}
		if got := value[[]string](t)(e.FindSecrets(ctx, a)); !slices.Equal(got, []string{"another", "upstream"}) {
			t.Errorf("secrets %v", got)
		}
		must(t, e.DeleteSecret(ctx, a, "upstream"))
		wantCode(t, lathe.CodeNotFound, e.DeleteSecret(ctx, a, "upstream"))
		_, err := e.Secret(ctx, a, "upstream")
		wantCode(t, lathe.CodeNotFound, err)
		must1(t)(e.Secret(ctx, b, "upstream"))
		wantCode(t, lathe.CodeInvalid, e.PutSecret(ctx, a, "../x", []byte("x")))
		wantCode(t, lathe.CodeInvalid, e.PutSecret(ctx, a, "x", nil))
		wantCode(t, lathe.CodeInvalid, e.PutSecret(ctx, a, "x", make([]byte, 65<<10)))
	})
}

func TestUsage(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		day := e.clock.Now().Truncate(24 * time.Hour)
		record := func(start time.Time, used int64) lathe.UsageRecord {
			return lathe.UsageRecord{Project: a, Key: "k", Unit: lathe.UnitRows, Window: lathe.WindowDay, Start: start, Used: used}
		}
		total := lathe.UsageRecord{Project: a, Key: "k", Unit: lathe.UnitMoney, Window: lathe.WindowTotal, Used: 1 << 40}
		other := lathe.UsageRecord{Project: b, Key: "k", Unit: lathe.UnitRows, Window: lathe.WindowDay, Start: day, Used: 3}
		must(t, e.SaveUsage(ctx, []lathe.UsageRecord{record(day, 10), total, other}))
		must(t, e.SaveUsage(ctx, []lathe.UsageRecord{record(day, 20)}))
		must(t, e.SaveUsage(ctx, nil))
		e.wantUsage(t, total, record(day, 20))
		next := day.Add(24 * time.Hour)
		must(t, e.SaveUsage(ctx, []lathe.UsageRecord{record(next, 1)})) // yesterday is forgotten
		e.wantUsage(t, total, record(next, 1))
		must(t, e.SaveUsage(ctx, []lathe.UsageRecord{record(day, 2)})) // the clock was set back
		e.wantUsage(t, total, record(day, 2), record(next, 1))
		bad := record(next, 5)
		bad.Key = "a\x00"
		wantCode(t, lathe.CodeInvalid, e.SaveUsage(ctx, []lathe.UsageRecord{record(next, 9), bad}))
		e.wantUsage(t, total, record(day, 2), record(next, 1))
		if got := value[[]lathe.UsageRecord](t)(e.FindUsage(ctx, b, "k")); len(got) != 1 || got[0] != other {
			t.Errorf("the other project's usage is %+v", got)
		}
	})
}

func (e *env) wantUsage(t *testing.T, want ...lathe.UsageRecord) {
	t.Helper()
	if got := value[[]lathe.UsageRecord](t)(e.FindUsage(ctx, a, "k")); !slices.Equal(got, want) {
		t.Errorf("usage\n%+v, want\n%+v", got, want)
	}
}

func TestReplies(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		begin := func(project lathe.Project, caller, key, content string) (*lathe.Reply, error) {
			return e.BeginReply(ctx, project, caller, key, hashOf(content), time.Hour)
		}
		if got := value[*lathe.Reply](t)(begin(a, "ana", "k1", "x")); got != nil {
			t.Errorf("a new key has the answer %+v", got)
		}
		_, err := begin(a, "ana", "k1", "x")
		wantCode(t, lathe.CodeConflict, err) // in the making
		must1(t)(begin(b, "ana", "k1", "x"))
		reply := &lathe.Reply{Status: 201, Header: map[string]string{"Location": "/x"}, Body: []byte("{\x00}")}
		must(t, e.FinishReply(ctx, a, "ana", "k1", reply))
		wantCode(t, lathe.CodeConflict, e.FinishReply(ctx, a, "ana", "k1", reply))
		if got := value[*lathe.Reply](t)(begin(a, "ana", "k1", "x")); !reflect.DeepEqual(got, reply) {
			t.Errorf("answer %+v, want %+v", got, reply)
		}
		_, err = begin(a, "ana", "k1", "y")
		wantCode(t, lathe.CodeConflict, err)
		_, err = begin(b, "ana", "k1", "x")
		wantCode(t, lathe.CodeConflict, err) // still in the making there
		for _, free := range [][3]string{{"beta", "ana", "k3"}, {"alpha", "ben", "k1"}, {"alpha", "ana", "k2"}} {
			if got := value[*lathe.Reply](t)(begin(lathe.Project(free[0]), free[1], free[2], "y")); got != nil {
				t.Errorf("%v has the answer %+v", free, got)
			}
		}
		must(t, e.FinishReply(ctx, a, "ana", "k2", nil)) // gives the key back
		must1(t)(begin(a, "ana", "k2", "z"))
		if n := value[int64](t)(e.ForgetUnfinishedReplies(ctx)); n != 4 {
			t.Errorf("%d were unfinished, want 4", n)
		}
		must1(t)(begin(a, "ana", "k2", "w"))
		e.clock.add(time.Hour)
		if got := value[*lathe.Reply](t)(begin(a, "ana", "k1", "y")); got != nil {
			t.Errorf("an expired answer came back: %+v", got)
		}
	})
}

func TestReplyRefusals(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		for key, code := range map[string]lathe.Code{"": lathe.CodeInvalid, "a\x00": lathe.CodeInvalid, strings.Repeat("k", 256): lathe.CodeTooLarge} {
			_, err := e.BeginReply(ctx, a, "ana", key, nil, time.Hour)
			wantCode(t, code, err)
		}
		must1(t)(e.BeginReply(ctx, a, "ana", "k", nil, time.Hour))
		large := &lathe.Reply{Body: make([]byte, 2<<20)}
		wantCode(t, lathe.CodeTooLarge, e.FinishReply(ctx, a, "ana", "k", large))
	})
}

// TestOneReply: of many who send the same request at once, one carries it out.
func TestOneReply(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		won := make(chan int, 16)
		together(16, func(i int) {
			if _, err := e.BeginReply(ctx, a, "ana", "k", hashOf("x"), time.Hour); err == nil {
				won <- i
			} else if lathe.CodeOf(err) != lathe.CodeConflict {
				t.Error(err)
			}
		})
		if len(won) != 1 {
			t.Errorf("%d requests were carried out", len(won))
		}
	})
}
