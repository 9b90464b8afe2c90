/**
 * CRC-32 as in zip, PNG and Python's zlib. The browser's own digests are kept from pages on a plain http host, where
 * JupyterLab is often served; this tells damage, which is all it is for.
 */

const POLYNOMIAL = 0xedb88320;
const WIDE = 8;
const NONE = new Int32Array(0);

/** Remainders of a byte followed by 0 … 7 zero bytes, 256 of each: eight bytes are taken at once. */
const TABLE = new Int32Array(WIDE * 256);
for (let byte = 0; byte < 256; byte += 1) {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1;
  TABLE[byte] = rest;
}
for (let at = 256; at < TABLE.length; at += 1)
  TABLE[at] = (TABLE[at - 256] >>> 8) ^ TABLE[TABLE[at - 256] & 255];

/** @param {Uint8Array} bytes @returns {number} from 0 to 2^32 - 1 */
export function crc32(bytes) {
  let crc = -1;
  let at = 0;
  const one = () => {
    crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]) & 255];
    at += 1;
  };
  while (at < bytes.length && (bytes.byteOffset + at) % 4) one();
  const count = 2 * Math.floor((bytes.length - at) / WIDE);
  const words = count ? new Int32Array(bytes.buffer, bytes.byteOffset + at, count) : NONE;
  for (let i = 0; i < words.length; i += 2) {
    const low = crc ^ words[i]; // little-endian, as the numbers in a file are
    const high = words[i + 1];
    crc =
      TABLE[1792 + (low & 255)] ^
      TABLE[1536 + ((low >>> 8) & 255)] ^
      TABLE[1280 + ((low >>> 16) & 255)] ^
      TABLE[1024 + (low >>> 24)] ^
      TABLE[768 + (high & 255)] ^
      TABLE[512 + ((high >>> 8) & 255)] ^
      TABLE[256 + ((high >>> 16) & 255)] ^
      TABLE[high >>> 24];
  }
  at += words.byteLength;
  while (at < bytes.length) one();
  return ~crc >>> 0;
}
