// The office's time. This machine's clock may be wrong, and may be set while the page is open. So the time is taken from
// the server_time of an answer, and counted on with performance.now(), which is monotonic.

const sampleLife = 60_000;
const tickWait = 250;
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

export const isPast = (time) => now() >= Date.parse(time);

// secondsUntil counts the seconds until a moment; zero once it has passed.
export const secondsUntil = (time) => Math.max(0, Math.ceil((Date.parse(time) - now()) / 1000));

// everyTick calls back often enough for a countdown in seconds. The function that it returns ends that.
export function everyTick(show) {
  const timer = setInterval(show, tickWait);
  return () => clearInterval(timer);
}
