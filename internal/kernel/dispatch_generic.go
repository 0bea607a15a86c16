//go:build !amd64 || noasm

package kernel

func multiply(g *product)                         { multiplyRef(g) }
func exp(dst, x []float32)                        { expRef(dst, x) }
func log(dst, x []float32)                        { logRef(dst, x) }
func tanh(dst, x []float32)                       { tanhRef(dst, x) }
func sigmoid(dst, x []float32)                    { sigmoidRef(dst, x) }
func relu(dst, x []float32)                       { reluRef(dst, x) }
func reluGrad(dz, dy, y []float32)                { reluGradRef(dz, dy, y) }
func sigmoidGrad(dz, dy, y []float32)             { sigmoidGradRef(dz, dy, y) }
func tanhGrad(dz, dy, y []float32)                { tanhGradRef(dz, dy, y) }
func axpy(alpha float32, x, y []float32)          { axpyRef(alpha, x, y) }
func scale(dst []float32, a float32, x []float32) { scaleRef(dst, a, x) }
func shift(dst []float32, a float32, x []float32) { shiftRef(dst, a, x) }
func add(dst, x, y []float32)                     { addRef(dst, x, y) }
func mul(dst, x, y []float32)                     { mulRef(dst, x, y) }
func dot(x, y []float32) float32                  { return dotRef(x, y) }
func sum(x []float32) float32                     { return sumRef(x) }
func maximum(x []float32) float32                 { return maximumRef(x) }
func colSumAdd(dst, a []float32, m, n int)        { colSumAddRef(dst, a, m, n) }

func bceLogits(dz, z, y []float32, scale float32, acc *[lossLanes]float64) {
	bceLogitsRef(dz, z, y, scale, acc)
}

func gather(dst, src []float32, index []int32, cols int)     { gatherRef(dst, src, index, cols) }
func scatterAdd(dst, src []float32, index []int32, cols int) { scatterAddRef(dst, src, index, cols) }
func prefetchNext(_ []float32, _ []int32, _ int)             {}

func erf(dst, x []float32)             { mapRef(erfOne, dst, x) }
func gelu(dst, x []float32)            { mapRef(geluOne, dst, x) }
func geluGrad(dz, dy, x []float32)     { slopeRef(geluSlope, dz, dy, x) }
func geluTanh(dst, x []float32)        { mapRef(geluTanhOne, dst, x) }
func geluTanhGrad(dz, dy, x []float32) { slopeRef(geluTanhSlope, dz, dy, x) }
func silu(dst, x []float32)            { mapRef(siluOne, dst, x) }
func siluGrad(dz, dy, x []float32)     { slopeRef(siluSlope, dz, dy, x) }
func selu(dst, x []float32)            { mapRef(seluOne, dst, x) }
func seluGrad(dz, dy, y []float32)     { slopeRef(seluSlope, dz, dy, y) }
func mish(dst, x []float32)            { mapRef(mishOne, dst, x) }
func mishGrad(dz, dy, x []float32)     { slopeRef(mishSlope, dz, dy, x) }

func expRows(dst, x, top, total []float32, factor float32, cols, dstStep, xStep int) {
	expRowsRef(dst, x, top, total, factor, cols, dstStep, xStep)
}

func scaleRows(dst, factor []float32, cols, step int) { scaleRowsRef(dst, factor, cols, step) }

func ceRows(dst, mul, alpha []float32, sub float32, cols int) {
	ceRowsRef(dst, mul, alpha, sub, cols)
}

func softmaxGrad(dx, dy, y []float32, cols int, scale float32) {
	softmaxGradRef(dx, dy, y, cols, scale)
}

func smallLine() int { return 0 } // the references know rows of any width alone

func softmaxSmall(dst, x []float32, rows, cols, step int, factor float32) {
	var top, total [lineBlock]float32
	expRowsRef(dst, x, top[:rows], total[:rows], factor, cols, step, step)
}

func ceSmall(_, _, _, _, _ []float32, _ []int32, _, _ float32, _ int) {}

func layerNorm(y, normal, x, gamma, beta, slope []float32, eps float32, cols int) {
	layerNormRef(y, normal, x, gamma, beta, slope, eps, cols)
}

func layerNormGrad(dx, dy, normal, gamma, slope []float32, cols int) {
	layerNormGradRef(dx, dy, normal, gamma, slope, cols)
}

func normGradAdd(dgamma, dbeta, dy, normal []float32, rows, cols int) {
	normGradAddRef(dgamma, dbeta, dy, normal, rows, cols)
}

func colSpreadAdd(dst, x, mean []float32, rows, cols int) {
	colSpreadAddRef(dst, x, mean, rows, cols)
}

func batchNorm(y, normal, x, mean, slope, gamma, beta []float32, rows, cols int) {
	batchNormRef(y, normal, x, mean, slope, gamma, beta, rows, cols)
}

func batchNormGrad(dx, dy, normal, mean, along, factor []float32, rows, cols int) {
	batchNormGradRef(dx, dy, normal, mean, along, factor, rows, cols)
}

func sgdMomentum(w, g, v []float32, rate, momentum float32) {
	sgdMomentumRef(w, g, v, rate, momentum)
}

func sgdNesterov(w, g, v []float32, rate, momentum float32) {
	sgdNesterovRef(w, g, v, rate, momentum)
}

func rmsProp(w, g, v []float32, rate, c, eps float32) {
	rmsPropRef(w, g, v, rate, c, eps)
}

func rmsMomentum(w, g, m, v []float32, rate, c, eps, momentum float32) {
	rmsMomentumRef(w, g, m, v, rate, c, eps, momentum)
}

func adam(w, g, m, v []float32, alpha, c1, c2, eps float32) {
	adamRef(w, g, m, v, alpha, c1, c2, eps)
}

func adamW(w, g, m, v []float32, alpha, c1, c2, eps, decay float32) {
	adamWRef(w, g, m, v, alpha, c1, c2, eps, decay)
}

func clip(dst, x []float32, low, high float32) {
	clipRef(dst, x, low, high)
}

func squares(x []float32, acc *[lossLanes]float64) {
	squaresRef(x, acc)
}

func dotPart(x, y []float32, acc *[lanes]float32) {
	dotPartRef(x, y, acc)
}

func sumPart(x []float32, acc *[lanes]float32) {
	sumPartRef(x, acc)
}

func dropoutMask(dst []float32, start uint64, floor uint32, keep float32) {
	dropoutMaskRef(dst, start, floor, keep)
}

func dropout(dst, x []float32, start uint64, floor uint32, keep float32) {
	dropoutRef(dst, x, start, floor, keep)
}

func fromHalf(dst []float32, src []uint16) { fromHalfRef(dst, src) }

func toHalf(dst []uint16, src []float32) { toHalfRef(dst, src) }

func fromBrain(dst []float32, src []uint16) { fromBrainRef(dst, src) }

func toBrain(dst []uint16, src []float32) { toBrainRef(dst, src) }

func dotInt8(a []uint8, b []int8) int32 { return dotInt8Ref(a, b) }

func tileInt8(c []int32, a []uint8, b []int8, rows, fours, aStep, cStep int) {
	tileInt8Ref(c, a, b, rows, fours, aStep, cStep)
}

func finishInt8(dst []float32, acc, sums []int32, scale, bias []float32, zero int32, row float32) {
	finishInt8Ref(dst, acc, sums, scale, bias, zero, row)
}
