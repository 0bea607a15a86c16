package main

import (
	"strings"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// mapping is a kernel that goes over slices of one length: body turns the vectors of ins into the
// vectors of outs.
type mapping struct {
	name    string
	ins     []string
	outs    []string
	scalars []string
	body    func(s isa, in, scalars []reg.VecVirtual) []reg.VecVirtual
}

// signature declares each slice once: outs first, then scalars, then the ins that are not outs.
func (m mapping) signature() string {
	var params []string
	seen := map[string]bool{}
	slice := func(names []string) {
		for _, n := range names {
			if !seen[n] {
				params = append(params, n+" []float32")
			}
			seen[n] = true
		}
	}
	slice(m.outs)
	for _, n := range m.scalars {
		params = append(params, n+" float32")
	}
	slice(m.ins)
	return "func(" + strings.Join(params, ", ") + ")"
}

// emit writes the kernel: a loop over whole vectors, then one masked vector.
func (m mapping) emit(s isa) {
	TEXT(m.name+s.name, 4, m.signature())
	Pragma("noescape")
	bases := map[string]reg.Register{}
	for _, n := range append(append([]string{}, m.outs...), m.ins...) {
		if bases[n] == nil {
			bases[n] = Load(Param(n).Base(), GP64())
		}
	}
	n := Load(Param(m.outs[0]).Len(), GP64())
	scalars := make([]reg.VecVirtual, len(m.scalars))
	for i, name := range m.scalars {
		scalars[i] = s.param(name)
	}
	i := GP64()
	XORQ(i, i)
	SUBQ(operand.U8(s.lanes()), n)
	JLT(operand.LabelRef("tail"))
	Label("loop")
	m.round(s, bases, i, nil, scalars)
	ADDQ(operand.U8(s.lanes()), i)
	SUBQ(operand.U8(s.lanes()), n)
	JGE(operand.LabelRef("loop"))
	Label("tail")
	ADDQ(operand.U8(s.lanes()), n)
	JZ(operand.LabelRef("done"))
	m.round(s, bases, i, s.tailMask(n), scalars)
	Label("done")
	VZEROUPPER()
	RET()
}

// round emits the work on one vector of each slice at element i.
func (m mapping) round(s isa, bases map[string]reg.Register, i, mask reg.Register, scalars []reg.VecVirtual) {
	at := func(name string) operand.Mem { return operand.Mem{Base: bases[name], Index: i, Scale: 4} }
	in := make([]reg.VecVirtual, len(m.ins))
	for j, name := range m.ins {
		in[j] = s.read(at(name), mask)
	}
	for j, v := range m.body(s, in, scalars) {
		s.write(v, mask, at(m.outs[j]))
	}
}

// two makes a body of two inputs and one output from an instruction.
func two(op func(s isa, a, b, dst operand.Op)) func(isa, []reg.VecVirtual, []reg.VecVirtual) []reg.VecVirtual {
	return func(s isa, in, scalars []reg.VecVirtual) []reg.VecVirtual {
		all := append(append([]reg.VecVirtual{}, scalars...), in...)
		dst := s.vec()
		op(s, all[0], all[1], dst)
		return []reg.VecVirtual{dst}
	}
}

// elementwise emits the simple kernels.
func elementwise(s isa) {
	dst, x := []string{"dst"}, []string{"x"}
	grad := []string{"dy", "y"}
	for _, m := range []mapping{
		{"add", []string{"x", "y"}, dst, nil, two(isa.add)},
		{"mul", []string{"x", "y"}, dst, nil, two(isa.mul)},
		{"scale", x, dst, []string{"alpha"}, two(isa.mul)},
		{"shift", x, dst, []string{"alpha"}, two(isa.add)},
		{"axpy", []string{"y", "x"}, []string{"y"}, []string{"alpha"}, axpyBody},
		{"relu", x, dst, nil, reluBody},
		{"reluGrad", grad, []string{"dz"}, nil, reluGradBody},
		{"sigmoidGrad", grad, []string{"dz"}, nil, sigmoidGradBody},
		{"tanhGrad", grad, []string{"dz"}, nil, tanhGradBody},
	} {
		m.emit(s)
	}
}

func axpyBody(s isa, in, scalars []reg.VecVirtual) []reg.VecVirtual {
	y, x := in[0], in[1]
	s.fma231(x, scalars[0], y)
	return []reg.VecVirtual{y}
}

func reluBody(s isa, in, _ []reg.VecVirtual) []reg.VecVirtual {
	s.max(in[0], s.zero(), in[0])
	return in
}

func reluGradBody(s isa, in, _ []reg.VecVirtual) []reg.VecVirtual {
	dy, y := in[0], in[1]
	s.drop(s.compare(lessEqual, s.zero(), y), dy, dy)
	return []reg.VecVirtual{dy}
}

func sigmoidGradBody(s isa, in, _ []reg.VecVirtual) []reg.VecVirtual {
	dy, y := in[0], in[1]
	slope := s.load(f32(1))
	s.sub(y, slope, slope)
	s.mul(y, slope, slope)
	s.mul(slope, dy, dy)
	return []reg.VecVirtual{dy}
}

func tanhGradBody(s isa, in, _ []reg.VecVirtual) []reg.VecVirtual {
	dy, y := in[0], in[1]
	slope := s.load(f32(1))
	s.fnma231(y, y, slope)
	s.mul(slope, dy, dy)
	return []reg.VecVirtual{dy}
}
