package tensor

import (
	"math"
	"slices"
	"testing"
)

// The numbers below are a contract: if they change, no model can be made again from its seed.
func TestRandomGolden(t *testing.T) {
	r := NewRandom(0, 0)
	var got []uint64
	for i := range uint64(3) {
		got = append(got, r.Uint64(i), NewRandom(7, 1).Uint64(i), r.Derive(3).Uint64(i))
	}
	if !slices.Equal(got, goldenRandom) {
		t.Errorf("got %#x", got)
	}
}

// SplitMix64 seeded with 1234567 gives these numbers first, as published with the generator.
func TestRandomIsSplitMix64(t *testing.T) {
	r := Random{key: 1234567}
	want := []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423}
	for i, w := range want {
		if got := r.Uint64(uint64(i)); got != w {
			t.Errorf("number %d is %d, want %d", i, got, w)
		}
	}
}

func TestUniformMoments(t *testing.T) {
	const n = 200_000
	r, sum, squares := NewRandom(1, 2), 0.0, 0.0
	for i := range uint64(n) {
		u := float64(r.Uniform(i))
		if u < 0 || u >= 1 {
			t.Fatalf("number %d is %v", i, u)
		}
		sum, squares = sum+u, squares+u*u
	}
	mean, variance := sum/n, squares/n-sum/n*sum/n
	if math.Abs(mean-0.5) > 0.003 || math.Abs(variance-1.0/12) > 0.002 {
		t.Errorf("mean %v, variance %v", mean, variance)
	}
}

func TestPermutation(t *testing.T) {
	order := make([]int32, 1000)
	NewRandom(5, 0).Permutation(order)
	again := make([]int32, 1000)
	NewRandom(5, 0).Permutation(again)
	other := make([]int32, 1000)
	NewRandom(5, 1).Permutation(other)
	if !slices.Equal(order, again) || slices.Equal(order, other) {
		t.Error("a permutation must depend on seed and stream, and on nothing else")
	}
	slices.Sort(order)
	for i, v := range order {
		if int(v) != i {
			t.Fatalf("not a permutation: %d at %d", v, i)
		}
	}
}

// Every element must reach every place about equally often.
func TestPermutationIsUniform(t *testing.T) {
	const n, rounds = 5, 20_000
	var count [n][n]int
	order := make([]int32, n)
	for round := range uint64(rounds) {
		NewRandom(9, round).Permutation(order)
		for place, v := range order {
			count[v][place]++
		}
	}
	for v := range n {
		for place := range n {
			if c := count[v][place]; c < rounds/n*94/100 || c > rounds/n*106/100 {
				t.Errorf("%d is at %d in %d of %d", v, place, c, rounds)
			}
		}
	}
}

var goldenRandom = []uint64{
	0x568a9b0b1a2c05ec, 0x43aa3a5e988a636f, 0xe679f88e90db64d0,
	0x44e5b8b147ef718b, 0xde15eb413959a8d3, 0xbd8581a885274f84,
	0x458563ab55521133, 0xa75b33f9679499c4, 0xcb8475bb62c0c38d,
}
