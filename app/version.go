package app

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"time"
)

// runVersion prints what this program was built from.
func runVersion(_ context.Context, args []string, _ func(string) string, _ func() time.Time, stdout io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("unknown argument %q: boxoffice version takes none", args[0])
	}
	info, exists := debug.ReadBuildInfo()
	if !exists {
		return fmt.Errorf("this program was built without build information")
	}
	_, err := fmt.Fprintln(stdout, versionLine(info))
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
