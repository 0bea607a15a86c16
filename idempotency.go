package lathe

import (
	"context"
	"time"
)

// Reply is a stored answer to a request that carried an Idempotency-Key.
type Reply struct {
	Status int
	Header map[string]string
	Body   []byte
}

// IdempotencyStore lets a client repeat a write safely: the same key, caller and content get the first answer again.
type IdempotencyStore interface {
	// BeginReply takes the key. An answer that is there already comes back; one still in the making, or made from other
	// content (another fingerprint), is CodeConflict.
	BeginReply(ctx context.Context, project Project, caller, key string, fingerprint []byte, ttl time.Duration) (*Reply, error)
	// FinishReply stores the answer; nil gives the key back, so that the request may be tried again.
	FinishReply(ctx context.Context, project Project, caller, key string, reply *Reply) error
}
