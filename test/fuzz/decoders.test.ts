import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from '@jest/globals'
import { decodeMessage } from '../../src/codec/messages.js'
import { type Decoder, REFUSED } from './decoder.js'
import { removeInlineFiles } from './decoders-inline.js'
import { removeFiles } from './decoders-store.js'
import { fuzz } from './fuzz-decoder.js'
import { DECODERS } from './table.js'

const SEED = 20261121
const RUNS = 2500

afterAll(removeFiles)
afterAll(removeInlineFiles)

describe('every decoder: typed errors, bounded allocations, and what it takes can be written again', () => {
  test.each(DECODERS.map((one) => [one.name, one] as const))('%s', (_name, one) => {
    const { refused, taken } = fuzz(one, { seed: SEED, runs: RUNS })
    expect(refused + taken).toBeGreaterThan(50)
  })
})

describe('the table', () => {
  const looksLikeDecoder = (name: string, value: unknown): boolean => {
    if (typeof value !== 'function') return false
    if (/^(decode|read|check|parse|count|judge|forEach|frameType|recordCrc|wordAt|instanceOf|get[A-Z])/.test(name))
      return true
    return /^[A-Z].*(Reader|Record|Handshake|Lock)$/.test(name)
  }
  /** They look like decoders, and are none. */
  const others: Record<string, string> = {
    'codec/integers.checkWithin': 'checks what is to be written',
    'codec/limits.checkLimits': 'checks settings',
    'codec/plain-messages.readPlain': 'through decodeMessage',
    'net/link-identity.checkIdentity': 'checks the own identity, which is to be sent',
    'store/data-layout.checkpointsPath': 'names a path',
    'store/state-reader.StateReader': 'reads an environment, through readStateHead and Block',
    'store/state-write-check.checkStateEntry': 'checks what is to be written',
    'store/state-write-check.checkStateWrite': 'checks what is to be written',
    'store/store-identity-file.checkOwnership': 'compares the token in the store with the own one',
  }

  test('holds every exported decoder of the codec, the store and the handshake', async () => {
    const covered = new Set(DECODERS.flatMap(({ covers }) => covers))
    const found: string[] = []
    for (const part of ['codec', 'store', 'net']) {
      const folder = new URL(`../../src/${part}/`, import.meta.url)
      for (const file of readdirSync(fileURLToPath(folder)).filter((name) => name.endsWith('.js'))) {
        const exports = (await import(new URL(file, folder).href)) as Record<string, unknown>
        const own = file.slice(0, -'.js'.length)
        // Exported once more in one import for the worker.
        const again = /^(inbox-records|outbox-records|reply-record|status-record)$/.test(own)
        for (const [name, value] of Object.entries(exports)) {
          if (looksLikeDecoder(name, value)) found.push(`${part}/${again ? 'worker-records' : own}.${name}`)
        }
      }
    }
    expect(found.length).toBeGreaterThan(45)
    const missing = found.filter((name) => !covered.has(name) && !(name in others))
    expect(missing.filter((name) => !covered.has(name.replace('worker-records', 'record-kinds')))).toEqual([])
    // Nor does it name one that is gone.
    const known = new Set(found)
    expect([...covered].filter((name) => name.startsWith('codec/') && !known.has(name))).toEqual([])
  })

  const planted: [string, Partial<Decoder>, RegExp][] = [
    ['an untyped error', { decode: (bytes) => (bytes[0] === 1 ? 1 : decodeURIComponent('%')) }, /URI malformed/],
    [
      'an allocation as large as a field says',
      { decode: (bytes) => void new Uint8Array((bytes[0] ?? 0) * 1e5) },
      /allocated/,
    ],
    [
      'a value larger than its bytes',
      { decode: (bytes) => Array.from({ length: (bytes[0] ?? 0) << 12 }, () => 1) },
      /made a value/,
    ],
    ['a change of the input', { decode: (bytes) => bytes.fill(1) }, /changed its input/],
    [
      'bytes that no encoder writes',
      { decode: () => 1, encode: () => Uint8Array.of(1, 2, 3), canonical: true },
      /would not write/,
    ],
    [
      'a value that changes on its way',
      { decode: (bytes) => bytes.length, encode: () => Uint8Array.of(1) },
      /another value/,
    ],
  ]
  test.each(planted)('its harness catches %s', (_name, part, message) => {
    const seeds = () => [Uint8Array.of(1, 2, 3)]
    const one: Decoder = { name: 'it', covers: [], seeds, decode: () => REFUSED, ...part }
    const cause = expect.objectContaining({ message: expect.stringMatching(message) })
    expect(() => fuzz(one, { seed: SEED, runs: 400 })).toThrow(expect.objectContaining({ cause }))
  })

  test('its recorded messages are of nearly all kinds', () => {
    const seeds = DECODERS.find(({ name }) => name === 'message')?.seeds() ?? []
    const limits = { maxMessageBytes: 1 << 20, maxValueBytes: 1 << 20 }
    const kinds = new Set(seeds.map((bytes) => decodeMessage(bytes, 0, bytes.length, limits).kind))
    expect(kinds.size).toBe(22)
  })
})
