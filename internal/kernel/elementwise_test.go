package kernel

import (
	"fmt"
	"testing"
)

// operation is a kernel on slices of one length, the first outs of which it writes, and its reference.
type operation struct {
	name        string
	slices      int
	outs        int
	run, define func(v [][]float32) float64
}

// unary makes an operation from a function dst, x.
func unary(name string, run, define func(dst, x []float32)) operation {
	return operation{
		name, 2, 1,
		func(v [][]float32) float64 { run(v[0], v[1]); return 0 },
		func(v [][]float32) float64 { define(v[0], v[1]); return 0 },
	}
}

// ternary makes an operation from a function dst, x, y.
func ternary(name string, run, define func(dst, x, y []float32)) operation {
	return operation{
		name, 3, 1,
		func(v [][]float32) float64 { run(v[0], v[1], v[2]); return 0 },
		func(v [][]float32) float64 { define(v[0], v[1], v[2]); return 0 },
	}
}

// reduction makes an operation from a function of x and y.
func reductionOf(name string, run, define func(x, y []float32) float32) operation {
	return operation{
		name, 2, 0,
		func(v [][]float32) float64 { return float64(run(v[0], v[1])) },
		func(v [][]float32) float64 { return float64(define(v[0], v[1])) },
	}
}

func gradBy(act Activation) func(dz, dy, y []float32) {
	return func(dz, dy, y []float32) { ActivateGrad(dz, dy, y, act) }
}

func activationOf(name string, run func(dst, x []float32), define func(float32) float32) operation {
	return unary(name, run, func(dst, x []float32) { mapRef(define, dst, x) })
}

func slopeOf(name string, act Activation, define func(float32) float32) operation {
	return ternary(name, gradBy(act), func(dz, dy, x []float32) { slopeRef(define, dz, dy, x) })
}

