import { crc32 } from 'node:zlib'
import type { CommandRun, Value, ValueCodec } from '../../src/core/command-run.js'

/**
 * A small twin of the real value codec, so that tests of the core depend on the core alone: runs back to back, each a
 * fixed header and its body.
 */
const HEADER = 48

export const testValues: ValueCodec = {
  encode(runs: readonly CommandRun[]): Value {
    let bytes = 0
    for (const run of runs) bytes += HEADER + run.body.length
    const value = Buffer.allocUnsafe(bytes)
    let at = 0
    for (const run of runs) {
      value.writeUInt16LE(run.origin, at)
      value.writeUInt16LE(run.count, at + 2)
      value.writeUInt32LE(run.body.length, at + 4)
      value.write(run.incarnation.padEnd(16, ' '), at + 8, 16, 'latin1')
      value.writeDoubleLE(run.session, at + 24)
      value.writeDoubleLE(run.sequence, at + 32)
      value.writeDoubleLE(run.floor, at + 40)
      value.set(run.body, at + HEADER)
      at += HEADER + run.body.length
    }
    return value
  },

  decode(value: Value): CommandRun[] {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.length)
    const runs: CommandRun[] = []
    for (let at = 0; at < bytes.length; ) {
      const length = bytes.readUInt32LE(at + 4)
      runs.push({
        origin: bytes.readUInt16LE(at),
        incarnation: bytes.toString('latin1', at + 8, at + 24).trimEnd(),
        session: bytes.readDoubleLE(at + 24),
        sequence: bytes.readDoubleLE(at + 32),
        count: bytes.readUInt16LE(at + 2),
        floor: bytes.readDoubleLE(at + 40),
        body: bytes.subarray(at + HEADER, at + HEADER + length),
      })
      at += HEADER + length
    }
    return runs
  },

  size(run: CommandRun): number {
    return HEADER + run.body.length
  },

  checksum(value: Value, seed: number): number {
    return crc32(value, seed)
  },
}

/** A body that a person can read in a transcript. */
export function textBody(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

export function bodyText(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1')
}
