package autograd

import (
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// FocalBCE returns the mean of q^gamma times the binary cross-entropy of the logits z against
// targets y in [0, 1], where q = y (1-p) + (1-y) p is the probability given to the wrong side and
// gamma >= 0: rows that are right already count less. Weights of classes, the paper's alpha, belong
// into weight, which is [N] or nil for 1. It panics with *tensor.ShapeError.
// Source: Lin et al. 2017, arXiv:1708.02002, eq. 4; Keras's form for targets between 0 and 1.
func (t *Tape) FocalBCE(z, y, weight *Node, gamma float64) *Loss {
	tensor.Require(z.Shape().Equal(y.Shape()), "focal bce", "shapes differ", z.Shape(), y.Shape())
	l := t.addLoss(z, weight, z.Shape().Size())
	l.needs = 3
	f := focal{gamma: float32(gamma)}
	l.part = func(dz, each []float32) {
		p, wrong, power := l.spare[0].Data, l.spare[1].Data, l.spare[2].Data
		f.binary(z.value.Data, y.value.Data, each, p, wrong, power)
		f.binaryGradient(dz, y.value.Data, each, p, wrong, power)
		kernel.Mul(each, each, power)
	}
	return l.out
}

// focal is the exponent of a focal loss.
type focal struct{ gamma float32 }

// weigh sets power = wrong^gamma.
func (f focal) weigh(power, wrong []float32) {
	if f.gamma == 0 {
		for i := range power {
			power[i] = 1
		}
		return
	}
	kernel.Log(power, wrong)
	kernel.Scale(power, f.gamma, power)
	kernel.Exp(power, power)
}

// binary sets each to the cross-entropies, p to the probabilities, wrong to q and power to q^gamma.
func (f focal) binary(z, y, each, p, wrong, power []float32) {
	kernel.Sigmoid(p, z)
	kernel.Scale(wrong, -1, z)
	kernel.Sigmoid(wrong, wrong) // 1 - p, exact where p is near 1
	for i, v := range p {
		each[i] = max(v, wrong[i]) // sigmoid(|z|)
		wrong[i] = float32(y[i]*wrong[i]) + float32((1-y[i])*v)
	}
	binaryTerms(each, z, y)
	f.weigh(power, wrong)
}

// binaryGradient sets dz to q^gamma (p - y) - gamma q^(gamma-1) (2y-1) p (1-p) times the
// cross-entropy. Where q is 0, so is q^gamma.
func (f focal) binaryGradient(dz, y, each, p, wrong, power []float32) {
	for i, q := range wrong {
		slope := float32(0)
		if q > 0 {
			slope = f.gamma * (2*y[i] - 1) * (p[i] * (1 - p[i]) / q)
		}
		dz[i] = power[i] * ((p[i] - y[i]) - float32(slope*each[i]))
	}
}

// FocalCrossEntropy returns the mean of (1-p)^gamma times the categorical cross-entropy of the logits
// z [N C] against classes in label, where p is the probability given to the label and gamma >= 0.
// label and weight are as in CrossEntropy. It panics with *tensor.ShapeError; a label out of range
// panics in Forward. Source: as FocalBCE.
func (t *Tape) FocalCrossEntropy(z *Node, label []int32, weight *Node, gamma float64) *Loss {
	rows, classes := labelled(z, label)
	l := t.addLoss(z, weight, rows)
	l.needs = 2
	f := focal{gamma: float32(gamma)}
	l.part = func(dz, each []float32) {
		wrong, power := l.spare[0].Data, l.spare[1].Data
		logLosses(each, z.value.Data, label, classes)
		kernel.Softmax(dz, z.value.Data, rows, classes)
		otherClasses(wrong, dz, label, classes)
		f.weigh(power, wrong)
		f.classGradient(dz, each, label, wrong, power)
		kernel.Mul(each, each, power)
	}
	return l.out
}

// otherClasses sets wrong to 1 minus the probability of the label, as the sum of the others' in
// ascending order, which keeps its precision where the label is almost certain.
func otherClasses(wrong, p []float32, label []int32, classes int) {
	for i, c := range label {
		wrong[i] = 0
		for j, v := range p[i*classes : (i+1)*classes] {
			if j != int(c) {
				wrong[i] += v
			}
		}
	}
}

// classGradient turns probabilities in dz into q^gamma (1 + gamma p l / q) (p_j - [j is the label]),
// where l = -ln p is in each and l/q goes to 1 as q goes to 0.
func (f focal) classGradient(dz, each []float32, label []int32, wrong, power []float32) {
	classes := len(dz) / max(len(label), 1)
	for i, c := range label {
		row, ratio := dz[i*classes:(i+1)*classes], float32(1)
		if wrong[i] > 0 {
			ratio = each[i] / wrong[i]
		}
		factor := power[i] * (1 + float32(f.gamma*row[c]*ratio))
		row[c] = -wrong[i]
		for j := range row {
			row[j] *= factor
		}
	}
}
