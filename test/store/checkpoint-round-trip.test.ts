import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { BLOCK_BYTES, packBlock, unpackBlock } from '../../src/store/checkpoint-blocks.js'
import { IncomingCheckpoint } from '../../src/store/checkpoint-incoming.js'
import { CheckpointParts } from '../../src/store/checkpoint-parts.js'
import { CheckpointReader } from '../../src/store/checkpoint-reader.js'
import { CheckpointWriter } from '../../src/store/checkpoint-writer.js'
import {
  type MachineContent,
  metaOf,
  OWNER,
  readSample,
  sampleContents,
  writeSample,
} from './support/checkpoint-samples.js'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'checkpoint-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const bytes = fc.uint8Array({ maxLength: 90 })
const repeated = fc.tuple(bytes, fc.integer({ min: 1, max: 5 })).map(([one, times]) => {
  return Uint8Array.from(Array.from({ length: times }, () => [...one]).flat())
})
const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/)

const machine: fc.Arbitrary<MachineContent> = fc.oneof(
  fc.record({ kind: fc.constant('memory' as const), id: fc.nat(65_535), snapshot: repeated }),
  fc.record({
    kind: fc.constant('stored' as const),
    id: fc.nat(65_535),
    entries: fc
      .uniqueArray(fc.tuple(bytes, repeated), { maxLength: 12, selector: ([key]) => Buffer.from(key).toString('hex') })
      .map((entries) => entries.sort(([a], [b]) => Buffer.compare(a, b))),
  }),
  fc.record({
    kind: fc.constant('external' as const),
    id: fc.nat(65_535),
    files: fc.uniqueArray(fc.tuple(name, repeated), { maxLength: 4, selector: ([one]) => one }),
  }),
)
const machines = fc
  .uniqueArray(machine, { maxLength: 5, selector: ({ id }) => id })
  .map((all) => all.sort((a, b) => a.id - b.id))

/** Part by part into another directory. */
function send(from: string, to: string, offer: Parameters<typeof IncomingCheckpoint.begin>[2]) {
  const parts = CheckpointParts.open(from)
  const incoming = IncomingCheckpoint.begin(to, OWNER, offer)
  for (let part = 0; part < parts.parts; part++) expect(incoming.append(part, parts.read(part))).toBe('taken')
  expect(incoming.parts).toBe(parts.parts)
  parts.close()
  return incoming.finish()
}

test('whatever was written is read back, from the first copy and from the one that was sent, at any size of block', () => {
  fc.assert(
    fc.property(machines, fc.integer({ min: 1, max: 64 }), fc.nat(1000), (contents, blockBytes, instance) => {
      const run = mkdtempSync(join(directory, 'run-'))
      const local = writeSample(join(run, 'a'), instance + 7, contents, { blockBytes })
      const meta = metaOf(instance + 7, contents)
      expect(readSample(local.path)).toEqual({ meta, contents })
      const sent = send(local.path, join(run, 'b'), local)
      expect({ ...sent, path: '' }).toEqual({ ...local, path: '' })
      expect(readSample(sent.path)).toEqual({ meta, contents })
      for (const file of ['manifest', 'data'])
        expect(readFileSync(join(sent.path, file))).toEqual(readFileSync(join(local.path, file)))
      expect(readdirSync(join(run, 'b'))).toEqual(readdirSync(join(run, 'a')))
      rmSync(run, { recursive: true })
    }),
    { seed: 20261121, numRuns: 150 },
  )
})

test('every block is looked at by verify, and its progress ends with all of it', () => {
  const { path, dataBytes } = writeSample(directory, 5, sampleContents(1))
  const reader = CheckpointReader.open(path)
  const progress: number[][] = []
  reader.verify((done, of) => progress.push([done, of]))
  reader.close()
  expect(progress).toHaveLength(reader.manifest.blocks.count)
  expect(progress.at(-1)).toEqual([dataBytes, dataBytes])
})

test('a checkpoint of no machine has its position and its built-in state', () => {
  const { path, dataBytes } = writeSample(directory, 1, [])
  expect(dataBytes).toBe(0)
  expect(readSample(path)).toEqual({ meta: metaOf(1, []), contents: [] })
})

test('values of many blocks, and many entries in one', () => {
  const large = Uint8Array.from({ length: 3 * BLOCK_BYTES + 17 }, (_, i) => i * (i >> 7))
  const entries = Array.from({ length: 30_000 }, (_, i) => {
    const value = i === 9999 ? large : Uint8Array.of(i, i >> 8)
    return [Uint8Array.of(i >> 16, i >> 8, i), value] as const
  })
  const contents: MachineContent[] = [{ kind: 'stored', id: 1, entries }]
  const { path, dataBytes } = writeSample(directory, 5, contents, { blockBytes: BLOCK_BYTES })
  const reader = CheckpointReader.open(path)
  let i = 0
  for (const { key, value } of reader.entries(1)) {
    const [wantedKey, wantedValue] = entries[i++] ?? []
    if (Buffer.compare(key, wantedKey!) !== 0 || Buffer.compare(value, wantedValue!) !== 0)
      throw new Error(`entry ${i}`)
  }
  expect(i).toBe(entries.length)
  expect(reader.manifest.blocks.count).toBeGreaterThan(3)
  expect(dataBytes).toBeLessThan(reader.manifest.sections[0]!.bytes)
  reader.close()
})

