package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// softmax emits the kernels that go by rows, of which there is at least one with at least one column.
func softmax(s isa) {
	expRows(s)
	softmaxSmall(s)
	ceSmall(s)
	affineRows(s, "scaleRows", "func(dst, mul *float32, rows, cols, step int)", false)
	affineRows(s, "ceRows", "func(dst, mul, alpha *float32, sub float32, rows, cols, step int)", true)
	softmaxGrad(s)
}

// lineCode is the state of a kernel that goes over rows with several passes over each. A pass is a
// loop over whole vectors and one masked vector. Rows of one vector stay in registers.
type lineCode struct {
	isa
	base, step []reg.Register // of each slice: the row, bytes from one to the next
	rows, cols reg.Register
	off, left  reg.Register // within the row
	steps      map[string]reg.Register
	pass       int
}

// newLines declares a kernel whose slices have the given steps, in elements; "" is a slice by columns.
func newLines(s isa, name, signature string, names, steps []string) *lineCode {
	TEXT(name+s.name, 4, signature)
	Pragma("noescape")
	c := &lineCode{isa: s, off: GP64(), left: GP64(), steps: map[string]reg.Register{}}
	for i, n := range names {
		c.base = append(c.base, Load(Param(n), GP64()))
		c.step = append(c.step, c.stepOf(steps[i]))
	}
	c.rows, c.cols = Load(Param("rows"), GP64()), Load(Param("cols"), GP64())
	return c
}

// stepOf returns a step in bytes, one register for each name; a slice by columns has none.
func (c *lineCode) stepOf(name string) reg.Register {
	if name == "" {
		return nil
	}
	if c.steps[name] == nil {
		c.steps[name] = Load(Param(name), GP64())
		SHLQ(operand.U8(2), c.steps[name])
	}
	return c.steps[name]
}

// over emits the loop over rows: small for those of one vector, given their mask, else large.
func (c *lineCode) over(small func(mask reg.Register), large func()) {
	CMPQ(c.cols, operand.U8(c.lanes()))
	JG(operand.LabelRef("large"))
	mask := c.tailMask(c.cols)
	Label("smallRows")
	small(mask)
	c.next("smallRows")
	c.done()
	Label("large")
	large()
	c.next("large")
	c.done()
}

func (c *lineCode) next(label string) {
	for i, b := range c.base {
		if c.step[i] != nil {
			ADDQ(c.step[i], b)
		}
	}
	DECQ(c.rows)
	JNZ(operand.LabelRef(label))
}

func (c *lineCode) done() {
	VZEROUPPER()
	RET()
}

// each emits a pass over the row: body gets the mask and the addresses of the vectors.
func (c *lineCode) each(body func(mask reg.Register, at []operand.Mem)) {
	c.pass++
	label := "pass" + string(rune('0'+c.pass))
	at := make([]operand.Mem, len(c.base))
	for i, b := range c.base {
		at[i] = operand.Mem{Base: b, Index: c.off, Scale: 4}
	}
	XORQ(c.off, c.off)
	MOVQ(c.cols, c.left)
	SUBQ(operand.U8(c.lanes()), c.left)
	JLT(operand.LabelRef(label + "tail"))
	Label(label)
	body(nil, at)
	ADDQ(operand.U8(c.lanes()), c.off)
	SUBQ(operand.U8(c.lanes()), c.left)
	JGE(operand.LabelRef(label))
	Label(label + "tail")
	ADDQ(operand.U8(c.lanes()), c.left)
	JZ(operand.LabelRef(label + "end"))
	body(c.tailMask(c.left), at)
	Label(label + "end")
}

// total emits the sum over the row in 64 lanes, given what one vector adds; it returns it in every
// lane.
func (c *lineCode) total(take func(at []operand.Mem, mask reg.Register, acc reg.VecVirtual)) reg.VecVirtual {
	c.pass++
	label := "pass" + string(rune('0'+c.pass))
	acc := make([]reg.VecVirtual, rounds/c.lanes())
	for v := range acc {
		acc[v] = c.zero()
	}
	at := func(v int) []operand.Mem {
		all := make([]operand.Mem, len(c.base))
		for i, b := range c.base {
			all[i] = operand.Mem{Base: b, Index: c.off, Scale: 4, Disp: v * c.size()}
		}
		return all
	}
	XORQ(c.off, c.off)
	MOVQ(c.cols, c.left)
	Label(label)
	CMPQ(c.left, operand.U8(rounds))
	JLT(operand.LabelRef(label + "tail"))
	for v := range acc {
		take(at(v), nil, acc[v])
	}
	ADDQ(operand.U8(rounds), c.off)
	SUBQ(operand.U8(rounds), c.left)
	JMP(operand.LabelRef(label))
	Label(label + "tail")
	TESTQ(c.left, c.left)
	JZ(operand.LabelRef(label + "fold"))
	for v, mask := range c.masks(c.left) {
		take(at(v), mask(), acc[v])
	}
	Label(label + "fold")
	for half := len(acc) / 2; half > 0; half /= 2 {
		for j := range half {
			c.add(acc[j+half], acc[j], acc[j])
		}
	}
	return c.spread(acc[0], VADDPS)
}

