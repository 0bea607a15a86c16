package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// step emits the optimiser steps.
func step(s isa) {
	for _, m := range []mapping{
		{"sgdMomentum", []string{"w", "grad", "v"}, []string{"w", "v"}, []string{"rate", "momentum"}, sgdBody},
		{"adam", []string{"w", "grad", "m", "v"}, []string{"w", "m", "v"}, []string{"alpha", "c1", "c2", "eps"}, adamBody},
	} {
		m.emit(s)
	}
}

func sgdBody(s isa, in, scalars []reg.VecVirtual) []reg.VecVirtual {
	w, g, v := in[0], in[1], in[2]
	rate, momentum := scalars[0], scalars[1]
	s.mul(momentum, v, v)
	s.fnma231(g, rate, v)
	s.add(v, w, w)
	return []reg.VecVirtual{w, v}
}

func adamBody(s isa, in, scalars []reg.VecVirtual) []reg.VecVirtual {
	w, g, m, v := in[0], in[1], in[2], in[3]
	alpha, c1, c2, eps := scalars[0], scalars[1], scalars[2], scalars[3]
	diff := s.vec()
	s.sub(m, g, diff)
	s.fma231(diff, c1, m)
	VFMSUB213PS(v, g, g) // g² - v
	s.fma231(g, c2, v)
	root, move := s.vec(), s.vec()
	VSQRTPS(v, root)
	s.add(eps, root, root)
	s.mul(m, alpha, move)
	s.div(root, move, move)
	s.sub(move, w, w)
	return []reg.VecVirtual{w, m, v}
}
