package kernel

import (
	"fmt"
	"math"
	"testing"
)

// normCase is one set of inputs for the normalisations, and room for all that they write.
type normCase struct {
	rows, cols                  int
	x, dy, gamma, beta          []float32
	y, normal, dx               []float32 // [rows cols]
	slope                       []float32 // [rows]
	mean, spread, dgamma, dbeta []float32 // [cols]
}

func newNormCase(some func(n int) []float32, rows, cols int) *normCase {
	return &normCase{
		rows: rows, cols: cols, x: some(rows * cols), dy: some(rows * cols), gamma: some(cols), beta: some(cols),
		dgamma: some(cols), dbeta: some(cols),
	}
}

// buffers gives the case room amid canaries and returns what checks it against want.
func (c *normCase) buffers(shift func() int) (verify func(t *testing.T, what string, want *normCase)) {
	all := map[string]buffer{}
	room := func(name string, n int, from []float32) []float32 {
		if from == nil {
			from = make([]float32, n)
		}
		all[name] = bufferOf(from, shift())
		return all[name].v
	}
	n := c.rows * c.cols
	c.x, c.dy = room("x", n, c.x), room("dy", n, c.dy)
	c.y, c.normal, c.dx = room("y", n, nil), room("normal", n, nil), room("dx", n, nil)
	c.slope, c.mean, c.spread = room("slope", c.rows, nil), room("mean", c.cols, nil), room("spread", c.cols, nil)
	c.dgamma, c.dbeta = room("dgamma", c.cols, c.dgamma), room("dbeta", c.cols, c.dbeta)
	c.gamma, c.beta = room("gamma", c.cols, c.gamma), room("beta", c.cols, c.beta)
	return func(t *testing.T, what string, w *normCase) {
		t.Helper()
		for name, want := range map[string][]float32{
			"x": w.x, "dy": w.dy, "y": w.y, "normal": w.normal, "dx": w.dx, "slope": w.slope, "mean": w.mean,
			"spread": w.spread, "dgamma": w.dgamma, "dbeta": w.dbeta, "gamma": w.gamma, "beta": w.beta,
		} {
			all[name].verify(t, what+": "+name, want)
		}
	}
}

func (c *normCase) layer() {
	LayerNorm(c.y, c.normal, c.slope, c.x, c.gamma, c.beta, c.rows, c.cols, 1e-5)
	LayerNormGrad(c.dx, c.dy, c.normal, c.slope, c.gamma, c.rows, c.cols)
	NormGradAdd(c.dgamma, c.dbeta, c.dy, c.normal, c.rows, c.cols)
}

func (c *normCase) layerRef() {
	layerNormRef(c.y, c.normal, c.x, c.gamma, c.beta, c.slope, 1e-5, c.cols)
	layerNormGradRef(c.dx, c.dy, c.normal, c.gamma, c.slope, c.cols)
	normGradAddRef(c.dgamma, c.dbeta, c.dy, c.normal, c.rows, c.cols)
}

func (c *normCase) batch() {
	Moments(c.mean, c.spread, c.x, c.rows, c.cols)
	InverseRoot(c.spread, c.spread, 1e-3)
	BatchNorm(c.y, c.normal, c.x, c.mean, c.spread, c.gamma, c.beta, c.rows, c.cols)
	clear(c.dgamma)
	clear(c.dbeta)
	NormGradAdd(c.dgamma, c.dbeta, c.dy, c.normal, c.rows, c.cols)
	BatchNormGrad(c.dx, c.dy, c.normal, c.spread, c.gamma, c.dgamma, c.dbeta, c.rows, c.cols)
}

