package nn

// MLP describes a multi-layer perceptron: dense layers of the sizes in Hidden, each with the
// activation and then dropout, and a dense layer of logits. With Norm the order is dense, norm,
// activation, dropout.
type MLP struct {
	Inputs     int        `json:"inputs"`
	Hidden     []int      `json:"hidden"`
	Outputs    int        `json:"outputs"`
	Activation Activation `json:"activation"`
	Dropout    float64    `json:"dropout"`
	Loss       Loss       `json:"loss"`
	Norm       Norm       `json:"norm,omitempty"`
}

// Norm names a normalisation, "" for none.
type Norm string

// The normalisations.
const (
	NormBatch Norm = "batch"
	NormLayer Norm = "layer"
)

// layer returns a layer of the kind, or *ConfigError.
func (n Norm) layer() (Layer, error) {
	switch n {
	case NormBatch:
		return &BatchNorm{}, nil
	case NormLayer:
		return &LayerNorm{}, nil
	}
	return nil, &ConfigError{Field: "norm", Value: string(n), Reason: "must be batch, layer or none"}
}

const maxHidden = 64 // layers; deeper ones without residuals do not learn

// NewMLP builds the network. It returns *ConfigError.
func NewMLP(c MLP, seed uint64) (*Network, error) {
	if len(c.Hidden) > maxHidden {
		return nil, &ConfigError{Field: "hidden", Value: len(c.Hidden), Reason: "layers are more than 64"}
	}
	if c.Loss.Classes() && c.Outputs < 2 {
		return nil, &ConfigError{Field: "outputs", Value: c.Outputs, Reason: "must be at least 2 for " + string(c.Loss)}
	}
	if _, err := c.Activation.kernel(); err != nil {
		return nil, err
	}
	if err := (&Dropout{Rate: c.Dropout}).check(); err != nil {
		return nil, err
	}
	layers, err := c.layers()
	if err != nil {
		return nil, err
	}
	n, err := New(c.Inputs, c.Loss, seed, layers...)
	if err != nil {
		return nil, err
	}
	c.Hidden = append([]int{}, c.Hidden...)
	n.config = &c
	return n, nil
}

func (c MLP) layers() (layers []Layer, err error) {
	for _, width := range c.Hidden {
		if c.Norm == "" {
			layers = append(layers, &Dense{Outputs: width, Activation: c.Activation})
		} else {
			norm, err := c.Norm.layer()
			if err != nil {
				return nil, err
			}
			layers = append(layers, &Dense{Outputs: width}, norm, c.Activation)
		}
		if c.Dropout > 0 {
			layers = append(layers, &Dropout{Rate: c.Dropout})
		}
	}
	return append(layers, &Dense{Outputs: c.Outputs}), nil
}
