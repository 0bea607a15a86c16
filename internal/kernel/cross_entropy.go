package kernel

import "fmt"

// CELogits returns the sum of the cross-entropies of the logits z [rows cols] against the classes in
// label [rows], and sets dz = (softmax(z) - onehot(label)) scale; dz may be z.
//
// One loss is ln(sum of e^(z - max)) + max - z[label], the parts of it in float32 and their sum, like
// the sum over rows in ascending order, in float64. It panics on wrong lengths and on a label outside
// [0 cols).
func CELogits(dz, z []float32, label []int32, rows, cols int, scale float32) float64 {
	return CELogitsWeighted(dz, z, nil, label, rows, cols, scale, 0)
}

// CELogitsWeighted is CELogits with a weight for each row and label smoothing, in [0 1]: a class's target
// is smoothing/cols, the label's 1-smoothing more. It returns the sum of weight times loss and sets dz =
// (softmax(z) - target) (scale weight). A nil weight is 1 for each row.
//
// One loss is ln(sum of e^(z - max)) + (1-smoothing) (max - z[label]) + smoothing (max - mean of z),
// where the mean is that of Sum; a row of weight 0 counts for nothing, whatever it holds. It panics as
// CELogits does, and on smoothing outside [0 1].
func CELogitsWeighted(dz, z, weight []float32, label []int32, rows, cols int, scale, smoothing float32) float64 {
	checkCE(dz, z, weight, label, rows, cols)
	if !(smoothing >= 0 && smoothing <= 1) {
		panic(fmt.Sprintf("kernel: celogits: smoothing is %g, want [0 1]", smoothing))
	}
	if rows == 0 {
		return 0
	}
	c := ceCode{cols: cols, scale: scale, smoothing: smoothing, base: smoothing / float32(cols)}
	block, loss := lineRows(cols), 0.0
	for i := 0; i < rows; i += block {
		end := min(i+block, rows)
		var w []float32
		if weight != nil {
			w = weight[i:end]
		}
		c.block(dz[i*cols:end*cols], z[i*cols:end*cols], w, label[i:end], &loss)
	}
	return loss
}

func checkCE(dz, z, weight []float32, label []int32, rows, cols int) {
	check("celogits", "dz", dz, rows, cols)
	check("celogits", "z", z, rows, cols)
	if weight != nil {
		check("celogits", "weight", weight, rows, 1)
	}
	if len(label) != rows {
		panic(fmt.Sprintf("kernel: celogits: label has %d elements, want %d", len(label), rows))
	}
	for i, l := range label {
		if l < 0 || int(l) >= cols {
			panic(fmt.Sprintf("kernel: celogits: label[%d] is %d, want [0 %d)", i, l, cols))
		}
	}
}

// ceCode is what the rows of a cross-entropy share, and room for some of them.
type ceCode struct {
	cols                   int
	scale, smoothing, base float32
	at, mean               [lineBlock]float32 // the logit of the label, the mean of the row
	top, total, logs       [lineBlock]float32
	alpha                  [lineBlock]float32
}

// block adds the losses of some rows to loss.
func (c *ceCode) block(dz, z, weight []float32, label []int32, loss *float64) {
	n := len(label)
	for i, l := range label {
		row := z[i*c.cols : (i+1)*c.cols]
		c.at[i] = row[l]
		if c.smoothing > 0 {
			c.mean[i] = Sum(row) / float32(c.cols)
		}
		c.alpha[i] = c.scale
		if weight != nil {
			c.alpha[i] = c.scale * weight[i]
		}
	}
	small := c.cols <= smallLine()
	if small {
		ceSmall(dz, z, c.top[:n], c.total[:n], c.alpha[:n], label, c.base, c.hot(), c.cols)
	} else {
		expLines(dz, z, c.top[:n], c.total[:n], 1, c.cols, c.cols, c.cols)
	}
	log(c.logs[:n], c.total[:n])
	for i := range label {
		w := 1.0
		if weight != nil {
			w = float64(weight[i])
		}
		*loss += c.one(i, w)
		c.total[i] = 1 / c.total[i]
	}
	if !small {
		c.slopes(dz, label)
	}
	for i, w := range weight {
		if w == 0 {
			clear(dz[i*c.cols : (i+1)*c.cols])
		}
	}
}

// one returns the loss of row i.
func (c *ceCode) one(i int, weight float64) float64 {
	if weight == 0 {
		return 0
	}
	top, s := float64(c.top[i]), float64(c.smoothing)
	loss := float64(c.logs[i])
	if s == 0 {
		loss += top - float64(c.at[i])
	} else {
		loss += float64((1-s)*(top-float64(c.at[i]))) + float64(s*(top-float64(c.mean[i])))
	}
	return float64(weight * loss)
}

// slopes turns the exponentials in dz into the derivatives.
func (c *ceCode) slopes(dz []float32, label []int32) {
	for i, l := range label {
		c.at[i] = dz[i*c.cols+int(l)]
	}
	n := len(label)
	if c.cols <= piece {
		ceRows(dz, c.total[:n], c.alpha[:n], c.base, c.cols)
	} else {
		for i := range n {
			row := dz[i*c.cols : (i+1)*c.cols]
			pieces(c.cols, func(a, b int) { ceRows(row[a:b], c.total[i:i+1], c.alpha[i:i+1], c.base, b-a) })
		}
	}
	for i, l := range label {
		dz[i*c.cols+int(l)] = ceSlope(c.at[i], c.total[i], c.hot(), c.alpha[i])
	}
}

// hot is the target of the label.
func (c *ceCode) hot() float32 { return c.base + float32(1-c.smoothing) }
