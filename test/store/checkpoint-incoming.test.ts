import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { IncomingCheckpoint, type OfferedCheckpoint } from '../../src/store/checkpoint-incoming.js'
import { type LocalCheckpoint, localCheckpoints } from '../../src/store/checkpoint-local.js'
import { CheckpointParts, PIECE_BYTES } from '../../src/store/checkpoint-parts.js'
import { clearRemoved } from '../../src/store/checkpoint-removal.js'
import { CheckpointWriter } from '../../src/store/checkpoint-writer.js'
import { metaOf, OWNER, sampleContents, writeContents, writeSample } from './support/checkpoint-samples.js'

let directory: string
let source: LocalCheckpoint
let parts: CheckpointParts
let here: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'checkpoint-'))
  here = join(directory, 'here')
  use(writeSample(join(directory, 'there'), 20, sampleContents(1)))
})
afterEach(() => {
  parts.close()
  rmSync(directory, { recursive: true })
})

function use(local: LocalCheckpoint): void {
  source = local
  parts = CheckpointParts.open(local.path)
}

/** A manifest of three pieces. */
function useLargeManifest(): void {
  const contents = sampleContents(1)
  const builtIn = Uint8Array.from({ length: 2 * PIECE_BYTES + 99 }, (_, i) => i * i)
  const writer = CheckpointWriter.begin(join(directory, 'large'), { ...metaOf(30, contents), builtIn }, 64)
  writeContents(writer, contents)
  parts.close()
  use(writer.finish())
}

/** What is in the directory once what was removed is deleted. */
function names(): string[] {
  clearRemoved(here)
  return readdirSync(here)
}

const begin = (offer: OfferedCheckpoint = source, owner = OWNER) => IncomingCheckpoint.begin(here, owner, offer)
const find = (owner = OWNER) => IncomingCheckpoint.find(here, owner)

function receive(incoming: IncomingCheckpoint, upTo = parts.parts): IncomingCheckpoint {
  while (incoming.next < upTo) expect(incoming.append(incoming.next, parts.read(incoming.next))).toBe('taken')
  return incoming
}

function expectWhole(incoming: IncomingCheckpoint): void {
  expect(incoming.isComplete).toBe(true)
  const local = incoming.finish()
  expect(localCheckpoints(here)).toEqual([local])
  for (const file of ['manifest', 'data'])
    expect(readFileSync(join(local.path, file))).toEqual(readFileSync(join(source.path, file)))
  expect(names()).toHaveLength(1)
}

test('parts are taken in order, and only the next one', () => {
  useLargeManifest()
  const incoming = begin()
  expect([incoming.instance, incoming.id, incoming.next, incoming.parts]).toEqual([30, source.id, 0, undefined])
  expect(incoming.append(1, parts.read(1))).toBe('ignored')
  expect(incoming.append(-1, parts.read(0))).toBe('ignored')
  receive(incoming, 2)
  expect([incoming.next, incoming.parts]).toEqual([2, undefined])
  expect(incoming.append(0, parts.read(0))).toBe('ignored')
  receive(incoming, 3)
  expect([incoming.next, incoming.parts]).toEqual([3, parts.parts])
  expect(incoming.append(4, parts.read(4))).toBe('ignored')
  expect(() => incoming.finish()).toThrow(/part 3 of \d+ is still missing/)
  receive(incoming)
  expect(incoming.append(parts.parts, Uint8Array.of(1))).toBe('ignored')
  expectWhole(incoming)
})

test('a block that is not what the manifest says is refused, and the right one taken after it', () => {
  const incoming = receive(begin(), 4)
  const right = parts.read(4)
  const wrong = Uint8Array.from(right)
  wrong[3]! ^= 1
  for (const bytes of [wrong, right.subarray(1), Buffer.concat([right, Buffer.of(0)]), Uint8Array.of(), parts.read(5)])
    expect([incoming.append(4, bytes), incoming.next]).toEqual(['refused', 4])
  expectWhole(receive(incoming))
})

describe('a manifest is refused, and is wanted from its first piece again,', () => {
  const offers: [string, (offer: OfferedCheckpoint) => OfferedCheckpoint][] = [
    ['of another instance than offered', (offer) => ({ ...offer, instance: 21 })],
    ['of another id than offered', (offer) => ({ ...offer, id: offer.id ^ 1 })],
    ['of other data than offered', (offer) => ({ ...offer, dataBytes: offer.dataBytes + 1 })],
  ]
  test.each(offers)('%s', (_name, change) => {
    const incoming = begin(change(source))
    expect([incoming.append(0, parts.read(0)), incoming.next, incoming.parts]).toEqual(['refused', 0, undefined])
    incoming.close()
    expect(find()).toBeUndefined()
  })

  test.each([{ group: 4 }, { clusterId: '0000000000000001' }])('of another owner: %j', (other) => {
    const incoming = begin(source, { ...OWNER, ...other })
    expect(incoming.append(0, parts.read(0))).toBe('refused')
    incoming.abandon()
  })

  test('when one of its pieces was changed on the way', () => {
    useLargeManifest()
    const incoming = receive(begin(), 1)
    const wrong = parts.read(1)
    wrong[77]! ^= 16
    expect(incoming.append(1, wrong)).toBe('taken')
    expect([incoming.append(2, parts.read(2)), incoming.next]).toEqual(['refused', 0])
    expectWhole(receive(incoming))
  })

  test('or a piece of another size at once', () => {
    useLargeManifest()
    const incoming = begin()
    expect([incoming.append(0, parts.read(2)), incoming.next]).toEqual(['refused', 0])
    expectWhole(receive(incoming))
  })
})

