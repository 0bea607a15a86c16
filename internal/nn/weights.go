package nn

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"lathe/internal/autograd"
	"lathe/internal/format/safetensors"
)

// configKey is the metadata entry that holds the MLP as JSON, which makes a weights file complete.
const configKey = "lathe.mlp"

// Tensors returns copies of the weights and states, named as the parameters are. Dense weights are [inputs
// outputs] like Keras's kernels; PyTorch's are transposed.
func (n *Network) Tensors() []safetensors.Tensor { return ParameterTensors(n.all()) }

// ParameterTensors returns copies of the values of parameters.
func ParameterTensors(params []*autograd.Parameter) []safetensors.Tensor {
	tensors := make([]safetensors.Tensor, len(params))
	for i, p := range params {
		tensors[i] = safetensors.FromFloat32(p.Name, p.Value.Shape, p.Value.Data)
	}
	return tensors
}

// SetTensors replaces all weights and states by those of a file. It changes nothing and returns an error
// where a parameter is missing, has another shape or type, or is not finite. Other tensors of the
// file are ignored.
func (n *Network) SetTensors(file *safetensors.File) error {
	all := n.all()
	values := make([][]float32, len(all))
	for i, p := range all {
		var err error
		if values[i], err = weightValues(file, p); err != nil {
			return err
		}
	}
	for i, p := range all {
		copy(p.Value.Data, values[i])
	}
	return nil
}

func weightValues(file *safetensors.File, p *autograd.Parameter) ([]float32, error) {
	t, ok := file.Find(p.Name)
	if !ok {
		return nil, fmt.Errorf("nn: weights: %s is missing", p.Name)
	}
	if !slices.Equal(t.Shape, p.Value.Shape) {
		return nil, fmt.Errorf("nn: weights: %s has shape %v, want %v", p.Name, t.Shape, p.Value.Shape)
	}
	values, err := t.Float32()
	if err != nil {
		return nil, fmt.Errorf("nn: weights: %w", err)
	}
	for _, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("nn: weights: %s has a value that is not finite: %v", p.Name, v)
		}
	}
	return values, nil
}

// Write writes the network as a safetensors file that Read makes the same network from.
func (n *Network) Write(w io.Writer) error {
	metadata, err := n.metadata()
	if err != nil {
		return err
	}
	return safetensors.Write(w, n.Tensors(), metadata)
}

// Read reads a network that Write wrote. The input is not trusted: it returns an error for
// anything but a well-formed file whose weights fit its description.
func Read(r io.Reader, limits safetensors.Limits) (*Network, error) {
	file, err := safetensors.Read(r, limits)
	if err != nil {
		return nil, fmt.Errorf("nn: read: %w", err)
	}
	n, err := fromFile(file)
	if err != nil {
		return nil, err
	}
	return n, n.SetTensors(file)
}

// fromFile makes the network that a file describes, with weights still to be set.
func fromFile(file *safetensors.File) (*Network, error) {
	if _, ok := file.Metadata[networkKey]; ok {
		return readSpec(file)
	}
	config, err := parseConfig(file.Metadata[configKey])
	if err != nil {
		return nil, err
	}
	if err := config.fits(file); err != nil {
		return nil, err
	}
	return NewMLP(config, 0)
}

func parseConfig(text string) (config MLP, err error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&config); err != nil {
		return MLP{}, fmt.Errorf("nn: read: metadata %s: %w", configKey, err)
	}
	return config, nil
}

// fits refuses a description of more weights than the file has bytes for, before the network is
// allocated.
func (c MLP) fits(file *safetensors.File) error {
	var need float64
	have := values(file)
	inputs := c.Inputs
	for _, outputs := range append(slices.Clone(c.Hidden), c.Outputs) {
		need += (float64(inputs) + 1) * float64(outputs)
		inputs = outputs
	}
	if need > have {
		return fmt.Errorf("nn: read: the network needs %.0f weights, the file has %.0f", need, have)
	}
	return nil
}

// Digest is the SHA-256, in hexadecimal, over name, shape and little-endian values of each
// parameter and state in order. Equal digests mean equal weights to the bit.
func (n *Network) Digest() string {
	hash := sha256.New()
	var buf []byte
	for _, p := range n.all() {
		buf = binary.LittleEndian.AppendUint64(buf[:0], uint64(len(p.Name)))
		buf = append(buf, p.Name...)
		buf = binary.LittleEndian.AppendUint64(buf, uint64(len(p.Value.Shape)))
		for _, extent := range p.Value.Shape {
			buf = binary.LittleEndian.AppendUint64(buf, uint64(extent))
		}
		for _, v := range p.Value.Data {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		hash.Write(buf)
	}
	return hex.EncodeToString(hash.Sum(nil))
}
