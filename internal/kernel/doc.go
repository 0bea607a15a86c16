// Package kernel holds the inner loops of the engine: matrix products, also batched, strided and of
// bytes, element-wise functions, softmax and normalisation by rows, reductions, losses, optimiser steps,
// gather and scatter, dropout and conversions, on float32 slices, row-major.
//
// Every kernel has a pure-Go reference (files *_ref.go) that defines the answer, and assembly for
// AVX2 and AVX-512 made by the generators in _gen. All give the same bits (a NaN is a NaN, whatever
// its payload), so which of them runs, see package cpu, is a matter of speed alone. Three rules make
// this possible:
//
//   - Each element of a matrix product is one chain of float32 fused multiply-adds in ascending k,
//     from 0, the bias, or the old value. Vectors, tiles and threads only go across elements.
//   - Each reduction has one order, stated at the function, that does not depend on the vector width.
//   - Exp, log, tanh, sigmoid, erf and what is made of them are our own sequences of float32
//     operations, each rounded once; their error bounds stand at the functions.
//
// A Pool shares large products among a few goroutines, without a change of bits. The package itself has
// no state and starts nothing. Assembly cannot be interrupted by the scheduler, so every kernel comes up
// for air after some 50 microseconds at most.
//
// Functions panic on wrong lengths before they write anything. They allocate nothing once warm and
// may run at the same time on different destinations. Unless a function says otherwise, a
// destination may be the same slice as a source of the same shape, but must not partly overlap it;
// the destination of a matrix product must not overlap its sources.
package kernel

//go:generate go run -C _gen . -pkg kernel -out ../kernels_amd64.s -stubs ../kernels_amd64.go
