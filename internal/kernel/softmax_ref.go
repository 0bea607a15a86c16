package kernel

func expRowsRef(dst, x, top, total []float32, factor float32, cols, dstStep, xStep int) {
	for i := range top {
		row := dst[i*dstStep : i*dstStep+cols]
		scaleRef(row, factor, x[i*xStep:i*xStep+cols])
		top[i] = maximumRef(row)
		shiftRef(row, -top[i], row)
		expRef(row, row)
		total[i] = sumRef(row)
	}
}

func scaleRowsRef(dst, factor []float32, cols, step int) {
	for i, f := range factor {
		row := dst[i*step : i*step+cols]
		scaleRef(row, f, row)
	}
}

func ceRowsRef(dst, mul, alpha []float32, sub float32, cols int) {
	for i, f := range mul {
		row := dst[i*cols : (i+1)*cols]
		for j, e := range row {
			row[j] = ceSlope(e, f, sub, alpha[i])
		}
	}
}

// ceSlope returns (e mul - target) alpha.
func ceSlope(e, mul, target, alpha float32) float32 {
	return float32(float32(e*mul)-target) * alpha
}

func softmaxGradRef(dx, dy, y []float32, cols int, scale float32) {
	for i := 0; i < len(y); i += cols {
		total := dotRef(dy[i:i+cols], y[i:i+cols])
		for j := i; j < i+cols; j++ {
			dx[j] = float32(float32(dy[j]-total)*y[j]) * scale
		}
	}
}
