// newKey makes an Idempotency-Key. crypto.randomUUID does not exist on a plain http address other than localhost.
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}
