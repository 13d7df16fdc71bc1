import { crc32 } from '../../src/codec/crc32.js'
import { putU32 } from '../../src/codec/little-endian.js'
import { headKey, KEY_BYTES } from '../../src/store/log-keys.js'
import { Block } from '../../src/store/state-block.js'
import { bytesInPages, CHUNK_BYTES, StoredBlocks, type ValueReader } from '../../src/store/state-blocks.js'
import { readBuiltIn, readStateHead } from '../../src/store/state-disk.js'
import { Draft, type NewEntry } from '../../src/store/state-draft.js'
import { decodeStateHead, encodeStateHead, type StateHead } from '../../src/store/state-head.js'
import { placeOfKey } from '../../src/store/state-keys.js'
import { at, bytes, patterned } from '../store/support/state-values.js'
import { VOTER } from '../store/support/workload.js'
import { type Decoder, decoder, REFUSED, unlessFlawed } from './decoder.js'

const GROUP = 3
const FIRST = 4
const builtIn = patterned(40_000, 1)
const heads: readonly StateHead[] = [
  { voterId: VOTER, generation: 0, root: undefined, nextBlock: 1, position: at(0, 0), builtInAt: undefined },
  {
    voterId: VOTER,
    generation: 254,
    root: { block: 2 ** 40 - 1, crc: 0xffffffff },
    nextBlock: 2 ** 40,
    position: at(2 ** 53 - 1, 400),
    builtInAt: undefined,
  },
  {
    voterId: VOTER,
    generation: 1,
    root: { block: 3, crc: 5 },
    nextBlock: 9,
    position: at(7, 0),
    builtInAt: { first: FIRST, length: builtIn.length, crc: crc32(builtIn) },
  },
]

function seal(head: Uint8Array): void {
  if (head.length >= 4) putU32(head, 0, crc32(head.subarray(4)))
}

const head = decoder<StateHead>({
  name: 'head of a state',
  covers: ['store/state-head.decodeStateHead'],
  seeds: () => heads.map((one) => encodeStateHead(GROUP, one)),
  decode: (found) => unlessFlawed(decodeStateHead(found, found.length, GROUP)),
  encode: (one) => encodeStateHead(GROUP, one),
  seal,
})

/** A head as a reader meets it, which follows what it says about the built-in state. */
const stored = decoder<number>({
  name: 'head of a state with what it names',
  covers: ['store/state-disk.readStateHead', 'store/state-disk.readBuiltIn'],
  seeds: () => heads.map((one) => encodeStateHead(GROUP, one)),
  decode: (found) => {
    const first = headKey(new Uint8Array(KEY_BYTES), GROUP, 0)
    const reader: ValueReader = {
      path: 'fuzzed',
      read: (key) => {
        if (Buffer.compare(key, first) === 0) return found
        const part = (placeOfKey(key).block - FIRST) * CHUNK_BYTES
        return part >= 0 && part < builtIn.length ? builtIn.slice(part, part + CHUNK_BYTES) : undefined
      },
    }
    const one = readStateHead(reader, GROUP)
    return one === undefined ? REFUSED : readBuiltIn(one, new StoredBlocks(reader, GROUP, one.generation)).length
  },
  seal,
  errors: ['StoreError'],
})

interface Entries {
  readonly level: number
  readonly entries: readonly NewEntry[]
}

function encodeBlock({ level, entries }: Entries): Uint8Array {
  const draft = new Draft(level, bytes(''))
  for (const entry of entries) draft.addEntry(entry)
  return draft.encode()
}

const entry = (key: string, value: Uint8Array, isBig = false): NewEntry => ({ key: bytes(key), value, isBig })
const blocks: readonly Entries[] = [
  { level: 0, entries: [entry('', bytes(''))] },
  { level: 0, entries: [entry('k1', patterned(100, 1)), entry('k2', patterned(300, 2)), entry('k33', bytes('x'))] },
  {
    level: 0,
    entries: [entry('a'.repeat(1026), patterned(bytesInPages(1) / 2, 3)), entry('b', patterned(13, 4), true)],
  },
  { level: 2, entries: [entry('', patterned(9, 5)), entry('prefix-1', patterned(9, 6))] },
]

const block = decoder<Entries>({
  name: 'block of a state',
  covers: ['store/state-block.Block'],
  seeds: () => blocks.map(encodeBlock),
  decode: (found) => {
    const one = Block.decode(found)
    if (one === undefined) return REFUSED
    const entries = Array.from({ length: one.count }, (_, i) => ({
      key: one.key(i),
      value: new Uint8Array(one.value(i)),
      isBig: one.big(i) !== undefined,
    }))
    return { level: one.level, entries }
  },
  encode: encodeBlock,
})

export const stateDecoders: readonly Decoder[] = [head, stored, block]
