package app

import (
	"context"
	"flag"
	"fmt"
	"runtime/debug"

	"boxoffice/app/settings"
)

// runVersion prints what this program was built from: boxoffice version.
func runVersion(_ context.Context, call settings.Invocation) error {
	if err := settings.ParseFlags(flag.NewFlagSet("", flag.ContinueOnError), call, func() {
		settings.PrintUsage(call,
			settings.OfficeFlags)
	}); err != nil {
		return err
	}
	info, exists := debug.ReadBuildInfo()
	if !exists {
		return fmt.Errorf("this program was built without build information")
	}
	_, err := fmt.Fprintln(call.Stdout, versionLine(info))
	return err
}

// programVersion is versionLine of this program; empty without build information.
func programVersion() string {
	info, exists := debug.ReadBuildInfo()
	if !exists {
		return ""
	}
	return versionLine(info)
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

// version is what this program was built from, in one word.
func version() string {
	if info, exists := debug.ReadBuildInfo(); exists {
		return info.Main.Version
	}
	return "unknown"
}
