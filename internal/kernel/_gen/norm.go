package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// norm emits the kernels of layer and batch normalisation.
func norm(s isa) {
	layerNorm(s)
	layerNormGrad(s)
	batchNorm(s)
	batchNormGrad(s)
	columns{
		isa: s, name: "normGradAdd", sums: []string{"dgamma", "dbeta"}, ins: []string{"dy", "normal"},
		take: func(acc, in, _ []reg.VecVirtual) {
			s.fma231(in[0], in[1], acc[0])
			s.add(in[0], acc[1], acc[1])
		},
	}.emit()
	columns{
		isa: s, name: "colSpreadAdd", sums: []string{"dst"}, ins: []string{"x"}, fixed: []string{"mean"},
		take: func(acc, in, fixed []reg.VecVirtual) {
			s.sub(fixed[0], in[0], in[0])
			s.fma231(in[0], in[0], acc[0])
		},
	}.emit()
}

// mean divides a sum by the parameter n.
func (s isa) mean(total, n reg.VecVirtual) reg.VecVirtual {
	s.div(n, total, total)
	return total
}

// inverseRoot returns 1 / √(v + eps).
func (s isa) inverseRoot(v, eps reg.VecVirtual) reg.VecVirtual {
	s.add(eps, v, v)
	VSQRTPS(v, v)
	one := s.load(f32(1))
	s.div(v, one, one)
	return one
}

// layerNorm emits y = normal gamma + beta, normal = (x - mean) slope, slope = 1 / √(variance + eps).
func layerNorm(s isa) {
	c := newLines(s, "layerNorm", "func(y, normal, x, gamma, beta, slope *float32, eps, n float32, rows, cols int)",
		[]string{"y", "normal", "x", "gamma", "beta"}, []string{"cols", "cols", "cols", "", ""})
	slopes := Load(Param("slope"), GP64())
	eps, n := s.param("eps"), s.param("n")
	finish := func(d, slope reg.VecVirtual, mask reg.Register, at []operand.Mem) {
		s.mul(slope, d, d)
		s.write(d, mask, at[1])
		y := s.read(at[4], mask)
		s.fma231(s.read(at[3], mask), d, y)
		s.write(y, mask, at[0])
	}
	c.over(func(mask reg.Register) {
		at := c.starts()
		d := s.read(at[2], mask)
		s.sub(s.mean(s.spread(d, VADDPS), n), d, d)
		s.keep(mask, d, d)
		acc := s.zero()
		s.fma231(d, d, acc)
		slope := s.inverseRoot(s.mean(s.spread(acc, VADDPS), n), eps)
		storeAt(slope, slopes)
		finish(d, slope, mask, at)
	}, func() {
		mean := s.mean(c.total(func(at []operand.Mem, mask reg.Register, acc reg.VecVirtual) {
			s.add(s.read(at[2], mask), acc, acc)
		}), n)
		variance := s.mean(c.total(func(at []operand.Mem, mask reg.Register, acc reg.VecVirtual) {
			d := s.read(at[2], mask)
			s.sub(mean, d, d)
			if mask != nil {
				s.keep(mask, d, d)
			}
			s.fma231(d, d, acc)
		}), n)
		slope := s.inverseRoot(variance, eps)
		storeAt(slope, slopes)
		c.each(func(mask reg.Register, at []operand.Mem) {
			d := s.read(at[2], mask)
			s.sub(mean, d, d)
			finish(d, slope, mask, at)
		})
	})
}

// layerNormGrad emits dx = slope (g - mean of g - normal * mean of g normal), g = dy gamma.
func layerNormGrad(s isa) {
	c := newLines(s, "layerNormGrad", "func(dx, dy, normal, gamma, slope *float32, n float32, rows, cols int)",
		[]string{"dx", "dy", "normal", "gamma"}, []string{"cols", "cols", "cols", ""})
	slopes, n := Load(Param("slope"), GP64()), s.param("n")
	grad := func(mask reg.Register, at []operand.Mem) reg.VecVirtual {
		g := s.read(at[1], mask)
		s.mul(s.read(at[3], mask), g, g)
		return g
	}
	slope := func() reg.VecVirtual {
		v := s.vec()
		VBROADCASTSS(operand.Mem{Base: slopes}, v)
		ADDQ(operand.U8(4), slopes)
		return v
	}
	finish := func(g, normal, mean, along, slope reg.VecVirtual, mask reg.Register, to operand.Mem) {
		s.sub(mean, g, g)
		s.fnma231(along, normal, g)
		s.mul(slope, g, g)
		s.write(g, mask, to)
	}
	c.over(func(mask reg.Register) {
		at := c.starts()
		g, normal, acc := grad(mask, at), s.read(at[2], mask), s.zero()
		s.fma231(g, normal, acc)
		along, mean := s.mean(s.spread(acc, VADDPS), n), s.mean(s.spread(g, VADDPS), n)
		finish(g, normal, mean, along, slope(), mask, at[0])
	}, func() {
		mean := s.mean(c.total(func(at []operand.Mem, mask reg.Register, acc reg.VecVirtual) {
			s.add(grad(mask, at), acc, acc)
		}), n)
		along := s.mean(c.total(func(at []operand.Mem, mask reg.Register, acc reg.VecVirtual) {
			s.fma231(grad(mask, at), s.read(at[2], mask), acc)
		}), n)
		r := slope()
		c.each(func(mask reg.Register, at []operand.Mem) {
			finish(grad(mask, at), s.read(at[2], mask), mean, along, r, mask, at[0])
		})
	})
}

