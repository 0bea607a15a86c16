package guard

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// streams are the open requests that may last, by key.
type streams struct {
	mu    sync.Mutex
	byKey map[string]map[*cut]struct{}
}

// cut ends one stream: its context is cancelled, and reads and writes that wait fail.
type cut struct {
	ctx    context.Context
	cancel context.CancelFunc
	w      *writer
	rc     *http.ResponseController
	owner  *streams
	key    string
	expiry *time.Timer
}

// openStream registers a stream under its key. A key that was revoked since it was authenticated is looked up again, so
// that none slips between the two.
func (rt *route) openStream(w *writer, r *http.Request, id *identity, gen uint64, secret string) (*cut, error) {
	keys, g := rt.gate.config.Keys, rt.gate
	c := &cut{w: w, rc: http.NewResponseController(w), owner: &g.streams, key: id.key.ID}
	c.ctx, c.cancel = context.WithCancel(r.Context())
	w.done = c.ctx.Done()
	g.streams.add(c)
	if keys.generation() != gen {
		if _, _, err := keys.authenticate(r.Context(), secret); err != nil {
			c.stop()
			return nil, err
		}
	}
	if end := id.key.ExpiresAt; end != nil {
		c.expiry = time.AfterFunc(end.Sub(g.now()), c.end)
	}
	return c, nil
}

// end cuts the stream now. Deadlines in the past wake up whoever waits for the network; a connection that has none to
// set, as in tests, ends by its context. Where the body is through nobody waits to read, and a deadline would end the
// connection's context, with it the next request on that connection.
func (c *cut) end() {
	c.cancel()
	if !c.w.through.Load() {
		_ = c.rc.SetReadDeadline(time.Unix(1, 0))
	}
	_ = c.rc.SetWriteDeadline(time.Now().Add(time.Second))
}

// stop is called when the request ends by itself.
func (c *cut) stop() {
	if c.expiry != nil {
		c.expiry.Stop()
	}
	c.owner.remove(c)
	c.cancel()
}

func (s *streams) add(c *cut) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byKey == nil {
		s.byKey = make(map[string]map[*cut]struct{})
	}
	if s.byKey[c.key] == nil {
		s.byKey[c.key] = make(map[*cut]struct{})
	}
	s.byKey[c.key][c] = struct{}{}
}

func (s *streams) remove(c *cut) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byKey[c.key], c)
	if len(s.byKey[c.key]) == 0 {
		delete(s.byKey, c.key)
	}
}

func (s *streams) cutKey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.byKey[key] {
		c.end()
	}
}

func (s *streams) cutAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cuts := range s.byKey {
		for c := range cuts {
			c.end()
		}
	}
}

// onRevoke has a gate told of every revocation.
func (k *Keys) onRevoke(cutStreams func(keyID string)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cutters = append(k.cutters, cutStreams)
}
