package kernel

import "sync"

// buffers recycles scratch so that a warm kernel allocates nothing.
var buffers = sync.Pool{New: func() any { return new([]float32) }}

// scratch returns a buffer of n elements of any value; release gives it back.
func scratch(n int) *[]float32 {
	buf := buffers.Get().(*[]float32)
	if cap(*buf) < n {
		*buf = make([]float32, n)
	}
	*buf = (*buf)[:n]
	return buf
}

func release(buf *[]float32) { buffers.Put(buf) }
