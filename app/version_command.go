package app

import (
	"context"
	"fmt"
	"runtime/debug"
)

// runVersion prints what this program was built from: boxoffice version.
func runVersion(_ context.Context, call invocation) error {
	if len(call.Args) > 0 {
		return fmt.Errorf("unknown argument %q: boxoffice version takes none", call.Args[0])
	}
	info, exists := debug.ReadBuildInfo()
	if !exists {
		return fmt.Errorf("this program was built without build information")
	}
	_, err := fmt.Fprintln(call.Stdout, versionLine(info))
	return err
}

// versionLine names the version, the commit, whether files were changed since, and the Go release.
func versionLine(info *debug.BuildInfo) string {
	setting := map[string]string{}
	for _, s := range info.Settings {
		setting[s.Key] = s.Value
	}
	line := "boxoffice " + info.Main.Version
	if revision := setting["vcs.revision"]; revision != "" {
		line += ", commit " + revision
		if setting["vcs.modified"] == "true" {
			line += " and changes"
		}
	}
	return line + ", " + info.GoVersion
}
