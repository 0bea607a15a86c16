package kernel

import "fmt"

// lineBlock is the number of rows that the kernels that go by rows take at a time; as many sums are kept on
// the stack.
const lineBlock = 64

// lineRows returns the number of rows of cols elements that take some 10 microseconds.
func lineRows(cols int) int { return min(max(piece/cols, 1), lineBlock) }

// Softmax sets each row of dst [rows cols] to e^(x - max) / sum of these, with the bounds of Exp; the
// sum is in the order of Sum and the division is a product with its reciprocal. A row with NaN, +Inf
// or only -Inf becomes NaN. It panics on wrong lengths.
func Softmax(dst, x []float32, rows, cols int) {
	check("softmax", "dst", dst, rows, cols)
	check("softmax", "x", x, rows, cols)
	softmaxSome(dst, x, rows, cols, cols, 1)
}

// SoftmaxScaled sets dst [rows cols] to the softmax of scale x, over the first limit[i] elements of row i
// alone; the others are 0, as is a row whose limit is 0. It is the softmax of attention: limit is i+1
// where no row may look ahead, or the length of a sequence that was padded. A nil limit means all. It
// panics on wrong lengths and on a limit outside [0 cols].
func SoftmaxScaled(dst, x []float32, limit []int32, rows, cols int, scale float32) {
	check("softmaxscaled", "dst", dst, rows, cols)
	check("softmaxscaled", "x", x, rows, cols)
	if limit == nil {
		softmaxSome(dst, x, rows, cols, cols, scale)
		return
	}
	if len(limit) != rows {
		panic(fmt.Sprintf("kernel: softmaxscaled: limit has %d elements, want %d", len(limit), rows))
	}
	for i, l := range limit {
		if l < 0 || int(l) > cols {
			panic(fmt.Sprintf("kernel: softmaxscaled: limit[%d] is %d, want [0 %d]", i, l, cols))
		}
	}
	for i := 0; i < rows; {
		end := i + 1
		for end < rows && limit[end] == limit[i] {
			end++
		}
		softmaxSome(dst[i*cols:end*cols], x[i*cols:end*cols], end-i, int(limit[i]), cols, scale)
		i = end
	}
}

// softmaxSome is the softmax of the first cols of rows of step elements; the rest is cleared.
func softmaxSome(dst, x []float32, rows, cols, step int, factor float32) {
	if step > cols {
		for i := range rows {
			clear(dst[i*step+cols : (i+1)*step])
		}
	}
	if cols == 0 {
		return
	}
	block := lineRows(cols)
	if cols <= smallLine() {
		for i := 0; i < rows; i += block {
			softmaxSmall(dst[i*step:], x[i*step:], min(block, rows-i), cols, step, factor)
		}
		return
	}
	var top, total [lineBlock]float32
	for i := 0; i < rows; i += block {
		n := min(block, rows-i)
		d := dst[i*step:]
		expLines(d, x[i*step:], top[:n], total[:n], factor, cols, step, step)
		for j, t := range total[:n] {
			total[j] = 1 / t
		}
		scaleLines(d, total[:n], cols, step)
	}
}

// SoftmaxGrad sets dx = (dy - Σ dy y) y scale for each row, given y = softmax(x / scale) [rows cols]; the
// sum is in the order of Dot. dx may be dy. It panics on wrong lengths.
func SoftmaxGrad(dx, dy, y []float32, rows, cols int, scale float32) {
	check("softmaxgrad", "dx", dx, rows, cols)
	check("softmaxgrad", "dy", dy, rows, cols)
	check("softmaxgrad", "y", y, rows, cols)
	if cols == 0 {
		return
	}
	block := lineRows(cols)
	for i := 0; i < rows; i += block {
		from, to := i*cols, min(i+block, rows)*cols
		softmaxGrad(dx[from:to], dy[from:to], y[from:to], cols, scale)
	}
}

// LogSumExp sets dst[i] to ln of the sum of e^x over row i of x [rows cols], as max + ln of the sum of
// e^(x - max) in the order of Sum: within 2 ulp of the larger of the two. A row of no columns gives
// -Inf, and one with NaN, +Inf or only -Inf gives NaN. It panics on wrong lengths.
func LogSumExp(dst, x []float32, rows, cols int) {
	check("logsumexp", "dst", dst, rows, 1)
	check("logsumexp", "x", x, rows, cols)
	if cols == 0 {
		for i := range dst {
			dst[i] = lowest
		}
		return
	}
	buf := scratch(cols)
	defer release(buf)
	var top [lineBlock]float32
	block := lineRows(cols)
	for i := 0; i < rows; i += block {
		n := min(block, rows-i)
		out := dst[i : i+n]
		expLines(*buf, x[i*cols:], top[:n], out, 1, cols, 0, cols)
		log(out, out)
		add(out, top[:n], out)
	}
}

// expLines sets the first cols elements of each row of dst to e^(factor x - top), given the rows' tops
// and totals; rows lie steps apart, those of dst may be one place.
func expLines(dst, x, top, total []float32, factor float32, cols, dstStep, xStep int) {
	if cols <= piece {
		expRows(dst, x, top, total, factor, cols, dstStep, xStep)
		return
	}
	for i := range top { // a row this long is worth several calls
		row := dst[i*dstStep : i*dstStep+cols]
		Scale(row, factor, x[i*xStep:i*xStep+cols])
		top[i] = Max(row)
		t := -top[i]
		pieces(cols, func(a, b int) { shift(row[a:b], t, row[a:b]) })
		Exp(row, row)
		total[i] = Sum(row)
	}
}

// scaleLines multiplies each row by its factor.
func scaleLines(dst, factor []float32, cols, step int) {
	if cols <= piece {
		scaleRows(dst, factor, cols, step)
		return
	}
	for i, f := range factor {
		row := dst[i*step : i*step+cols]
		Scale(row, f, row)
	}
}
