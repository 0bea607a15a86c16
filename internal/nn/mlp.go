package nn

// MLP describes a multi-layer perceptron: dense layers of the sizes in Hidden, each with the
// activation and then dropout, and a dense layer of logits.
type MLP struct {
	Inputs     int        `json:"inputs"`
	Hidden     []int      `json:"hidden"`
	Outputs    int        `json:"outputs"`
	Activation Activation `json:"activation"`
	Dropout    float64    `json:"dropout"`
	Loss       Loss       `json:"loss"`
}

const maxHidden = 64 // layers; deeper ones without residuals do not learn

// NewMLP builds the network. It returns *ConfigError.
func NewMLP(c MLP, seed uint64) (*Network, error) {
	if len(c.Hidden) > maxHidden {
		return nil, &ConfigError{Field: "hidden", Value: len(c.Hidden), Reason: "layers are more than 64"}
	}
	if c.Loss == CategoricalCrossEntropy && c.Outputs < 2 {
		return nil, &ConfigError{Field: "outputs", Value: c.Outputs, Reason: "must be at least 2 for categorical_crossentropy"}
	}
	if _, err := c.Activation.kernel(); err != nil {
		return nil, err
	}
	if err := (&Dropout{Rate: c.Dropout}).check(); err != nil {
		return nil, err
	}
	var layers []Layer
	for _, width := range c.Hidden {
		layers = append(layers, &Dense{Outputs: width, Activation: c.Activation})
		if c.Dropout > 0 {
			layers = append(layers, &Dropout{Rate: c.Dropout})
		}
	}
	layers = append(layers, &Dense{Outputs: c.Outputs})
	n, err := New(c.Inputs, c.Loss, seed, layers...)
	if err != nil {
		return nil, err
	}
	c.Hidden = append([]int{}, c.Hidden...)
	n.config = &c
	return n, nil
}
