package kernel

import (
	"encoding/binary"
	"math"
	"testing"
)

// floats reads the bits of float32 from data.
func floats(data []byte) []float32 {
	v := make([]float32, len(data)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return v
}

// seeds gives a fuzz target the edges in bytes.
func seeds(add func(data []byte)) {
	var data []byte
	for _, e := range edges {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(e))
	}
	add(data)
	add(data[:20])
	add(nil)
}

// cycle returns n elements of v, over and over.
func cycle(v []float32, n, from int) []float32 {
	out := make([]float32, n)
	for i := range out {
		if len(v) > 0 {
			out[i] = v[(from+i)%len(v)]
		}
	}
	return out
}

func FuzzMatMul(f *testing.F) {
	seeds(func(data []byte) { f.Add(data, uint8(0), uint8(5), uint8(7), uint8(33)) })
	f.Fuzz(func(t *testing.T, data []byte, which, m, k, n uint8) {
		rows, depth, cols := int(m)%40, int(k)%40, int(n)
		v, o := floats(data), forms[int(which)%len(forms)]
		c0, a, b := cycle(v, rows*cols, 0), cycle(v, rows*depth, 1), cycle(v, depth*cols, 2)
		want := o.want(c0, a, b, rows, depth, cols)
		eachLevel(t, func(t *testing.T) {
			c := bufferOf(c0, len(data)%17)
			o.run(c.v, a, b, rows, depth, cols)
			c.verify(t, o.name, want)
		})
	})
}

// fuzzOperation fuzzes the operations of these names on the floats of data.
func fuzzOperation(f *testing.F, names ...string) {
	seeds(func(data []byte) { f.Add(data, uint8(3)) })
	f.Fuzz(func(t *testing.T, data []byte, shift uint8) {
		v := floats(data)
		for _, o := range operations {
			for _, name := range names {
				if o.name == name {
					o.compare(t, v, int(shift)%17)
				}
			}
		}
	})
}

// compare runs the operation with every slice made of v.
func (o operation) compare(t *testing.T, v []float32, shift int) {
	t.Helper()
	want := make([][]float32, o.slices)
	for i := range want {
		want[i] = cycle(v, len(v), i)
	}
	value := o.define(want)
	eachLevel(t, func(t *testing.T) {
		bufs, got := make([]buffer, o.slices), make([][]float32, o.slices)
		for i := range bufs {
			bufs[i] = bufferOf(cycle(v, len(v), i), shift)
			got[i] = bufs[i].v
		}
		sameFloat(t, o.name, o.run(got), value)
		for i, b := range bufs {
			b.verify(t, o.name, want[i])
		}
	})
}

func FuzzExp(f *testing.F)     { fuzzOperation(f, "exp") }
func FuzzLog(f *testing.F)     { fuzzOperation(f, "log") }
func FuzzTanh(f *testing.F)    { fuzzOperation(f, "tanh", "tanhGrad") }
func FuzzSigmoid(f *testing.F) { fuzzOperation(f, "sigmoid", "sigmoidGrad") }
func FuzzSimple(f *testing.F) {
	fuzzOperation(f, "relu", "reluGrad", "scale", "shift", "add", "mul")
}

func FuzzActivation(f *testing.F) {
	fuzzOperation(f, "erf", "gelu", "gelutanh", "silu", "selu", "mish", "geluGrad", "gelutanhGrad", "siluGrad", "seluGrad", "mishGrad")
}
func FuzzReduce(f *testing.F) { fuzzOperation(f, "dot", "sum", "sumsquares", "max", "squarednorm") }
func FuzzDropout(f *testing.F) {
	f.Add(uint64(1), uint64(1<<31), float32(2), uint16(100), uint16(3))
	f.Fuzz(func(t *testing.T, key, floor uint64, keep float32, n, first uint16) {
		floor %= 1<<32 + 1
		x, at := newSource(key).wild(int(n)), int(first)*2
		agree(t, "dropout", x, at%17, func(dst []float32) float64 { Dropout(dst, dst, key, at, floor, keep); return 0 })
		agree(t, "dropoutmask", x, at%17, func(dst []float32) float64 { DropoutMask(dst, key, at, floor, keep); return 0 })
	})
}
func FuzzBCELogits(f *testing.F) { fuzzOperation(f, "bcelogits") }
func FuzzStep(f *testing.F) {
	fuzzOperation(f, "axpy", "sgd", "momentum", "adam", "nesterov", "rmsprop", "rmsmomentum", "adamw", "clip")
}

// FuzzRows fuzzes the kernels that go by rows.
func FuzzRows(f *testing.F) {
	seeds(func(data []byte) { f.Add(data, uint8(7), uint8(3)) })
	f.Fuzz(func(t *testing.T, data []byte, width, shift uint8) {
		x := floats(data)
		cols := max(int(width), 1)
		rows := len(x) / cols
		x = x[:rows*cols]
		label, at := make([]int32, rows), int(shift)%17
		for i := range label {
			label[i] = int32((i * int(shift)) % cols)
		}
		agree(t, "softmax", x, at, func(dst []float32) float64 { Softmax(dst, x, rows, cols); return 0 })
		agree(t, "logsumexp", x[:rows], at, func(dst []float32) float64 { LogSumExp(dst, x, rows, cols); return 0 })
		agree(t, "celogits", x, at, func(dst []float32) float64 { return CELogits(dst, x, label, rows, cols, 0.1) })
		agree(t, "celogitsweighted", x, at, func(dst []float32) float64 {
			return CELogitsWeighted(dst, x, x[:rows], label, rows, cols, 0.1, 0.2)
		})
		agree(t, "softmaxscaled", x, at, func(dst []float32) float64 { SoftmaxScaled(dst, x, label, rows, cols, 0.3); return 0 })
		agree(t, "softmaxgrad", x, at, func(dst []float32) float64 { SoftmaxGrad(dst, dst, x, rows, cols, 0.3); return 0 })
		for i := range label {
			label[i] = int32((i * int(shift)) % rows)
		}
		agree(t, "gather", x, at, func(dst []float32) float64 { Gather(dst, x, label, cols); return 0 })
		if rows > 0 {
			agree(t, "colsumadd", x[:cols], at, func(dst []float32) float64 { ColSumAdd(dst, x, rows, cols); return 0 })
		}
	})
}

func FuzzDense(f *testing.F) {
	seeds(func(data []byte) { f.Add(data, uint8(5), uint8(7), uint8(33), uint8(2)) })
	f.Fuzz(func(t *testing.T, data []byte, m, k, n, a uint8) {
		act := Activation(a)
		rows, depth, cols := int(m)%40, int(k)%40, int(n)
		v := floats(data)
		x, w, bias := cycle(v, rows*depth, 1), cycle(v, depth*cols, 2), cycle(v, cols, 3)
		agree(t, "dense", make([]float32, rows*cols), len(data)%17, func(y []float32) float64 {
			Dense(y, x, w, bias, rows, depth, cols, act%(ActMish+1))
			return 0
		})
	})
}
