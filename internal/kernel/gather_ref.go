package kernel

func gatherRef(dst, src []float32, index []int32, cols int) {
	for i, r := range index {
		copy(dst[i*cols:(i+1)*cols], src[int(r)*cols:])
	}
}

func scatterAddRef(dst, src []float32, index []int32, cols int) {
	for i, r := range index {
		row := dst[int(r)*cols : (int(r)+1)*cols]
		addRef(row, row, src[i*cols:(i+1)*cols])
	}
}
