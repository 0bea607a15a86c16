package autograd

import (
	"math"

	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// dropout multiplies by a mask of 0 and 1/(1-rate). Element i of step s has a random number of its
// own, so a repeated or resumed step draws the same mask, and the backward pass draws it again.
type dropout struct {
	tape   *Tape
	y      *Node
	x      edge
	source tensor.Random
	rate   float64
	spare  scratch

	key   uint64 // of the last forward pass
	floor uint64 // an element is kept when its 32 random bits are at least this
	keep  float32
}

// Dropout returns x with each element replaced by 0 with probability rate, in [0, 1), and divided
// by 1-rate otherwise, as Keras does in training. The mask depends on source and the tape's step;
// SetDropout changes the rate.
func (t *Tape) Dropout(x *Node, rate float64, source tensor.Random) *Node {
	if !(rate >= 0 && rate < 1) {
		panic("autograd: dropout: rate is not in [0, 1)")
	}
	op := &dropout{tape: t, y: t.result(x.Shape(), x), x: edge{Node: x}, source: source, rate: rate}
	t.record(op)
	return op.y
}

func (o *dropout) sources() []*edge     { return []*edge{&o.x} }
func (o *dropout) plan(a *tensor.Arena) { o.spare.reserve(a, &o.x) }

func (o *dropout) forward() {
	rate := float64(o.rate * o.tape.fade)
	o.key = o.source.Derive(o.tape.step).Key()
	o.floor, o.keep = uint64(math.Round(rate*(1<<32))), float32(1/(1-rate))
	kernel.Dropout(o.y.value.Data, o.x.value.Data, o.key, 0, o.floor, o.keep)
}

func (o *dropout) backward() {
	if o.x.grad == nil {
		return
	}
	kernel.Dropout(o.spare.target(&o.x), o.y.grad.Data, o.key, 0, o.floor, o.keep)
	o.spare.flush(&o.x)
}
