package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// step emits the optimiser steps, and what clips gradients.
func step(s isa) {
	momentum, moments := []string{"w", "grad", "v"}, []string{"w", "grad", "m", "v"}
	adam := []string{"alpha", "c1", "c2", "eps"}
	for _, m := range []mapping{
		{"sgdMomentum", momentum, []string{"w", "v"}, []string{"rate", "momentum"}, sgdBody},
		{"sgdNesterov", momentum, []string{"w", "v"}, []string{"rate", "momentum"}, nesterovBody},
		{"rmsProp", momentum, []string{"w", "v"}, []string{"rate", "c", "eps"}, rmsBody},
		{"rmsMomentum", moments, []string{"w", "m", "v"}, []string{"rate", "c", "eps", "momentum"}, rmsMomentumBody},
		{"adam", moments, []string{"w", "m", "v"}, adam, adamBody},
		{"adamW", moments, []string{"w", "m", "v"}, append(adam[:4:4], "decay"), adamWBody},
		{"clip", []string{"x"}, []string{"dst"}, []string{"low", "high"}, clipBody},
	} {
		m.emit(s)
	}
	squares(s)
}

func clipBody(s isa, in, scalars []reg.VecVirtual) []reg.VecVirtual {
	s.max(in[0], scalars[0], in[0])
	s.min(in[0], scalars[1], in[0])
	return in
}

func nesterovBody(s isa, in, scalars []reg.VecVirtual) []reg.VecVirtual {
	w, g, v := in[0], in[1], in[2]
	rate, momentum := scalars[0], scalars[1]
	s.mul(momentum, v, v)
	s.fnma231(g, rate, v)
	ahead := s.product(momentum, v)
	s.fnma231(g, rate, ahead)
	s.add(ahead, w, w)
	return []reg.VecVirtual{w, v}
}

// rmsMove updates v and returns the move rate g / √(v + eps).
func rmsMove(s isa, g, v reg.VecVirtual, scalars []reg.VecVirtual) reg.VecVirtual {
	rate, c, eps := scalars[0], scalars[1], scalars[2]
	move := s.product(rate, g)
	VFMSUB213PS(v, g, g) // g² - v
	s.fma231(g, c, v)
	below := s.sum(eps, v)
	VSQRTPS(below, below)
	s.div(below, move, move)
	return move
}

func rmsBody(s isa, in, scalars []reg.VecVirtual) []reg.VecVirtual {
	w, g, v := in[0], in[1], in[2]
	s.sub(rmsMove(s, g, v, scalars), w, w)
	return []reg.VecVirtual{w, v}
}

func rmsMomentumBody(s isa, in, scalars []reg.VecVirtual) []reg.VecVirtual {
	w, g, m, v := in[0], in[1], in[2], in[3]
	s.fma213(rmsMove(s, g, v, scalars), scalars[3], m)
	s.sub(m, w, w)
	return []reg.VecVirtual{w, m, v}
}

func adamWBody(s isa, in, scalars []reg.VecVirtual) []reg.VecVirtual {
	s.fnma231(in[0], scalars[4], in[0])
	return adamBody(s, in, scalars)
}

// squares emits the sum of x² in 16 lanes of float64, which it takes up in acc.
func squares(s isa) {
	TEXT("squares"+s.name, 4, "func(x []float32, acc *[16]float64)")
	Pragma("noescape")
	x, n, at := Load(Param("x").Base(), GP64()), Load(Param("x").Len(), GP64()), Load(Param("acc"), GP64())
	sums := make([]reg.VecVirtual, 128/s.size())
	for j := range sums {
		sums[j] = s.read(operand.Mem{Base: at, Disp: j * s.size()}, nil)
	}
	take := func(v, low int) { // 4 or 8 elements from v
		wide := s.vec()
		VCVTPS2PD(operand.Mem{Base: x, Disp: 4 * low}, wide)
		VFMADD231PD(wide, wide, sums[v])
	}
	Label("loop")
	SUBQ(operand.U8(16), n)
	JLT(operand.LabelRef("tail"))
	for v := range sums {
		take(v, v*s.lanes()/2)
	}
	ADDQ(operand.U8(64), x)
	JMP(operand.LabelRef("loop"))
	Label("tail")
	for j, v := range sums {
		s.write(v, nil, operand.Mem{Base: at, Disp: j * s.size()})
	}
	ADDQ(operand.U8(16), n)
	JZ(operand.LabelRef("done"))
	Label("rest")
	one := XMM()
	VCVTSS2SD(operand.Mem{Base: x}, one, one)
	VMULSD(one, one, one)
	VADDSD(operand.Mem{Base: at}, one, one)
	VMOVSD(one, operand.Mem{Base: at})
	ADDQ(operand.U8(4), x)
	ADDQ(operand.U8(8), at)
	DECQ(n)
	JNZ(operand.LabelRef("rest"))
	Label("done")
	VZEROUPPER()
	RET()
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
