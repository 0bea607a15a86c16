package autograd

import (
	"math"

	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// dropout multiplies by a mask of 0 and 1/(1-rate). Element i of step s has a random number of its
// own, so a repeated or resumed step draws the same mask.
type dropout struct {
	tape   *Tape
	y      *Node
	x      edge
	mask   *tensor.Tensor
	source tensor.Random
	rate   float64
	spare  scratch
}

// Dropout returns x with each element replaced by 0 with probability rate, in [0, 1), and divided
// by 1-rate otherwise, as Keras does in training. The mask depends on source and the tape's step;
// SetDropout changes the rate.
func (t *Tape) Dropout(x *Node, rate float64, source tensor.Random) *Node {
	if !(rate >= 0 && rate < 1) {
		panic("autograd: dropout: rate is not in [0, 1)")
	}
	op := &dropout{
		tape: t, y: t.result(x.Shape(), x), x: edge{Node: x}, source: source, rate: rate,
	}
	t.record(op)
	return op.y
}

func (o *dropout) sources() []*edge { return []*edge{&o.x} }

func (o *dropout) plan(a *tensor.Arena) {
	o.mask = a.New(o.x.value.Shape...)
	o.spare.reserve(a, &o.x)
}

func (o *dropout) forward() {
	o.draw(o.mask.Data, o.source.Derive(o.tape.step))
	kernel.Mul(o.y.value.Data, o.x.value.Data, o.mask.Data)
}

// draw fills the mask; one random number serves two elements. It looks the value up instead of
// branching, which at random would be predicted wrong: 1.1 ns an element instead of 1.3 to 2.9 (EPYC).
func (o *dropout) draw(mask []float32, source tensor.Random) {
	rate := float64(o.rate * o.tape.fade)
	floor := uint64(math.Round(rate * (1 << 32))) // an element is kept when its 32 random bits are at least this
	values := [2]float32{float32(1 / (1 - rate)), 0}
	for i := 0; i < len(mask)-1; i += 2 {
		bits := source.Uint64(uint64(i / 2))
		mask[i] = values[(bits>>32-floor)>>63]
		mask[i+1] = values[(bits&math.MaxUint32-floor)>>63]
	}
	if last := len(mask) - 1; last%2 == 0 {
		mask[last] = values[(source.Uint64(uint64(last/2))>>32-floor)>>63]
	}
}

func (o *dropout) backward() {
	if o.x.grad == nil {
		return
	}
	kernel.Mul(o.spare.target(&o.x), o.y.grad.Data, o.mask.Data)
	o.spare.flush(&o.x)
}
