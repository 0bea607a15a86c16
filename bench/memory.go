package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// resident adds up the resident memory of a process and all its descendants, in bytes. Pages that they share count
// once for each. A process that ended just now counts as 0.
func resident(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("memory: %w", err)
	}
	total, err := kibibytes(field(status, "VmRSS"))
	if err != nil {
		return 0, err
	}
	children, err := children(pid)
	if err != nil {
		return 0, err
	}
	for _, child := range children {
		n, err := resident(child)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// children lists the processes that a process's threads started.
func children(pid int) ([]int, error) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil, fmt.Errorf("memory: %w", err)
	}
	var pids []int
	for _, path := range lists {
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the thread ended just now
		}
		if err != nil {
			return nil, fmt.Errorf("memory: %w", err)
		}
		for _, word := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(word)
			if err != nil {
				return nil, fmt.Errorf("memory: %w", err)
			}
			pids = append(pids, child)
		}
	}
	return pids, nil
}
