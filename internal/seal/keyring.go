package seal

import (
	"maps"
	"strconv"
	"sync"
	"time"

	"lathe"
)

// Keyring holds the wrapped keys of a home. It is safe for concurrent use within one process; the home's lock keeps
// other processes away. Its folder stands apart from the data and is never rolled back by a restore, so that a key
// once destroyed stays destroyed.
type Keyring struct {
	disk  Disk
	clock lathe.Clock
	dir   string

	mu     sync.Mutex // guards root, system, ring, keys
	root   Key
	system Key // for Derive
	ring   ringFile
	keys   map[lathe.Project]Key // opened slots

	subjectMu sync.Mutex // guards subjects and the shard files; taken before mu
	subjects  map[subjectID]Key
}

// ringFile is the body of the keyring: everything that the root key wraps, in one file, so that one rename rotates.
type ringFile struct {
	Generation uint64                 `json:"generation"` // counts root keys; part of each slot's associated data
	System     []byte                 `json:"system"`     // the wrapped system key
	Projects   map[lathe.Project]slot `json:"projects"`
}

// slot is a wrapped key, or the tombstone of one.
type slot struct {
	Wrapped   []byte     `json:"wrapped,omitempty"`
	Created   *time.Time `json:"created,omitempty"`
	Destroyed *time.Time `json:"destroyed,omitempty"`
}

func (s slot) check(kind, name string) error {
	if s.Destroyed != nil && len(s.Wrapped) == 0 || s.Destroyed == nil && len(s.Wrapped) == WrappedSize {
		return nil
	}
	return corrupt(kind, "slot %.80q is neither a key nor a tombstone", name)
}

// ProjectKey gives the key of a project, making it durably on first use: when it returns, the slot survives a crash. A
// destroyed project's key is CodeNotFound with ErrDestroyed.
func (k *Keyring) ProjectKey(project lathe.Project) (Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.projectKey(project)
}

func (k *Keyring) projectKey(project lathe.Project) (Key, error) {
	if key, ok := k.keys[project]; ok {
		return key, nil
	}
	if err := lathe.CheckName("project", string(project)); err != nil {
		return Key{}, err
	}
	s, ok := k.ring.Projects[project]
	if !ok {
		return k.createProject(project)
	}
	if s.Destroyed != nil {
		return Key{}, destroyed("the key of project " + string(project))
	}
	key, err := Unwrap(k.root, s.Wrapped, projectAssociated(project, k.ring.Generation))
	if err != nil {
		return Key{}, corrupt("keyring", "slot of project %s: authentication failed", project)
	}
	k.keys[project] = key
	return key, nil
}

func (k *Keyring) createProject(project lathe.Project) (Key, error) {
	key, now := NewKey(), k.clock().UTC()
	ring := k.ring.clone()
	ring.Projects[project] = slot{Wrapped: Wrap(k.root, key, projectAssociated(project, ring.Generation)), Created: &now}
	if err := k.save(ring, k.root); err != nil {
		return Key{}, err
	}
	k.ring, k.keys[project] = ring, key
	return key, nil
}

// DestroyProject shreds a project: its wrapped key is replaced by a tombstone, its subjects' slots are deleted, and
// nothing it sealed can be opened again, in backups too. An unknown project is CodeNotFound; one destroyed before is
// no error. The disk may keep the old blocks until it reuses them; an attacker needs the root key as well.
func (k *Keyring) DestroyProject(project lathe.Project) error {
	k.subjectMu.Lock()
	defer k.subjectMu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	s, ok := k.ring.Projects[project]
	if !ok {
		return lathe.Errorf(lathe.CodeNotFound, "seal: destroy: project %.80q has no key", string(project))
	}
	if s.Destroyed == nil {
		now := k.clock().UTC()
		ring := k.ring.clone()
		ring.Projects[project] = slot{Created: s.Created, Destroyed: &now}
		if err := k.save(ring, k.root); err != nil {
			return err
		}
		k.ring = ring
	}
	delete(k.keys, project)
	k.forgetSubjects(project)
	return k.disk.RemoveAll(k.subjectDir(project))
}

// DestroyedProjects lists the tombstones, so that a restore can drop what a backup brings back.
func (k *Keyring) DestroyedProjects() map[lathe.Project]time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := map[lathe.Project]time.Time{}
	for project, s := range k.ring.Projects {
		if s.Destroyed != nil {
			out[project] = *s.Destroyed
		}
	}
	return out
}

// Derive gives a key of the whole home: for the database file, the pepper of API keys, the seal of commits. It comes from
// the system key, which the root key wraps, so that rotating the root key changes none of them.
func (k *Keyring) Derive(purpose string) Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	return Derive(k.system, purpose)
}

// Rotate wraps every project key under newRoot, in one atomic write. Data and subject slots stay as they are.
func (k *Keyring) Rotate(newRoot Key) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	ring := k.ring.clone()
	ring.Generation++
	ring.System = Wrap(newRoot, k.system, systemAssociated(ring.Generation))
	for project, s := range ring.Projects {
		if s.Destroyed != nil {
			continue
		}
		key, err := Unwrap(k.root, s.Wrapped, projectAssociated(project, k.ring.Generation))
		if err != nil {
			return corrupt("keyring", "slot of project %s: authentication failed", project)
		}
		s.Wrapped = Wrap(newRoot, key, projectAssociated(project, ring.Generation))
		ring.Projects[project] = s
	}
	if err := k.save(ring, newRoot); err != nil {
		return err
	}
	k.root, k.ring = newRoot, ring
	return nil
}

// Close overwrites the keys in memory. The keyring must not be used after.
func (k *Keyring) Close() {
	k.subjectMu.Lock()
	defer k.subjectMu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.root.Zero()
	k.system.Zero()
	clear(k.keys)
	clear(k.subjects)
}

func (k *Keyring) currentRoot() Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.root
}

func (k *Keyring) save(ring ringFile, root Key) error {
	return k.disk.WriteFile(k.ringPath(), frame("keyring", &root, encode(ring)))
}

// parse takes a keyring file over when it was written under root.
func (k *Keyring) parse(data []byte, root Key) error {
	body, ok, err := openFrame("keyring", root, data)
	if err != nil {
		return err
	}
	if !ok {
		return wrongRoot()
	}
	ring := ringFile{}
	if err := decode("keyring", body, &ring); err != nil {
		return err
	}
	for project, s := range ring.Projects {
		if err := s.check("keyring", string(project)); err != nil {
			return err
		}
	}
	system, err := Unwrap(root, ring.System, systemAssociated(ring.Generation))
	if err != nil {
		return corrupt("keyring", "system slot: authentication failed")
	}
	k.root, k.system, k.ring = root, system, ring.clone()
	return nil
}

// finishDestroyed deletes what a DestroyProject that was cut off left behind.
func (k *Keyring) finishDestroyed() error {
	for project := range k.DestroyedProjects() {
		if err := k.disk.RemoveAll(k.subjectDir(project)); err != nil {
			return err
		}
	}
	return nil
}

func (r ringFile) clone() ringFile {
	out := ringFile{Generation: r.Generation, System: r.System, Projects: make(map[lathe.Project]slot, len(r.Projects)+1)}
	maps.Copy(out.Projects, r.Projects)
	return out
}

func projectAssociated(project lathe.Project, generation uint64) []byte {
	return Associate("lathe", "project key", string(project), strconv.FormatUint(generation, 10))
}

func systemAssociated(generation uint64) []byte {
	return Associate("lathe", "system key", strconv.FormatUint(generation, 10))
}
