package optim

import "math"

// correction returns sqrt(1 - beta2^t) / (1 - beta1^t), Adam's bias correction at update t >= 1.
func correction(beta1, beta2 float64, t uint64) float64 {
	return math.Sqrt(1-power(beta2, t)) / (1 - power(beta1, t))
}

// power returns base^n by squaring. Unlike math.Pow it is made of products alone, which no
// compiler can fuse with an addition, so its bits are the same everywhere; and unlike a running
// product it needs no state in a checkpoint.
func power(base float64, n uint64) float64 {
	result := 1.0
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			result = float64(result * base)
		}
		base = float64(base * base)
	}
	return result
}
