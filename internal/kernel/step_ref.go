package kernel

func sgdMomentumRef(w, g, v []float32, rate, momentum float32) {
	for i := range w {
		v[i] = fma(-rate, g[i], float32(momentum*v[i]))
		w[i] += v[i]
	}
}

func sgdNesterovRef(w, g, v []float32, rate, momentum float32) {
	for i := range w {
		v[i] = fma(-rate, g[i], float32(momentum*v[i]))
		w[i] += fma(-rate, g[i], float32(momentum*v[i]))
	}
}

// rmsMove updates v and returns rate g / √(v + eps).
func rmsMove(g float32, v *float32, rate, c, eps float32) float32 {
	*v = fma(c, fma(g, g, -*v), *v)
	return float32(rate*g) / root(float32(*v+eps))
}

func rmsPropRef(w, g, v []float32, rate, c, eps float32) {
	for i := range w {
		w[i] -= rmsMove(g[i], &v[i], rate, c, eps)
	}
}

func rmsMomentumRef(w, g, m, v []float32, rate, c, eps, momentum float32) {
	for i := range w {
		m[i] = fma(momentum, m[i], rmsMove(g[i], &v[i], rate, c, eps))
		w[i] -= m[i]
	}
}

func adamRef(w, g, m, v []float32, alpha, c1, c2, eps float32) {
	for i, gi := range g {
		m[i] = fma(c1, float32(gi-m[i]), m[i])
		v[i] = fma(c2, fma(gi, gi, -v[i]), v[i])
		w[i] -= float32(float32(alpha*m[i]) / float32(root(v[i])+eps))
	}
}

func adamWRef(w, g, m, v []float32, alpha, c1, c2, eps, decay float32) {
	for i, v := range w {
		w[i] = fma(-decay, v, v)
	}
	adamRef(w, g, m, v, alpha, c1, c2, eps)
}

func clipRef(dst, x []float32, low, high float32) {
	for i, v := range x {
		if low > v {
			v = low
		}
		if high < v {
			v = high
		}
		dst[i] = v
	}
}
