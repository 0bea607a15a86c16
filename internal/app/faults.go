package app

import (
	"lathe/internal/disk"
	"lathe/internal/seal"
)

// faulty puts a test's faults under a folder.
func faulty(f disk.FS, faults *disk.Injector) disk.FS {
	if faults == nil {
		return f
	}
	return faults.Wrap(f)
}

// keySteps says what the steps of the key folder are to an Injector.
var keySteps = map[string]disk.Op{
	"write": disk.OpWrite, "create": disk.OpMake, "mkdir": disk.OpMake, "sync": disk.OpSync, "syncdir": disk.OpSync,
	"rename": disk.OpName, "remove": disk.OpName,
}

// faultyKeys is the same for the key folder, which has a disk of its own.
func faultyKeys(faults *disk.Injector) seal.Disk {
	if faults == nil {
		return nil
	}
	return seal.OS{Fault: func(step, path string) error {
		return faults.Do(keySteps[step], path, func() error { return nil })
	}}
}
