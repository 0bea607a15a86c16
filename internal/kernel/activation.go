package kernel

import "fmt"

// Activation is a function that Dense and Activate apply to each element.
type Activation uint8

// The activations; ActGELU is the exact form, with erf, and ActGELUTanh its approximation with tanh.
const (
	ActNone Activation = iota
	ActReLU
	ActSigmoid
	ActTanh
	ActSELU
	ActGELU
	ActGELUTanh
	ActSiLU
	ActMish
)

// TakesInput says what ActivateGrad needs: the input of the activation, or, when false, its output.
func (a Activation) TakesInput() bool { return a >= ActGELU }

func checkActivation(op string, act Activation) {
	if act > ActMish {
		panic(fmt.Sprintf("kernel: %s: unknown activation %d", op, act))
	}
}

// Activate sets dst = act(x). It panics on different lengths and unknown activations.
func Activate(dst, x []float32, act Activation) {
	checkActivation("activate", act)
	switch act {
	case ActNone:
		same("activate", "dst", dst, len(x))
		copy(dst, x)
	case ActReLU:
		ReLU(dst, x)
	case ActSigmoid:
		Sigmoid(dst, x)
	case ActTanh:
		Tanh(dst, x)
	case ActSELU:
		SELU(dst, x)
	case ActGELU:
		GELU(dst, x)
	case ActGELUTanh:
		GELUTanh(dst, x)
	case ActSiLU:
		SiLU(dst, x)
	case ActMish:
		Mish(dst, x)
	}
}

// ActivateGrad sets dz = dy act'(z), where v is z when act.TakesInput, else act(z). The slopes of GELU,
// SiLU and Mish are within 4e-7 of the true ones; those of ReLU, sigmoid and tanh are as DenseGrad
// says; SELU's is its scale above 0, else v plus scale times alpha. It panics on different lengths and
// unknown activations.
func ActivateGrad(dz, dy, v []float32, act Activation) {
	same("activategrad", "dz", dz, len(v))
	same("activategrad", "dy", dy, len(v))
	checkActivation("activategrad", act)
	f := gradOf(act)
	if f == nil {
		copy(dz, dy)
		return
	}
	pieces(len(v), func(i, j int) { f(dz[i:j], dy[i:j], v[i:j]) })
}

// DenseGrad is ActivateGrad for the activations whose slope comes from y, the output of Dense: dy
// where y is not <= 0 for ActReLU, dy (y (1-y)) for ActSigmoid, dy (1 - y²) for ActTanh, 1 - y² being
// one fused operation. It panics on different lengths and on other activations.
func DenseGrad(dz, dy, y []float32, act Activation) {
	if act.TakesInput() {
		panic(fmt.Sprintf("kernel: densegrad: activation %d needs its input: use ActivateGrad", act))
	}
	ActivateGrad(dz, dy, y, act)
}

// gradOf returns the kernel of a derivative, nil for ActNone.
func gradOf(act Activation) func(dz, dy, v []float32) {
	return [...]func(dz, dy, v []float32){
		nil, reluGrad, sigmoidGrad, tanhGrad, seluGrad, geluGrad, geluTanhGrad, siluGrad, mishGrad,
	}[act]
}

// Erf sets dst = erf x. The error is at most 1.05 ulp over all float32. It panics on different lengths.
func Erf(dst, x []float32) {
	same("erf", "dst", dst, len(x))
	inPieces(erf, dst, x)
}

// GELU sets dst = x Φ(x), Φ being the normal distribution function: the exact form, with erf. The error
// is at most 8 ulp, or 2^-140 where that is more; GELU(-Inf) = -0. It panics on different lengths.
func GELU(dst, x []float32) {
	same("gelu", "dst", dst, len(x))
	inPieces(gelu, dst, x)
}

// GELUTanh sets dst = x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, the approximation of GELU that GPT-2
// uses. The error is at most 2^-22 (1 + |x|), of this formula. It panics on different lengths.
func GELUTanh(dst, x []float32) {
	same("gelutanh", "dst", dst, len(x))
	inPieces(geluTanh, dst, x)
}

// SiLU sets dst = x sigmoid(x). The error is at most 3.5 ulp, or 2^-140 where that is more; SiLU(-Inf) =
// -0. It panics on different lengths.
func SiLU(dst, x []float32) {
	same("silu", "dst", dst, len(x))
	inPieces(silu, dst, x)
}

// SELU sets dst = 1.0507 x above 0, else 1.7581 (e^x - 1). The error is at most 2.5 ulp. It panics on
// different lengths.
func SELU(dst, x []float32) {
	same("selu", "dst", dst, len(x))
	inPieces(selu, dst, x)
}

// Mish sets dst = x tanh(ln(1 + e^x)). The error is at most 4.5 ulp, or 2^-140 where that is more;
// Mish(-Inf) = -0. It panics on different lengths.
func Mish(dst, x []float32) {
	same("mish", "dst", dst, len(x))
	inPieces(mish, dst, x)
}
