package tensor

import "slices"

const (
	// align is the placement of each tensor in floats: 64 bytes, one cache line and one AVX-512
	// register, so that no vector load of a tensor's start crosses a line.
	align = 16
	// slabFloor is the least slab in floats. Go's size classes from 1 KiB up are multiples of
	// 64 bytes, so a slab of at least that size starts on a cache line.
	slabFloor = 256
)

// Arena places tensors in one allocation. New reserves, Commit allocates; between the two the
// tensors have a shape and no data. An arena is used once.
type Arena struct {
	tensors []*Tensor
	offsets []int
	size    int
	slab    []float32
}

// New reserves a tensor. Its Data is nil until Commit. It panics if the arena is committed.
func (a *Arena) New(shape ...int) *Tensor {
	if a.slab != nil {
		panic("tensor: arena: new after commit")
	}
	t := &Tensor{Shape: slices.Clone(shape)}
	a.tensors = append(a.tensors, t)
	a.offsets = append(a.offsets, a.size)
	a.size += (t.Shape.Size() + align - 1) / align * align
	return t
}

// Commit allocates the slab, zeroed, and gives every reserved tensor its part of it.
func (a *Arena) Commit() {
	if a.slab != nil {
		panic("tensor: arena: commit twice")
	}
	a.slab = make([]float32, max(a.size, slabFloor))
	for i, t := range a.tensors {
		start, n := a.offsets[i], t.Shape.Size()
		t.Data = a.slab[start : start+n : start+n]
	}
}

// Slab is the whole allocation in the order of reservation, with zeros between tensors. Two arenas
// with the same reservations have the same layout.
func (a *Arena) Slab() []float32 { return a.slab[:a.size:a.size] }