var operations = []operation{
	unary("exp", Exp, expRef), unary("log", Log, logRef), unary("tanh", Tanh, tanhRef),
	unary("sigmoid", Sigmoid, sigmoidRef), unary("relu", ReLU, reluRef),
	unary("scale", func(d, x []float32) { Scale(d, 0.7, x) }, func(d, x []float32) { scaleRef(d, 0.7, x) }),
	unary("shift", func(d, x []float32) { shift(d, 0.7, x) }, func(d, x []float32) { shiftRef(d, 0.7, x) }),
	unary("axpy", func(d, x []float32) { Axpy(0.7, x, d) }, func(d, x []float32) { axpyRef(0.7, x, d) }),
	unary("sgd", func(w, g []float32) { SGD(w, g, nil, 0.7, 0) }, func(w, g []float32) { axpyRef(-0.7, g, w) }),
	ternary("add", Add, addRef), ternary("mul", Mul, mulRef),
	ternary("reluGrad", gradBy(ActReLU), reluGradRef), ternary("sigmoidGrad", gradBy(ActSigmoid), sigmoidGradRef),
	ternary("tanhGrad", gradBy(ActTanh), tanhGradRef),
	ternary("noneGrad", gradBy(ActNone), func(dz, dy, _ []float32) { copy(dz, dy) }),
	activationOf("erf", Erf, erfOne), activationOf("gelu", GELU, geluOne), activationOf("gelutanh", GELUTanh, geluTanhOne),
	activationOf("silu", SiLU, siluOne), activationOf("selu", SELU, seluOne), activationOf("mish", Mish, mishOne),
	slopeOf("geluGrad", ActGELU, geluSlope), slopeOf("gelutanhGrad", ActGELUTanh, geluTanhSlope),
	slopeOf("siluGrad", ActSiLU, siluSlope), slopeOf("seluGrad", ActSELU, seluSlope), slopeOf("mishGrad", ActMish, mishSlope),
	reductionOf("dot", Dot, dotRef),
	reductionOf("sum", func(x, _ []float32) float32 { return Sum(x) }, func(x, _ []float32) float32 { return sumRef(x) }),
	reductionOf("sumsquares", func(x, _ []float32) float32 { return SumSquares(x) },
		func(x, _ []float32) float32 { return dotRef(x, x) }),
	reductionOf("max", func(x, _ []float32) float32 { return Max(x) }, func(x, _ []float32) float32 { return maximumRef(x) }),
	{
		"bcelogits", 3, 1,
		func(v [][]float32) float64 { return BCELogits(v[0], v[1], v[2], 0.03) },
		bceDefined,
	},
	{
		"squarednorm", 1, 0,
		func(v [][]float32) float64 { return SquaredNorm(v[0]) },
		squaresDefined,
	},
	unary("clip", func(d, x []float32) { Clip(d, x, -0.5, 1) }, func(d, x []float32) { clipRef(d, x, -0.5, 1) }),
	unary("dropout", func(d, x []float32) { Dropout(d, x, 99, 6, 1<<31, 2) }, func(d, x []float32) { dropoutRef(d, x, start(99, 6), 1<<31, 2) }),
	unary("dropall", func(d, x []float32) { Dropout(d, x, 99, 6, 1<<32, 2) }, func(d, x []float32) { scaleRef(d, 0, x) }),
	{
		"dropoutmask", 1, 1,
		func(v [][]float32) float64 { DropoutMask(v[0], 7, 0, 1<<30, 1.5); return 0 },
		func(v [][]float32) float64 { dropoutMaskRef(v[0], start(7, 0), 1<<30, 1.5); return 0 },
	},
	{
		"nesterov", 3, 2,
		func(v [][]float32) float64 { Nesterov(v[0], v[2], v[1], 0.01, 0.9); return 0 },
		func(v [][]float32) float64 { sgdNesterovRef(v[0], v[2], v[1], 0.01, 0.9); return 0 },
	},
	{
		"rmsprop", 3, 2,
		func(v [][]float32) float64 { RMSProp(v[0], v[2], v[1], nil, 0.01, 0.1, 1e-7, 0); return 0 },
		func(v [][]float32) float64 { rmsPropRef(v[0], v[2], v[1], 0.01, 0.1, 1e-7); return 0 },
	},
	{
		"rmsmomentum", 4, 3,
		func(v [][]float32) float64 { RMSProp(v[0], v[3], v[1], v[2], 0.01, 0.1, 1e-7, 0.9); return 0 },
		func(v [][]float32) float64 { rmsMomentumRef(v[0], v[3], v[2], v[1], 0.01, 0.1, 1e-7, 0.9); return 0 },
	},
	{
		"adamw", 4, 3,
		func(v [][]float32) float64 { AdamW(v[0], v[3], v[1], v[2], 0.01, 0.1, 0.001, 1e-7, 1e-4); return 0 },
		func(v [][]float32) float64 { adamWRef(v[0], v[3], v[1], v[2], 0.01, 0.1, 0.001, 1e-7, 1e-4); return 0 },
	},
	{
		"momentum", 3, 2,
		func(v [][]float32) float64 { SGD(v[0], v[2], v[1], 0.01, 0.9); return 0 },
		func(v [][]float32) float64 { sgdMomentumRef(v[0], v[2], v[1], 0.01, 0.9); return 0 },
	},
	{
		"adam", 4, 3,
		func(v [][]float32) float64 { Adam(v[0], v[3], v[1], v[2], 0.01, 0.1, 0.001, 1e-7); return 0 },
		func(v [][]float32) float64 { adamRef(v[0], v[3], v[1], v[2], 0.01, 0.1, 0.001, 1e-7); return 0 },
	},
}

func bceDefined(v [][]float32) float64 {
	var acc [lossLanes]float64
	bceLogitsRef(v[0], v[1], v[2], 0.03, &acc)
	return foldLoss(&acc)
}

func squaresDefined(v [][]float32) float64 {
	var acc [lossLanes]float64
	squaresRef(v[0], &acc)
	return foldLoss(&acc)
}

// check compares the operation with its reference on n elements at every level.
func (o operation) check(t *testing.T, s source, n int) {
	t.Helper()
	in, want := make([][]float32, o.slices), make([][]float32, o.slices)
	for i := range in {
		in[i] = s.some(n)
		want[i] = append([]float32{}, in[i]...)
	}
	wantValue := o.define(want)
	eachLevel(t, func(t *testing.T) {
		bufs, v := make([]buffer, o.slices), make([][]float32, o.slices)
		for i := range in {
			bufs[i] = bufferOf(in[i], s.shift())
			v[i] = bufs[i].v
		}
		got := o.run(v)
		sameFloat(t, fmt.Sprintf("%s of %d", o.name, n), got, wantValue)
		for i, b := range bufs {
			b.verify(t, fmt.Sprintf("%s of %d: slice %d", o.name, n, i), want[i])
		}
	})
}

