import { crc32 as zlibCrc32 } from 'node:zlib'

/** The checksum used everywhere (CRC-32, IEEE): continued from `seed`, so that parts may be summed one after another. */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return zlibCrc32(bytes, seed)
}
