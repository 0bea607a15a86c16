package nn

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"lathe/internal/format/safetensors"
)

func written(t testing.TB, n *Network) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := n.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestWriteRead(t *testing.T) {
	config := MLP{Inputs: 5, Hidden: []int{4, 3}, Outputs: 2, Activation: Tanh, Dropout: 0.25, Loss: CategoricalCrossEntropy}
	n := mustMLP(t, config, 9)
	data := written(t, n)
	again, err := Read(bytes.NewReader(data), safetensors.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := again.Config(); !ok || !reflect.DeepEqual(got, config) {
		t.Errorf("config %+v, want %+v", got, config)
	}
	if again.Digest() != n.Digest() || !bytes.Equal(written(t, again), data) {
		t.Error("the weights changed on the way")
	}
	x, a, b := rowsOf(10*5, 1), make([]float32, 20), make([]float32, 20)
	n.Predict(a, x, 10)
	again.Predict(b, x, 10)
	if !slices.Equal(a, b) {
		t.Error("the predictions changed on the way")
	}
}

// own is a layer that no file can hold.
type own struct{ Dropout }

func TestUnknownLayer(t *testing.T) {
	n, err := New(3, MeanSquaredError, 0, &Dense{Outputs: 2}, &own{})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := n.Config(); ok {
		t.Error("a network of layers has a config")
	}
	if err := n.Write(io.Discard); err == nil || !strings.Contains(err.Error(), "layer own") {
		t.Errorf("got %v", err)
	}
}

// Every single weight, and a parameter's name and shape, must change the digest.
func TestDigest(t *testing.T) {
	n := mustMLP(t, MLP{Inputs: 2, Hidden: []int{2}, Outputs: 1, Loss: MeanSquaredError}, 1)
	start := n.Digest()
	for _, p := range n.Parameters() {
		for i, v := range p.Value.Data {
			p.Value.Data[i] = math.Nextafter32(v, 10)
			if n.Digest() == start {
				t.Errorf("%s[%d] is not in the digest", p.Name, i)
			}
			p.Value.Data[i] = v
		}
		name, shape := p.Name, p.Value.Shape
		p.Name = "other"
		renamed := n.Digest()
		p.Name, p.Value.Shape = name, append(slices.Clone(shape), 1)
		if renamed == start || n.Digest() == start {
			t.Errorf("name or shape of %s is not in the digest", name)
		}
		p.Value.Shape = shape
	}
	if n.Digest() != start || len(start) != 64 {
		t.Errorf("digest %s, then %s", start, n.Digest())
	}
}

func TestReadRefuses(t *testing.T) {
	const config = `{"inputs":2,"hidden":[],"outputs":1,"activation":"relu","dropout":0,"loss":"mean_squared_error"}`
	weight, bias := []float32{1, 2}, []float32{3}
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		config       string
		weight, bias []float32
		want         string
	}{
		"no config":       {"", weight, bias, "lathe.mlp"},
		"not JSON":        {"{", weight, bias, "lathe.mlp"},
		"unknown field":   {strings.Replace(config, "{", `{"x":1,`, 1), weight, bias, "unknown field"},
		"bad value":       {strings.Replace(config, "relu", "rely", 1), weight, bias, "activation rely"},
		"no inputs":       {strings.Replace(config, `"inputs":2`, `"inputs":0`, 1), weight, bias, "inputs 0"},
		"huge inputs":     {strings.Replace(config, `"inputs":2`, `"inputs":9007199254740992`, 1), weight, bias, "needs 9007199254740992 weights"},
		"huge layer":      {strings.Replace(config, `[]`, `[65000,65000]`, 1), weight, bias, "needs 4225325001 weights"},
		"negative hidden": {strings.Replace(config, `[]`, `[-1000000]`, 1), weight, bias, "dense outputs -1000000"},
		"wrong shape":     {config, []float32{1, 2, 3}, bias, "shape [3 1], want [2 1]"},
		"no bias":         {config, []float32{1, 2, 3}, nil, "shape [3 1]"},
		"NaN":             {config, []float32{1, nan}, bias, "not finite: NaN"},
		"infinity":        {config, weight, []float32{float32(math.Inf(-1))}, "not finite: -Inf"},
	} {
		tensors := []safetensors.Tensor{safetensors.FromFloat32("dense_0.weight", []int{len(c.weight), 1}, c.weight)}
		if c.bias != nil {
			tensors = append(tensors, safetensors.FromFloat32("dense_0.bias", []int{1}, c.bias))
		}
		var out bytes.Buffer
		if err := safetensors.Write(&out, tensors, map[string]string{configKey: c.config}); err != nil {
			t.Fatal(err)
		}
		_, err := Read(&out, safetensors.Limits{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestSetTensorsChangesNothingOnError(t *testing.T) {
	n := mustMLP(t, churn, 1)
	before := n.Digest()
	other := &safetensors.File{Tensors: mustMLP(t, churn, 2).Tensors()}
	other.Sort()
	other.Tensors = other.Tensors[:len(other.Tensors)-1]
	if err := n.SetTensors(other); err == nil || !strings.Contains(err.Error(), "dense_2.weight is missing") {
		t.Errorf("got %v", err)
	}
	if n.Digest() != before {
		t.Error("half of the weights were set")
	}
	ids := safetensors.FromInt64("dense_2.weight", []int{32, 1}, make([]int64, 32))
	other.Tensors = append(other.Tensors, ids)
	if err := n.SetTensors(other); err == nil || n.Digest() != before {
		t.Errorf("whole numbers as weights: %v", err)
	}
}

func TestTensorsAreCopies(t *testing.T) {
	n := mustMLP(t, churn, 1)
	tensors := n.Tensors()
	text := fmt.Sprint(tensors)
	n.Parameters()[0].Value.Data[0]++
	if fmt.Sprint(tensors) != text {
		t.Error("the tensors are live")
	}
}

// FuzzRead checks that no input panics or makes the reader allocate beyond its size, and that what
// is read predicts.
func FuzzRead(f *testing.F) {
	small := MLP{Inputs: 2, Hidden: []int{2}, Outputs: 1, Loss: BinaryCrossEntropy}
	f.Add(written(f, mustMLP(f, small, 1)))
	for _, build := range networks {
		f.Add(written(f, build(f)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := Read(bytes.NewReader(data), safetensors.Limits{Header: 1 << 14, Total: 1 << 18, Tensors: 32})
		if err != nil {
			return
		}
		y := make([]float32, n.Outputs())
		n.Predict(y, make([]float32, n.Inputs()), 1)
		if err := n.Write(io.Discard); err != nil {
			t.Error(err)
		}
	})
}
