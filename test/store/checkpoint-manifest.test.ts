import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { crc32 } from '../../src/codec/crc32.js'
import { getU32, putSafe, putU16, putU32 } from '../../src/codec/little-endian.js'
import { CheckpointBlocks } from '../../src/store/checkpoint-blocks.js'
import { IncomingCheckpoint } from '../../src/store/checkpoint-incoming.js'
import { localCheckpoints } from '../../src/store/checkpoint-local.js'
import { decodeCheckpointManifest, encodeCheckpointManifest } from '../../src/store/checkpoint-manifest-codec.js'
import { CheckpointReader } from '../../src/store/checkpoint-reader.js'
import type { StoreError } from '../../src/store/store-error.js'
import { metaOf, OWNER, sampleContents, writeSample } from './support/checkpoint-samples.js'

/** One external machine with one file of one block, after one machine in memory: every table has something. */
const meta = metaOf(20, [
  { kind: 'memory', id: 1, snapshot: Uint8Array.of() },
  { kind: 'external', id: 2, files: [] },
])
const VOTERS = 76
const MACHINES = VOTERS + 3 * 10
const SECTIONS = MACHINES + 2 * 3
const NAMES = SECTIONS + 2 * 8

function manifest(name = 'a.sst'): Uint8Array {
  const sections = [
    { machine: 1, kind: 'snapshot', name: '', blocks: 2 },
    { machine: 2, kind: 'file', name, blocks: 1 },
  ] as const
  const rows = [10, 20, 30].map((stored) => ({ stored, content: 40, crc: stored }))
  return encodeCheckpointManifest(meta, sections, CheckpointBlocks.rowsOf(rows))
}

function sealed(bytes: Uint8Array): Uint8Array {
  putU32(bytes, 0, crc32(bytes.subarray(4)))
  return bytes
}

function changed(change: (bytes: Uint8Array) => void, bytes = manifest()): Uint8Array {
  change(bytes)
  return sealed(bytes)
}

/** As a peer could make it that does not keep to the rules: of the same length, so that everything else fits. */
function named(name: string): Uint8Array {
  const letters = Buffer.from(name, 'latin1')
  return changed((bytes) => bytes.set(letters, NAMES), manifest('x'.repeat(letters.length)))
}

