package kernel

import "testing"

// BenchmarkStep is a training step of the 64-32-1 network on a batch of 32 x 30, in kernels alone.
func BenchmarkStep(b *testing.B) {
	net := newNetwork()
	atLevels(b, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			net.step()
		}
	})
}

const batch, width0, width1, width2 = 32, 30, 64, 32

// network is the 64-32-1 network with all that a step needs; the parameters, gradients and moments
// are one slice each.
type network struct {
	table, x, y            []float32
	index                  []int32
	w, g, m, v             []float32
	h1, h2, z              []float32
	dz, dh2, dz2, dh1, dz1 []float32
}

func newNetwork() *network {
	n := width0*width1 + width1 + width1*width2 + width2 + width2 + 1
	net := &network{table: ramp(1000 * width0), x: make([]float32, batch*width0), index: make([]int32, batch)}
	net.w, net.g, net.m, net.v = ramp(n), make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range net.w {
		net.w[i] /= 8
	}
	for i := range net.index {
		net.index[i] = int32(i * 31)
	}
	net.h1, net.dh1, net.dz1 = make([]float32, batch*width1), make([]float32, batch*width1), make([]float32, batch*width1)
	net.h2, net.dh2, net.dz2 = make([]float32, batch*width2), make([]float32, batch*width2), make([]float32, batch*width2)
	net.z, net.dz, net.y = make([]float32, batch), make([]float32, batch), make([]float32, batch)
	for i := range net.y {
		net.y[i] = float32(i % 2)
	}
	return net
}

// layers cuts parameters into weights and biases.
func layers(p []float32) (w1, b1, w2, b2, w3, b3 []float32) {
	cut := func(n int) []float32 {
		head := p[:n]
		p = p[n:]
		return head
	}
	return cut(width0 * width1), cut(width1), cut(width1 * width2), cut(width2), cut(width2), cut(1)
}

func (t *network) step() float64 {
	w1, b1, w2, b2, w3, b3 := layers(t.w)
	Gather(t.x, t.table, t.index, width0)
	Dense(t.h1, t.x, w1, b1, batch, width0, width1, ActReLU)
	Dense(t.h2, t.h1, w2, b2, batch, width1, width2, ActReLU)
	Dense(t.z, t.h2, w3, b3, batch, width2, 1, ActNone)
	loss := BCELogits(t.dz, t.z, t.y, 1.0/batch)
	d1, e1, d2, e2, d3, e3 := layers(t.g)
	MatMulTA(d3, t.h2, t.dz, width2, batch, 1)
	ColSum(e3, t.dz, batch, 1)
	MatMulTB(t.dh2, t.dz, w3, batch, 1, width2)
	DenseGrad(t.dz2, t.dh2, t.h2, ActReLU)
	MatMulTA(d2, t.h1, t.dz2, width1, batch, width2)
	ColSum(e2, t.dz2, batch, width2)
	MatMulTB(t.dh1, t.dz2, w2, batch, width2, width1)
	DenseGrad(t.dz1, t.dh1, t.h1, ActReLU)
	MatMulTA(d1, t.x, t.dz1, width0, batch, width1)
	ColSum(e1, t.dz1, batch, width1)
	Adam(t.w, t.g, t.m, t.v, 1e-3, 0.1, 0.001, 1e-7)
	return loss
}

// TestStepLevels runs some steps at every level: the weights and losses must agree to the bit.
func TestStepLevels(t *testing.T) {
	var first *network
	var losses []float64
	eachLevel(t, func(t *testing.T) {
		net := newNetwork()
		for i := range 20 {
			loss := net.step()
			if first == nil {
				losses = append(losses, loss)
			}
			sameFloat(t, "loss", loss, losses[i])
		}
		if first == nil {
			first = net
		}
		sameBits(t, "weights", net.w, first.w)
	})
	if losses[19] >= losses[0] {
		t.Errorf("loss went from %g to %g", losses[0], losses[19])
	}
}
