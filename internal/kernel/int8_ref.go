package kernel

import "sync"

// int8Room is the workspace of a product of bytes.
type int8Room struct {
	acc  []int32
	a    []uint8
	bias []float32
}

var int8Pool = sync.Pool{New: func() any { return new(int8Room) }}

// sized returns v with n elements of any value.
func sized[T any](v []T, n int) []T {
	if cap(v) < n {
		return make([]T, n)
	}
	return v[:n]
}

func dotInt8Ref(a []uint8, b []int8) (sum int32) {
	for i, v := range a {
		sum += int32(v) * int32(b[i])
	}
	return sum
}

func tileInt8Ref(c []int32, a []uint8, b []int8, rows, fours, aStep, cStep int) {
	for i := range rows {
		row := c[i*cStep : i*cStep+sliver]
		clear(row)
		for p, v := range a[i*aStep : i*aStep+4*fours] {
			for j := range row {
				row[j] += int32(v) * int32(b[p/4*4*sliver+4*j+p%4])
			}
		}
	}
}

func finishInt8Ref(dst []float32, acc, sums []int32, scale, bias []float32, zero int32, row float32) {
	for j, v := range acc {
		dst[j] = fma(float32(v-zero*sums[j]), float32(row*scale[j]), bias[j])
	}
}