func TestOperations(t *testing.T) {
	s := newSource(6)
	for _, o := range operations {
		o.check(t, s, 2*piece+21) // several pieces
		for n := range 70 {
			o.check(t, s, n)
		}
		for _, n := range []int{127, 128, 129, 200, 1003} {
			o.check(t, s, n)
		}
	}
}

// TestInPlace runs the operations that may write to one of their sources.
func TestInPlace(t *testing.T) {
	s := newSource(7)
	for _, o := range operations {
		if o.outs != 1 {
			continue
		}
		for i := 1; i < o.slices; i++ {
			x := s.finite(37)
			other := s.finite(37)
			make3 := func() [][]float32 {
				v := [][]float32{nil, append([]float32{}, other...), append([]float32{}, other...)}
				v[0] = append([]float32{}, x...)
				v[i] = v[0]
				return v[:o.slices]
			}
			want := make3()
			o.define(want)
			eachLevel(t, func(t *testing.T) {
				got := make3()
				o.run(got)
				sameBits(t, o.name+" in place", got[0], want[0])
			})
		}
	}
}

func TestColSum(t *testing.T) {
	s := newSource(8)
	for n := range 140 {
		m := n % 7
		a, start := s.some(m*n), s.some(n)
		want := append([]float32{}, start...)
		for i := range a {
			want[i%n] += a[i]
		}
		zero := make([]float32, n)
		for i := range a {
			zero[i%n] += a[i]
		}
		eachLevel(t, func(t *testing.T) {
			dst := bufferOf(start, s.shift())
			ColSumAdd(dst.v, a, m, n)
			dst.verify(t, fmt.Sprintf("colsumadd %dx%d", m, n), want)
			ColSum(dst.v, a, m, n)
			dst.verify(t, fmt.Sprintf("colsum %dx%d", m, n), zero)
		})
	}
}

func TestElementwisePanics(t *testing.T) {
	a, b := make([]float32, 3), make([]float32, 4)
	for name, f := range map[string]func(){
		"exp": func() { Exp(a, b) }, "log": func() { Log(a, b) }, "tanh": func() { Tanh(a, b) },
		"sigmoid": func() { Sigmoid(a, b) }, "relu": func() { ReLU(a, b) }, "axpy": func() { Axpy(1, a, b) },
		"scale": func() { Scale(a, 1, b) }, "add": func() { Add(a, a, b) }, "add dst": func() { Add(a, b, b) },
		"mul": func() { Mul(a, a, b) }, "dot": func() { Dot(a, b) }, "colsum": func() { ColSum(a, b, 1, 4) },
		"densegrad": func() { DenseGrad(a, a, b, ActReLU) }, "activation": func() { DenseGrad(a, a, a, 9) },
		"bcelogits": func() { BCELogits(a, a, b, 1) }, "softmax": func() { Softmax(a, b, 2, 2) },
		"logsumexp": func() { LogSumExp(a, b, 2, 2) }, "sgd": func() { SGD(a, b, nil, 1, 0) },
		"momentum": func() { SGD(a, a, nil, 1, 0.9) }, "velocity": func() { SGD(a, a, b, 1, 0.9) },
		"adam": func() { Adam(a, a, a, b, 1, 1, 1, 1) }, "adamw": func() { AdamW(a, a, b, a, 1, 1, 1, 1, 1) },
		"nesterov": func() { Nesterov(a, a, b, 1, 1) }, "rmsprop": func() { RMSProp(a, a, b, nil, 1, 1, 1, 0) },
		"rmsprop velocity": func() { RMSProp(a, a, a, b, 1, 1, 1, 0) }, "rmsprop momentum": func() { RMSProp(a, a, a, nil, 1, 1, 1, 1) },
		"clip": func() { Clip(a, b, 0, 1) }, "clip order": func() { Clip(a, a, 1, 0) }, "dropout": func() { Dropout(a, b, 1, 0, 1, 1) },
		"dropout odd": func() { DropoutMask(a, 1, 1, 1, 1) }, "dropout floor": func() { DropoutMask(a, 1, 0, 1<<32+1, 1) }, "celogits": func() { CELogits(b, b, []int32{0}, 2, 2, 1) },
		"label": func() { CELogits(b, b, []int32{0, 2}, 2, 2, 1) },
	} {
		mustPanic(t, name, f)
	}
}
