package kernel

func reluRef(dst, x []float32) {
	for i, v := range x {
		if 0 > v {
			v = 0
		}
		dst[i] = v
	}
}

func reluGradRef(dz, dy, y []float32) {
	for i, v := range y {
		if v <= 0 {
			dz[i] = 0
		} else {
			dz[i] = dy[i]
		}
	}
}

func sigmoidGradRef(dz, dy, y []float32) {
	for i, v := range y {
		slope := float32(v * float32(1-v))
		dz[i] = dy[i] * slope
	}
}

func tanhGradRef(dz, dy, y []float32) {
	for i, v := range y {
		dz[i] = dy[i] * fma(-v, v, 1)
	}
}

func axpyRef(alpha float32, x, y []float32) {
	fmaRow(y, alpha, x, 1)
}

func scaleRef(dst []float32, alpha float32, x []float32) {
	for i, v := range x {
		dst[i] = alpha * v
	}
}

func addRef(dst, x, y []float32) {
	for i, v := range x {
		dst[i] = v + y[i]
	}
}

func mulRef(dst, x, y []float32) {
	for i, v := range x {
		dst[i] = v * y[i]
	}
}
