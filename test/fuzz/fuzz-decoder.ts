import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { type Decoder, REFUSED } from './decoder.js'
import { mutated, type Recipe, recipe } from './mutations.js'

export interface FuzzOptions {
  readonly seed: number
  readonly runs: number
}

export interface Tally {
  refused: number
  taken: number
}

/** Besides a few copies of the input: what tables, caches and scratch buffers come to. */
const SPARE_BYTES = 256 * 1024
const COPIES = 4

/** Runs changed encodings and noise through a decoder; throws with the shortest recipe that breaks a rule. */
export function fuzz(one: Decoder, { seed, runs }: FuzzOptions): Tally {
  const corpus = one.seeds()
  const tally: Tally = { refused: 0, taken: 0 }
  for (const bytes of corpus) {
    if (attempt(one, Uint8Array.from(bytes)) === REFUSED) throw new Error(`${one.name} refuses a valid encoding`)
  }
  const numRuns = one.slow === true ? Math.ceil(runs / 20) : runs
  const known = fc.property(recipe, (how: Recipe) => {
    const bytes = mutated(corpus, how)
    if (how.sealed) one.seal?.(bytes)
    note(tally, check(one, bytes))
  })
  fc.assert(known, { seed, numRuns })
  const noise = fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, sealed) => {
    if (sealed) one.seal?.(bytes)
    note(tally, check(one, bytes))
  })
  fc.assert(noise, { seed, numRuns: Math.ceil(numRuns / 5) })
  return tally
}

function note(tally: Tally, taken: boolean): void {
  if (taken) tally.taken++
  else tally.refused++
}

/** True if the decoder took the bytes. */
function check(one: Decoder, bytes: Uint8Array): boolean {
  const before = process.memoryUsage().arrayBuffers
  const given = Uint8Array.from(bytes)
  const value = attempt(one, given)
  const allocated = process.memoryUsage().arrayBuffers - before
  const allowed = COPIES * bytes.length + SPARE_BYTES
  if (allocated > allowed) throw new Error(`${one.name} allocated ${allocated} bytes for ${bytes.length}`)
  if (Buffer.compare(given, bytes) !== 0) throw new Error(`${one.name} changed its input`)
  if (value === REFUSED) return false
  const held = bytesIn(value)
  if (held > allowed) throw new Error(`${one.name} made a value of ${held} bytes out of ${bytes.length}`)
  comesBack(one, value, bytes)
  return true
}

/** REFUSED also for a throw of one of the decoder's own errors. Any other is a defect. */
function attempt(one: Decoder, bytes: Uint8Array): unknown {
  try {
    return one.decode(bytes)
  } catch (error) {
    const { name, code } = error as { name?: string; code?: unknown }
    if (typeof code === 'string' && (one.errors ?? ['CodecError']).includes(name ?? '')) return REFUSED
    throw error
  }
}

/** What was taken can be written, and is then the same value; the same bytes, where there is only one encoding. */
function comesBack(one: Decoder, value: unknown, bytes: Uint8Array): void {
  if (one.encode === undefined) return
  const again = Uint8Array.from(one.encode(value))
  if (one.canonical === true) {
    if (Buffer.compare(again, bytes) !== 0) throw new Error(`${one.name} took bytes that it would not write`)
    return
  }
  const second = attempt(one, Uint8Array.from(again))
  if (second === REFUSED) throw new Error(`${one.name} refuses what it wrote`)
  if (!alike(second, value)) throw new Error(`${one.name} wrote another value than it took`)
}

const LAST_EXACT_DATE = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/** Equal; but dates may be invalid, and beyond the year 9999 they are not exact. */
function alike(a: unknown, b: unknown): boolean {
  if (!(typeof a === 'object' && a !== null && typeof b === 'object' && b !== null)) return Object.is(a, b) || a === b
  if (a instanceof Date && b instanceof Date) {
    const [x, y] = [a.getTime(), b.getTime()]
    return Object.is(x, y) || (Math.abs(x) > LAST_EXACT_DATE && Math.abs(x - y) < 1000)
  }
  if (ArrayBuffer.isView(a) || ArrayBuffer.isView(b)) return isDeepStrictEqual(a, b)
  const [x, y] = [a, b].map((one) =>
    one instanceof Map || one instanceof Set ? [...one].flat() : Object.entries(one).flat(),
  )
  if (a.constructor !== b.constructor || x === undefined || y === undefined || x.length !== y.length) return false
  return x.every((item, i) => alike(item, y[i]))
}

/** Bytes, letters and items: what a value may grow by is bounded by what came in. */
function bytesIn(value: unknown): number {
  let bytes = 0
  const open: unknown[] = [value]
  while (open.length > 0) {
    const one = open.pop()
    bytes++
    if (typeof one === 'string') bytes += one.length
    if (typeof one !== 'object' || one === null) continue
    if (ArrayBuffer.isView(one)) bytes += one.byteLength
    else if (one instanceof Map || one instanceof Set) for (const item of one) open.push(item)
    else for (const item of Object.values(one)) open.push(item)
  }
  return bytes
}
