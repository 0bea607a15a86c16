package kernel

import "fmt"

// checkRows panics unless src [rows cols] has every row that index names, and rows [len(index) cols]
// has the right length. It returns the number of rows of src.
func checkRows(op, list, table string, dst, src []float32, index []int32, cols int) {
	check(op, list, dst, len(index), cols)
	rows := 0
	if cols > 0 {
		rows = len(src) / cols
	}
	check(op, table, src, rows, cols)
	checkIndex(op, "index", index, rows, cols)
}

// checkIndex panics unless every index names one of rows.
func checkIndex(op, name string, index []int32, rows, cols int) {
	if cols == 0 {
		return
	}
	limit := uint64(rows)
	for i, r := range index {
		if uint64(int64(r)) >= limit {
			panic(fmt.Sprintf("kernel: %s: %s[%d] is %d, there are %d rows", op, name, i, r, rows))
		}
	}
}

// Gather copies rows of src to dst: row i of dst is row index[i] of src; rows have cols elements.
// It panics on wrong lengths and on an index out of range, before it copies anything.
func Gather(dst, src []float32, index []int32, cols int) {
	checkRows("gather", "dst", "src", dst, src, index, cols)
	if len(dst) == 0 {
		return
	}
	gatherPieces(dst, src, index, cols)
}

// GatherPrefetch is Gather, and asks the memory for the rows that next names, so that they are in the
// cache when the next call copies them: rows chosen at random from a table beyond the cache are waited
// for otherwise. It panics as Gather does, also on an index in next out of range.
func GatherPrefetch(dst, src []float32, index, next []int32, cols int) {
	checkRows("gatherprefetch", "dst", "src", dst, src, index, cols)
	if cols == 0 {
		return
	}
	checkIndex("gatherprefetch", "next", next, len(src)/cols, cols)
	if len(dst) > 0 {
		gatherPieces(dst, src, index, cols)
	}
	if n := min(len(next), prefetchMost/cols); n > 0 {
		prefetchNext(src, next[:n], cols)
	}
}

// prefetchMost is the number of elements that a prefetch may ask for: half of a L2 cache of 1 MB.
const prefetchMost = 1 << 17

// gatherPieces calls the kernel with as many rows as take some 10 microseconds.
func gatherPieces(dst, src []float32, index []int32, cols int) {
	rows := max(piece/cols, 1)
	for len(index) > rows {
		gather(dst[:rows*cols], src, index[:rows], cols)
		dst, index = dst[rows*cols:], index[rows:]
	}
	gather(dst, src, index, cols)
}

// ScatterAdd adds rows to dst: row i of src is added to row index[i] of dst, in ascending order of i,
// so that a row that is named several times sums in that order. It is the gradient of Gather. It
// panics on wrong lengths and on an index out of range, before it adds anything.
func ScatterAdd(dst, src []float32, index []int32, cols int) {
	checkRows("scatteradd", "src", "dst", src, dst, index, cols)
	if len(src) == 0 {
		return
	}
	rows := max(piece/cols, 1)
	for len(index) > rows {
		scatterAdd(dst, src[:rows*cols], index[:rows], cols)
		src, index = src[rows*cols:], index[rows:]
	}
	scatterAdd(dst, src, index, cols)
}
