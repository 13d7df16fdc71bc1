import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { compareKeys, entriesOf, putEntryHeader } from '../../src/store/checkpoint-entries.js'
import { encodeCheckpointManifest } from '../../src/store/checkpoint-manifest-codec.js'
import { CheckpointReader } from '../../src/store/checkpoint-reader.js'
import { metaOf, writeSample } from './support/checkpoint-samples.js'

const key = (...bytes: number[]) => Uint8Array.from(bytes)

function entry(keyBytes: Uint8Array, valueBytes: number): Uint8Array {
  const header = new Uint8Array(6)
  putEntryHeader(header, keyBytes.length, valueBytes)
  return Buffer.concat([header, keyBytes, Buffer.alloc(valueBytes, 'v')])
}

const read = (bytes: Uint8Array, most = bytes.length) => [...entriesOf([bytes][Symbol.iterator](), most)]

test('keys ascend bytewise, a beginning before what goes on', () => {
  const ascending = [key(), key(0), key(0, 0), key(0, 255), key(1), key(1, 2, 3), key(127), key(128), key(255)]
  for (const [i, a] of ascending.entries())
    for (const [j, b] of ascending.entries()) expect(Math.sign(compareKeys(a, a.length, b))).toBe(Math.sign(i - j))
})

test('what no writer makes is refused, before anything is allocated for it', () => {
  const huge = new Uint8Array(6)
  huge.fill(0xff)
  const wrong: [Uint8Array, number | undefined, RegExp][] = [
    [Buffer.concat([entry(key(2), 1), entry(key(1), 1)]), undefined, /do not ascend/],
    [Buffer.concat([entry(key(2), 1), entry(key(2), 1)]), undefined, /do not ascend/],
    [entry(key(1), 5).subarray(0, 9), undefined, /goes on for 5 bytes where 2 are left/],
    [entry(key(1, 2), 5).subarray(0, 7), undefined, /goes on for 2 bytes where 1 are left/],
    [entry(key(1), 5).subarray(0, 3), undefined, /goes on for 6 bytes where 3 are left/],
    [huge, undefined, /a value of 4294967295 bytes/],
    [entry(key(1), 5), 18, /its blocks end before its entries/],
  ]
  for (const [bytes, most, message] of wrong) expect(() => read(bytes, most)).toThrow(message)
  expect(read(Buffer.concat([entry(key(1), 1), entry(key(2), 0)]))).toHaveLength(2)
})

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'checkpoint-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

test('a peer whose entries do not ascend has sent a damaged checkpoint, whatever its checksums say', () => {
  const snapshot = Buffer.concat([entry(key(2), 40), entry(key(1), 40)])
  const { path } = writeSample(directory, 5, [{ kind: 'memory', id: 1, snapshot }], { blockBytes: 4096 })
  const honest = CheckpointReader.open(path)
  const { sections, blocks } = honest.manifest
  honest.close()
  const meta = metaOf(5, [{ kind: 'stored', id: 1, entries: [] }])
  const claimed = sections.map((section) => ({ ...section, kind: 'entries' as const }))
  writeFileSync(join(path, 'manifest'), encodeCheckpointManifest(meta, claimed, blocks.rows))
  const reader = CheckpointReader.open(path)
  const damaged = expect.objectContaining({
    code: 'CHECKPOINT_DAMAGED',
    message: expect.stringMatching(/data is damaged: the entries of machine 1: its entries do not ascend/),
  })
  expect(() => [...reader.entries(1)]).toThrow(damaged)
  expect(() => reader.verify()).toThrow(damaged)
  reader.close()
})
