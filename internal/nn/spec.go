package nn

import (
	"bytes"
	"encoding/json"
	"fmt"

	"lathe/internal/format/safetensors"
)

// networkKey is the metadata entry that holds the layers as JSON where there is no MLP.
const networkKey = "lathe.network"

// spec describes a network.
type spec struct {
	Inputs int         `json:"inputs"`
	Loss   Loss        `json:"loss"`
	Layers []layerSpec `json:"layers"`
}

// layerSpec describes a layer: its exported fields, and for a residual the layers within.
type layerSpec struct {
	Kind   string          `json:"kind"`
	Config json.RawMessage `json:"config,omitempty"`
	Layers []layerSpec     `json:"layers,omitempty"`
}

// kinds makes an empty layer of each kind that a file may name.
var kinds = map[string]func() Layer{
	"dense":              func() Layer { return new(Dense) },
	"dropout":            func() Layer { return new(Dropout) },
	"embedding":          func() Layer { return new(Embedding) },
	"position":           func() Layer { return new(Position) },
	"multiheadattention": func() Layer { return new(MultiHeadAttention) },
	"meanpool":           func() Layer { return new(MeanPool) },
	"layernorm":          func() Layer { return new(LayerNorm) },
	"batchnorm":          func() Layer { return new(BatchNorm) },
	"residual":           func() Layer { return new(Residual) },
}

func describe(layers []Layer) (specs []layerSpec, err error) {
	for _, layer := range layers {
		s := layerSpec{Kind: kindOf(layer)}
		if _, known := kinds[s.Kind]; !known && s.Kind != "activation" {
			return nil, fmt.Errorf("nn: describe: no file can hold a layer %s", s.Kind)
		}
		if r, ok := layer.(*Residual); ok {
			s.Layers, err = describe(r.Layers)
		} else {
			s.Config, err = json.Marshal(layer)
		}
		if err != nil {
			return nil, fmt.Errorf("nn: describe: layer %s: %w", s.Kind, err)
		}
		specs = append(specs, s)
	}
	return specs, nil
}

// layer makes the layer of a description.
func (s layerSpec) layer() (Layer, error) {
	if s.Kind == "activation" {
		var a Activation
		return a, s.decode(&a)
	}
	fresh, ok := kinds[s.Kind]
	if !ok {
		return nil, fmt.Errorf("nn: read: no layer is called %q", s.Kind)
	}
	layer := fresh()
	if r, ok := layer.(*Residual); ok {
		inner, err := makeAll(s.Layers)
		r.Layers = inner
		return r, err
	}
	return layer, s.decode(layer)
}

func (s layerSpec) decode(to any) error {
	decoder := json.NewDecoder(bytes.NewReader(s.Config))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(to); err != nil {
		return fmt.Errorf("nn: read: layer %s: %w", s.Kind, err)
	}
	return nil
}

func makeAll(specs []layerSpec) ([]Layer, error) {
	layers := make([]Layer, 0, len(specs))
	for _, s := range specs {
		layer, err := s.layer()
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	return layers, nil
}

// readSpec makes the network that a file describes by its layers, with weights still to be set. It
// refuses a description of more weights than the file has bytes for before it allocates them.
func readSpec(file *safetensors.File) (*Network, error) {
	var s spec
	decoder := json.NewDecoder(bytes.NewReader([]byte(file.Metadata[networkKey])))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return nil, fmt.Errorf("nn: read: metadata %s: %w", networkKey, err)
	}
	layers, err := makeAll(s.Layers)
	if err != nil {
		return nil, err
	}
	n, b, err := declare(s.Inputs, s.Loss, layers)
	if err != nil {
		return nil, err
	}
	if have := values(file); float64(b.size) > have {
		return nil, fmt.Errorf("nn: read: the network needs %d weights, the file has %.0f", b.size, have)
	}
	b.finish(0)
	return n, nil
}

// values is how many numbers a file has.
func values(file *safetensors.File) (count float64) {
	for _, t := range file.Tensors {
		count += float64(len(t.Data) / max(t.DType.Size(), 1))
	}
	return count
}

// Describe returns inputs, loss and layers as JSON. It fails on a layer that is none of this package.
func (n *Network) Describe() (string, error) {
	layers, err := describe(n.layers)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(spec{Inputs: n.inputs, Loss: n.loss, Layers: layers})
	if err != nil {
		return "", fmt.Errorf("nn: describe: %w", err)
	}
	return string(text), nil
}

// metadata describes the network for a file.
func (n *Network) metadata() (map[string]string, error) {
	if n.config == nil {
		text, err := n.Describe()
		return map[string]string{"format": "lathe", networkKey: text}, err
	}
	text, err := json.Marshal(n.config)
	if err != nil {
		return nil, fmt.Errorf("nn: write: %w", err)
	}
	return map[string]string{"format": "lathe", configKey: string(text)}, nil
}
