// Package autograd records operations on a tape and computes gradients by running it backwards.
//
// A tape is recorded once for fixed shapes, planned once, and then replayed for every step: Plan
// places all values and gradients in one allocation and decides for each gradient which operation
// writes it and which add to it, so that Forward and Backward allocate nothing and clear nothing.
// Each operation carries its backward. A tape is not safe for concurrent use; several tapes may
// share parameters if they run one after the other.
package autograd

import (
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// Parameter is a named weight and its gradient. Both outlive the tapes that use them. Grad must
// have the shape of Value when a tape that uses the parameter is planned.
type Parameter struct {
	Name        string
	Value, Grad *tensor.Tensor
}

// Node is a value on a tape.
type Node struct {
	value *tensor.Tensor
	grad  *tensor.Tensor // nil until Plan, and where nothing is to be learnt
	param *Parameter     // nil for inputs and results
	learn bool           // a parameter is among its sources
	wrote bool           // during Plan: some operation already stores its gradient
}

// Data is the node's value, row-major; an input's is filled by the caller before Forward. It is
// nil before Plan.
func (n *Node) Data() []float32 { return n.value.Data }

// Grad is the gradient of the loss by the node, after Backward; nil where nothing is learnt.
// Gradients of results may be overwritten by the operation that made them.
func (n *Node) Grad() []float32 {
	if n.grad == nil {
		return nil
	}
	return n.grad.Data
}

// Shape is the node's shape.
func (n *Node) Shape() tensor.Shape { return n.value.Shape }

// edge is an operation's hold on a source whose gradient it contributes to. The last consumer of
// a node on the tape comes first in the backward pass and stores; the others add.
type edge struct {
	*Node
	add bool
}

// operation is one recorded step. plan lets it reserve buffers once its edges are decided.
type operation interface {
	sources() []*edge
	plan(a *tensor.Arena)
	forward()
	backward()
}

// Tape is a recorded computation.
type Tape struct {
	arena     tensor.Arena
	ops       []operation
	nodes     []*Node
	params    []*Node
	losses    []*Loss
	unreached []*Node // parameters that no loss depends on
	pool      *kernel.Pool
	step      uint64
	fade      float64 // what dropout's rates are multiplied by
	planned   bool
}

// NewTape returns an empty tape.
func NewTape() *Tape { return &Tape{fade: 1} }

// SetPool lets the tape share large products with the pool's workers; nil, as at the start, keeps
// them on the caller. The bits do not depend on it.
func (t *Tape) SetPool(pool *kernel.Pool) { t.pool = pool }

// SetDropout multiplies the rates of all dropouts by a factor in [0, 1] from the next Forward on.
func (t *Tape) SetDropout(factor float64) { t.fade = factor }

// Input adds a value that the caller fills before each Forward.
func (t *Tape) Input(shape ...int) *Node { return t.node(false, shape...) }

// Use adds a parameter, once per tape: later calls return the same node.
func (t *Tape) Use(p *Parameter) *Node {
	for _, n := range t.params {
		if n.param == p {
			return n
		}
	}
	n := &Node{value: p.Value, param: p, learn: true}
	t.nodes, t.params = append(t.nodes, n), append(t.params, n)
	return n
}

// node adds a value of the tape's own.
func (t *Tape) node(learn bool, shape ...int) *Node {
	n := &Node{value: t.arena.New(shape...), learn: learn}
	t.nodes = append(t.nodes, n)
	return n
}

// result adds the output of an operation on the given sources.
func (t *Tape) result(shape tensor.Shape, sources ...*Node) *Node {
	learn := false
	for _, s := range sources {
		learn = learn || s.learn
	}
	return t.node(learn, shape...)
}

func (t *Tape) record(op operation) {
	if t.planned {
		panic("autograd: record after plan")
	}
	t.ops = append(t.ops, op)
}

// Plan fixes the tape. Without gradients only Forward may run. It panics when called twice, and
// with *tensor.ShapeError where a parameter's gradient does not have its shape.
func (t *Tape) Plan(gradients bool) {
	if t.planned {
		panic("autograd: plan twice")
	}
	t.planned = true
	if gradients {
		t.planGradients()
	}
	for _, op := range t.ops {
		op.plan(&t.arena)
	}
	t.arena.Commit()
}

func (t *Tape) planGradients() {
	for _, n := range t.nodes {
		switch {
		case n.param != nil:
			tensor.Require(n.param.Grad != nil && n.param.Grad.Shape.Equal(n.value.Shape),
				"plan", "parameter "+n.param.Name+" has no gradient of its shape", n.value.Shape)
			n.grad = n.param.Grad
		case n.learn:
			n.grad = t.arena.New(n.value.Shape...)
		}
	}
	for i := len(t.ops) - 1; i >= 0; i-- {
		for _, e := range t.ops[i].sources() {
			e.add, e.wrote = e.wrote, true
		}
	}
	t.dropUnreached()
}

// dropUnreached finds the parameters that no loss depends on: Backward gives them a gradient of
// zero. It panics on a result that no loss depends on, which is work for nothing.
func (t *Tape) dropUnreached() {
	for _, n := range t.nodes {
		switch {
		case n.wrote || !n.learn:
		case n.param != nil:
			t.unreached = append(t.unreached, n)
		default:
			panic("autograd: plan: a result of shape " + n.value.Shape.String() + " is used by no loss")
		}
	}
}

// SetStep sets the number of the step, on which the random numbers of dropout depend.
func (t *Tape) SetStep(step uint64) { t.step = step }

// Forward computes all values, and returns the sum of the losses' means.
func (t *Tape) Forward() float64 {
	for _, op := range t.ops {
		op.forward()
	}
	var total float64
	for _, l := range t.losses {
		total += l.Value
	}
	return total
}

// Backward computes the gradients of the sum of the losses into the parameters' Grad, replacing
// what was there. It must follow a Forward.
func (t *Tape) Backward() {
	for _, n := range t.unreached {
		clear(n.grad.Data)
	}
	for i := len(t.ops) - 1; i >= 0; i-- {
		t.ops[i].backward()
	}
}

// scratch is an operation's buffer for a gradient that must be added to others.
type scratch struct{ *tensor.Tensor }

// reserve makes room where one of the edges adds.
func (s *scratch) reserve(a *tensor.Arena, e *edge) {
	if e.add && e.grad != nil {
		s.Tensor = a.New(e.value.Shape...)
	}
}

// target is where a contribution to an edge is computed: the gradient itself where the edge
// stores, else the scratch, which flush then adds.
func (s *scratch) target(e *edge) []float32 {
	if e.add {
		return s.Data
	}
	return e.grad.Data
}

func (s *scratch) flush(e *edge) {
	if e.add {
		kernel.Add(e.grad.Data, e.grad.Data, s.Data)
	}
}