describe('a block', () => {
  const noise = Uint8Array.from({ length: 5000 }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> (i % 24))
  test('that does not compress is stored as it is; any other is smaller by at least a sixteenth', () => {
    const random = packBlock(noise)
    expect(random).toBe(noise)
    const zeros = packBlock(new Uint8Array(5000))
    expect(zeros.length).toBeLessThan(100)
    expect(unpackBlock(zeros, 5000)).toEqual(Buffer.alloc(5000))
  })

  test('is never read as one of another size', () => {
    const packed = packBlock(new Uint8Array(5000))
    for (const size of [0, 1, 4999, 5001, 1 << 20]) expect(unpackBlock(packed, size)).toBeUndefined()
    expect(unpackBlock(packed.subarray(0, packed.length - 1), 5000)).toBeUndefined()
    expect(unpackBlock(Uint8Array.of(1, 2, 3), 5000)).toBeUndefined()
  })
})

describe('a writer refuses, and leaves nothing behind', () => {
  const stored: MachineContent[] = [
    { kind: 'stored', id: 1, entries: [] },
    { kind: 'external', id: 2, files: [] },
    { kind: 'memory', id: 3, snapshot: Uint8Array.of() },
  ]
  const key = (...bytes: number[]) => Uint8Array.from(bytes)
  const misuses: [string, (writer: CheckpointWriter) => void, RegExp][] = [
    [
      'a machine that is not in it',
      (writer) => writer.beginSection('entries', 4),
      /machine 4 is not in the checkpoint/,
    ],
    ['a section of another kind', (writer) => writer.beginSection('file', 1, 'a'), /section 'file' of machine 1/],
    ['an entry where none belongs', (writer) => writer.entry(key(1), key(1)), /outside of a section of entries/],
    [
      'entries that descend',
      (writer) => {
        writer.beginSection('entries', 1)
        writer.entry(key(2), key())
        writer.entry(key(1, 9), key())
      },
      /do not ascend/,
    ],
    [
      'a key twice',
      (writer) => {
        writer.beginSection('entries', 1)
        writer.entry(key(), key())
        writer.entry(key(), key())
      },
      /do not ascend/,
    ],
    [
      'a key that is too long',
      (writer) => {
        writer.beginSection('entries', 1)
        writer.entry(new Uint8Array(65_536), key())
      },
      /a key of 65536 bytes/,
    ],
    [
      'a value that is too long',
      (writer) => {
        writer.beginSection('entries', 1)
        writer.entry(key(1), new Uint8Array(64 * 1024 * 1024 + 1))
      },
      /a value of 67108865 bytes/,
    ],
    ['a machine without its section', (writer) => writer.finish(), /machine 1 has no section/],
    [
      'a file twice',
      (writer) => {
        for (const [kind, id] of [
          ['entries', 1],
          ['snapshot', 3],
        ] as const)
          writer.beginSection(kind, id)
        for (let i = 0; i < 2; i++) writer.beginSection('file', 2, 'same')
        writer.finish()
      },
      /two sections of machine 2 same/,
    ],
  ]
  test.each(misuses)('%s', (_name, misuse, message) => {
    const writer = CheckpointWriter.begin(directory, metaOf(5, stored))
    expect(readdirSync(directory)).toHaveLength(1)
    expect(() => misuse(writer)).toThrow(message)
    expect(readdirSync(directory)).toEqual([])
    expect(() => writer.finish()).toThrow(/finished or given up/)
    writer.abort()
  })

  test.each(['', '.', '..', '../x', '/etc/passwd', 'a/b', 'a\\b', 'a\0', '.hidden', '-r', 'ä', 'a\n', 'x'.repeat(101)])(
    'a file named %j',
    (file) => {
      const writer = CheckpointWriter.begin(directory, metaOf(5, stored))
      expect(() => writer.beginSection('file', 2, file)).toThrow(/names a file/)
      expect(readdirSync(directory)).toEqual([])
    },
  )

  test('what is aborted', () => {
    const writer = CheckpointWriter.begin(directory, metaOf(5, stored))
    writer.beginSection('entries', 1)
    writer.entry(key(1), new Uint8Array(1 << 20))
    writer.abort()
    expect(readdirSync(directory)).toEqual([])
  })
})
