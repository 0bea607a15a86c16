package lathe

import (
	"context"
	"time"
)

// Verb is what a caller wants to do. Each route of the service needs one.
type Verb string

// The verbs. Operating the service does not imply reading data.
const (
	VerbPredict   Verb = "predict"    // ask an endpoint
	VerbRead      Verb = "read"       // see names, runs, metrics, cards; no rows
	VerbReadData  Verb = "data-read"  // see rows
	VerbWriteData Verb = "data-write" // add, clean, split, erase, delete data
	VerbTrain     Verb = "train"      // start, stop and resume runs
	VerbDeploy    Verb = "deploy"     // import, promote and delete models, change endpoints
	VerbExport    Verb = "export"     // take a model's weights away
	VerbKeys      Verb = "keys"       // make, list and revoke keys
	VerbSecrets   Verb = "secrets"    // set upstream keys
	VerbOperate   Verb = "operate"    // metrics, doctor, backup, restore, usage
)

// Verbs lists them all, for help and validation.
var Verbs = []Verb{VerbPredict, VerbRead, VerbReadData, VerbWriteData, VerbTrain, VerbDeploy, VerbExport, VerbKeys, VerbSecrets, VerbOperate}

// KeyKind is the middle of a key: lathe_<kind>_.
type KeyKind string

// The kinds of keys.
const (
	KindOwner   KeyKind = "owner"   // one, made with the home; every verb in every project
	KindService KeyKind = "service" // people and programs of the team; the scopes that it was given
	KindCaller  KeyKind = "caller"  // applications; may only have VerbPredict and VerbRead
)

// Scope allows a verb, on one endpoint or model where Model names it. "*" stands for all. Users, roles and networks add
// to this without changing it.
type Scope struct {
	Verb  Verb   `json:"verb"`
	Model string `json:"model,omitempty"` // "" or "*": any; a trailing "*" matches a prefix
}

// Key is what is stored of an API key: never the key itself.
type Key struct {
	Project   Project    `json:"project"` // AllProjects for the owner
	ID        string     `json:"id"`
	Kind      KeyKind    `json:"kind"`
	Name      string     `json:"name"`
	Scopes    []Scope    `json:"scopes"`
	Limits    []Limit    `json:"limits,omitempty"`
	Hash      []byte     `json:"-"` // HMAC-SHA-256 of the key with the server's pepper
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
}

// AllProjects is the project of the owner's key.
const AllProjects Project = "*"

// Principal is who calls, as the gate found out; handlers get it from the request's context.
type Principal struct {
	Key     string // the key's ID
	Kind    KeyKind
	Project Project // the one that this request acts in, never AllProjects
	Scopes  []Scope
	Limits  []Limit
}

// May tells whether the principal's scopes allow the verb on a model or endpoint; name "" asks for the verb at all.
func (p *Principal) May(verb Verb, name string) bool {
	for _, s := range p.Scopes {
		if (s.Verb == "*" || s.Verb == verb) && s.covers(name) {
			return true
		}
	}
	return false
}

func (s Scope) covers(name string) bool {
	switch n := len(s.Model); {
	case n == 0 || s.Model == "*" || name == "":
		return true
	case s.Model[n-1] == '*':
		return len(name) >= n-1 && name[:n-1] == s.Model[:n-1]
	default:
		return s.Model == name
	}
}

// KeyStore keeps keys. FindKeyByHash serves the gate and looks in all projects; the others stay in theirs.
type KeyStore interface {
	CreateKey(ctx context.Context, project Project, key Key) (Key, error)
	FindKeyByHash(ctx context.Context, hash []byte) (Key, error)
	FindKey(ctx context.Context, project Project, id string) (Key, error)
	FindKeys(ctx context.Context, project Project, page Page) ([]Key, string, error)
	// RevokeKey ends a key for good, durably before it returns.
	RevokeKey(ctx context.Context, project Project, id string) (Key, error)
}

// NewKey asks for a key.
type NewKey struct {
	Name      string        `json:"name"`
	Kind      KeyKind       `json:"kind,omitempty"` // service by default
	Scopes    []Scope       `json:"scopes"`
	Limits    []Limit       `json:"limits,omitempty"`
	ExpiresIn time.Duration `json:"-"`
}

// KeyService is the part of the product that hands out keys.
type KeyService interface {
	// CreateKey returns the stored key and, this once, the key itself. Nobody can give what the principal may not do.
	CreateKey(ctx context.Context, by *Principal, key NewKey) (Key, string, error)
	FindKeys(ctx context.Context, project Project, page Page) ([]Key, string, error)
	// RevokeKey holds from the next request on.
	RevokeKey(ctx context.Context, project Project, id string) (Key, error)
}

// SecretStore keeps what the service itself must present to others, such as keys of upstreams: sealed at rest, readable
// by the service and never through the API.
type SecretStore interface {
	PutSecret(ctx context.Context, project Project, name string, value []byte) error
	Secret(ctx context.Context, project Project, name string) ([]byte, error)
	FindSecrets(ctx context.Context, project Project) ([]string, error)
	DeleteSecret(ctx context.Context, project Project, name string) error
}

// AuditEvent is who did what to which.
type AuditEvent struct {
	Time      time.Time
	Project   Project
	Key       string // the key's ID
	Verb      Verb
	Object    string // "POST /api/v1/runs" and the names in it; no content, no personal data
	Outcome   string // "allowed", or the code of the refusal
	RequestID string
}

// Auditor is told of every request that needs more than VerbPredict or VerbRead, before it is carried out. If it fails,
// the operation does not happen.
type Auditor interface {
	Record(ctx context.Context, event AuditEvent) error
}
