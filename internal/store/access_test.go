package store_test

import (
	"maps"
	"reflect"
	"testing"
	"time"

	"lathe"
)

// access calls a method as a project with names of another; it returns what was found, nil for nothing, and the error.
type access func(p lathe.Project, run, key, name string, lease lathe.Lease) (any, error)

// accesses has every method of the stores that takes a project or a lease. Those that make something of their own are
// listed as nil: they cannot reach another project's.
func accesses(e *env) map[string]access {
	all := keyAccesses(e)
	for _, more := range []map[string]access{dataAccesses(e), runAccesses(e), modelAccesses(e), endpointAccesses(e)} {
		maps.Copy(all, more)
	}
	return all
}

// found is what a method that gives an error alone found: nothing.
func found(err error) (any, error) { return nil, err }

func dataAccesses(e *env) map[string]access {
	erase := draft("", 1)
	erase.Rows, erase.Erase = 9, []lathe.Erasure{{Rows: []int64{5}}}
	return map[string]access{
		"CommitDataset": func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) {
			erase.Name = name
			_, err := e.CommitDataset(ctx, p, erase)
			return nil, err
		},
		"FindDataset": func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) {
			return e.FindDataset(ctx, p, name)
		},
		"FindDatasets": func(p lathe.Project, _, _, _ string, _ lathe.Lease) (any, error) {
			return list(e.FindDatasets(ctx, p, lathe.Page{}))
		},
		"FindDatasetVersion": func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) {
			return e.FindDatasetVersion(ctx, p, name, 1)
		},
		"FindDatasetVersions": func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) {
			return e.FindDatasetVersions(ctx, p, name)
		},
		"FindSegments": func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) {
			s, _, err := e.FindSegments(ctx, p, name, 0)
			return s, err
		},
		"DeleteDataset": func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) {
			return found(e.DeleteDataset(ctx, p, name))
		},
	}
}

func runAccesses(e *env) map[string]access {
	return map[string]access{
		"CreateRun": nil,
		"FindRun":   func(p lathe.Project, run, _, _ string, _ lathe.Lease) (any, error) { return e.FindRun(ctx, p, run) },
		"FindRuns": func(p lathe.Project, _, _, _ string, _ lathe.Lease) (any, error) {
			return list(e.FindRuns(ctx, p, lathe.Page{}))
		},
		"FindEvents": func(p lathe.Project, run, _, _ string, _ lathe.Lease) (any, error) {
			return e.FindEvents(ctx, p, run, 0, 0)
		},
		"ClaimRun": func(p lathe.Project, run, _, _ string, _ lathe.Lease) (any, error) {
			r, _, err := e.ClaimRun(ctx, p, run, "x", time.Hour)
			return r, err
		},
		"StopRun":   func(p lathe.Project, run, _, _ string, _ lathe.Lease) (any, error) { return e.StopRun(ctx, p, run) },
		"ResumeRun": func(p lathe.Project, run, _, _ string, _ lathe.Lease) (any, error) { return e.ResumeRun(ctx, p, run) },
		"RenewLease": func(_ lathe.Project, _, _, _ string, l lathe.Lease) (any, error) {
			_, err := e.RenewLease(ctx, l, time.Hour)
			return nil, err
		},
		"ReleaseRun": func(_ lathe.Project, _, _, _ string, l lathe.Lease) (any, error) { return found(e.ReleaseRun(ctx, l)) },
		"AppendEvents": func(_ lathe.Project, _, _, _ string, l lathe.Lease) (any, error) {
			_, err := e.AppendEvents(ctx, l, log(1))
			return nil, err
		},
		"SaveCheckpoint": func(_ lathe.Project, _, _, _ string, l lathe.Lease) (any, error) {
			return found(e.SaveCheckpoint(ctx, l, 1, blobOf("x")))
		},
		"FinishRun": func(_ lathe.Project, _, _, _ string, l lathe.Lease) (any, error) {
			r, _, err := e.FinishRun(ctx, l, lathe.Outcome{State: lathe.RunStopped})
			return r, err
		},
	}
}

