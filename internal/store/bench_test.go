package store_test

import (
	"testing"

	"lathe"
)

// BenchmarkFindKeyByHash is what a request costs whose key nobody keeps in memory.
func BenchmarkFindKeyByHash(b *testing.B) {
	e := newEnv(b, openSQLite(b))
	must1(b)(e.CreateKey(ctx, a, lathe.Key{Kind: lathe.KindCaller, Hash: hashOf("k")}))
	for b.Loop() {
		must1(b)(e.FindKeyByHash(ctx, hashOf("k")))
	}
}

// BenchmarkAppendEvents is a durable commit of one line of a run's log.
func BenchmarkAppendEvents(b *testing.B) {
	e := newEnv(b, openSQLite(b))
	lease := e.claim(b, e.create(b).ID)
	for b.Loop() {
		must1(b)(e.AppendEvents(ctx, lease, log(1)))
	}
}
