package store_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"lathe"
)

// filled makes one of everything in a project and gives the run's running lease and the key's id.
func (e *env) filled(t *testing.T) (lathe.Lease, string) {
	t.Helper()
	must1(t)(e.CommitDataset(ctx, a, draft("churn", 0, "one")))
	e.createVersion(t, "churn")
	e.createVersion(t, "churn")
	must1(t)(e.SetAlias(ctx, a, "churn", "champion", 1))
	must1(t)(e.SetAlias(ctx, a, "churn", "champion", 2))
	e.deploy(t, "churn", lathe.Route{Model: "churn", Version: 1, Share: 100})
	key := value[lathe.Key](t)(e.CreateKey(ctx, a, lathe.Key{Kind: lathe.KindService, Hash: hashOf("k")}))
	must(t, e.PutSecret(ctx, a, "churn", []byte("x")))
	must(t, e.SaveUsage(ctx, []lathe.UsageRecord{{Project: a, Key: key.ID, Unit: "rows", Window: "day", Used: 1}}))
	must1(t)(e.BeginReply(ctx, a, "ana", "k", nil, time.Hour))
	lease := e.claim(t, e.create(t).ID)
	must1(t)(e.AppendEvents(ctx, lease, log(1)))
	return lease, key.ID
}

// access calls a method as a project with names of another; it returns what was found, nil for nothing, and the error.
type access func(p lathe.Project, run, key, name string, lease lathe.Lease) (any, error)

// accesses has every method of the stores that takes a project or a lease. Those that make something of their own are
// listed as nil: they cannot reach another project's.
func accesses(e *env) map[string]access {
	err := func(err error) (any, error) { return nil, err }
	erase := draft("", 1)
	erase.Rows, erase.Erase = 9, []lathe.Erasure{{Rows: []int64{1}}}
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
			return err(e.DeleteDataset(ctx, p, name))
		},

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
		"ReleaseRun": func(_ lathe.Project, _, _, _ string, l lathe.Lease) (any, error) { return err(e.ReleaseRun(ctx, l)) },
		"AppendEvents": func(_ lathe.Project, _, _, _ string, l lathe.Lease) (any, error) {
			_, err := e.AppendEvents(ctx, l, log(1))
			return nil, err
		},
		"SaveCheckpoint": func(_ lathe.Project, _, _, _ string, l lathe.Lease) (any, error) {
			return err(e.SaveCheckpoint(ctx, l, 1, blobOf("x")))
		},
		"FinishRun": func(_ lathe.Project, _, _, _ string, l lathe.Lease) (any, error) {
			r, _, err := e.FinishRun(ctx, l, lathe.Outcome{State: lathe.RunStopped})
			return r, err
		},

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
			return err(e.DeleteModelVersion(ctx, p, name, 2))
		},

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
			return err(e.DeleteEndpoint(ctx, p, name))
		},

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
			return err(e.DeleteSecret(ctx, p, name))
		},

		"FindUsage":  func(p lathe.Project, _, key, _ string, _ lathe.Lease) (any, error) { return e.FindUsage(ctx, p, key) },
		"BeginReply": nil,
		"FinishReply": func(p lathe.Project, _, _, _ string, _ lathe.Lease) (any, error) {
			return err(e.FinishReply(ctx, p, "ana", "k", nil))
		},

		"SaveUsage": nil, "FindKeyByHash": nil, "RequeueLost": nil, // take no project: records and keys tell theirs
	}
}

func list[T any](records []T, _ string, err error) (any, error) { return records, err }

