package kernel

import "fmt"

// int8Depth is the longest product of bytes whose sum, 255 * 128 * int8Depth at most, fits an int32.
const int8Depth = 65536

// DotInt8 returns the sum of a b, exactly. It panics on different lengths and beyond 65,536 elements.
func DotInt8(a []uint8, b []int8) int32 {
	if len(a) != len(b) || len(a) > int8Depth {
		panic(fmt.Sprintf("kernel: dotint8: a has %d elements, b %d, want the same and at most %d", len(a), len(b), int8Depth))
	}
	return dotInt8(a, b)
}

// Int8Matrix is a matrix of signed bytes [k n] with a scale for each column, packed for MatMulInt8. It
// does not change once made.
type Int8Matrix struct {
	k, n   int
	fours  int    // ceil(k / 4)
	data   []int8 // slivers of 16 columns: [fours 16 4], padded with zeros
	sums   []int32
	scales []float32
}

// sliver is the number of columns in a part of a packed matrix.
const sliver = 16

// NewInt8Matrix packs w [n k], the weights of each output in a row, with the scale of each output: what
// it stands for is w[j][p] scale[j]. It panics on wrong lengths and on k beyond 65,536.
func NewInt8Matrix(w []int8, scale []float32, k, n int) *Int8Matrix {
	if k < 0 || n < 0 || k > int8Depth || len(w) != n*k || len(scale) != n {
		panic(fmt.Sprintf("kernel: newint8matrix: w has %d elements, scale %d, want [%d %d], k at most %d", len(w), len(scale), n, k, int8Depth))
	}
	m := &Int8Matrix{k: k, n: n, fours: (k + 3) / 4, sums: make([]int32, n), scales: append([]float32{}, scale...)}
	m.data = make([]int8, (n+sliver-1)/sliver*m.fours*4*sliver)
	for j := range n {
		base := j/sliver*m.fours*4*sliver + j%sliver*4
		for p, v := range w[j*k : (j+1)*k] {
			m.data[base+p/4*4*sliver+p%4] = v
			m.sums[j] += int32(v)
		}
	}
	return m
}

// Shape returns k and n.
func (m *Int8Matrix) Shape() (k, n int) { return m.k, m.n }

// MatMulInt8 sets y = x w + bias, where x [rows k] stands for (a - zero[i]) scale[i] by row, and y is [rows
// n]; bias [n] may be nil. The sums are exact integers; then y = sum * (scale[i] scale of w[j]) + bias,
// the scales' product rounded, the rest fused. It panics on wrong lengths.
func MatMulInt8(y []float32, a []uint8, zero []uint8, scale []float32, w *Int8Matrix, bias []float32, rows int) {
	check("matmulint8", "y", y, rows, w.n)
	check("matmulint8", "scale", scale, rows, 1)
	if len(a) != rows*w.k || len(zero) != rows || bias != nil && len(bias) != w.n {
		panic(fmt.Sprintf("kernel: matmulint8: a has %d elements, zero %d, bias %d, want [%d %d], %d, %d", len(a), len(zero), len(bias), rows, w.k, rows, w.n))
	}
	if rows == 0 || w.n == 0 {
		return
	}
	room := int8Pool.Get().(*int8Room)
	defer int8Pool.Put(room)
	room.bias = sized(room.bias, w.n)
	clear(room.bias)
	copy(room.bias, bias)
	width := (w.n + sliver - 1) / sliver * sliver
	block := max(piece/max(w.k, width), 1)
	room.acc = sized(room.acc, min(block, rows)*width)
	for i := 0; i < rows; i += block {
		n := min(block, rows-i)
		room.product(w, a[i*w.k:(i+n)*w.k], n, width)
		for r := range n {
			acc := room.acc[r*width : r*width+w.n]
			finishInt8(y[(i+r)*w.n:(i+r+1)*w.n], acc, w.sums, w.scales, room.bias, int32(zero[i+r]), scale[i+r])
		}
	}
}

// product sets acc [rows width] to the sums of products.
func (room *int8Room) product(w *Int8Matrix, a []uint8, rows, width int) {
	if w.k == 0 {
		clear(room.acc)
		return
	}
	step := w.k
	if w.k%4 != 0 {
		step = 4 * w.fours
		room.a = sized(room.a, rows*step)
		for r := range rows {
			row := room.a[r*step : (r+1)*step]
			clear(row[copy(row, a[r*w.k:(r+1)*w.k]):])
		}
		a = room.a
	}
	for j := 0; j < width; j += sliver {
		tileInt8(room.acc[j:], a, w.data[j*4*w.fours:], rows, w.fours, step, width)
	}
}
