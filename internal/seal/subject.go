package seal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"lathe"
)

// Subject slots are many, so they lie in 256 shard files a project, by the first byte of the subject's name: a new
// person costs one shard rewritten, about 50 KB where a project knows 100,000 people. A subject's name is an HMAC under
// a key of the project, so the files tell nobody who is in them.

// subjectID finds an opened subject key in memory.
type subjectID struct {
	project lathe.Project
	name    string
}

// maxOpenSubjects bounds the opened keys in memory, about 200 bytes each; they are dropped together when full.
const maxOpenSubjects = 1 << 16

// shardFile is the body of one shard.
type shardFile struct {
	Subjects map[string]slot `json:"subjects"` // by SubjectName
}

// SubjectName is how slots, tombstones and the audit log name a person: an HMAC under a key of the project.
func (k *Keyring) SubjectName(project lathe.Project, subject string) (string, error) {
	key, err := k.ProjectKey(project)
	if err != nil {
		return "", err
	}
	return subjectName(key, subject), nil
}

func subjectName(projectKey Key, subject string) string {
	return Name(Derive(projectKey, "subject names"), []byte(subject))
}

// SubjectKey gives the key of one person in a project, making it durably on first use. A destroyed subject's key is
// CodeNotFound with ErrDestroyed, for ever: erased people stay erased.
func (k *Keyring) SubjectKey(project lathe.Project, subject string) (Key, error) {
	keys, err := k.SubjectKeys(project, []string{subject})
	if err != nil {
		return Key{}, err
	}
	if keys[0] == nil {
		return Key{}, destroyed("the key of this subject")
	}
	return *keys[0], nil
}