func (c *normCase) batchRef() {
	m := float32(c.rows)
	colSumAddRef(c.mean, c.x, c.rows, c.cols)
	divide(c.mean, m)
	colSpreadAddRef(c.spread, c.x, c.mean, c.rows, c.cols)
	for j, v := range c.spread {
		c.spread[j] = 1 / root(float32(v/m)+1e-3)
	}
	batchNormRef(c.y, c.normal, c.x, c.mean, c.spread, c.gamma, c.beta, c.rows, c.cols)
	clear(c.dgamma)
	clear(c.dbeta)
	normGradAddRef(c.dgamma, c.dbeta, c.dy, c.normal, c.rows, c.cols)
	mean, along, factor := make([]float32, c.cols), make([]float32, c.cols), make([]float32, c.cols)
	for j := range mean {
		mean[j], along[j], factor[j] = c.dbeta[j]/m, c.dgamma[j]/m, c.gamma[j]*c.spread[j]
	}
	batchNormGradRef(c.dx, c.dy, c.normal, mean, along, factor, c.rows, c.cols)
}

// checkNorms holds both normalisations to their references at every level.
func checkNorms(t *testing.T, s source, some func(n int) []float32, rows, cols int) {
	t.Helper()
	start := newNormCase(some, rows, cols)
	for name, f := range map[string][2]func(c *normCase){
		"layer": {(*normCase).layer, (*normCase).layerRef}, "batch": {(*normCase).batch, (*normCase).batchRef},
	} {
		want := *start
		want.buffers(s.shift)
		f[1](&want)
		eachLevel(t, func(t *testing.T) {
			got := *start
			verify := got.buffers(s.shift)
			f[0](&got)
			verify(t, fmt.Sprintf("%s norm %dx%d", name, rows, cols), &want)
		})
	}
}

func TestNormLevels(t *testing.T) {
	s := newSource(50)
	for _, cols := range widths() {
		if cols <= 384 {
			checkNorms(t, s, s.some, 1+s.IntN(6), cols)
		}
	}
	checkNorms(t, s, s.finite, 3, piece/2+7) // one row is a piece
}

func FuzzNorm(f *testing.F) {
	seeds(func(data []byte) { f.Add(data, uint8(7), uint8(3)) })
	f.Fuzz(func(t *testing.T, data []byte, rows, cols uint8) {
		v, from := floats(data), 0
		some := func(n int) []float32 { from++; return cycle(v, n, from) }
		checkNorms(t, newSource(uint64(len(data))), some, 1+int(rows)%9, 1+int(cols))
	})
}

// TestLayerNorm compares with the formula in float64, and its gradients with differences.
func TestLayerNorm(t *testing.T) {
	s := newSource(51)
	c := newNormCase(s.finite, 4, 33)
	clear(c.dgamma)
	clear(c.dbeta)
	c.buffers(s.shift)
	c.layer()
	loss := func(x, gamma, beta []float32) (total float64) {
		for i := range c.rows {
			row := x[i*c.cols : (i+1)*c.cols]
			mean, variance := 0.0, 0.0
			for _, v := range row {
				mean += float64(v) / float64(c.cols)
			}
			for _, v := range row {
				variance += (float64(v) - mean) * (float64(v) - mean) / float64(c.cols)
			}
			for j, v := range row {
				y := (float64(v)-mean)/math.Sqrt(variance+1e-5)*float64(gamma[j]) + float64(beta[j])
				if &x[0] == &c.x[0] && math.Abs(y-float64(c.y[i*c.cols+j])) > 1e-6 {
					t.Errorf("y[%d %d] = %g, want %g", i, j, c.y[i*c.cols+j], y)
				}
				total += y * float64(c.dy[i*c.cols+j])
			}
		}
		return total
	}
	loss(c.x, c.gamma, c.beta)
	differences(t, "dx", c.dx, c.x, func(v []float32) float64 { return loss(v, c.gamma, c.beta) })
	differences(t, "dgamma", c.dgamma, c.gamma, func(v []float32) float64 { return loss(append([]float32{}, c.x...), v, c.beta) })
	differences(t, "dbeta", c.dbeta, c.beta, func(v []float32) float64 { return loss(append([]float32{}, c.x...), c.gamma, v) })
}

