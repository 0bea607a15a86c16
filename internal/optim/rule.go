package optim

import (
	"lathe/internal/autograd"
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// sgd is stochastic gradient descent: velocity = momentum velocity - rate g; w += velocity, or, with
// Nesterov's look ahead, w += momentum velocity - rate g.
type sgd struct {
	velocity []*tensor.Tensor // nil without momentum
	momentum float32
	nesterov bool
}

func newSGD(c Config, params []*autograd.Parameter) *sgd {
	s := &sgd{momentum: float32(c.Momentum), nesterov: c.Nesterov}
	if c.Momentum > 0 {
		s.velocity = like(params, 1)
	}
	return s
}

func (s *sgd) begin(uint64) {}

func (s *sgd) update(i int, p *autograd.Parameter, rate, decay float64) {
	shrink(p.Value.Data, decay)
	if s.nesterov {
		kernel.Nesterov(p.Value.Data, p.Grad.Data, s.velocity[i].Data, float32(rate), s.momentum)
	} else {
		kernel.SGD(p.Value.Data, p.Grad.Data, data(s.velocity, i), float32(rate), s.momentum)
	}
}

func (s *sgd) slots(params []*autograd.Parameter) []Slot {
	return slots("velocity", params, s.velocity)
}

// adam is Adam with the bias correction folded into the rate and epsilon outside of the root, as
// Keras has it. Source: Kingma and Ba 2015, arXiv:1412.6980, end of section 2.
type adam struct {
	m, v         []*tensor.Tensor
	beta1, beta2 float64
	epsilon      float32
	correction   float64
}

func newAdam(c Config, params []*autograd.Parameter) *adam {
	state := like(params, 2)
	return &adam{
		m: state[:len(params)], v: state[len(params):],
		beta1: c.Beta1, beta2: c.Beta2, epsilon: float32(c.Epsilon),
	}
}

func (a *adam) begin(step uint64) { a.correction = correction(a.beta1, a.beta2, step) }

func (a *adam) update(i int, p *autograd.Parameter, rate, decay float64) {
	w, g, m, v := p.Value.Data, p.Grad.Data, a.m[i].Data, a.v[i].Data
	alpha, c1, c2 := float32(rate*a.correction), float32(1-a.beta1), float32(1-a.beta2)
	if decay > 0 {
		kernel.AdamW(w, g, m, v, alpha, c1, c2, a.epsilon, float32(decay))
	} else {
		kernel.Adam(w, g, m, v, alpha, c1, c2, a.epsilon)
	}
}

func (a *adam) slots(params []*autograd.Parameter) []Slot {
	return append(slots("m", params, a.m), slots("v", params, a.v)...)
}

// rmsprop divides by the root of a running mean of squares: v += (1-rho) (g² - v);
// step = rate g / sqrt(v + epsilon); w -= step, or, with momentum, momentum u + step, which becomes u.
// Source: Hinton 2012, lecture 6e; epsilon within the root is Keras's form.
type rmsprop struct {
	v, u                   []*tensor.Tensor // u is nil without momentum
	rho, momentum, epsilon float32
}

func newRMSProp(c Config, params []*autograd.Parameter) *rmsprop {
	r := &rmsprop{v: like(params, 1), rho: float32(c.Rho), momentum: float32(c.Momentum), epsilon: float32(c.Epsilon)}
	if c.Momentum > 0 {
		r.u = like(params, 1)
	}
	return r
}

func (r *rmsprop) begin(uint64) {}

func (r *rmsprop) update(i int, p *autograd.Parameter, rate, decay float64) {
	shrink(p.Value.Data, decay)
	kernel.RMSProp(p.Value.Data, p.Grad.Data, r.v[i].Data, data(r.u, i), float32(rate), 1-r.rho, r.epsilon, r.momentum)
}

func (r *rmsprop) slots(params []*autograd.Parameter) []Slot {
	return append(slots("v", params, r.v), slots("u", params, r.u)...)
}
