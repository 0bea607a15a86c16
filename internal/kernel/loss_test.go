package kernel

import (
	"math"
	"testing"
)

func TestBCELogits(t *testing.T) {
	s := newSource(10)
	z, y := s.finite(1000), s.finite(1000)
	for i := range z {
		z[i] *= 10
		y[i] = float32(exactSigmoid(float64(y[i])))
		if i%2 == 0 {
			y[i] = float32(i / 2 % 2)
		}
	}
	z[0], z[1], z[2], z[3] = 100, -100, 1e-8, -0.88
	dz := make([]float32, len(z))
	got, want := BCELogits(dz, z, y, 0.25), 0.0
	for i := range z {
		one, term := exactBCE(float64(z[i]), float64(y[i]))
		want += one
		slope := (exactSigmoid(float64(z[i])) - float64(y[i])) / 4
		if math.Abs(float64(dz[i])-slope) > 0x1p-24 {
			t.Errorf("slope at z %g, y %g is %g, want %g", z[i], y[i], dz[i], slope)
		}
		loss := BCELogits(dz[i:i+1], z[i:i+1], y[i:i+1], 0.25)
		if math.Abs(loss-one) > 3*0x1p-24*2*term {
			t.Errorf("loss at z %g, y %g is %g, want %g", z[i], y[i], loss, one)
		}
	}
	if math.Abs(got-want) > 1e-6*want {
		t.Errorf("loss %g, want %g", got, want)
	}
	if math.IsInf(got, 0) || math.IsNaN(BCELogits(dz[:1], []float32{-500}, []float32{0}, 1)) {
		t.Error("a finite logit gave a loss that is not")
	}
}

// exactBCE returns the loss and the largest of its terms.
func exactBCE(z, y float64) (loss, term float64) {
	relu, soft := math.Max(z, 0), math.Log1p(math.Exp(-math.Abs(z)))
	return relu - z*y + soft, math.Max(relu, math.Max(soft, math.Abs(z*y)))
}

// TestBCELogitsNaN: a loss that is not a number must not be lost on the way.
func TestBCELogitsNaN(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for n := 1; n < 40; n++ {
			z := make([]float32, n)
			z[n-1] = float32(math.NaN())
			if loss := BCELogits(make([]float32, n), z, make([]float32, n), 1); loss == loss {
				t.Fatalf("%d logits, the last NaN: loss %g", n, loss)
			}
		}
	})
}

func TestCELogits(t *testing.T) {
	s := newSource(11)
	for _, sh := range [][2]int{{0, 3}, {1, 1}, {5, 2}, {7, 10}, {3, 70}} {
		rows, cols := sh[0], sh[1]
		z, label := s.finite(rows*cols), make([]int32, rows)
		for i := range label {
			label[i] = int32(s.IntN(cols))
		}
		prob := softmaxRef(z, rows, cols)
		want := 0.0
		for i, l := range label {
			want -= math.Log(exactSoftmax(z[i*cols:(i+1)*cols], int(l)))
			prob[i*cols+int(l)]--
		}
		scaleRef(prob, 0.5, prob)
		eachLevel(t, func(t *testing.T) {
			dz := bufferOf(make([]float32, len(z)), s.shift())
			got := CELogits(dz.v, z, label, rows, cols, 0.5)
			dz.verify(t, "celogits", prob)
			if math.Abs(got-want) > 1e-6*math.Max(1, want) {
				t.Errorf("%dx%d: loss %g, want %g", rows, cols, got, want)
			}
		})
	}
}

func exactSoftmax(z []float32, i int) float64 {
	total := 0.0
	for _, v := range z {
		total += math.Exp(float64(v))
	}
	return math.Exp(float64(z[i])) / total
}

// TestCELogitsLevels holds the loss of the levels equal.
func TestCELogitsLevels(t *testing.T) {
	s := newSource(12)
	z, label := s.finite(40*17), make([]int32, 40)
	var want []float64
	eachLevel(t, func(t *testing.T) {
		want = append(want, CELogits(make([]float32, len(z)), z, label, 40, 17, 1))
		sameFloat(t, "celogits", want[len(want)-1], want[0])
	})
}