// TestBatchNorm does the same for columns.
func TestBatchNorm(t *testing.T) {
	s := newSource(52)
	c := newNormCase(s.finite, 21, 5)
	c.buffers(s.shift)
	c.batch()
	loss := func(x []float32) (total float64) {
		n := float64(c.rows)
		for j := range c.cols {
			mean, variance := 0.0, 0.0
			for i := range c.rows {
				mean += float64(x[i*c.cols+j]) / n
			}
			for i := range c.rows {
				d := float64(x[i*c.cols+j]) - mean
				variance += d * d / n
			}
			for i := range c.rows {
				y := (float64(x[i*c.cols+j])-mean)/math.Sqrt(variance+1e-3)*float64(c.gamma[j]) + float64(c.beta[j])
				if &x[0] == &c.x[0] && math.Abs(y-float64(c.y[i*c.cols+j])) > 1e-6 {
					t.Errorf("y[%d %d] = %g, want %g", i, j, c.y[i*c.cols+j], y)
				}
				total += y * float64(c.dy[i*c.cols+j])
			}
		}
		return total
	}
	loss(c.x)
	differences(t, "dx", c.dx, c.x, loss)
}

// differences compares a gradient with central differences of f.
func differences(t *testing.T, what string, grad, at []float32, f func(v []float32) float64) {
	t.Helper()
	const h = 0x1p-10
	for i := range at {
		up, down := append([]float32{}, at...), append([]float32{}, at...)
		up[i] += h
		down[i] -= h
		want := (f(up) - f(down)) / (float64(up[i]) - float64(down[i]))
		if math.Abs(float64(grad[i])-want) > 1e-4*math.Max(1, math.Abs(want)) {
			t.Errorf("%s[%d] = %g, want %g", what, i, grad[i], want)
		}
	}
}

func TestNormPanics(t *testing.T) {
	v, w := make([]float32, 6), make([]float32, 3)
	for name, f := range map[string]func(){
		"gamma":      func() { LayerNorm(v, nil, w[:2], v, w[:2], w, 2, 3, 1) },
		"slope":      func() { LayerNorm(v, nil, w, v, w, w, 2, 3, 1) },
		"normal":     func() { LayerNorm(v, w, w[:2], v, w, w, 2, 3, 1) },
		"no normal":  func() { LayerNormGrad(v, v, nil, w[:2], w, 2, 3) },
		"no columns": func() { LayerNorm(nil, nil, w, nil, nil, nil, 3, 0, 1) },
		"no rows":    func() { Moments(w, w, nil, 0, 3) },
		"moments":    func() { Moments(w, w[:2], v, 2, 3) },
		"batch":      func() { BatchNorm(v, nil, v, w, w, w, w[:2], 2, 3) },
		"batch grad": func() { BatchNormGrad(v, v, nil, w, w, w, w, 2, 3) },
		"params":     func() { NormGradAdd(w, w, v, v[:5], 2, 3) },
	} {
		mustPanic(t, name, f)
	}
	LayerNorm(nil, nil, nil, nil, w, w, 0, 3, 1)
}

func BenchmarkNorm(b *testing.B) {
	for _, sh := range [][2]int{{1024, 32}, {128, 384}, {64, 1536}} {
		c := newNormCase(ramp, sh[0], sh[1])
		c.buffers(func() int { return 0 })
		n := int64(4 * sh[0] * sh[1])
		for name, f := range map[string]func(){
			"layer":     func() { LayerNorm(c.y, c.normal, c.slope, c.x, c.gamma, c.beta, c.rows, c.cols, 1e-5) },
			"layerGrad": func() { LayerNormGrad(c.dx, c.dy, c.normal, c.slope, c.gamma, c.rows, c.cols) },
			"params":    func() { NormGradAdd(c.dgamma, c.dbeta, c.dy, c.normal, c.rows, c.cols) },
			"moments":   func() { Moments(c.mean, c.spread, c.x, c.rows, c.cols) },
		} {
			b.Run(fmt.Sprintf("%s/%dx%d", name, sh[0], sh[1]), func(b *testing.B) {
				atLevels(b, func(b *testing.B) {
					b.ReportAllocs()
					b.SetBytes(2 * n)
					for b.Loop() {
						f()
					}
				})
			})
		}
	}
}
