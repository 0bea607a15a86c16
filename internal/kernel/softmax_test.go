package kernel

import (
	"fmt"
	"math"
	"testing"
)

// widths are the columns at which something changes, and one row that is cut into pieces.
func widths() []int {
	var all []int
	for n := 1; n < 70; n++ {
		all = append(all, n)
	}
	return append(all, 127, 128, 129, 200, 384, piece+5)
}

// TestSoftmaxWidths holds the kernels by rows to their definitions, at every width.
func TestSoftmaxWidths(t *testing.T) {
	s := newSource(40)
	for _, cols := range widths() {
		rows := 1 + s.IntN(5)
		if cols == 3 {
			rows = 2*lineBlock + 5
		}
		x, dy := s.some(rows*cols), s.some(rows*cols)
		soft, grad, lse := softmaxRef(x, rows, cols), make([]float32, rows*cols), make([]float32, rows)
		softmaxGradRef(grad, dy, soft, cols, 0.7)
		for i := range lse {
			row := append([]float32{}, x[i*cols:(i+1)*cols]...)
			top := maximumRef(row)
			shiftRef(row, -top, row)
			expRef(row, row)
			lse[i] = top + logOne(sumRef(row))
		}
		eachLevel(t, func(t *testing.T) {
			y, out := bufferOf(dy, s.shift()), bufferOf(make([]float32, rows), s.shift())
			Softmax(y.v, x, rows, cols)
			y.verify(t, fmt.Sprintf("softmax of %d", cols), soft)
			LogSumExp(out.v, x, rows, cols)
			out.verify(t, fmt.Sprintf("logsumexp of %d", cols), lse)
			d := bufferOf(dy, s.shift())
			SoftmaxGrad(d.v, d.v, y.v, rows, cols, 0.7)
			d.verify(t, fmt.Sprintf("softmaxgrad of %d", cols), grad)
		})
	}
}

// TestSoftmaxScaled: limits cut rows short, and nothing beyond them counts.
func TestSoftmaxScaled(t *testing.T) {
	s := newSource(41)
	for cols := range 40 {
		const rows = 9
		x, limit, want := s.finite(rows*cols), make([]int32, rows), make([]float32, rows*cols)
		for i := range limit {
			limit[i] = int32(min(s.IntN(cols+1), i*2))
			n := int(limit[i])
			row := make([]float32, n)
			scaleRef(row, 0.3, x[i*cols:i*cols+n])
			copy(want[i*cols:], softmaxRef(row, 1, n))
			for j := n; j < cols; j++ {
				x[i*cols+j] = float32(math.NaN())
			}
		}
		eachLevel(t, func(t *testing.T) {
			y := bufferOf(x, s.shift())
			SoftmaxScaled(y.v, y.v, limit, rows, cols, 0.3)
			y.verify(t, fmt.Sprintf("softmaxscaled of %d", cols), want)
		})
	}
	v := make([]float32, 6)
	SoftmaxScaled(v, []float32{0, 0, 0, 1, 1, 1}, nil, 2, 3, 5)
	sameBits(t, "no limit", v, []float32{1. / 3, 1. / 3, 1. / 3, 1. / 3, 1. / 3, 1. / 3})
	mustPanic(t, "limit above cols", func() { SoftmaxScaled(v, v, []int32{1, 4}, 2, 3, 1) })
	mustPanic(t, "limit below 0", func() { SoftmaxScaled(v, v, []int32{1, -1}, 2, 3, 1) })
	mustPanic(t, "short limit", func() { SoftmaxScaled(v, v, []int32{1}, 2, 3, 1) })
	mustPanic(t, "softmaxgrad", func() { SoftmaxGrad(v, v, v[:5], 2, 3, 1) })
}

// TestSoftmaxGrad compares with the Jacobian in float64.
func TestSoftmaxGrad(t *testing.T) {
	s := newSource(42)
	const rows, cols = 3, 20
	x, dy := s.finite(rows*cols), s.finite(rows*cols)
	y, dx := make([]float32, rows*cols), make([]float32, rows*cols)
	SoftmaxScaled(y, x, nil, rows, cols, 0.5)
	SoftmaxGrad(dx, dy, y, rows, cols, 0.5)
	for i := range dx {
		want := 0.0
		for j := i / cols * cols; j < (i/cols+1)*cols; j++ {
			p := -float64(y[i]) * float64(y[j])
			if i == j {
				p += float64(y[i])
			}
			want += 0.5 * p * float64(dy[j])
		}
		if math.Abs(float64(dx[i])-want) > 1e-7 {
			t.Errorf("dx[%d] = %g, want %g", i, dx[i], want)
		}
	}
}

