package child

import (
	"context"
	"encoding/json"
	"errors"

	"lathe"
)

// maxText bounds each text of a problem on the wire, far below a frame's limit.
const maxText = 8 << 10

// problemOf makes what crosses the descriptor from an error: its code, message and hint, not its cause.
func problemOf(err error) lathe.Problem {
	p := lathe.Problem{Code: lathe.CodeInternal, Message: err.Error()}
	var e *lathe.Error
	switch {
	case errors.As(err, &e):
		p = lathe.Problem{Code: e.Code, Field: e.Field, Message: e.Message, Hint: e.Hint}
	case errors.Is(err, context.Canceled):
		p.Code = lathe.CodeCancelled
	}
	p.Field, p.Message, p.Hint = cut(p.Field), cut(p.Message), cut(p.Hint)
	return p
}

func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return s[:maxText] + "..."
}

// parseProblem reads a problem from the other side.
func parseProblem(data []byte) (*lathe.Error, error) {
	var p lathe.Problem
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, err
	}
	if p.Code == "" || len(p.Code) > 64 {
		p.Code = lathe.CodeInternal
	}
	return &lathe.Error{Code: p.Code, Field: p.Field, Message: p.Message, Hint: p.Hint}, nil
}
