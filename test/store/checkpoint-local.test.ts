import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { crc32 } from '../../src/codec/crc32.js'
import { putU16, putU32 } from '../../src/codec/little-endian.js'
import { settleCheckpoints } from '../../src/store/checkpoint-layout.js'
import { type LocalCheckpoint, localCheckpoints, removeCheckpoints } from '../../src/store/checkpoint-local.js'
import { CheckpointParts } from '../../src/store/checkpoint-parts.js'
import { CheckpointReader } from '../../src/store/checkpoint-reader.js'
import { clearRemoved } from '../../src/store/checkpoint-removal.js'
import { checkpointsPath } from '../../src/store/data-layout.js'
import type { StoreError } from '../../src/store/store-error.js'
import { readSample, sampleContents, writeSample } from './support/checkpoint-samples.js'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'checkpoint-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const write = (...instances: number[]) =>
  instances.map((one) => writeSample(directory, one, sampleContents(one), { salt: one }))
const instances = () => localCheckpoints(directory).map(({ instance }) => instance)
const folder = (instance: number) => join(directory, String(instance).padStart(12, '0'))

function told(): [string, string][] {
  const errors: StoreError[] = []
  localCheckpoints(directory, (error) => errors.push(error))
  return errors.map(({ code, message }) => [code, message])
}

function asNewer(instance: number): void {
  const file = join(folder(instance), 'manifest')
  const bytes = Uint8Array.from(readFileSync(file))
  putU16(bytes, 8, 2)
  putU32(bytes, 0, crc32(bytes.subarray(4)))
  writeFileSync(file, bytes)
}

test('the path of a group; its folder need not be there', () => {
  expect(checkpointsPath('data', 7, 3)).toBe(join('data', 'store-0007', 'checkpoints', 'group-3'))
  const none = join(directory, 'none')
  expect(localCheckpoints(none)).toEqual([])
  settleCheckpoints(none)
  removeCheckpoints(none, 1, new Set())
})

test('a directory that is none says so', () => {
  const file = join(directory, 'file')
  writeFileSync(file, '')
  const damaged = expect.objectContaining({ code: 'CHECKPOINT_DAMAGED', path: file })
  expect(() => localCheckpoints(file)).toThrow(damaged)
  expect(() => settleCheckpoints(file)).toThrow(damaged)
})

test('they are listed newest first, by number and not by letter', () => {
  const written = write(999_999_999_999, 5, 1_000_000_000_000, 40)
  expect(instances()).toEqual([1_000_000_000_000, 999_999_999_999, 40, 5])
  expect(localCheckpoints(directory).at(-1)).toEqual(written[1])
  expect(readdirSync(directory)).toContain('000000000005')
})

test('what is no checkpoint is no checkpoint', () => {
  write(5)
  for (const name of ['incoming', '7', '0000000000007', 'writing-x', 'notes']) mkdirSync(join(directory, name))
  writeFileSync(join(directory, '000000000009'), 'a file')
  expect(instances()).toEqual([5])
  expect(told()).toEqual([['CHECKPOINT_DAMAGED', expect.stringMatching(/000000000009.*ENOTDIR/)]])
})

test('unreadable ones are left out and told of, each with what is wrong', () => {
  write(1, 2, 3, 4, 5, 6)
  truncateSync(join(folder(1), 'manifest'), 30)
  truncateSync(join(folder(2), 'data'), 30)
  rmSync(join(folder(3), 'data'))
  asNewer(4)
  renameSync(folder(5), folder(7))
  expect(instances()).toEqual([6])
  expect(told()).toEqual([
    [
      'CHECKPOINT_DAMAGED',
      expect.stringMatching(/manifest is damaged: it is of instance 5\. Nothing of it is used\. Remove it/),
    ],
    ['FORMAT_UNKNOWN', expect.stringMatching(/has format 2/)],
    ['CHECKPOINT_DAMAGED', expect.stringMatching(/data is damaged: ENOENT/)],
    ['CHECKPOINT_DAMAGED', expect.stringMatching(/data is damaged: it has 30 bytes, its manifest says \d+/)],
    ['CHECKPOINT_DAMAGED', expect.stringMatching(/manifest is damaged: its checksum does not fit/)],
  ])
})

