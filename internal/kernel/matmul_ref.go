package kernel

// multiplyRef defines the matrix products: one chain of fused multiply-adds for each element of c.
func multiplyRef(g *product) {
	if g.n == 0 {
		return
	}
	for i := range g.m {
		row := g.c[i*g.cr : i*g.cr+g.n]
		if !g.add {
			startRow(row, g.bias)
		}
		for p := range g.k {
			fmaRow(row, g.a[i*g.ar+p*g.ac], g.b[p*g.br:], g.bc)
		}
		if g.relu {
			reluRef(row, row)
		}
	}
}

// startRow sets the starts of the chains of one row.
func startRow(row, bias []float32) {
	if bias == nil {
		clear(row)
		return
	}
	copy(row, bias[:len(row)])
}
