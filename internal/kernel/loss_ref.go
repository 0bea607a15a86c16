package kernel

// lossLanes is the number of float64 partial sums of a loss.
const lossLanes = 16

func bceLogitsRef(dz, z, y []float32, scale float32, acc *[lossLanes]float64) {
	for i, v := range z {
		loss, slope := bceOne(v, y[i])
		dz[i] = slope * scale
		acc[i%lossLanes] += float64(loss)
	}
}

// bceOne returns the loss and its derivative by z.
func bceOne(z, y float32) (loss, slope float32) {
	e := expOne(minusAbs(z))
	top, relu := e, float32(0)
	if z >= 0 {
		top = 1
	}
	if z > 0 {
		relu = z
	}
	loss = float32(fma(-z, y, relu) + log1pOne(e))
	return loss, float32(float32(top/float32(1+e)) - y)
}

func foldLoss(acc *[lossLanes]float64) float64 {
	for half := lossLanes / 2; half > 0; half /= 2 {
		for j := range half {
			acc[j] += acc[j+half]
		}
	}
	return acc[0]
}
