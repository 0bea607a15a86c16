package rest

import (
	"io"
	"net/http"
	"strconv"

	"lathe"
	"lathe/internal/guard"
)

const packageType = "application/vnd.lathe.package"

func (s *server) registerPackages() {
	const version = "/api/v1/models/{model}/versions/{ref}"
	s.raw(route{method: "GET", path: version + "/card", summary: "Read the model's card", need: guard.Need{Verb: lathe.VerbRead, Name: "model"}, tag: "models"},
		media{gives: "text/markdown"}, s.modelCard)
	s.raw(route{method: "GET", path: version + "/package", summary: "Take the .lathe file away", need: guard.Need{Verb: lathe.VerbExport, Name: "model", Stream: true}, tag: "models"},
		media{gives: packageType}, s.exportPackage)
	s.raw(route{
		method: "POST", path: "/api/v1/models/{model}/package", summary: "Bring a .lathe file in as the next version",
		need: guard.Need{Verb: lathe.VerbDeploy, Name: "model", Body: packageBody, Stream: true}, status: 201, tag: "models",
	},
		media{takes: packageType + " application/octet-stream", gives: "application/json"}, s.importPackage)
}

func (s *server) modelCard(w http.ResponseWriter, r *http.Request) error {
	if err := checkRef(r.PathValue("ref")); err != nil {
		return err
	}
	card, err := s.Models.ModelCard(r.Context(), project(r), r.PathValue("model"), r.PathValue("ref"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/markdown; charset=utf-8")
	_, err = io.WriteString(w, card)
	return ignoreGone(err)
}

func (s *server) exportPackage(w http.ResponseWriter, r *http.Request) error {
	if err := checkRef(r.PathValue("ref")); err != nil {
		return err
	}
	version, file, err := s.Models.ExportPackage(r.Context(), project(r), r.PathValue("model"), r.PathValue("ref"))
	if err != nil {
		return err
	}
	defer file.Close()
	out := newStream(w, packageType)
	w.Header().Set("Content-Disposition", `attachment; filename="`+version.Model+"-"+strconv.Itoa(version.Number)+`.lathe"`)
	w.Header().Set("X-Lathe-Digest", version.Digest)
	if version.Package.Bytes > 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(version.Package.Bytes, 10))
	}
	_, err = io.Copy(out, readOnly{file})
	if err != nil {
		w.Header().Del("Content-Length")
		w.Header().Del("Content-Disposition")
	}
	return out.end(r, err)
}

// readOnly hides WriterTo, so that io.Copy works in pieces and the pace of the answer is watched.
type readOnly struct{ io.Reader }

func (s *server) importPackage(w http.ResponseWriter, r *http.Request) error {
	if _, err := guard.CheckContentType(r, packageType, "application/octet-stream", "application/zip"); err != nil {
		return err
	}
	if err := guard.CheckEncoding(r); err != nil {
		return err
	}
	version, err := s.Models.ImportPackage(r.Context(), project(r), r.PathValue("model"), r.Body)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, version)
}
