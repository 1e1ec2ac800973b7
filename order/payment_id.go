package order

import "strings"

// RecordID is the id under which a provider's payment is recorded: a provider's ids are unique only among its own, so its
// name stands before them. The default provider's keep theirs, unless they have a colon: otherwise one of them could be
// taken for another provider's.
func RecordID(provider, paymentID string) string {
	if provider == DefaultProvider && !strings.Contains(paymentID, ":") {
		return paymentID
	}
	return provider + ":" + paymentID
}

// ProviderID is the provider's own id of a payment that is recorded under this one.
func ProviderID(provider, recordID string) string {
	if own, found := strings.CutPrefix(recordID, provider+":"); found && RecordID(provider, own) == recordID {
		return own
	}
	return recordID
}

// recordIDOf is the id under which a payment of an archive is recorded: an earlier version wrote ids with a colon as they were.
func recordIDOf(provider, archivedID string) string {
	return RecordID(provider, ProviderID(provider, archivedID))
}
