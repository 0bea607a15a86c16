package row

import (
	"context"
	"net/http"
	"sync"

	"lathe"
	"lathe/internal/guard"
)

// RouteHeader lets a caller stay with one version of an endpoint that has several: the same value goes to the same one.
// Without it each request is shared out by itself.
const RouteHeader = "X-Lathe-Route-Key"

// Asker is the one way from a protocol to a model: scope, endpoint, limits, prediction.
type Asker struct {
	Serve   lathe.ServeService
	Limiter lathe.Limiter
}

// Resolve finds who answers a question. endpoint "" is the project's default. The caller must call Target.Release once,
// also where the model cannot predict.
func (a Asker) Resolve(r *http.Request, endpoint, version string) (lathe.Target, error) {
	return a.resolve(r, endpoint, version, lathe.VerbPredict, lathe.VerbPredict)
}

// Look is Resolve for who only wants to see what answers: a key that may read is enough.
func (a Asker) Look(r *http.Request, endpoint, version string) (lathe.Target, error) {
	return a.resolve(r, endpoint, version, lathe.VerbPredict, lathe.VerbRead)
}

func (a Asker) resolve(r *http.Request, endpoint, version string, verb, also lathe.Verb) (lathe.Target, error) {
	ctx := r.Context()
	if endpoint != "" {
		if err := require(ctx, verb, also, endpoint); err != nil {
			return lathe.Target{}, err
		}
	}
	key := guard.RequestID(ctx)
	if values := r.Header[RouteHeader]; len(values) > 0 {
		key = values[0]
	}
	target, err := a.Serve.Resolve(ctx, guard.From(ctx).Project, endpoint, version, key)
	if err != nil || endpoint != "" {
		return target, err
	}
	if err := require(ctx, verb, also, target.Endpoint); err != nil {
		target.Release()
		return lathe.Target{}, err
	}
	return target, nil
}

func require(ctx context.Context, verb, also lathe.Verb, name string) error {
	if also != verb && guard.From(ctx).May(also, name) {
		return nil
	}
	return guard.Require(ctx, verb, name)
}

// Predict asks the model. The rows are reserved before and given back where it fails.
func (a Asker) Predict(ctx context.Context, target *lathe.Target, in *lathe.Batch) (*lathe.Batch, error) {
	predictor, ok := target.Runtime.(lathe.Predictor)
	if !ok {
		return nil, lathe.Errorf(lathe.CodeUnsupported, "rows: %s does not predict rows", quote(target.Endpoint))
	}
	if in.Rows == 0 {
		return empty(target.Info), nil
	}
	p := guard.From(ctx)
	if len(p.Limits) == 0 {
		return predictor.Predict(ctx, in)
	}
	reservation, err := a.Limiter.Reserve(ctx, p, lathe.Amount{Unit: lathe.UnitRows, N: int64(in.Rows)})
	if err != nil {
		return nil, err
	}
	out, err := predictor.Predict(ctx, in)
	if err != nil {
		reservation.Settle(lathe.Amount{Unit: lathe.UnitRows})
		return nil, err
	}
	reservation.Settle()
	return out, nil
}

// empty is the answer to no rows.
func empty(info *lathe.Description) *lathe.Batch {
	out := &lathe.Batch{}
	for _, o := range info.Outputs {
		out.Columns = append(out.Columns, lathe.NewColumn(o.Name, o.Kind, 0))
	}
	return out
}

// buffers hold bodies and answers of usual size for the next request.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// keptBuffer is the largest buffer that is kept: one huge request must not hold its memory for ever.
const keptBuffer = 256 << 10

// ReadBody reads a body whole into a kept buffer, which done gives back; nothing of it may be used after.
func ReadBody(r *http.Request) (data []byte, done func(), err error) {
	if err := guard.CheckEncoding(r); err != nil {
		return nil, nil, err
	}
	buf := buffers.Get().(*[]byte)
	done = func() {
		if cap(*buf) <= keptBuffer {
			buffers.Put(buf)
		}
	}
	*buf, err = readInto((*buf)[:0], r)
	if err != nil {
		done()
		return nil, nil, err
	}
	return *buf, done, nil
}
