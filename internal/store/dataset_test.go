package store_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"lathe"
)

// draft is a first version of 10 rows a segment.
func draft(name string, base int, contents ...string) lathe.DatasetDraft {
	d := lathe.DatasetDraft{
		Name: name, Kind: "table", Base: base, Digest: "d" + fmt.Sprint(base+1), Origin: "upload it's.csv?",
		Columns: []lathe.ColumnInfo{{Name: "x", Kind: 1, Type: "float"}}, Profile: json.RawMessage(`{"rows":10}`),
	}
	for _, c := range contents {
		d.Add = append(d.Add, lathe.Segment{Ordinal: 99, Blob: blobOf(c), Rows: 10, Digest: "s" + c})
		d.Rows += 10
	}
	return d
}

func TestDatasetVersions(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		v1 := value[lathe.DatasetVersion](t)(e.CommitDataset(ctx, a, draft("churn", 0, "one", "two")))
		want := lathe.DatasetVersion{
			Project: a, Dataset: "churn", Number: 1, Watermark: 2, Rows: 20, Digest: "d1", Origin: "upload it's.csv?",
			Columns: draft("", 0).Columns, Profile: json.RawMessage(`{"rows":10}`), CreatedAt: e.clock.Now(),
		}
		if !reflect.DeepEqual(v1, want) {
			t.Errorf("committed\n%+v, want\n%+v", v1, want)
		}
		if got := value[lathe.DatasetVersion](t)(e.FindDatasetVersion(ctx, a, "churn", 1)); !reflect.DeepEqual(got, v1) {
			t.Errorf("found\n%+v, want\n%+v", got, v1)
		}
		e.clock.add(time.Minute)
		add := draft("churn", 1, "three")
		add.Rows = 30
		must1(t)(e.CommitDataset(ctx, a, add))
		replace := draft("churn", 2, "four")
		replace.Replace = true
		must1(t)(e.CommitDataset(ctx, a, replace))
		set := value[lathe.Dataset](t)(e.FindDataset(ctx, a, "churn"))
		if set.Version != 3 || set.Rows != 10 || !set.UpdatedAt.Equal(e.clock.Now()) || set.UpdatedAt.Equal(set.CreatedAt) {
			t.Errorf("dataset %+v", set)
		}
		for number, want := range map[int][]string{1: {"one", "two"}, 2: {"one", "two", "three"}, 3: {"four"}, 0: {"four"}} {
			wantSegments(t, e, number, want...)
		}
		if all := value[[]lathe.DatasetVersion](t)(e.FindDatasetVersions(ctx, a, "churn")); len(all) != 3 || all[0].Number != 1 {
			t.Errorf("%d versions", len(all))
		}
	})
}

func must1(t testing.TB) func(any, error) {
	return func(_ any, err error) {
		t.Helper()
		must(t, err)
	}
}

// wantSegments compares what a version of churn reads.
func wantSegments(t *testing.T, e *env, number int, contents ...string) {
	t.Helper()
	segments, _, err := e.FindSegments(ctx, a, "churn", number)
	must(t, err)
	var got []string
	for i, s := range segments {
		got = append(got, s.Digest[1:])
		if s.Blob != blobOf(s.Digest[1:]) || s.Rows != 10 || i > 0 && s.Ordinal != segments[i-1].Ordinal+1 {
			t.Errorf("segment %+v", s)
		}
	}
	if !reflect.DeepEqual(got, contents) {
		t.Errorf("version %d reads %v, want %v", number, got, contents)
	}
}

func TestDatasetErase(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		must1(t)(e.CommitDataset(ctx, a, draft("churn", 0, "one")))
		two := draft("churn", 1, "two")
		two.Rows = 20
		must1(t)(e.CommitDataset(ctx, a, two))
		erase := draft("churn", 2)
		erase.Rows, erase.Erase = 16, []lathe.Erasure{{Segment: 0, Rows: []int64{0, 9}}, {Segment: 1, Rows: []int64{3, 4}}}
		must1(t)(e.CommitDataset(ctx, a, erase))
		again := draft("churn", 3)
		again.Rows, again.Erase = 15, []lathe.Erasure{{Segment: 1, Rows: []int64{4, 5}}}
		must1(t)(e.CommitDataset(ctx, a, again))
		for number, want := range map[int]int64{1: 8, 2: 15, 3: 15, 4: 15} {
			if v := value[lathe.DatasetVersion](t)(e.FindDatasetVersion(ctx, a, "churn", number)); v.Rows != want {
				t.Errorf("version %d has %d rows, want %d", number, v.Rows, want)
			}
		}
		_, erasures, err := e.FindSegments(ctx, a, "churn", 1)
		must(t, err)
		if want := []lathe.Erasure{{Segment: 0, Rows: []int64{0, 9}}}; !reflect.DeepEqual(erasures, want) {
			t.Errorf("version 1 misses %v, want %v", erasures, want)
		}
		_, erasures, err = e.FindSegments(ctx, a, "churn", 0)
		must(t, err)
		if want := []int64{3, 4, 5}; !reflect.DeepEqual(erasures[1].Rows, want) {
			t.Errorf("segment 1 misses %v, want %v", erasures[1].Rows, want)
		}
	})
}

