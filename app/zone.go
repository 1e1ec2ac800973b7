package app

import (
	"path/filepath"
	"strings"
)

// zoneName names the time zone of this process, in which its mails tell times, so that pages tell them alike: the name that Go
// has of it, unless that comes from a file, whose path then has the name. It is empty where nothing tells.
func zoneName(local string, resolve func(path string) (string, error)) string {
	if local == "Local" {
		path, err := resolve("/etc/localtime")
		if err != nil {
			return ""
		}
		local = path
	}
	if _, name, found := strings.Cut(filepath.ToSlash(local), "zoneinfo/"); found {
		return name
	}
	if filepath.IsAbs(local) {
		return ""
	}
	return local
}
