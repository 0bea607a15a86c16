package guard

import (
	"context"
	"strings"
	"time"

	"lathe"
)

// maxExpiry bounds a key's life; beyond it a key without an end is meant.
const maxExpiry = 10 * 365 * 24 * time.Hour

// maxScopes bounds what one key carries.
const maxScopes = 64

// CreateOwner makes the key of all verbs in all projects. It is called once, when a home is made.
func (k *Keys) CreateOwner(ctx context.Context) (lathe.Key, string, error) {
	key := lathe.Key{Project: lathe.AllProjects, Kind: lathe.KindOwner, Name: "owner", Scopes: []lathe.Scope{{Verb: "*"}}}
	return k.mint(ctx, lathe.AllProjects, key)
}

// CreateKey implements lathe.KeyService.
func (k *Keys) CreateKey(ctx context.Context, by *lathe.Principal, ask lathe.NewKey) (lathe.Key, string, error) {
	if ask.Kind == "" {
		ask.Kind = lathe.KindService
	}
	if err := checkNewKey(by, ask); err != nil {
		return lathe.Key{}, "", err
	}
	key := lathe.Key{Project: by.Project, Kind: ask.Kind, Name: ask.Name, Scopes: ask.Scopes, Limits: inherit(by.Limits, ask.Limits)}
	if ask.ExpiresIn > 0 {
		end := k.clock().Add(ask.ExpiresIn).UTC()
		key.ExpiresAt = &end
	}
	return k.mint(ctx, by.Project, key)
}

// mint makes and stores one key.
func (k *Keys) mint(ctx context.Context, project lathe.Project, key lathe.Key) (lathe.Key, string, error) {
	secret := MintKey(key.Kind)
	hash := k.hash(secret)
	key.Hash = hash[:]
	key.CreatedAt = k.clock().UTC()
	stored, err := k.store.CreateKey(ctx, project, key)
	if err != nil {
		return lathe.Key{}, "", err
	}
	return stored, secret, nil
}

// FindKeys implements lathe.KeyService.
func (k *Keys) FindKeys(ctx context.Context, project lathe.Project, page lathe.Page) ([]lathe.Key, string, error) {
	return k.store.FindKeys(ctx, project, page)
}

// RevokeKey implements lathe.KeyService: durable first, then it holds for the next request and cuts open streams.
func (k *Keys) RevokeKey(ctx context.Context, project lathe.Project, id string) (lathe.Key, error) {
	key, err := k.store.RevokeKey(ctx, project, id)
	if err != nil {
		return lathe.Key{}, err
	}
	k.forget(key.ID)
	return key, nil
}

func checkNewKey(by *lathe.Principal, ask lathe.NewKey) error {
	if err := lathe.CheckName("name", ask.Name); err != nil {
		return err
	}
	if ask.Kind != lathe.KindService && ask.Kind != lathe.KindCaller {
		return lathe.Errorf(lathe.CodeInvalid, "guard: kind %s is none of service, caller", quoteShort(string(ask.Kind))).WithField("kind")
	}
	if ask.ExpiresIn < 0 || ask.ExpiresIn > maxExpiry {
		return lathe.Errorf(lathe.CodeInvalid, "guard: a key cannot expire in %s", ask.ExpiresIn).WithField("expires_in").WithHint("give up to ten years, like 720h")
	}
	if len(ask.Scopes) == 0 || len(ask.Scopes) > maxScopes {
		return lathe.Errorf(lathe.CodeInvalid, "guard: a key has 1 to %d scopes, not %d", maxScopes, len(ask.Scopes)).WithField("scopes")
	}
	for _, scope := range ask.Scopes {
		if err := checkScope(by, ask.Kind, scope); err != nil {
			return err
		}
	}
	return checkLimits(ask.Limits)
}

func checkScope(by *lathe.Principal, kind lathe.KeyKind, scope lathe.Scope) error {
	if !knownVerb(scope.Verb) {
		return lathe.Errorf(lathe.CodeInvalid, "guard: verb %s is not known", quoteShort(string(scope.Verb))).WithField("scopes").
			WithHint("the verbs are %s", verbList())
	}
	if name := strings.TrimSuffix(scope.Model, "*"); name != "" {
		if err := lathe.CheckName("scopes", name); err != nil {
			return err
		}
	}
	if kind == lathe.KindCaller && scope.Verb != lathe.VerbPredict && scope.Verb != lathe.VerbRead {
		return lathe.Errorf(lathe.CodeInvalid, "guard: a caller's key may have predict and read, not %s", scope.Verb).WithField("scopes").
			WithHint("make a service key for the rest")
	}
	for _, own := range by.Scopes {
		if (own.Verb == "*" || own.Verb == scope.Verb) && patternCovers(own.Model, scope.Model) {
			return nil
		}
	}
	return lathe.Errorf(lathe.CodeForbidden, "guard: this key cannot give %s on %s, which it does not have", scope.Verb, quoteShort(anyModel(scope.Model))).WithField("scopes")
}

// patternCovers tells whether each name that inner matches, outer matches too.
func patternCovers(outer, inner string) bool {
	if outer == "" || outer == "*" {
		return true
	}
	prefix, open := strings.CutSuffix(outer, "*")
	if !open {
		return inner == outer
	}
	return inner != "" && strings.HasPrefix(strings.TrimSuffix(inner, "*"), prefix)
}

func anyModel(pattern string) string {
	if pattern == "" {
		return "*"
	}
	return pattern
}

func knownVerb(verb lathe.Verb) bool {
	for _, v := range lathe.Verbs {
		if v == verb {
			return true
		}
	}
	return verb == "*"
}

func verbList() string {
	names := make([]string, len(lathe.Verbs))
	for i, v := range lathe.Verbs {
		names[i] = string(v)
	}
	return strings.Join(names, ", ")
}

func checkLimits(limits []lathe.Limit) error {
	seen := make(map[slotName]bool, len(limits))
	for _, l := range limits {
		name := slotName{l.Unit, l.Window}
		switch {
		case !knownUnit(l.Unit):
			return lathe.Errorf(lathe.CodeInvalid, "guard: unit %s is none of requests, rows, tokens, money", quoteShort(string(l.Unit))).WithField("limits")
		case !knownWindow(l.Window):
			return lathe.Errorf(lathe.CodeInvalid, "guard: window %s is none of minute, hour, day, month, total", quoteShort(string(l.Window))).WithField("limits")
		case l.Max < 0 || l.Max > maxLimit:
			return lathe.Errorf(lathe.CodeInvalid, "guard: a limit of %d %s is not from 0 to %d", l.Max, l.Unit, int64(maxLimit)).WithField("limits")
		case seen[name]:
			return lathe.Errorf(lathe.CodeInvalid, "guard: two limits on %s a %s", l.Unit, l.Window).WithField("limits")
		}
		seen[name] = true
	}
	return nil
}

// inherit adds the giver's limits where they are stricter, so that making a key is no way around one's own.
func inherit(own, asked []lathe.Limit) []lathe.Limit {
	out := append([]lathe.Limit(nil), asked...)
	for _, l := range own {
		found := false
		for i := range out {
			if out[i].Unit == l.Unit && out[i].Window == l.Window {
				out[i].Max = min(out[i].Max, l.Max)
				found = true
			}
		}
		if !found {
			out = append(out, l)
		}
	}
	return out
}
