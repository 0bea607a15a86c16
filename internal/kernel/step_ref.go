package kernel

import "math"

func sgdMomentumRef(w, g, v []float32, rate, momentum float32) {
	for i := range w {
		v[i] = fma(-rate, g[i], float32(momentum*v[i]))
		w[i] += v[i]
	}
}

func adamRef(w, g, m, v []float32, alpha, c1, c2, eps float32) {
	for i, gi := range g {
		m[i] = fma(c1, float32(gi-m[i]), m[i])
		v[i] = fma(c2, fma(gi, gi, -v[i]), v[i])
		// The root of a float32 taken in float64 and rounded is the correctly rounded one.
		root := float32(math.Sqrt(float64(v[i])))
		w[i] -= float32(float32(alpha*m[i]) / float32(root+eps))
	}
}