// batchNorm emits y = normal gamma + beta, normal = (x - mean) slope, all but x, normal and y by columns.
func batchNorm(s isa) {
	c := newLines(s, "batchNorm", "func(y, normal, x, mean, slope, gamma, beta *float32, rows, cols int)",
		[]string{"y", "normal", "x", "mean", "slope", "gamma", "beta"}, []string{"cols", "cols", "cols", "", "", "", ""})
	c.rowwise(func(mask reg.Register, at []operand.Mem) {
		d := s.read(at[2], mask)
		s.sub(s.read(at[3], mask), d, d)
		s.mul(s.read(at[4], mask), d, d)
		s.write(d, mask, at[1])
		y := s.read(at[6], mask)
		s.fma231(s.read(at[5], mask), d, y)
		s.write(y, mask, at[0])
	})
}

// batchNormGrad emits dx = (dy - mean - normal along) slope, the last three by columns.
func batchNormGrad(s isa) {
	c := newLines(s, "batchNormGrad", "func(dx, dy, normal, mean, along, slope *float32, rows, cols int)",
		[]string{"dx", "dy", "normal", "mean", "along", "slope"}, []string{"cols", "cols", "cols", "", "", ""})
	c.rowwise(func(mask reg.Register, at []operand.Mem) {
		g := s.read(at[1], mask)
		s.sub(s.read(at[3], mask), g, g)
		s.fnma231(s.read(at[4], mask), s.read(at[2], mask), g)
		s.mul(s.read(at[5], mask), g, g)
		s.write(g, mask, at[0])
	})
}

// rowwise emits one pass over each row.
func (c *lineCode) rowwise(body func(mask reg.Register, at []operand.Mem)) {
	Label("rows")
	c.each(body)
	c.next("rows")
	c.done()
}

// starts returns the addresses of the current rows.
func (c *lineCode) starts() []operand.Mem {
	at := make([]operand.Mem, len(c.base))
	for i, b := range c.base {
		at[i] = operand.Mem{Base: b}
	}
	return at
}

// columns is a kernel that adds something of each row of ins to sums, by columns, in the order of the
// rows; fixed are read by column too.
type columns struct {
	isa
	name             string
	sums, ins, fixed []string
	take             func(acc, in, fixed []reg.VecVirtual)
}

// emit writes blocks of 4, 2 and 1 vectors of columns, then a masked one; each goes over all rows.
func (k columns) emit() {
	params, names := "", append(append(append([]string{}, k.sums...), k.fixed...), k.ins...)
	for _, n := range names {
		params += n + ", "
	}
	TEXT(k.name+k.isa.name, 4, "func("+params[:len(params)-2]+" *float32, rows, cols int)")
	Pragma("noescape")
	base := make([]reg.Register, len(names))
	for i, n := range names {
		base[i] = Load(Param(n), GP64())
	}
	rows, n := Load(Param("rows"), GP64()), Load(Param("cols"), GP64())
	step, off, i := GP64(), GP64(), GP64()
	MOVQ(n, step)
	SHLQ(operand.U8(2), step)
	block := func(label string, vecs int, mask reg.Register) {
		fixed := len(k.sums) + len(k.fixed)
		head := make([][]reg.VecVirtual, vecs) // sums, then fixed
		for v := range head {
			for _, b := range base[:fixed] {
				head[v] = append(head[v], k.read(operand.Mem{Base: b, Disp: v * k.size()}, mask))
			}
		}
		XORQ(off, off)
		MOVQ(rows, i)
		Label(label)
		for v := range head {
			var in []reg.VecVirtual
			for _, b := range base[fixed:] {
				in = append(in, k.read(operand.Mem{Base: b, Index: off, Scale: 1, Disp: v * k.size()}, mask))
			}
			k.take(head[v][:len(k.sums)], in, head[v][len(k.sums):])
		}
		ADDQ(step, off)
		DECQ(i)
		JNZ(operand.LabelRef(label))
		for v := range head {
			for j, b := range base[:len(k.sums)] {
				k.write(head[v][j], mask, operand.Mem{Base: b, Disp: v * k.size()})
			}
		}
		if mask != nil {
			return
		}
		for _, b := range base {
			ADDQ(operand.U32(vecs*k.size()), b)
		}
		SUBQ(operand.U8(vecs*k.lanes()), n)
	}
	for _, vecs := range []int{4, 2, 1} {
		name := string(rune('0' + vecs))
		Label("block" + name)
		CMPQ(n, operand.U8(vecs*k.lanes()))
		JLT(operand.LabelRef("below" + name))
		block("rows"+name, vecs, nil)
		JMP(operand.LabelRef("block" + name))
		Label("below" + name)
	}
	TESTQ(n, n)
	JZ(operand.LabelRef("done"))
	block("rows", 1, k.tailMask(n))
	Label("done")
	VZEROUPPER()
	RET()
}
