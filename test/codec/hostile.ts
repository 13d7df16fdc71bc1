import fc from 'fast-check'
import { CodecError } from '../../src/codec/codec-error.js'

/** The code of the CodecError that `decode` ends with, or 'ok'; anything else it throws comes through. */
export function outcomeOf(decode: () => unknown): string {
  try {
    decode()
    return 'ok'
  } catch (error) {
    if (error instanceof CodecError) return error.code
    throw error
  }
}

/** Changes of a valid encoding: bytes overwritten, cut out, doubled, or the rest cut off. */
const change = fc.record({
  at: fc.nat(1 << 20),
  what: fc.oneof(
    fc.record({ kind: fc.constant('set' as const), byte: fc.nat(255) }),
    fc.record({ kind: fc.constant('flip' as const), bit: fc.nat(7) }),
    fc.record({ kind: fc.constant('big' as const) }),
    fc.record({ kind: fc.constant('remove' as const), count: fc.integer({ min: 1, max: 16 }) }),
    fc.record({ kind: fc.constant('double' as const), count: fc.integer({ min: 1, max: 16 }) }),
    fc.record({ kind: fc.constant('cut' as const) }),
  ),
})

export const changes = fc.array(change, { minLength: 1, maxLength: 3 })
type Changes = typeof changes extends fc.Arbitrary<infer T> ? T : never

export function changed(valid: Uint8Array, list: Changes): Uint8Array {
  let bytes = [...valid]
  for (const { at: position, what } of list) {
    if (bytes.length === 0) break
    const at = position % bytes.length
    if (what.kind === 'set') bytes[at] = what.byte
    else if (what.kind === 'flip') bytes[at]! ^= 1 << what.bit
    else if (what.kind === 'big') bytes.splice(at, 4, 0xff, 0xff, 0xff, 0x7f)
    else if (what.kind === 'remove') bytes.splice(at, what.count)
    else if (what.kind === 'double') bytes.splice(at, 0, ...bytes.slice(at, at + what.count))
    else bytes = bytes.slice(0, at)
  }
  return Uint8Array.from(bytes)
}

/** Bytes the collector has not seen before the call and sees after it: what `work` allocated at most. */
export function buffersAllocated(work: () => void): number {
  const before = process.memoryUsage().arrayBuffers
  work()
  return process.memoryUsage().arrayBuffers - before
}