// SubjectKeys is SubjectKey for many people at once, with one durable write per shard. Where a key was destroyed the
// result holds nil. Either all new keys are durable when it returns, or it fails; what it had made by then stays and
// harms nothing.
func (k *Keyring) SubjectKeys(project lathe.Project, subjects []string) ([]*Key, error) {
	k.subjectMu.Lock()
	defer k.subjectMu.Unlock()
	projectKey, err := k.ProjectKey(project)
	if err != nil {
		return nil, err
	}
	out := make([]*Key, len(subjects))
	wanted := map[string][]int{} // shard -> indexes into names
	names := make([]string, len(subjects))
	for i, subject := range subjects {
		names[i] = subjectName(projectKey, subject)
		if key, ok := k.subjects[subjectID{project, names[i]}]; ok {
			out[i] = &key
			continue
		}
		wanted[names[i][:2]] = append(wanted[names[i][:2]], i)
	}
	for shard, indexes := range wanted {
		if err := k.openSubjects(project, projectKey, shard, names, indexes, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// openSubjects fills out for the names that indexes list, all of one shard, and makes the slots that are missing.
func (k *Keyring) openSubjects(project lathe.Project, projectKey Key, shard string, names []string, indexes []int, out []*Key) error {
	file, err := k.readShard(project, projectKey, shard)
	if err != nil {
		return err
	}
	made := false
	for _, i := range indexes {
		s, ok := file.Subjects[names[i]]
		if !ok {
			now := k.clock().UTC().Truncate(time.Second)
			s = slot{Wrapped: Wrap(projectKey, NewKey(), subjectAssociated(project, names[i])), Created: &now}
			file.Subjects[names[i]], made = s, true
		}
		if s.Destroyed != nil {
			continue
		}
		key, err := Unwrap(projectKey, s.Wrapped, subjectAssociated(project, names[i]))
		if err != nil {
			return corrupt("subject keys", "shard %s: authentication failed", shard)
		}
		out[i] = &key
	}
	if made {
		if err := k.writeShard(project, projectKey, shard, file); err != nil {
			return err
		}
	}
	for _, i := range indexes {
		k.remember(subjectID{project, names[i]}, out[i])
	}
	return nil
}

func (k *Keyring) remember(id subjectID, key *Key) {
	if key == nil {
		return
	}
	if len(k.subjects) >= maxOpenSubjects {
		clear(k.subjects)
	}
	k.subjects[id] = *key
}

// DestroySubject shreds one person's key in a project and leaves a tombstone, also where the person had no key yet: a
// person erased before the first event stays erased. Doing it again is no error.
func (k *Keyring) DestroySubject(project lathe.Project, subject string) error {
	k.subjectMu.Lock()
	defer k.subjectMu.Unlock()
	projectKey, err := k.ProjectKey(project)
	if err != nil {
		return err
	}
	name := subjectName(projectKey, subject)
	shard := name[:2]
	file, err := k.readShard(project, projectKey, shard)
	if err != nil {
		return err
	}
	if s := file.Subjects[name]; s.Destroyed == nil {
		now := k.clock().UTC().Truncate(time.Second)
		file.Subjects[name] = slot{Created: s.Created, Destroyed: &now}
		if err := k.writeShard(project, projectKey, shard, file); err != nil {
			return err
		}
	}
	delete(k.subjects, subjectID{project, name})
	return nil
}

// DestroyedSubjects lists a project's tombstones by SubjectName, so that a restore can erase again.
func (k *Keyring) DestroyedSubjects(project lathe.Project) (map[string]time.Time, error) {
	k.subjectMu.Lock()
	defer k.subjectMu.Unlock()
	projectKey, err := k.ProjectKey(project)
	if err != nil {
		return nil, err
	}
	shards, err := k.disk.List(k.subjectDir(project))
	if err != nil {
		return nil, err
	}
	out := map[string]time.Time{}
	for _, shard := range shards {
		file, err := k.readShard(project, projectKey, shard)
		if err != nil {
			return nil, err
		}
		for name, s := range file.Subjects {
			if s.Destroyed != nil {
				out[name] = *s.Destroyed
			}
		}
	}
	return out, nil
}

func (k *Keyring) forgetSubjects(project lathe.Project) {
	for id := range k.subjects {
		if id.project == project {
			delete(k.subjects, id)
		}
	}
}

func (k *Keyring) readShard(project lathe.Project, projectKey Key, shard string) (shardFile, error) {
	data, err := k.disk.ReadFile(filepath.Join(k.subjectDir(project), shard))
	if errors.Is(err, fs.ErrNotExist) {
		return shardFile{Subjects: map[string]slot{}}, nil
	}
	if err != nil {
		return shardFile{}, err
	}
	return parseShard(data, shardKey(projectKey, shard))
}

func (k *Keyring) writeShard(project lathe.Project, projectKey Key, shard string, file shardFile) error {
	key := shardKey(projectKey, shard)
	dir := k.subjectDir(project)
	if err := k.disk.Sweep(dir); err != nil { // an interrupted write may hold a slot that is destroyed now
		return err
	}
	return k.disk.WriteFile(filepath.Join(dir, shard), frame("subject-keys", &key, encode(file)))
}

func parseShard(data []byte, key Key) (shardFile, error) {
	body, ok, err := openFrame("subject-keys", key, data)
	if err != nil {
		return shardFile{}, err
	}
	if !ok {
		return shardFile{}, corrupt("subject-keys", "the file belongs to another project or shard")
	}
	file := shardFile{}
	if err := decode("subject-keys", body, &file); err != nil {
		return shardFile{}, err
	}
	if file.Subjects == nil {
		return shardFile{}, corrupt("subject-keys", "no subjects")
	}
	for name, s := range file.Subjects {
		if err := s.check("subject-keys", name); err != nil {
			return shardFile{}, err
		}
	}
	return file, nil
}

// subjectDir is named by a digest: project names may differ in case alone, which some file systems do not tell apart.
func (k *Keyring) subjectDir(project lathe.Project) string {
	sum := sha256.Sum256([]byte(project))
	return filepath.Join(k.dir, "subjects", hex.EncodeToString(sum[:16]))
}

func shardKey(projectKey Key, shard string) Key { return Derive(projectKey, "subject shard/"+shard) }

func subjectAssociated(project lathe.Project, name string) []byte {
	return Associate("lathe", "subject key", string(project), name)
}
