package kernel

import "math"

// root returns √x: the root of a float32 taken in float64 and rounded is the correctly rounded one.
func root(x float32) float32 { return float32(math.Sqrt(float64(x))) }

func layerNormRef(y, normal, x, gamma, beta, slope []float32, eps float32, cols int) {
	n := float32(cols)
	for i := range slope {
		row, out := x[i*cols:(i+1)*cols], normal[i*cols:(i+1)*cols]
		shiftRef(out, -(sumRef(row) / n), row)
		slope[i] = 1 / root(float32(float32(dotRef(out, out)/n)+eps))
		scaleRef(out, slope[i], out)
		for j, v := range out {
			y[i*cols+j] = fma(v, gamma[j], beta[j])
		}
	}
}

func layerNormGradRef(dx, dy, normal, gamma, slope []float32, cols int) {
	buf := scratch(cols)
	defer release(buf)
	n, g := float32(cols), *buf
	for i, r := range slope {
		mulRef(g, dy[i*cols:(i+1)*cols], gamma)
		mean, along := sumRef(g)/n, dotRef(g, normal[i*cols:(i+1)*cols])/n
		for j, v := range g {
			dx[i*cols+j] = r * fma(-along, normal[i*cols+j], float32(v-mean))
		}
	}
}

func normGradAddRef(dgamma, dbeta, dy, normal []float32, rows, cols int) {
	for i := range rows * cols {
		j := i % cols
		dgamma[j] = fma(dy[i], normal[i], dgamma[j])
		dbeta[j] += dy[i]
	}
}

func colSpreadAddRef(dst, x, mean []float32, rows, cols int) {
	for i := range rows * cols {
		d := float32(x[i] - mean[i%cols])
		dst[i%cols] = fma(d, d, dst[i%cols])
	}
}

func batchNormRef(y, normal, x, mean, slope, gamma, beta []float32, rows, cols int) {
	for i := range rows * cols {
		j := i % cols
		normal[i] = float32(x[i]-mean[j]) * slope[j]
		y[i] = fma(normal[i], gamma[j], beta[j])
	}
}

func batchNormGradRef(dx, dy, normal, mean, along, factor []float32, rows, cols int) {
	for i := range rows * cols {
		j := i % cols
		dx[i] = fma(-along[j], normal[i], float32(dy[i]-mean[j])) * factor[j]
	}
}
