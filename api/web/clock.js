// The office's time. The clock of this machine may be wrong and may be set while the page is open, so answers carry
// server_time and the time between them is measured with performance.now(), which only moves forward.

const sampleLife = 60_000;
let sample = null;

// observe learns from one answer: of those of the last minute, the one that took least time is closest to the truth.
export function observe(serverTime, sentAt, receivedAt) {
  const server = Date.parse(serverTime);
  if (Number.isNaN(server)) return;
  const roundTrip = receivedAt - sentAt;
  if (sample && receivedAt - sample.at < sampleLife && sample.roundTrip <= roundTrip) return;
  sample = { server: server + roundTrip / 2, at: receivedAt, roundTrip };
}

// now returns the office's time in Unix milliseconds.
export function now() {
  return sample ? sample.server + (performance.now() - sample.at) : Date.now();
}

// left writes the time until a moment as m:ss, or h:mm:ss, and never less than zero.
export function left(until) {
  const seconds = Math.max(0, Math.ceil((Date.parse(until) - now()) / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const days = Math.floor(seconds / 86400);
  if (days > 1) return `${days} days`;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