func TestDatasetRefusals(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		must1(t)(e.CommitDataset(ctx, a, draft("churn", 0, "one")))
		cases := map[string]struct {
			change func(*lathe.DatasetDraft)
			code   lathe.Code
		}{
			"old base":        {func(d *lathe.DatasetDraft) { d.Base = 0 }, lathe.CodeConflict},
			"future base":     {func(d *lathe.DatasetDraft) { d.Base = 2 }, lathe.CodeConflict},
			"unknown base":    {func(d *lathe.DatasetDraft) { d.Name = "other" }, lathe.CodeConflict},
			"other kind":      {func(d *lathe.DatasetDraft) { d.Kind = "text" }, lathe.CodeConflict},
			"bad name":        {func(d *lathe.DatasetDraft) { d.Name = "../x" }, lathe.CodeInvalid},
			"no blob":         {func(d *lathe.DatasetDraft) { d.Add[0].Blob = lathe.Blob{} }, lathe.CodeInvalid},
			"bad profile":     {func(d *lathe.DatasetDraft) { d.Profile = json.RawMessage("{") }, lathe.CodeInvalid},
			"NUL in origin":   {func(d *lathe.DatasetDraft) { d.Origin = "upload a\x00.csv" }, lathe.CodeInvalid},
			"wrong row count": {func(d *lathe.DatasetDraft) { d.Rows = 21 }, lathe.CodeInvalid},
			"erase and add":   {func(d *lathe.DatasetDraft) { d.Erase = []lathe.Erasure{{}} }, lathe.CodeInvalid},
			"erase beyond": {func(d *lathe.DatasetDraft) {
				d.Add, d.Rows, d.Erase = nil, 9, []lathe.Erasure{{Rows: []int64{10}}}
			}, lathe.CodeInvalid},
			"erase twice": {func(d *lathe.DatasetDraft) {
				d.Add, d.Rows, d.Erase = nil, 9, []lathe.Erasure{{Rows: []int64{1, 1}}}
			}, lathe.CodeInvalid},
			"erase in no segment": {func(d *lathe.DatasetDraft) {
				d.Add, d.Rows, d.Erase = nil, 9, []lathe.Erasure{{Segment: 1, Rows: []int64{0}}}
			}, lathe.CodeNotFound},
		}
		for name, c := range cases {
			d := draft("churn", 1, "two")
			d.Rows = 20
			c.change(&d)
			_, err := e.CommitDataset(ctx, a, d)
			if lathe.CodeOf(err) != c.code {
				t.Errorf("%s: %v, want %s", name, err, c.code)
			}
		}
		wantSegments(t, e, 0, "one")
		if all := value[[]lathe.DatasetVersion](t)(e.FindDatasetVersions(ctx, a, "churn")); len(all) != 1 || all[0].Rows != 10 {
			t.Errorf("refused drafts left %+v", all)
		}
	})
}

func TestDatasetDelete(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		must1(t)(e.CommitDataset(ctx, a, draft("churn", 0, "one")))
		must1(t)(e.CommitDataset(ctx, b, draft("churn", 0, "other")))
		must(t, e.DeleteDataset(ctx, a, "churn"))
		wantCode(t, lathe.CodeNotFound, e.DeleteDataset(ctx, a, "churn"))
		_, err := e.FindDatasetVersion(ctx, a, "churn", 0)
		wantCode(t, lathe.CodeNotFound, err)
		must1(t)(e.FindDatasetVersion(ctx, b, "churn", 1))
		if v := value[lathe.DatasetVersion](t)(e.CommitDataset(ctx, a, draft("churn", 0, "new"))); v.Number != 1 || v.Watermark != 1 {
			t.Errorf("a new dataset begins with %+v", v)
		}
	})
}
