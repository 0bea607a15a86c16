// Package disk is a leaf with two comments.
package disk