func modelAccesses(e *env) map[string]access {
	return map[string]access{
		"CreateModelVersion": nil,
		"FindModel":          func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) { return e.FindModel(ctx, p, name) },
		"FindModels": func(p lathe.Project, _, _, _ string, _ lathe.Lease) (any, error) {
			return list(e.FindModels(ctx, p, lathe.Page{}))
		},
		"FindModelVersion": func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) {
			return e.FindModelVersion(ctx, p, name, "1")
		},
		"FindModelVersions": func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) {
			return e.FindModelVersions(ctx, p, name)
		},
		"SetAlias": func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) {
			return e.SetAlias(ctx, p, name, "x", 1)
		},
		"RollbackModel": func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) {
			return e.RollbackModel(ctx, p, name)
		},
		"DeleteModelVersion": func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) {
			return found(e.DeleteModelVersion(ctx, p, name, 2))
		},
	}
}

func endpointAccesses(e *env) map[string]access {
	return map[string]access{
		"PutEndpoint": func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) {
			return e.PutEndpoint(ctx, p, lathe.Endpoint{Name: "mine", Routes: []lathe.Route{{Model: name, Version: 1, Share: 100}}})
		},
		"FindEndpoint": func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) {
			return e.FindEndpoint(ctx, p, name)
		},
		"FindEndpoints": func(p lathe.Project, _, _, _ string, _ lathe.Lease) (any, error) {
			return list(e.FindEndpoints(ctx, p, lathe.Page{}))
		},
		"SetDefaultEndpoint": func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) {
			return e.SetDefaultEndpoint(ctx, p, name)
		},
		"DeleteEndpoint": func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) {
			return found(e.DeleteEndpoint(ctx, p, name))
		},
	}
}

func keyAccesses(e *env) map[string]access {
	return map[string]access{
		"CreateKey": nil,
		"FindKey":   func(p lathe.Project, _, key, _ string, _ lathe.Lease) (any, error) { return e.FindKey(ctx, p, key) },
		"FindKeys": func(p lathe.Project, _, _, _ string, _ lathe.Lease) (any, error) {
			return list(e.FindKeys(ctx, p, lathe.Page{}))
		},
		"RevokeKey": func(p lathe.Project, _, key, _ string, _ lathe.Lease) (any, error) { return e.RevokeKey(ctx, p, key) },

		"PutSecret":   nil,
		"Secret":      func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) { return e.Secret(ctx, p, name) },
		"FindSecrets": func(p lathe.Project, _, _, _ string, _ lathe.Lease) (any, error) { return e.FindSecrets(ctx, p) },
		"DeleteSecret": func(p lathe.Project, _, _, name string, _ lathe.Lease) (any, error) {
			return found(e.DeleteSecret(ctx, p, name))
		},

		"FindUsage":  func(p lathe.Project, _, key, _ string, _ lathe.Lease) (any, error) { return e.FindUsage(ctx, p, key) },
		"BeginReply": nil,
		"FinishReply": func(p lathe.Project, _, _, _ string, _ lathe.Lease) (any, error) {
			return found(e.FinishReply(ctx, p, "ana", "k", nil))
		},

		"SaveUsage": nil, "FindKeyByHash": nil, "RequeueLost": nil, // take no project: records and keys tell theirs
	}
}

func list[T any](records []T, _ string, err error) (any, error) { return records, err }

// TestEveryMethodIsTried holds the table above to the interfaces.
func TestEveryMethodIsTried(t *testing.T) {
	known := accesses(nil)
	for _, face := range []any{
		(*lathe.DatasetStore)(nil), (*lathe.RunStore)(nil), (*lathe.ModelStore)(nil), (*lathe.EndpointStore)(nil),
		(*lathe.KeyStore)(nil), (*lathe.SecretStore)(nil), (*lathe.UsageStore)(nil), (*lathe.IdempotencyStore)(nil),
	} {
		typ := reflect.TypeOf(face).Elem()
		for i := range typ.NumMethod() {
			if _, ok := known[typ.Method(i).Name]; !ok {
				t.Errorf("%s.%s is not tried with another project's names", typ.Name(), typ.Method(i).Name)
			}
		}
	}
}