// TestOtherProject: with another project's names and ids every method answers as for unknown ones, and changes nothing.
func TestOtherProject(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		lease, key := e.filled(t)
		before := e.dump(t)
		foreign := lease
		foreign.Project = b
		unknown := lathe.Lease{Project: b, Run: strings.Repeat("0", 26), Holder: lease.Holder, Token: 1}
		for method, call := range accesses(e) {
			if call == nil {
				continue
			}
			found, err := call(b, lease.Run, key, "churn", foreign)
			nothing, want := call(b, unknown.Run, unknown.Run, "nope1", unknown)
			if lathe.CodeOf(err) != lathe.CodeOf(want) || message(err) != message(want) || !reflect.DeepEqual(found, nothing) {
				t.Errorf("%s tells of another project:\n%v, %v\nunknown:\n%v, %v", method, found, err, nothing, want)
			}
			if err == nil && reflect.ValueOf(found).Len() > 0 {
				t.Errorf("%s found %v", method, found)
			}
		}
		if after := e.dump(t); !reflect.DeepEqual(after, before) {
			t.Errorf("another project changed\n%v\nto\n%v", before, after)
		}
	})
}

// message is an error without the names that were asked for.
func message(err error) string {
	var e *lathe.Error
	if !errors.As(err, &e) {
		return ""
	}
	fields := strings.FieldsFunc(e.Message, func(r rune) bool { return r == '"' })
	if len(fields) > 1 {
		fields[1] = ""
	}
	return strings.Join(fields, "") + e.Field + e.Hint
}

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

// dump reads every table whole.
func (e *env) dump(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, table := range e.tables(t) {
		rows, err := e.db.Read.QueryContext(ctx, `SELECT * FROM `+table)
		must(t, err)
		columns, err := rows.Columns()
		must(t, err)
		for rows.Next() {
			row := make([]any, len(columns))
			into := make([]any, len(columns))
			for i := range row {
				into[i] = &row[i]
			}
			must(t, rows.Scan(into...))
			text, err := json.Marshal(row)
			must(t, err)
			out[table] = append(out[table], string(text))
		}
		must(t, rows.Err())
		must(t, rows.Close())
	}
	return out
}

// tables lists the tables of the database.
func (e *env) tables(t *testing.T) (names []string) {
	t.Helper()
	rows, err := e.db.Read.QueryContext(ctx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		must(t, rows.Scan(&name))
		names = append(names, name)
	}
	must(t, rows.Err())
	return names
}

// TestNothingReadable: what a person could have forgotten is in no table as it is.
func TestNothingReadable(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		d := draft("churn", 0, "one")
		d.Profile = json.RawMessage(`"PERSONAL profile"`)
		must1(t)(e.CommitDataset(ctx, a, d))
		must(t, e.PutSecret(ctx, a, "s", []byte("PERSONAL secret")))
		lease := e.claim(t, e.create(t).ID)
		must1(t)(e.AppendEvents(ctx, lease, []lathe.Event{{Kind: "log", Data: json.RawMessage(`"PERSONAL log"`)}}))
		_, _, err := e.FinishRun(ctx, lease, lathe.Outcome{
			State:  lathe.RunFailed,
			Error:  &lathe.Problem{Message: "PERSONAL value"},
			Result: func(int) (json.RawMessage, error) { return json.RawMessage(`"PERSONAL result"`), nil },
			Model: &lathe.ModelVersion{
				Model: "m", Package: blobOf("m"), Manifest: json.RawMessage(`"PERSONAL level"`), Evaluation: json.RawMessage(`"PERSONAL class"`),
			},
		})
		must(t, err)
		must1(t)(e.BeginReply(ctx, a, "ana", "k", nil, time.Hour))
		must(t, e.FinishReply(ctx, a, "ana", "k", &lathe.Reply{Header: map[string]string{"X": "PERSONAL"}, Body: []byte("PERSONAL body")}))
		for table, rows := range e.dump(t) {
			var values []any
			for _, row := range rows {
				must(t, json.Unmarshal([]byte(row), &values))
				for _, v := range values {
					if text, ok := v.(string); ok && strings.Contains(decoded(text), "PERSONAL") {
						t.Errorf("table %s holds %s", table, decoded(text))
					}
				}
			}
		}
	})
}