const BLOCKS = NAMES + 5
const hostile: [string, Uint8Array, RegExp][] = [
  ...[
    '..',
    '../x',
    '../../../../etc/cron.d/x',
    '/etc/passwd',
    '.',
    '.ssh',
    'a/b',
    'a\\b',
    'C:x',
    'a\0b',
    'a\n',
    '-rf',
    'ä',
    ' ',
  ].map((name): [string, Uint8Array, RegExp] => [
    `a file named ${JSON.stringify(name)}`,
    named(name),
    /a file is named/,
  ]),
  ['a file without a name', withoutName(), /a file is named ""/],
  ['a name of 101 letters', withLongName(), /a file is named/],
  [
    'a name of what is no file',
    changed((bytes) => {
      bytes[SECTIONS + 3] = 1
    }),
    /a file is named/,
  ],
  [
    'names longer than all of them',
    changed((bytes) => {
      bytes[SECTIONS + 11] = 255
    }),
    /longer than all of them/,
  ],
  [
    'names of no section',
    changed((bytes) => {
      bytes[SECTIONS + 11] = 4
    }),
    /names or blocks of no section/,
  ],
  ...[56, 60, 64, 68, 72].flatMap((at) =>
    [0, 0x7fffffff, 0xffffffff].map((count): [string, Uint8Array, RegExp] => [
      `${count} at byte ${at}`,
      changed((bytes) => putU32(bytes, at, count)),
      /its tables come to/,
    ]),
  ),
  ['no voters', changed((bytes) => putU16(bytes, 14, 0)), /its tables come to/],
  ['an instance beyond all numbers', changed((bytes) => bytes.fill(0xff, 16, 24)), /out of its range/],
  [
    'a membership of the future',
    changed((bytes) => putSafe(bytes, 40, 21)),
    /membership is of instance 21, it is of 20/,
  ],
  ['a date beyond all numbers', changed((bytes) => bytes.fill(0xff, 48, 56)), /out of its range/],
  [
    'a reserved byte',
    changed((bytes) => {
      bytes[11] = 1
    }),
    /reserved byte/,
  ],
  [
    'another magic',
    changed((bytes) => {
      bytes[4] = 1
    }),
    /no manifest of a checkpoint/,
  ],
  ['a voter twice', changed((bytes) => putU16(bytes, VOTERS + 10, 1)), /voters are not in order/],
  ['voter 0', changed((bytes) => putU16(bytes, VOTERS, 0)), /voters are not in order/],
  ['a machine twice', changed((bytes) => putU16(bytes, MACHINES + 3, 1)), /machines are not in order/],
  [
    'a machine of an unknown kind',
    changed((bytes) => {
      bytes[MACHINES + 2] = 3
    }),
    /of kind 3/,
  ],
  [
    'a machine without its section',
    changed((bytes) => {
      putU16(bytes, SECTIONS, 2)
      bytes[SECTIONS + 3] = 2
      bytes[SECTIONS + 11] = 3
    }),
    /machine 1 has no section/,
  ],
  ['a section of no machine', changed((bytes) => putU16(bytes, SECTIONS, 7)), /a section of machine 7/],
  ['a machine in memory twice', changed((bytes) => putU16(bytes, SECTIONS + 8, 1)), /./],
  [
    'more blocks than there are',
    changed((bytes) => putU32(bytes, SECTIONS + 4, 0xffffffff)),
    /more blocks than there are/,
  ],
  ['blocks of no section', changed((bytes) => putU32(bytes, SECTIONS + 4, 1)), /names or blocks of no section/],
  ['a block of nothing', changed((bytes) => putU32(bytes, BLOCKS, 0)), /block 0 has 40 bytes, stored as 0/],
  ['a block that has grown', changed((bytes) => putU32(bytes, BLOCKS + 12, 41)), /block 1 has 40 bytes, stored as 41/],
  [
    'a block of a negative size',
    changed((bytes) => putU32(bytes, BLOCKS + 4, 0xffffffff)),
    /block 0 has 4294967295 bytes/,
  ],
  [
    'a block that is too large',
    changed((bytes) => putU32(bytes, BLOCKS + 4, 1024 * 1024 + 1)),
    /block 0 has 1048577 bytes/,
  ],
  ['nothing', new Uint8Array(0), /it has 0 bytes/],
  ['a header cut short', sealed(manifest().slice(0, 60)), /it has 60 bytes/],
  ['a byte more', sealed(Buffer.concat([manifest(), Buffer.of(0)])), /its tables come to/],
  ['no checksum', manifest().fill(0, 0, 4), /checksum does not fit/],
]

function withoutName(): Uint8Array {
  const bytes = manifest('x')
  bytes[SECTIONS + 11] = 0
  putU32(bytes, 68, 0)
  return sealed(Buffer.concat([bytes.subarray(0, NAMES), bytes.subarray(NAMES + 1)]))
}

function withLongName(): Uint8Array {
  const bytes = manifest('x'.repeat(100))
  bytes[SECTIONS + 11] = 101
  putU32(bytes, 68, 101)
  return sealed(Buffer.concat([bytes.subarray(0, NAMES), Buffer.from('x'), bytes.subarray(NAMES)]))
}

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'checkpoint-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

test('a manifest comes back as it was', () => {
  const bytes = manifest()
  const { sections, blocks, ...rest } = decodeCheckpointManifest(bytes)
  expect(rest).toEqual({ ...meta, id: getU32(bytes, 0), builtIn: expect.anything() })
  expect(Uint8Array.from(rest.builtIn)).toEqual(meta.builtIn)
  expect(sections).toEqual([
    { machine: 1, kind: 'snapshot', name: '', firstBlock: 0, blocks: 2, bytes: 80 },
    { machine: 2, kind: 'file', name: 'a.sst', firstBlock: 2, blocks: 1, bytes: 40 },
  ])
  expect([0, 1, 2, 3].map((block) => blocks.offset(block))).toEqual([0, 10, 30, 60])
  expect(encodeCheckpointManifest(rest, sections, blocks.rows)).toEqual(bytes)
})