// ceRef is CELogitsWeighted written with scalars, its loss in float64 throughout.
func ceRef(dz, z, weight []float32, label []int32, cols int, scale, smoothing float32) (loss float64) {
	for i, l := range label {
		row, w := z[i*cols:(i+1)*cols], float32(1)
		if weight != nil {
			w = weight[i]
		}
		top, total, mean := float64(maximumRef(row)), 0.0, 0.0
		for _, v := range row {
			total += math.Exp(float64(v) - top)
			mean += float64(v) / float64(cols)
		}
		s := float64(smoothing)
		if w != 0 {
			loss += float64(w) * (math.Log(total) + top - (1-s)*float64(row[l]) - s*mean)
		}
		soft, base := softmaxRef(row, 1, cols), smoothing/float32(cols)
		for j, p := range soft {
			target := base
			if j == int(l) {
				target += 1 - smoothing
			}
			dz[i*cols+j] = float32(p-target) * float32(scale*w)
			if w == 0 {
				dz[i*cols+j] = 0
			}
		}
	}
	return loss
}

func TestCELogitsWeighted(t *testing.T) {
	s := newSource(43)
	for _, cols := range widths() {
		rows := 1 + s.IntN(6)
		if cols == 2 {
			rows = lineBlock + 3
		}
		z, label, weight := s.finite(rows*cols), make([]int32, rows), make([]float32, rows)
		for i := range label {
			label[i], weight[i] = int32(s.IntN(cols)), float32(s.IntN(3))/2
			if weight[i] == 0 {
				z[i*cols] = float32(math.Inf(1))
			}
		}
		for _, smoothing := range []float32{0, 0.1, 1} {
			want := make([]float32, rows*cols)
			loss := ceRef(want, z, weight, label, cols, 0.3, smoothing)
			values := []float64{}
			eachLevel(t, func(t *testing.T) {
				dz := bufferOf(z, s.shift())
				got := CELogitsWeighted(dz.v, dz.v, weight, label, rows, cols, 0.3, smoothing)
				dz.verify(t, fmt.Sprintf("celogits of %d, smoothing %g", cols, smoothing), want)
				if values = append(values, got); math.Abs(got-loss) > 1e-5*math.Max(1, loss) {
					t.Errorf("%dx%d: loss %g, want %g", rows, cols, got, loss)
				}
				sameFloat(t, "loss", got, values[0])
			})
		}
	}
	v, l := make([]float32, 4), []int32{0, 1}
	mustPanic(t, "smoothing above 1", func() { CELogitsWeighted(v, v, nil, l, 2, 2, 1, 1.5) })
	mustPanic(t, "smoothing NaN", func() { CELogitsWeighted(v, v, nil, l, 2, 2, 1, float32(math.NaN())) })
	mustPanic(t, "short weight", func() { CELogitsWeighted(v, v, v[:1], l, 2, 2, 1, 0) })
}

// TestRowsAllocate: the kernels by rows allocate nothing once warm.
func TestRowsAllocate(t *testing.T) {
	z, dz, label, lse := ramp(640), make([]float32, 640), make([]int32, 64), make([]float32, 64)
	eachLevel(t, func(t *testing.T) {
		n := testing.AllocsPerRun(50, func() {
			CELogitsWeighted(dz, z, nil, label, 64, 10, 1, 0.1)
			Softmax(dz, z, 64, 10)
			LogSumExp(lse, z, 64, 10)
			SoftmaxGrad(dz, z, dz, 64, 10, 1)
			Add(dz, dz, z)
		})
		if n > poolLoss {
			t.Errorf("%v allocations a run", n)
		}
	})
}

func BenchmarkRows(b *testing.B) {
	for _, sh := range [][2]int{{1024, 2}, {1024, 10}, {256, 100}, {128, 384}, {16, 32000}} {
		rows, cols := sh[0], sh[1]
		x, y, z := ramp(rows*cols), make([]float32, rows*cols), make([]float32, rows*cols)
		label, lse := make([]int32, rows), make([]float32, rows)
		Softmax(y, x, rows, cols)
		for name, f := range map[string]func(){
			"softmax":     func() { Softmax(z, x, rows, cols) },
			"softmaxgrad": func() { SoftmaxGrad(z, x, y, rows, cols, 1) },
			"logsumexp":   func() { LogSumExp(lse, x, rows, cols) },
			"celogits":    func() { CELogits(z, x, label, rows, cols, 1) },
		} {
			b.Run(fmt.Sprintf("%s/%dx%d", name, rows, cols), func(b *testing.B) {
				atLevels(b, func(b *testing.B) {
					b.SetBytes(int64(8 * rows * cols))
					for b.Loop() {
						f()
					}
				})
			})
		}
	}
}
