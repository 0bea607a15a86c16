package rest

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"lathe"
	"lathe/internal/guard"
)

// secretBody caps a secret.
const secretBody = 64 << 10

// newKey asks for a key.
type newKey struct {
	Name      string        `json:"name"`
	Kind      lathe.KeyKind `json:"kind,omitempty" doc:"service or caller"`
	Scopes    []lathe.Scope `json:"scopes"`
	Limits    []lathe.Limit `json:"limits,omitempty"`
	ExpiresIn string        `json:"expires_in,omitempty" doc:"like 720h; absent: never"`
}

// keyAnswer is a new key; the secret is shown this once.
type keyAnswer struct {
	Key    lathe.Key `json:"key"`
	Secret string    `json:"secret"`
}

type keyParams struct {
	ID string `path:"id" maxLength:"64"`
}

type usageParams struct {
	Key string `query:"key" maxLength:"64" doc:"A key's id; absent: the key that asks"`
}

func (s *server) registerKeys() {
	const base = "/api/v1/keys"
	need := guard.Need{Verb: lathe.VerbKeys}
	add(s, route{method: "POST", path: base, summary: "Make a key", need: need, status: 201, secret: true, tag: "keys"}, s.createKey)
	add(s, route{method: "GET", path: base, summary: "List keys", need: need, tag: "keys"}, s.findKeys)
	add(s, route{method: "DELETE", path: base + "/{id}", summary: "Revoke a key", need: need, tag: "keys"}, s.revokeKey)
	add(s, route{method: "GET", path: "/api/v1/usage", summary: "Show where a key's limits stand; another key's needs operate", need: guard.Need{Verb: lathe.VerbRead, Also: lathe.VerbOperate}, tag: "keys"}, s.usage)
}

func (s *server) createKey(ctx context.Context, p *lathe.Principal, _ *struct{}, body *newKey) (out keyAnswer, err error) {
	ask := lathe.NewKey{Name: body.Name, Kind: body.Kind, Scopes: body.Scopes, Limits: body.Limits}
	if body.ExpiresIn != "" {
		ask.ExpiresIn, err = time.ParseDuration(body.ExpiresIn)
		if err != nil || ask.ExpiresIn <= 0 {
			return out, lathe.Errorf(lathe.CodeInvalid, "rest: keys: expires_in is %s, and it is a duration", strconv.Quote(cut(body.ExpiresIn))).WithField("expires_in").WithHint("write it like 720h or 30m")
		}
	}
	out.Key, out.Secret, err = s.Keys.CreateKey(ctx, p, ask)
	return out, err
}

func (s *server) findKeys(ctx context.Context, p *lathe.Principal, in *pageParams, _ *none) (list[lathe.Key], error) {
	items, next, err := s.Keys.FindKeys(ctx, p.Project, in.page())
	return newList(items, next), err
}

func (s *server) revokeKey(ctx context.Context, p *lathe.Principal, in *keyParams, _ *none) (lathe.Key, error) {
	return s.Keys.RevokeKey(ctx, p.Project, in.ID)
}

// usage shows a key its own limits, and any key's to who operates the service.
func (s *server) usage(ctx context.Context, p *lathe.Principal, in *usageParams, _ *none) (list[lathe.Usage], error) {
	who := p
	if in.Key != "" && in.Key != p.Key {
		if err := guard.Require(ctx, lathe.VerbOperate, ""); err != nil {
			return list[lathe.Usage]{}, err
		}
		key, err := s.KeyStore.FindKey(ctx, p.Project, in.Key)
		if err != nil {
			return list[lathe.Usage]{}, err
		}
		who = &lathe.Principal{Key: key.ID, Kind: key.Kind, Project: p.Project, Scopes: key.Scopes, Limits: key.Limits}
	}
	items, err := s.Limiter.Usage(ctx, who)
	return newList(items, ""), err
}

type secretParams struct {
	Name string `path:"name"`
}

func (s *server) registerSecrets() {
	const base = "/api/v1/secrets"
	need := guard.Need{Verb: lathe.VerbSecrets}
	named := guard.Need{Verb: lathe.VerbSecrets, Body: secretBody}
	add(s, route{method: "GET", path: base, summary: "List the names of secrets", need: need, tag: "secrets"}, s.findSecrets)
	s.raw(route{method: "PUT", path: base + "/{name}", summary: "Set a secret; it can never be read back", need: named, status: 204, tag: "secrets"},
		media{takes: "application/octet-stream text/plain"}, s.putSecret)
	add(s, route{method: "DELETE", path: base + "/{name}", summary: "Delete a secret", need: need, status: 204, tag: "secrets"}, s.deleteSecret)
}

func (s *server) findSecrets(ctx context.Context, p *lathe.Principal, _ *struct{}, _ *none) (list[string], error) {
	names, err := s.Secrets.FindSecrets(ctx, p.Project)
	return newList(names, ""), err
}

func (s *server) putSecret(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	if err := lathe.CheckName("name", name); err != nil {
		return err
	}
	value, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if len(value) == 0 {
		return lathe.Errorf(lathe.CodeInvalid, "rest: secrets: the body is empty").WithHint("send the secret as the body, or delete it with DELETE")
	}
	if err := s.Secrets.PutSecret(r.Context(), project(r), name, value); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) deleteSecret(ctx context.Context, p *lathe.Principal, in *secretParams, _ *none) (none, error) {
	if err := lathe.CheckName("name", in.Name); err != nil {
		return none{}, err
	}
	return none{}, s.Secrets.DeleteSecret(ctx, p.Project, in.Name)
}
