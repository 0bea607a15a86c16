package guard

import (
	"net/http"

	"lathe"
)

// ProjectHeader chooses the project that the owner's key acts in.
const ProjectHeader = "X-Lathe-Project"

// act gives the principal of a request: the key's own project, or for a key of all projects the one that the header
// names. Another project than the key's own is as unknown as one that never was.
func (id *identity) act(r *http.Request) (*lathe.Principal, error) {
	asked := ""
	if values := r.Header[ProjectHeader]; len(values) > 0 {
		asked = values[0]
	}
	if id.principal != nil {
		if asked == "" || lathe.Project(asked) == id.principal.Project {
			return id.principal, nil
		}
		return nil, lathe.Errorf(lathe.CodeNotFound, "guard: there is no project %s", quoteShort(asked))
	}
	if asked == "" {
		return id.principalIn(lathe.DefaultProject), nil
	}
	if err := lathe.CheckName("project", asked); err != nil {
		return nil, err
	}
	return id.principalIn(lathe.Project(asked)), nil
}
