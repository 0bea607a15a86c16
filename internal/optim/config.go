package optim

import (
	"fmt"
	"path"

	"lathe/internal/autograd"
)

// Config names an optimiser and its constants. Zero fields of the chosen kind take Keras's defaults,
// but for Momentum and the clips, which are off in Keras too.
type Config struct {
	Kind     Kind    `json:"kind"`
	Momentum float64 `json:"momentum,omitempty"` // SGD, RMSProp
	Nesterov bool    `json:"nesterov,omitempty"` // SGD with momentum looks ahead
	Rho      float64 `json:"rho,omitempty"`      // RMSProp, default 0.9
	Beta1    float64 `json:"beta1,omitempty"`    // Adam, default 0.9
	Beta2    float64 `json:"beta2,omitempty"`    // Adam, default 0.999
	Epsilon  float64 `json:"epsilon,omitempty"`  // Adam, RMSProp, default 1e-7
	// Decay is decoupled weight decay: before a step weights lose this share of themselves times the
	// learning rate. Default 0.004 for AdamW, 0 for the others.
	Decay     float64 `json:"decay,omitempty"`
	ClipValue float64 `json:"clip_value,omitempty"` // limit of each gradient's size; 0: none
	ClipNorm  float64 `json:"clip_norm,omitempty"`  // limit of the Euclidean norm of all gradients together; 0: none
	Groups    []Group `json:"groups,omitempty"`     // parameters with settings of their own
}

// Group is parameters with a learning rate and weight decay of their own. A parameter belongs to the
// first group that matches its name.
type Group struct {
	Match string   `json:"match"`           // a pattern as path.Match takes it, such as *.bias or dense_0.*
	Rate  float64  `json:"rate,omitempty"`  // multiplies the learning rate; 0 stands for 1
	Decay *float64 `json:"decay,omitempty"` // instead of Config.Decay; nil: that
}

// Kind names an optimiser as Keras does.
type Kind string

// The optimisers.
const (
	KindSGD     Kind = "sgd"
	KindRMSProp Kind = "rmsprop"
	KindAdam    Kind = "adam"
	KindAdamW   Kind = "adamw"
)

// ConfigError says which constant cannot be.
type ConfigError struct {
	Field  string
	Value  any
	Reason string
}

// Error names the field, its value and the reason.
func (e *ConfigError) Error() string {
	return fmt.Sprintf("optim: %s %v %s", e.Field, e.Value, e.Reason)
}

// Rate is Keras's learning rate for the kind, 0 for an unknown one.
func (k Kind) Rate() float64 {
	return map[Kind]float64{KindSGD: 0.01, KindRMSProp: 0.001, KindAdam: 0.001, KindAdamW: 0.001}[k]
}

// WithDefaults returns the configuration with Keras's defaults filled in, or *ConfigError.
func (c Config) WithDefaults() (Config, error) {
	switch c.Kind {
	case "":
		c.Kind = KindAdam
		return c.WithDefaults()
	case KindAdamW:
		c.Decay = either(c.Decay, 0.004)
		fallthrough
	case KindAdam:
		c.Beta1, c.Beta2, c.Epsilon = either(c.Beta1, 0.9), either(c.Beta2, 0.999), either(c.Epsilon, 1e-7)
	case KindRMSProp:
		c.Rho, c.Epsilon = either(c.Rho, 0.9), either(c.Epsilon, 1e-7)
	}
	return c, c.check()
}

func either(value, fallback float64) float64 {
	if value == 0 {
		return fallback
	}
	return value
}

func (c Config) check() error {
	if c.Kind.Rate() == 0 {
		return &ConfigError{Field: "kind", Value: string(c.Kind), Reason: "must be sgd, rmsprop, adam or adamw"}
	}
	for _, f := range []struct {
		name  string
		value float64
	}{{"momentum", c.Momentum}, {"rho", c.Rho}, {"beta1", c.Beta1}, {"beta2", c.Beta2}} {
		if !(f.value >= 0 && f.value < 1) {
			return &ConfigError{Field: f.name, Value: f.value, Reason: "must be at least 0 and below 1"}
		}
	}
	switch {
	case c.Kind != KindSGD && !(c.Epsilon >= 1e-30 && c.Epsilon <= 1):
		return &ConfigError{Field: "epsilon", Value: c.Epsilon, Reason: "must be from 1e-30 to 1"}
	case c.Nesterov && (c.Kind != KindSGD || c.Momentum == 0):
		return &ConfigError{Field: "nesterov", Value: c.Nesterov, Reason: "needs sgd with momentum"}
	}
	return c.checkLimits()
}

// maxDecay bounds weight decay, and maxFactor what a group multiplies the rate by: far beyond them
// weights only change their sign at every step.
const (
	maxDecay  = 1e3
	maxFactor = 1e6
)

func (c Config) checkLimits() error {
	switch {
	case !(c.Decay >= 0 && c.Decay <= maxDecay):
		return &ConfigError{Field: "decay", Value: c.Decay, Reason: "must be from 0 to 1000"}
	case !(c.ClipValue == 0 || c.ClipValue >= 1e-30 && c.ClipValue <= 1e30):
		return &ConfigError{Field: "clip value", Value: c.ClipValue, Reason: "must be 0 or from 1e-30 to 1e30"}
	case !(c.ClipNorm == 0 || c.ClipNorm >= 1e-30 && c.ClipNorm <= 1e30):
		return &ConfigError{Field: "clip norm", Value: c.ClipNorm, Reason: "must be 0 or from 1e-30 to 1e30"}
	case c.ClipValue > 0 && c.ClipNorm > 0:
		return &ConfigError{Field: "clip value", Value: c.ClipValue, Reason: "and clip norm exclude each other"}
	}
	for _, g := range c.Groups {
		if err := g.check(); err != nil {
			return err
		}
	}
	return nil
}

func (g Group) check() error {
	if _, err := path.Match(g.Match, ""); err != nil || g.Match == "" {
		return &ConfigError{Field: "group match", Value: g.Match, Reason: "is not a pattern"}
	}
	if !(g.Rate >= 0 && g.Rate <= maxFactor) {
		return &ConfigError{Field: "group rate", Value: g.Rate, Reason: "must be from 0 to 1e6"}
	}
	if g.Decay != nil && !(*g.Decay >= 0 && *g.Decay <= maxDecay) {
		return &ConfigError{Field: "group decay", Value: *g.Decay, Reason: "must be from 0 to 1000"}
	}
	return nil
}

// assign finds each parameter's group. A group without a parameter is taken for a mistake.
func (c Config) assign(params []*autograd.Parameter) ([]group, error) {
	own, used := make([]group, len(params)), make([]bool, len(c.Groups))
	for i, p := range params {
		own[i] = group{rate: 1, decay: c.Decay}
		for j, g := range c.Groups {
			if ok, err := path.Match(g.Match, p.Name); err != nil || !ok {
				continue // the pattern is well-formed, see check
			}
			own[i].rate, used[j] = either(g.Rate, 1), true
			if g.Decay != nil {
				own[i].decay = *g.Decay
			}
			break
		}
	}
	for j, g := range c.Groups {
		if !used[j] {
			return nil, &ConfigError{Field: "group match", Value: g.Match, Reason: "has no parameter of its own"}
		}
	}
	return own, nil
}