test('one of a terabyte fits its bounds', () => {
  const rows = new Uint8Array(CheckpointBlocks.bytesOf(4_000_000))
  for (let i = 0; i < 4_000_000; i++) rows.set([0, 0, 4, 0, 0, 0, 4, 0, 1, 2, 3, 4], i * 12)
  const contents = metaOf(20, [{ kind: 'stored', id: 1, entries: [] }])
  const bytes = encodeCheckpointManifest(contents, [{ machine: 1, kind: 'entries', name: '', blocks: 4_000_000 }], rows)
  expect(decodeCheckpointManifest(bytes).blocks.dataBytes).toBe(4_000_000 * 262_144)
})

test('a snapshot that does not fit into one array is refused', () => {
  const rows = new Uint8Array(CheckpointBlocks.bytesOf(2048))
  for (let i = 0; i < 2048; i++) rows.set([1, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0], i * 12)
  const contents = metaOf(20, [{ kind: 'memory', id: 1, snapshot: Uint8Array.of() }])
  const section = { machine: 1, kind: 'snapshot', name: '', blocks: 2048 } as const
  expect(() => encodeCheckpointManifest(contents, [section], rows)).toThrow(/a snapshot of 2147483648 bytes/)
})

describe('refused, from the disk and from a peer', () => {
  test.each(hostile)('%s', (_name, bytes, message) => {
    expect(() => decodeCheckpointManifest(bytes)).toThrow(message)
    const { path } = writeSample(directory, 20, sampleContents(1))
    writeFileSync(join(path, 'manifest'), bytes)
    const damaged = expect.objectContaining({ code: 'CHECKPOINT_DAMAGED', path: join(path, 'manifest') })
    expect(() => CheckpointReader.open(path)).toThrow(damaged)
    const told: StoreError[] = []
    expect(localCheckpoints(directory, (error) => told.push(error))).toEqual([])
    expect(told).toEqual([damaged])

    const offer = { instance: 20, id: getU32(bytes, 0), manifestBytes: Math.max(1, bytes.length), dataBytes: 60 }
    const incoming = IncomingCheckpoint.begin(directory, OWNER, offer)
    expect(incoming.append(0, bytes)).toBe('refused')
    expect([incoming.next, incoming.parts, incoming.isComplete]).toEqual([0, undefined, false])
    expect(readdirSync(join(directory, 'incoming'))).toEqual([])
    incoming.close()
    expect(IncomingCheckpoint.find(directory, OWNER)).toBeUndefined()
  })

  test('but these bytes, unchanged, are taken: the tests above refuse what was changed', () => {
    const bytes = manifest()
    const offer = { instance: 20, id: getU32(bytes, 0), manifestBytes: bytes.length, dataBytes: 60 }
    const incoming = IncomingCheckpoint.begin(directory, OWNER, offer)
    expect(incoming.append(0, bytes)).toBe('taken')
    expect([incoming.next, incoming.parts]).toEqual([1, 4])
    incoming.abandon()
  })
})

test('every flipped bit of a manifest is noticed, and every cut', () => {
  const bytes = manifest()
  for (let at = 0; at < bytes.length; at++) {
    for (const bit of [0, 3, 7]) {
      const flipped = Uint8Array.from(bytes)
      flipped[at]! ^= 1 << bit
      expect(() => decodeCheckpointManifest(flipped)).toThrow(/checksum does not fit/)
    }
    expect(() => decodeCheckpointManifest(bytes.subarray(0, at))).toThrow()
  }
})

describe('one of a newer program', () => {
  const newer: [string, (bytes: Uint8Array) => void, RegExp][] = [
    ['format', (bytes) => putU16(bytes, 8, 2), /it has format 2, this program knows 1\. Run the newer version/],
    [
      'codec',
      (bytes) => {
        bytes[10] = 2
      },
      /compressed by codec 2, this program knows 1 \(brotli\)\. Run the newer version/,
    ],
  ]
  test.each(newer)('with another %s is refused with a sentence, and is not removed', (_name, change, message) => {
    const { path } = writeSample(directory, 20, sampleContents(1))
    const file = join(path, 'manifest')
    writeFileSync(file, changed(change, Uint8Array.from(readFileSync(file))))
    expect(() => CheckpointReader.open(path)).toThrow(expect.objectContaining({ code: 'FORMAT_UNKNOWN' }))
    expect(() => CheckpointReader.open(path)).toThrow(message)
  })
})
