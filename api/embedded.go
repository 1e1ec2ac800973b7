package api

import "embed"

// files are the web pages with all that belongs to them, and the document of the API.
//
//go:embed web openapi.yaml
var files embed.FS
