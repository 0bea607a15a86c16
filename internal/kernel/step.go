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
		axpy(-rate, g, w)
		return
	}
	same("sgd", "velocity", velocity, len(w))
	sgdMomentum(w, g, velocity, rate, momentum)
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
	same("adam", "g", g, len(w))
	same("adam", "m", m, len(w))
	same("adam", "v", v, len(w))
	adam(w, g, m, v, alpha, c1, c2, eps)
}
