package kernel

// sharedProduct is the product that a pool works on, cut into parts of rows or of columns.
type sharedProduct struct {
	product
	run           func(part int)
	parts         int
	byRows        bool
	blocks, block int // the rows or columns in blocks, and the size of one
}

// Work below shareMost fused multiply-adds, some 30 microseconds of one core, is not shared: waking a
// worker takes 5 to 10. Above spareMost, it is cut into two parts for each thread, so that one that
// comes late takes less.
const (
	shareMost = 1 << 21
	spareMost = 1 << 28
)

// Parts of rows and columns are whole tiles, 24 x 64 at most.
const (
	rowBlock    = 24
	columnBlock = 64
)

// multiply computes a product, with the workers where it is large.
func (p *Pool) multiply(g product) {
	if p == nil || g.m == 0 || g.n == 0 || g.k == 0 || g.m*g.n < shareMost/g.k || !p.acquire() {
		g.alone()
		return
	}
	s := &p.product
	s.product = g
	if s.cut(p.threads) < 2 {
		p.busy.Unlock()
		g.alone()
		return
	}
	p.share(s.parts, s.run)
	s.product = product{} // keep no slice alive
	p.busy.Unlock()
}

// cut sets the parts. Each part packs all of the operand that is not cut, so the longer side is cut.
func (s *sharedProduct) cut(threads int) int {
	s.byRows = s.m >= s.n
	length := s.n
	s.block = columnBlock
	if s.byRows {
		length, s.block = s.m, rowBlock
	}
	s.blocks = (length + s.block - 1) / s.block
	s.parts = min(threads, s.blocks)
	if s.m*s.n > spareMost/s.k {
		s.parts = min(2*threads, s.blocks)
	}
	return s.parts
}

// part computes one part.
func (s *sharedProduct) part(i int) {
	from, to := i*s.blocks/s.parts*s.block, (i+1)*s.blocks/s.parts*s.block
	g := s.product
	if s.byRows {
		g.m = min(to, s.m) - from
		g.c, g.a = g.c[from*g.cr:], g.a[from*g.ar:]
	} else {
		g.n = min(to, s.n) - from
		g.c, g.b = g.c[from:], g.b[from*g.bc:]
		if g.bias != nil {
			g.bias = g.bias[from:]
		}
	}
	g.alone()
}