// spread folds the lanes of a vector at distance 8, 4, 2 and 1, and returns the result in every lane.
func (s isa) spread(v reg.VecVirtual, op func(...operand.Op)) reg.VecVirtual {
	low := v
	high := s.vec()
	if s.wide {
		low = ZMM()
		VEXTRACTF32X8(operand.U8(1), v, high.AsY())
		op(high.AsY(), v.AsY(), low.AsY())
	} else {
		low = s.copied(v)
	}
	VEXTRACTF128(operand.U8(1), low.AsY(), high.AsX())
	x, h := low.AsX(), high.AsX()
	op(h, x, x)
	VSHUFPS(operand.U8(0b1110), x, x, h)
	op(h, x, x)
	VSHUFPS(operand.U8(1), x, x, h)
	op(h, x, x)
	all := s.vec()
	VBROADCASTSS(x, all)
	return all
}

// storeAt stores lane 0 of v at the address in a parameter kept in p, and moves p on.
func storeAt(v reg.VecVirtual, p reg.Register) {
	VMOVSS(v.AsX(), operand.Mem{Base: p})
	ADDQ(operand.U8(4), p)
}

// expRows emits dst = e^(scale x - top) with top and total of each row.
func expRows(s isa) {
	c := newLines(s, "expRows", "func(dst, x, top, total *float32, scale float32, rows, cols, dstStep, xStep int)",
		[]string{"dst", "x"}, []string{"dstStep", "xStep"})
	tops, totals := Load(Param("top"), GP64()), Load(Param("total"), GP64())
	scale := s.param("scale")
	scaled := func(at operand.Mem, mask reg.Register) reg.VecVirtual {
		v := s.read(at, mask)
		s.mul(scale, v, v)
		return v
	}
	low := word(infBits | signBit)
	c.over(func(mask reg.Register) {
		v, w := scaled(operand.Mem{Base: c.base[1]}, mask), s.load(low)
		s.choose(mask, v, w, w)
		top := s.spread(w, VMAXPS)
		storeAt(top, tops)
		s.sub(top, v, v)
		e := s.expBelow(v)
		s.write(e, mask, operand.Mem{Base: c.base[0]})
		s.keep(mask, e, e)
		storeAt(s.spread(e, VADDPS), totals)
	}, func() {
		best := s.load(low)
		c.each(func(mask reg.Register, at []operand.Mem) {
			v := scaled(at[1], mask)
			if mask != nil {
				s.choose(mask, v, best, v)
			}
			s.max(v, best, best)
		})
		top := s.spread(best, VMAXPS)
		storeAt(top, tops)
		c.each(func(mask reg.Register, at []operand.Mem) {
			v := scaled(at[1], mask)
			s.sub(top, v, v)
			s.write(s.expBelow(v), mask, at[0])
		})
		storeAt(c.total(func(at []operand.Mem, mask reg.Register, acc reg.VecVirtual) {
			s.add(s.read(at[0], mask), acc, acc)
		}), totals)
	})
}

// probabilities emits the softmax of a row of one vector, given as scaled; it returns its maximum and
// sum too.
func (s isa) probabilities(v reg.VecVirtual, mask reg.Register) (p, top, total reg.VecVirtual) {
	w := s.load(word(infBits | signBit))
	s.choose(mask, v, w, w)
	top = s.spread(w, VMAXPS)
	s.sub(top, v, v)
	p = s.expBelow(v)
	s.keep(mask, p, p)
	total = s.spread(p, VADDPS)
	inverse := s.load(f32(1))
	s.div(total, inverse, inverse)
	s.mul(inverse, p, p)
	return p, top, total
}

// only emits the loop over rows of at most one vector.
func (c *lineCode) only(row func(mask reg.Register)) {
	mask := c.tailMask(c.cols)
	Label("smallRows")
	row(mask)
	c.next("smallRows")
	c.done()
}

