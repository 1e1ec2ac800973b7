package app

import (
	"context"

	"boxoffice/app/settings"
)

// runHelp prints the help of the program: boxoffice help.
func runHelp(_ context.Context, call settings.Invocation) error {
	call.Command = ""
	settings.PrintUsage(call, settings.OfficeFlags)
	return nil
}
