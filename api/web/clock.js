// The office's time. This machine's clock may be wrong, and may be set while the page is open. So the time is taken from
// the server_time of an answer, and counted on with performance.now(), which is monotonic.

const sampleLife = 60_000;
let sample = null;

// observe takes the time from an answer, if it has the shortest round trip of the last minute: its error is at most half of it.
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

// left formats the time until a moment as m:ss, h:mm:ss or days; zero once it has passed.
export function left(until) {
  const seconds = Math.max(0, Math.ceil((Date.parse(until) - now()) / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const days = Math.floor(seconds / 86400);
  if (days > 1) return `${days} days`;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