// softmaxSmall emits the softmax of scale x for rows of one vector.
func softmaxSmall(s isa) {
	c := newLines(s, "softmaxSmall", "func(dst, x *float32, scale float32, rows, cols, step int)",
		[]string{"dst", "x"}, []string{"step", "step"})
	scale := s.param("scale")
	c.only(func(mask reg.Register) {
		v := s.read(operand.Mem{Base: c.base[1]}, mask)
		s.mul(scale, v, v)
		p, _, _ := s.probabilities(v, mask)
		s.write(p, mask, operand.Mem{Base: c.base[0]})
	})
}

// ceSmall emits (softmax(z) - target) alpha for rows of one vector, where the target is hot at the label
// and base elsewhere; alpha is of the row.
func ceSmall(s isa) {
	c := newLines(s, "ceSmall", "func(dz, z, top, total, alpha *float32, label *int32, base, hot float32, rows, cols int)",
		[]string{"dz", "z"}, []string{"cols", "cols"})
	tops, totals := Load(Param("top"), GP64()), Load(Param("total"), GP64())
	alphas, labels := Load(Param("alpha"), GP64()), Load(Param("label"), GP64())
	base, hot, counts := s.param("base"), s.param("hot"), s.vec()
	VMOVUPS(counting(), counts)
	c.only(func(mask reg.Register) {
		p, top, total := s.probabilities(s.read(operand.Mem{Base: c.base[1]}, mask), mask)
		storeAt(top, tops)
		storeAt(total, totals)
		label, target := s.vec(), s.vec()
		VPBROADCASTD(operand.Mem{Base: labels}, label)
		ADDQ(operand.U8(4), labels)
		s.choose(s.equalInt(label, counts), hot, base, target)
		s.sub(target, p, p)
		VBROADCASTSS(operand.Mem{Base: alphas}, label)
		ADDQ(operand.U8(4), alphas)
		s.mul(label, p, p)
		s.write(p, mask, operand.Mem{Base: c.base[0]})
	})
}

// affineRows emits dst = dst mul, or dst = (dst mul - sub) alpha, mul and alpha being of the row.
func affineRows(s isa, name, signature string, full bool) {
	c := newLines(s, name, signature, []string{"dst"}, []string{"step"})
	factors := []reg.Register{Load(Param("mul"), GP64())}
	var sub reg.VecVirtual
	if full {
		factors = append(factors, Load(Param("alpha"), GP64()))
		sub = s.param("sub")
	}
	var now []reg.VecVirtual
	load := func() {
		now = nil
		for _, p := range factors {
			v := s.vec()
			VBROADCASTSS(operand.Mem{Base: p}, v)
			ADDQ(operand.U8(4), p)
			now = append(now, v)
		}
	}
	body := func(mask reg.Register, at []operand.Mem) {
		v := s.read(at[0], mask)
		s.mul(now[0], v, v)
		if full {
			s.sub(sub, v, v)
			s.mul(now[1], v, v)
		}
		s.write(v, mask, at[0])
	}
	c.over(func(mask reg.Register) {
		load()
		body(mask, []operand.Mem{{Base: c.base[0]}})
	}, func() {
		load()
		c.each(body)
	})
}

// softmaxGrad emits dx = (dy - Σ y dy) y scale.
func softmaxGrad(s isa) {
	c := newLines(s, "softmaxGrad", "func(dx, dy, y *float32, scale float32, rows, cols int)",
		[]string{"dx", "dy", "y"}, []string{"cols", "cols", "cols"})
	scale := s.param("scale")
	rest := func(dy, y, total reg.VecVirtual) reg.VecVirtual {
		s.sub(total, dy, dy)
		s.mul(y, dy, dy)
		s.mul(scale, dy, dy)
		return dy
	}
	c.over(func(mask reg.Register) {
		dy, y := s.read(operand.Mem{Base: c.base[1]}, mask), s.read(operand.Mem{Base: c.base[2]}, mask)
		acc := s.zero()
		s.fma231(dy, y, acc)
		s.write(rest(dy, y, s.spread(acc, VADDPS)), mask, operand.Mem{Base: c.base[0]})
	}, func() {
		total := c.total(func(at []operand.Mem, mask reg.Register, acc reg.VecVirtual) {
			s.fma231(s.read(at[1], mask), s.read(at[2], mask), acc)
		})
		c.each(func(mask reg.Register, at []operand.Mem) {
			s.write(rest(s.read(at[1], mask), s.read(at[2], mask), total), mask, at[0])
		})
	})
}
