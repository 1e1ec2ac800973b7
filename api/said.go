package api

import "boxoffice/common/sentence"

// said is what a detail says by codes; never null.
func said(sentences []sentence.Sentence) []sentence.Sentence {
	if sentences == nil {
		return []sentence.Sentence{}
	}
	return sentences
}