test('a data file that is shorter or longer than its manifest says is neither read nor sent', () => {
  const [{ path, dataBytes }] = write(5) as [LocalCheckpoint]
  for (const size of [dataBytes - 1, dataBytes + 1]) {
    truncateSync(join(path, 'data'), size)
    const message = expect.stringContaining(`data is damaged: it has ${size} bytes, its manifest says ${dataBytes}`)
    const damaged = expect.objectContaining({ code: 'CHECKPOINT_DAMAGED', message })
    expect(() => CheckpointReader.open(path)).toThrow(damaged)
    expect(() => CheckpointParts.open(path)).toThrow(damaged)
  }
})

test('the newest are kept, pinned ones too, and damaged ones do not count', () => {
  write(1, 2, 3, 4, 5, 6, 7)
  truncateSync(join(folder(7), 'data'), 30)
  asNewer(1)
  removeCheckpoints(directory, 2, new Set([3]))
  clearRemoved(directory)
  expect(instances()).toEqual([6, 5, 3])
  expect(readdirSync(directory).sort()).toEqual([1, 3, 5, 6].map((one) => folder(one).slice(-12)))
  removeCheckpoints(directory, 0, new Set([3]))
  expect(instances()).toEqual([3])
})

test('a damaged one that is pinned stays: somebody reads it', () => {
  write(4)
  truncateSync(join(folder(4), 'data'), 30)
  removeCheckpoints(directory, 1, new Set([4]))
  expect(readdirSync(directory)).toHaveLength(1)
})

test('a new one takes the place of one of its instance', () => {
  write(5)
  const second = writeSample(directory, 5, sampleContents(9), { salt: 9 })
  expect(localCheckpoints(directory)).toEqual([second])
  expect(readSample(second.path).contents).toEqual(sampleContents(9))
})

test('a start ends what an earlier life was in the middle of', () => {
  write(5, 6)
  // Taken from its place, and the new one is not there yet; in its place; being made; being deleted.
  renameSync(folder(5), join(directory, 'replaced-000000000005'))
  cpSync(folder(6), join(directory, 'replaced-000000000006'), { recursive: true })
  cpSync(folder(6), join(directory, 'writing-aBc123'), { recursive: true })
  mkdirSync(join(directory, 'removed-000000000004-0'))
  mkdirSync(join(directory, 'incoming'))
  settleCheckpoints(directory)
  expect(instances()).toEqual([6, 5])
  expect(clearRemoved(directory)).toBe(false)
  expect(readdirSync(directory)).toEqual(['000000000005', '000000000006', 'incoming'])
  expect(readSample(folder(5)).contents).toEqual(sampleContents(5))
})

test('what is removed is only renamed, however often, and deleted in slices or by the next writer', () => {
  for (let i = 0; i < 3; i++) {
    write(5)
    removeCheckpoints(directory, 0, new Set())
    expect(readdirSync(directory)).toEqual(['removed-000000000005-0'])
    if (i > 0) continue
    const file = join(directory, 'removed-000000000005-0', 'data')
    truncateSync(file, 1_000_000)
    expect(clearRemoved(directory, 400_000)).toBe(true)
    expect(statSync(file).size).toBe(600_000)
    let slices = 1
    while (clearRemoved(directory, 400_000)) slices++
    expect([slices, readdirSync(directory)]).toEqual([2, []])
  }
  write(5)
  renameSync(folder(5), join(directory, 'removed-000000000005-1'))
  write(5, 6)
  removeCheckpoints(directory, 0, new Set())
  expect(clearRemoved(directory)).toBe(false)
  expect(readdirSync(directory)).toEqual([])
})

test('a slice of small files ends too', () => {
  const removed = join(directory, 'removed-x-0')
  mkdirSync(removed)
  for (let i = 0; i < 20; i++) writeFileSync(join(removed, `${i}`), '')
  expect(clearRemoved(directory, 5 * 4096)).toBe(true)
  expect(readdirSync(removed)).toHaveLength(15)
})
