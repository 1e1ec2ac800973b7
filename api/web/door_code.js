// What the code of a ticket says, so that a door knows a ticket again whatever code it comes by: base64 has several texts for
// the same bytes, and a ticket whose key was replaced has two codes.

const version = 1; // of what is signed
const signatureBytes = 64;
const idBytes = 16;
const numberBytesMax = 3;
const letters = "0123456789abcdefghijklmnopqrstuv"; // of base32hex

function textOf(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// bytesOf reads base64url as the office writes it, or returns null: of the texts that atob takes for the same bytes, with
// padding, spaces or other last bits, the office takes none either.
export function bytesOf(text) {
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return textOf(bytes) === text ? bytes : null;
  } catch {
    return null;
  }
}

function base32(bytes) {
  let text = "";
  let bits = 0;
  let value = 0;
  const take = (shift) => { text += letters[(value >> shift) & 31]; };
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) take(bits - 5);
  }
  if (bits > 0) {
    value <<= 5 - bits;
    take(0);
  }
  return text;
}

// seatOf reads what is signed: a version, the seat's number as LEB128, and the ids of order and screening. It is null where
// that is not what the bytes are.
function seatOf(bytes) {
  if (bytes[0] !== version) return null;
  let at = 1;
  let number = 0;
  do number |= (bytes[at] & 127) << (7 * (at - 1)); while (bytes[at++] > 127 && at <= numberBytesMax);
  const id = () => {
    const size = bytes[at++];
    const begin = at;
    at += size || idBytes;
    const raw = bytes.subarray(begin, at);
    return size ? new TextDecoder().decode(raw) : base32(raw);
  };
  const [orderID, screeningID] = [id(), id()];
  return at === bytes.length ? { ticketID: `${orderID}-${number}`, screeningID } : null;
}

// read takes a code apart, or returns null for what is none. Whether the office has signed it is for whoever has its keys: until
// then seat, of a code of this version, is what the code claims.
export function read(code) {
  const bytes = bytesOf(code);
  if (bytes === null || bytes.length <= signatureBytes) return null;
  const signed = bytes.subarray(0, bytes.length - signatureBytes);
  return { signed, signature: bytes.subarray(signed.length), seat: seatOf(signed) };
}

// ticketOf is the id of the ticket that a code claims to be, or null.
export const ticketOf = (code) => read(code)?.seat?.ticketID ?? null;