test('an offer that no checkpoint can be is refused before anything is made', () => {
  const sizes = [0, -1, 1.5, Number.NaN, 64 * 1024 * 1024 + 1, 2 ** 53]
  const damaged = expect.objectContaining({ code: 'CHECKPOINT_DAMAGED' })
  for (const manifestBytes of sizes) expect(() => begin({ ...source, manifestBytes })).toThrow(damaged)
  for (const dataBytes of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => begin({ ...source, dataBytes })).toThrow(damaged)
  expect(existsSync(here)).toBe(false)
})

test('an offer that does not fit on the disk is refused, and leaves what the log needs', () => {
  expect(() => begin({ ...source, dataBytes: 2 ** 52 })).toThrow(expect.objectContaining({ code: 'DISK_FULL' }))
  expect(() => begin({ ...source, dataBytes: 2 ** 52 })).toThrow(/beyond what is left for the log\. Free space/)
  expect(localCheckpoints(here)).toEqual([])
})

describe('after a restart', () => {
  test('it goes on at every part', () => {
    for (let upTo = 1; upTo <= parts.parts; upTo++) {
      receive(begin(), upTo).close()
      const found = find()!
      expect(() => found.append(upTo, Uint8Array.of(1))).toThrow(/before what is there was looked at/)
      expect(found.isComplete).toBe(false)
      while (!found.recheck(100)) expect(found.next).toBeLessThanOrEqual(upTo)
      expect([found.instance, found.id, found.next, found.parts]).toEqual([20, source.id, upTo, parts.parts])
      expectWhole(receive(found))
      rmSync(here, { recursive: true })
    }
  })

  test('a manifest that was not whole begins anew', () => {
    useLargeManifest()
    receive(begin(), 2).close()
    expect(find()).toBeUndefined()
    expect(names()).toEqual([])
    expectWhole(receive(begin()))
  })

  const offset = (upTo: number) => parts.manifest.blocks.offset(upTo - 1)
  const torn: [string, (data: string) => void, number][] = [
    ['the last block is torn', (data) => truncateSync(data, offset(6) - 1), 5],
    ['more than the last block is gone', (data) => truncateSync(data, offset(4) + 1), 4],
    ['all is gone', (data) => truncateSync(data, 0), 1],
    ['half a block of zeros follows', (data) => appendFileSync(data, Buffer.alloc(9)), 6],
    ['a block of zeros follows', (data) => appendFileSync(data, Buffer.alloc(64)), 6],
    ['much more follows', (data) => appendFileSync(data, Buffer.alloc(99_999, 1)), 6],
    [
      'zeros stand in the middle',
      (data) => {
        const bytes = readFileSync(data)
        writeFileSync(data, bytes.fill(0, offset(3), offset(3) + 20))
      },
      3,
    ],
  ]
  test.each(torn)('%s', (_name, tear, next) => {
    receive(begin(), 6).close()
    tear(join(here, 'incoming', 'data'))
    const found = find()!
    while (!found.recheck(64));
    expect(found.next).toBe(next)
    expectWhole(receive(found))
  })

  test('one of another group or cluster, or a damaged one, is removed', () => {
    const leftovers: (() => IncomingCheckpoint | undefined)[] = [
      () => find({ ...OWNER, group: 4 }),
      () => find({ ...OWNER, clusterId: '0000000000000001' }),
      () => {
        rmSync(join(here, 'incoming', 'data'))
        return find()
      },
      () => {
        const file = join(here, 'incoming', 'manifest')
        const bytes = readFileSync(file)
        bytes[50]! ^= 1
        writeFileSync(file, bytes)
        return find()
      },
    ]
    for (const look of leftovers) {
      receive(begin(), 6).close()
      expect(look()).toBeUndefined()
      expect(names()).toEqual([])
    }
  })

  test('a new one throws it away, and so does abandoning it', () => {
    receive(begin(), 6).close()
    useLargeManifest()
    const other = begin()
    expect([other.next, readdirSync(join(here, 'incoming'))]).toEqual([0, []])
    receive(other, 5).abandon()
    expect(names()).toEqual([])
    expect(find()).toBeUndefined()
  })
})

test('a received one takes the place of another one of its instance', () => {
  writeSample(here, 20, sampleContents(2), { salt: 2 })
  const local = receive(begin()).finish()
  expect(local.id).toBe(source.id)
  expect(localCheckpoints(here)).toEqual([local])
  expect(names()).toHaveLength(1)
})
