package remoting

// Language codes of the binary serializer (RocketMQ's LanguageCode).
const (
	languageJava  = 0
	languageOther = 7
	languageGo    = 9
)

func languageName(name string) string {
	if name == "" {
		return "JAVA"
	}
	return name
}

// languages lists the names by code.
func languages() [14]string {
	return [...]string{"JAVA", "CPP", "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY",
		"OTHER", "HTTP", "GO", "PHP", "OMS", "RUST", "NODE_JS"}
}

func languageCode(name string) byte {
	switch name {
	case "", "JAVA":
		return languageJava
	case "GO":
		return languageGo
	}
	for code, known := range languages() {
		if known == name {
			return byte(code)
		}
	}
	return languageOther
}

func languageOf(code byte) string {
	names := languages()
	if int(code) < len(names) {
		return names[code]
	}
	return names[languageOther]
}
