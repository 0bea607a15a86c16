package kernel

import "fmt"

// BCELogits returns the sum of the binary cross-entropies of the logits z against the targets y in
// [0 1], and sets dz = (sigmoid(z) - y) scale; all have one length, dz may be z.
//
// One loss is max(z, 0) - z y + ln(1 + e^-|z|) in float32, within 3 ulp of the largest of its terms; the sum is in
// float64, in 16 lanes: lane i mod 16 takes element i, and the lanes are added pairwise at distance 8,
// 4, 2, 1. An infinite z gives Inf or NaN. It panics on different lengths.
func BCELogits(dz, z, y []float32, scale float32) (loss float64) {
	same("bcelogits", "dz", dz, len(z))
	same("bcelogits", "y", y, len(z))
	return bceLogits(dz, z, y, scale)
}

// CELogits returns the sum of the cross-entropies of the logits z [rows cols] against the classes in
// label [rows], and sets dz = (softmax(z) - onehot(label)) scale; dz may be z.
//
// One loss is ln(sum of e^(z - max)) + max - z[label], the parts of it in float32 and their sum, like
// the sum over rows in ascending order, in float64. It panics on wrong lengths and on a label outside
// [0 cols).
func CELogits(dz, z []float32, label []int32, rows, cols int, scale float32) float64 {
	check("celogits", "dz", dz, rows, cols)
	check("celogits", "z", z, rows, cols)
	if len(label) != rows {
		panic(fmt.Sprintf("kernel: celogits: label has %d elements, want %d", len(label), rows))
	}
	for i, l := range label {
		if l < 0 || int(l) >= cols {
			panic(fmt.Sprintf("kernel: celogits: label[%d] is %d, want [0 %d)", i, l, cols))
		}
	}
	var loss float64
	for i, l := range label {
		loss += ceRow(dz[i*cols:(i+1)*cols], z[i*cols:(i+1)*cols], l, scale)
	}
	return loss
}

func ceRow(dz, z []float32, label int32, alpha float32) float64 {
	at := z[label]
	total, top := expShifted(dz, z)
	scale(dz, 1/total, dz)
	dz[label]--
	scale(dz, alpha, dz)
	return float64(logOne(total)) + (float64(top) - float64(at))
}
