package tensor

import (
	"errors"
	"fmt"
	"testing"
	"unsafe"
)

// shapePanic runs f and returns the *ShapeError it panicked with.
func shapePanic(t *testing.T, f func()) (e *ShapeError) {
	t.Helper()
	defer func() {
		if err, ok := recover().(error); !ok || !errors.As(err, &e) {
			t.Fatalf("no *ShapeError: %v", err)
		}
	}()
	f()
	return nil
}

func TestShape(t *testing.T) {
	for _, c := range []struct {
		shape               Shape
		size, rows, columns int
		text                string
	}{
		{Shape{}, 1, 1, 1, "[]"},
		{Shape{5}, 5, 1, 5, "[5]"},
		{Shape{2, 3}, 6, 2, 3, "[2 3]"},
		{Shape{2, 3, 4}, 24, 6, 4, "[2 3 4]"},
		{Shape{0, 3}, 0, 0, 3, "[0 3]"},
	} {
		got := fmt.Sprintf("%d %d %d %s", c.shape.Size(), c.shape.Rows(), c.shape.Columns(), c.shape)
		if want := fmt.Sprintf("%d %d %d %s", c.size, c.rows, c.columns, c.text); got != want {
			t.Errorf("%v: got %s, want %s", c.shape, got, want)
		}
	}
	if !(Shape{2, 3}).Equal(Shape{2, 3}) || (Shape{2, 3}).Equal(Shape{3, 2}) || (Shape{6}).Equal(Shape{2, 3}) {
		t.Error("Equal is wrong")
	}
}

func TestShapePanics(t *testing.T) {
	for _, s := range []Shape{{-1}, {1 << 16, 1 << 16}, {1 << 20, 1 << 20, 1 << 24}, {3, -2}} {
		shapePanic(t, func() { s.Size() })
	}
	e := shapePanic(t, func() { Of(make([]float32, 5), 2, 3) })
	if want := "tensor: of: data has another length: [5], [2 3]"; e.Error() != want {
		t.Errorf("got %q, want %q", e.Error(), want)
	}
}

func TestTensorRow(t *testing.T) {
	x := Of([]float32{1, 2, 3, 4, 5, 6}, 3, 2)
	if got := fmt.Sprint(x.Row(1)); got != "[3 4]" {
		t.Errorf("row 1 is %s", got)
	}
	_ = append(x.Row(0), 9)
	if x.Data[2] != 3 {
		t.Error("appending to a row wrote into the next")
	}
	if y := New(2, 3); len(y.Data) != 6 || !y.Shape.Equal(Shape{2, 3}) {
		t.Errorf("New(2, 3) is %v", y)
	}
}

func TestArena(t *testing.T) {
	var a Arena
	x, y, z := a.New(3), a.New(17, 2), a.New(0, 4)
	if x.Data != nil {
		t.Error("data before commit")
	}
	a.Commit()
	if len(x.Data) != 3 || cap(x.Data) != 3 || len(y.Data) != 34 || len(z.Data) != 0 {
		t.Errorf("lengths %d %d %d", len(x.Data), len(y.Data), len(z.Data))
	}
	if got := len(a.Slab()); got != 16+48 {
		t.Errorf("slab of %d floats, want 64", got)
	}
	y.Data[0] = 7
	if a.Slab()[16] != 7 {
		t.Error("the slab does not hold y at 16")
	}
	if uintptr(unsafe.Pointer(&y.Data[0]))%64 != 0 {
		t.Error("y is not on a cache line")
	}
	mustPanic(t, func() { a.New(1) })
	mustPanic(t, a.Commit)
}

func mustPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f()
}

func TestEmptyArena(t *testing.T) {
	var a Arena
	a.Commit()
	if len(a.Slab()) != 0 {
		t.Errorf("slab of %d floats", len(a.Slab()))
	}
}
