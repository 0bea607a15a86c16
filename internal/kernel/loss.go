package kernel

// BCELogits returns the sum of the binary cross-entropies of the logits z against the targets y in
// [0 1], and sets dz = (sigmoid(z) - y) scale; all have one length, dz may be z.
//
// One loss is max(z, 0) - z y + ln(1 + e^-|z|) in float32, within 3 ulp of the largest of its terms; the sum is in
// float64, in 16 lanes: lane i mod 16 takes element i, and the lanes are added pairwise at distance 8,
// 4, 2, 1. An infinite z gives Inf or NaN. It panics on different lengths.
func BCELogits(dz, z, y []float32, scale float32) (loss float64) {
	same("bcelogits", "dz", dz, len(z))
	same("bcelogits", "y", y, len(z))
	var acc [lossLanes]float64
	pieces(len(z), func(i, j int) { bceLogits(dz[i:j], z[i:j], y[i:j], scale, &acc) })
	return foldLoss(&acc)
}
