package autograd

import (
	"math"

	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// Attention describes scaled dot-product attention of N sequences with several heads. Queries are
// [N*T H*D], keys [N*S H*D] and values [N*S H*E], where the columns of head h are those from h*D (or
// h*E) on.
type Attention struct {
	Heads  int  // H
	Length int  // T, of the queries
	Keys   int  // S, of keys and values
	Causal bool // query t sees keys 0 to t; needs T = S
}

// attention is softmax(q kᵀ / sqrt D) v for each sequence and head.
type attention struct {
	Attention
	tape                   *Tape
	y                      *Node
	q, k, v                edge
	lengths                *Node          // [N] or nil
	limits                 []int32        // [N*H*T] or nil, how many keys each row of chances sees
	chances                *tensor.Tensor // [N H T S], what the softmax gives
	scores                 *tensor.Tensor // [N H T S], for the backward pass
	spareQ, spareK, spareV scratch
}

// Attend returns softmax(q kᵀ / sqrt(D)) v for each sequence and head as [N*T H*E]. lengths is [N], how
// many keys of each sequence are there, the others being padding at its end; or nil for all S. A query
// that sees no key gets 0. No gradient goes into lengths. It panics with *tensor.ShapeError.
// Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.
func (t *Tape) Attend(q, k, v, lengths *Node, a Attention) *Node {
	sequences := q.Shape().Rows() / max(a.Length, 1)
	a.check(sequences, q.Shape(), k.Shape(), v.Shape())
	if lengths != nil {
		tensor.Require(lengths.Shape().Size() == sequences, "attend", "the lengths are not [N]", lengths.Shape())
	}
	op := &attention{Attention: a, tape: t, q: edge{Node: q}, k: edge{Node: k}, v: edge{Node: v}, lengths: lengths}
	op.y = t.result(tensor.Shape{q.Shape().Rows(), v.Shape().Columns()}, q, k, v)
	t.record(op)
	return op.y
}

func (a *Attention) check(n int, q, k, v tensor.Shape) {
	ok := a.Heads > 0 && a.Length > 0 && a.Keys > 0 && n*a.Length == q.Rows() && n*a.Keys == k.Rows() && n*a.Keys == v.Rows()
	tensor.Require(ok, "attend", "rows do not fit the lengths", q, k, v, tensor.Shape{a.Length, a.Keys})
	ok = q.Columns() == k.Columns() && q.Columns()%a.Heads == 0 && v.Columns()%a.Heads == 0
	tensor.Require(ok, "attend", "columns do not fit the heads", q, k, v, tensor.Shape{a.Heads})
	tensor.Require(!a.Causal || a.Length == a.Keys, "attend", "causal needs as many keys as queries", q, k)
}

func (o *attention) sources() []*edge { return []*edge{&o.q, &o.k, &o.v} }

func (o *attention) plan(a *tensor.Arena) {
	size := o.sequences() * o.Heads * o.Length * o.Keys
	o.chances = a.New(size)
	if o.lengths != nil || o.Causal {
		o.limits = make([]int32, size/o.Keys)
	}
	if o.y.grad != nil {
		o.scores = a.New(size)
	}
	o.spareQ.reserve(a, &o.q)
	o.spareK.reserve(a, &o.k)
	o.spareV.reserve(a, &o.v)
}

func (o *attention) sequences() int { return o.y.value.Shape[0] / o.Length }

func (o *attention) forward() {
	var lengths []float32
	if o.lengths != nil {
		lengths = o.lengths.value.Data
	}
	o.Limit(o.limits, lengths)
	o.Compute(o.tape.pool, o.y.value.Data, o.q.value.Data, o.k.value.Data, o.v.value.Data, o.limits, o.chances.Data)
}

// Limit sets limits [N H T] to how many keys each query of each head sees; lengths [N] may be nil.
func (a *Attention) Limit(limits []int32, lengths []float32) {
	for i := range limits {
		most := int32(a.Keys)
		if lengths != nil {
			most = min(most, int32(lengths[i/(a.Heads*a.Length)]))
		}
		if a.Causal {
			most = min(most, int32(i%a.Length+1))
		}
		limits[i] = most
	}
}

// Compute sets y to the attention that Attend describes. limits is what Limit gives, or nil where every
// query sees every key; chances [N H T S] is a workspace; the pool may be nil.
func (a *Attention) Compute(pool *kernel.Pool, y, q, k, v []float32, limits []int32, chances []float32) {
	rows := len(chances) / a.Keys
	n := rows / (a.Heads * a.Length)
	width, depth := len(q)/(n*a.Length), len(v)/(n*a.Keys)
	queries, keys := a.heads(q, a.Length, width), a.heads(k, a.Keys, width)
	keys.Transposed = true
	pool.MatMulBatch(a.square(chances), queries, keys, n, a.Heads, a.Length, width/a.Heads, a.Keys, false)
	kernel.SoftmaxScaled(chances, chances, limits, rows, a.Keys, a.scale(width))
	pool.MatMulBatch(a.heads(y, a.Length, depth), a.square(chances), a.heads(v, a.Keys, depth), n, a.Heads, a.Length, a.Keys, depth/a.Heads, false)
}

// scale is 1 / sqrt(D).
func (a *Attention) scale(width int) float32 {
	return float32(1 / math.Sqrt(float64(width/a.Heads)))
}

// heads are the matrices of the heads within rows of width columns.
func (a *Attention) heads(data []float32, length, width int) kernel.Matrices {
	return kernel.Matrices{Data: data, Row: width, Outer: length * width, Inner: width / a.Heads}
}

// square are the matrices [T S] of all heads.
func (a *Attention) square(data []float32) kernel.Matrices {
	size := a.Length * a.Keys
	return kernel.Matrices{Data: data, Row: a.Keys, Outer: a.Heads * size, Inner: size}
}

func (o *attention) backward() {
	if o.y.grad == nil {
		return
	}
	n, width, depth := o.sequences(), o.q.value.Shape.Columns(), o.v.value.Shape.Columns()
	d, e := width/o.Heads, depth/o.Heads
	dy, chances, scores, pool := o.heads(o.y.grad.Data, o.Length, depth), o.square(o.chances.Data), o.square(o.scores.Data), o.tape.pool
	values, flipped := o.heads(o.v.value.Data, o.Keys, depth), chances
	values.Transposed, flipped.Transposed = true, true
	if o.v.grad != nil {
		dv := o.heads(o.spareV.target(&o.v), o.Keys, depth)
		pool.MatMulBatch(dv, flipped, dy, n, o.Heads, o.Keys, o.Length, e, false)
	}
	pool.MatMulBatch(scores, dy, values, n, o.Heads, o.Length, e, o.Keys, false)
	kernel.SoftmaxGrad(o.scores.Data, o.scores.Data, o.chances.Data, n*o.Heads*o.Length, o.Keys, o.scale(width))
	if o.q.grad != nil {
		dq := o.heads(o.spareQ.target(&o.q), o.Length, width)
		pool.MatMulBatch(dq, scores, o.heads(o.k.value.Data, o.Keys, width), n, o.Heads, o.Length, o.Keys, d, false)
	}
	if o.k.grad != nil {
		dk, turned := o.heads(o.spareK.target(&o.k), o.Keys, width), scores
		turned.Transposed = true
		pool.MatMulBatch(dk, turned, o.heads(o.q.value.Data, o.Length, width), n, o.Heads, o.Keys, o.Length, d, false)
	}
	o.flush()
}

// flush adds what could not be stored at once, because two of q, k and v may be one node.
func (o *attention) flush() {
	for _, part := range [...]struct {
		spare *scratch
		e     *edge
	}{{&o.spareQ, &o.q}, {&o.spareK, &o.k}, {&o.spareV, &o.v}} {
		if part.e.grad != nil {
			part.spare.flush(part.e)
		}
	}
}
