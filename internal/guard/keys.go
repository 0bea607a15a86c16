package guard

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
	"sync/atomic"
	"time"

	"lathe"
)

// recheck is how long the gate believes what it read of a key; a revocation by another process holds after it. One by
// this process holds at once.
const recheck = time.Second

// maxCached bounds the cache; only keys that exist are in it.
const maxCached = 100_000

// Keys hands out keys and finds out whose a key is. It implements lathe.KeyService.
type Keys struct {
	store   lathe.KeyStore
	clock   lathe.Clock
	macs    sync.Pool // of *macState, with the pepper
	mu      sync.RWMutex
	cache   map[[sha256.Size]byte]*identity
	gen     uint64 // rises with every revocation
	cutters []func(keyID string)
}

// identity is a key that was found to hold.
type identity struct {
	key       lathe.Key
	principal *lathe.Principal // in the key's own project; nil for a key of all projects
	loaded    atomic.Int64     // when it was read, Unix ns
	expired   atomic.Bool      // once expired, always expired: a clock that is set back revives nothing
}

type macState struct {
	mac hash.Hash
	key []byte
	sum [sha256.Size]byte
}

// NewKeys makes the service over a store. pepper is the server's secret of at least 32 bytes; without it the stored
// hashes say nothing.
func NewKeys(store lathe.KeyStore, pepper []byte, clock lathe.Clock) *Keys {
	if len(pepper) < 32 {
		panic("guard: new keys: the pepper has fewer than 32 bytes")
	}
	pepper = append([]byte(nil), pepper...)
	k := &Keys{store: store, clock: clock, cache: make(map[[sha256.Size]byte]*identity)}
	k.macs.New = func() any { return &macState{mac: hmac.New(sha256.New, pepper)} }
	return k
}

// Hash gives what is stored of a key: HMAC-SHA-256 with the pepper.
func (k *Keys) hash(secret string) [sha256.Size]byte {
	state := k.macs.Get().(*macState)
	state.mac.Reset()
	state.key = append(state.key[:0], secret...)
	state.mac.Write(state.key)
	state.mac.Sum(state.sum[:0])
	out := state.sum
	clear(state.key)
	k.macs.Put(state)
	return out
}

// authenticate finds whose key it is. The generation tells a stream whether a key was revoked in between.
func (k *Keys) authenticate(ctx context.Context, secret string) (*identity, uint64, error) {
	if secret == "" {
		return nil, 0, unauthenticated("this needs a key").WithHint("send the header Authorization: Bearer KEY")
	}
	if !checkSecret(secret) {
		return nil, 0, unknownKey()
	}
	hash := k.hash(secret)
	now := k.clock()
	k.mu.RLock()
	id, gen := k.cache[hash], k.gen
	k.mu.RUnlock()
	if id == nil || !id.fresh(now) {
		var err error
		if id, err = k.load(ctx, hash, gen, now, id); err != nil {
			return nil, 0, err
		}
	}
	return id, gen, id.check(now)
}

func unknownKey() *lathe.Error {
	return unauthenticated("the key is not known").WithHint("list the keys with: lathe keys ls")
}

// fresh tells whether what was read may still be believed; a clock that went back reads again.
func (id *identity) fresh(now time.Time) bool {
	age := now.UnixNano() - id.loaded.Load()
	return age >= 0 && age < int64(recheck)
}

// check refuses an expired key.
func (id *identity) check(now time.Time) error {
	if id.key.ExpiresAt == nil {
		return nil
	}
	if !id.expired.Load() && now.Before(*id.key.ExpiresAt) {
		return nil
	}
	id.expired.Store(true)
	return unauthenticated("the key has expired").WithHint("make a new one with: lathe keys create")
}

// load reads a key, and keeps it unless a key was revoked meanwhile.
func (k *Keys) load(ctx context.Context, hash [sha256.Size]byte, gen uint64, now time.Time, old *identity) (*identity, error) {
	key, err := k.store.FindKeyByHash(ctx, hash[:])
	if lathe.CodeOf(err) == lathe.CodeNotFound || err == nil && (!hmac.Equal(key.Hash, hash[:]) || key.RevokedAt != nil) {
		k.drop(hash)
		if err == nil && key.RevokedAt != nil {
			return nil, unauthenticated("the key was revoked")
		}
		return nil, unknownKey()
	}
	if err != nil {
		return nil, err
	}
	id := newIdentity(key, now)
	id.expired.Store(old != nil && old.expired.Load())
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.gen == gen {
		if len(k.cache) >= maxCached {
			clear(k.cache)
		}
		k.cache[hash] = id
	}
	return id, nil
}

func newIdentity(key lathe.Key, now time.Time) *identity {
	id := &identity{key: key}
	id.loaded.Store(now.UnixNano())
	if key.Project != lathe.AllProjects {
		id.principal = id.principalIn(key.Project)
	}
	return id
}

func (id *identity) principalIn(project lathe.Project) *lathe.Principal {
	return &lathe.Principal{Key: id.key.ID, Kind: id.key.Kind, Project: project, Scopes: id.key.Scopes, Limits: id.key.Limits}
}

func (k *Keys) drop(hash [sha256.Size]byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.cache, hash)
}

// generation is compared by a stream that was authenticated before it was registered.
func (k *Keys) generation() uint64 {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.gen
}

// forget makes a revocation hold: nothing of the key stays, loads under way are not kept, open streams end.
func (k *Keys) forget(keyID string) {
	k.mu.Lock()
	k.gen++
	for hash, id := range k.cache {
		if id.key.ID == keyID {
			delete(k.cache, hash)
		}
	}
	cutters := k.cutters
	k.mu.Unlock()
	for _, cutStreams := range cutters {
		cutStreams(keyID)
	}
}
