package kernel

import "fmt"

// SGD updates w by the gradient g, in Keras's form: v = momentum v - rate g, w = w + v, where momentum
// v is rounded and the rest of v is one fused operation. The velocity v may be nil when momentum is
// 0; then w = w - rate g, fused. It panics on different lengths and on momentum without velocity.
func SGD(w, g, velocity []float32, rate, momentum float32) {
	same("sgd", "g", g, len(w))
	if velocity == nil {
		if momentum != 0 {
			panic(fmt.Sprintf("kernel: sgd: momentum %g without velocity", momentum))
		}
		Axpy(-rate, g, w)
		return
	}
	same("sgd", "velocity", velocity, len(w))
	pieces(len(w), func(i, j int) { sgdMomentum(w[i:j], g[i:j], velocity[i:j], rate, momentum) })
}

// Nesterov updates w by the gradient g as SGD does, but for w = w + (momentum v - rate g) with the new
// v, rounded and fused like v. It panics on different lengths. Source: Keras's form of Sutskever et
// al. 2013, "On the importance of initialization and momentum in deep learning".
func Nesterov(w, g, velocity []float32, rate, momentum float32) {
	same("nesterov", "g", g, len(w))
	same("nesterov", "velocity", velocity, len(w))
	pieces(len(w), func(i, j int) { sgdNesterov(w[i:j], g[i:j], velocity[i:j], rate, momentum) })
}

// RMSProp updates w and the mean square v by the gradient g, in Keras's form, where eps (1e-7 in Keras)
// is inside the root:
//
//	v = v + c (g² - v)
//	w = w - rate g / √(v + eps)
//
// where c = 1 - rho. With a velocity, which may be nil, velocity = momentum velocity + rate g / √(v +
// eps) and w = w - velocity. v, g² - v and velocity are fused; every other operation is rounded. It
// panics on different lengths and on momentum without velocity. Source: Tieleman and Hinton 2012,
// lecture 6.5 of "Neural networks for machine learning".
func RMSProp(w, g, v, velocity []float32, rate, c, eps, momentum float32) {
	same("rmsprop", "g", g, len(w))
	same("rmsprop", "v", v, len(w))
	if velocity == nil {
		if momentum != 0 {
			panic(fmt.Sprintf("kernel: rmsprop: momentum %g without velocity", momentum))
		}
		pieces(len(w), func(i, j int) { rmsProp(w[i:j], g[i:j], v[i:j], rate, c, eps) })
		return
	}
	same("rmsprop", "velocity", velocity, len(w))
	pieces(len(w), func(i, j int) { rmsMomentum(w[i:j], g[i:j], velocity[i:j], v[i:j], rate, c, eps, momentum) })
}

// Adam updates w, the first moment m and the second moment v by the gradient g, in one pass:
//
//	m = m + c1 (g - m)
//	v = v + c2 (g² - v)
//	w = w - alpha m / (√v + eps)
//
// where c1 = 1 - beta1, c2 = 1 - beta2, and alpha = rate √(1 - beta2^t) / (1 - beta1^t) at step t = 1,
// 2, ..., all computed by the caller in float64. This is the form of Keras and of the paper's section
// 2 (eps outside the root, 1e-7 in Keras). m, v and g² - v are fused; every other operation is rounded.
// It panics on different lengths. Source: Kingma and Ba 2015, arXiv:1412.6980.
func Adam(w, g, m, v []float32, alpha, c1, c2, eps float32) {
	checkAdam("adam", w, g, m, v)
	pieces(len(w), func(i, j int) { adam(w[i:j], g[i:j], m[i:j], v[i:j], alpha, c1, c2, eps) })
}

// AdamW is Adam after w = w - decay w, fused: the decay is decoupled from the gradient; its caller
// computes decay as rate times the weight decay. It panics on different lengths. Source: Loshchilov
// and Hutter 2019, arXiv:1711.05101.
func AdamW(w, g, m, v []float32, alpha, c1, c2, eps, decay float32) {
	checkAdam("adamw", w, g, m, v)
	pieces(len(w), func(i, j int) { adamW(w[i:j], g[i:j], m[i:j], v[i:j], alpha, c1, c2, eps, decay) })
}

func checkAdam(op string, w, g, m, v []float32) {
	same(op, "g", g, len(w))
	same(op, "m", m, len(w))
	same(op, "v", v, len(w))
}

// Clip sets dst to x, but no less than low and no more than high; NaN stays. It panics on different
// lengths and where low is not <= high.
func Clip(dst, x []float32, low, high float32) {
	same("clip", "dst", dst, len(x))
	if !(low <= high) {
		panic(fmt.Sprintf("kernel: clip: low %g, high %g", low, high))
	}
	pieces(len(x), func(i, j int) { clip(dst[i:j], x[i:j], low, high) })
}
