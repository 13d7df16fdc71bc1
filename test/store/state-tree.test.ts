import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Random } from '../../src/base/random.js'
import { BlockWriter } from '../../src/store/state-block-writer.js'
import { bytesInPages, CHUNK_BYTES } from '../../src/store/state-blocks.js'
import { compareKeys, findInTree, TreeCursor } from '../../src/store/state-tree.js'
import { TreeBuilder } from '../../src/store/state-tree-builder.js'
import type { TreeChange } from '../../src/store/state-tree-update.js'
import { latin1, MemoryBlocks } from './support/memory-blocks.js'
import { bytes, patterned } from './support/state-values.js'

type Model = Map<string, string>

const letters = fc.constantFrom('\0', 'a', 'b', '\xff')
const key = fc.oneof(
  { weight: 6, arbitrary: fc.array(letters, { maxLength: 5 }).map((parts) => parts.join('')) },
  { weight: 3, arbitrary: fc.nat(400).map((n) => `some/long/prefix/${n}`) },
  { weight: 1, arbitrary: fc.tuple(letters, fc.nat(1023)).map(([one, n]) => `${one.repeat(n)}x`) },
)
const valueBytes = fc.oneof(
  { weight: 12, arbitrary: fc.nat(60) },
  { weight: 2, arbitrary: fc.integer({ min: 61, max: 400 }) },
  { weight: 1, arbitrary: fc.constantFrom(CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 5) },
)
const value = fc.tuple(valueBytes, fc.nat(255)).map(([length, seed]) => latin1(patterned(length, seed)))
/** Sets, removals of keys that may be there, and removals of whole stretches. */
const edit = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('set' as const), key, value }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), key }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('clear' as const),
      from: key,
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
)
const commits = fc.array(fc.array(edit, { maxLength: 60 }), { minLength: 1, maxLength: 12 })
const blockSize = fc.constantFrom(60, 200, 1000, bytesInPages(3))

type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never

/** What the edits of one commit come to, over a model. */
function changesFor(model: Model, edits: readonly Edit[]): TreeChange[] {
  const merged = new Map<string, string | undefined>()
  for (const one of edits) {
    if (one.kind === 'set') merged.set(one.key, one.value)
    else if (one.kind === 'remove') merged.set(one.key, undefined)
    else {
      const above = [...model.keys()].filter((name) => name >= one.from).sort()
      for (const name of above.slice(0, Math.ceil(above.length * one.share))) merged.set(name, undefined)
    }
  }
  return [...merged]
    .map(([name, text]) => ({ key: bytes(name), value: text === undefined ? undefined : bytes(text) }))
    .sort((a, b) => compareKeys(a.key, b.key))
}

function applyTo(model: Model, changes: readonly TreeChange[]): void {
  for (const { key, value } of changes) {
    if (value === undefined) model.delete(latin1(key))
    else model.set(latin1(key), latin1(value))
  }
}

const sorted = (model: Model) => [...model].sort(([a], [b]) => (a < b ? -1 : 1))

describe('a tree', () => {
  test('holds what a sorted map holds, after any commits, and every block belongs to it', () => {
    fc.assert(
      fc.property(blockSize, commits, (blockBytes, all) => {
        const blocks = new MemoryBlocks(blockBytes)
        const model: Model = new Map()
        for (const edits of all) {
          const changes = changesFor(model, edits)
          applyTo(model, changes)
          blocks.commit(changes)
          blocks.check()
          expect(blocks.entries()).toEqual(sorted(model))
        }
        for (const { key } of all.flatMap((edits) => changesFor(model, edits))) {
          const found = findInTree(blocks.tree, key)
          expect(found === undefined ? undefined : latin1(found)).toBe(model.get(latin1(key)))
        }
      }),
      { numRuns: 400 },
    )
  })

  test('is read from any place in both directions', () => {
    fc.assert(
      fc.property(blockSize, commits, fc.array(key, { minLength: 1, maxLength: 10 }), (blockBytes, all, places) => {
        const blocks = new MemoryBlocks(blockBytes)
        const model: Model = new Map()
        for (const edits of all) {
          const changes = changesFor(model, edits)
          applyTo(model, changes)
          blocks.commit(changes)
        }
        const names = sorted(model).map(([name]) => name)
        for (const place of [...places, ...names.slice(0, 5)]) {
          const forward: string[] = []
          const back: string[] = []
          const up = new TreeCursor(blocks.tree, bytes(place))
          for (let step = up.next(); step !== undefined; step = up.next()) forward.push(latin1(step.block.key(step.at)))
          const down = new TreeCursor(blocks.tree, bytes(place))
          for (let step = down.previous(); step !== undefined; step = down.previous())
            back.unshift(latin1(step.block.key(step.at)))
          expect(forward).toEqual(names.filter((name) => name >= place))
          expect(back).toEqual(names.filter((name) => name < place))
        }
      }),
      { numRuns: 100 },
    )
  })

  test('built from the bottom is as one that grew', () => {
    fc.assert(
      fc.property(blockSize, commits, (blockBytes, all) => {
        const model: Model = new Map()
        for (const edits of all) applyTo(model, changesFor(model, edits))
        const blocks = new MemoryBlocks(blockBytes)
        const writer = new BlockWriter(1, blockBytes)
        const builder = new TreeBuilder(writer)
        for (const [name, text] of sorted(model)) builder.add(bytes(name), bytes(text))
        blocks.take(writer, builder.finish())
        blocks.check()
        expect(blocks.entries()).toEqual(sorted(model))
        const changes = changesFor(model, all[0] ?? [])
        applyTo(model, changes)
        blocks.commit(changes)
        blocks.check()
        expect(blocks.entries()).toEqual(sorted(model))
      }),
      { numRuns: 150 },
    )
  })
})

describe('how full blocks are', () => {
  const blockBytes = bytesInPages(3)
  const one = (n: number, length = 100) => ({
    key: bytes(`user-${String(n).padStart(10, '0')}`),
    value: patterned(length, n),
  })
  const share = (blocks: MemoryBlocks) => {
    let stored = 0
    for (const { length } of blocks.bytes.values()) stored += Math.ceil((length + 24) / 4096) * 4096
    let live = 0
    for (const [name, text] of blocks.entries()) live += name.length + text.length
    return stored / live
  }
  const ordered = (changes: Iterable<TreeChange>) => [...changes].sort((a, b) => compareKeys(a.key, b.key))

  test('of random keys, one or a few at a time', () => {
    const random = new Random(7)
    const blocks = new MemoryBlocks(blockBytes)
    for (let commit = 0; commit < 600; commit++) {
      const changes = new Map<number, TreeChange>()
      for (let i = 0; i < 40; i++) {
        const n = random.below(1e9)
        changes.set(n, one(n))
      }
      blocks.commit(ordered(changes.values()))
    }
    expect(blocks.check()).toBe(2)
    expect(share(blocks)).toBeLessThan(1.27)
  })

  test('of ascending keys, also in the middle of others, and built from the bottom', () => {
    const grown = new MemoryBlocks(blockBytes)
    grown.commit(ordered([one(1), one(5e8), one(6e8), one(9e8)]))
    const writer = new BlockWriter(1, blockBytes)
    const builder = new TreeBuilder(writer)
    for (let i = 0; i < 20_000; i += 8) {
      grown.commit([0, 1, 2, 3, 4, 5, 6, 7].map((more) => one(5e8 + 1 + i + more)))
      for (let more = 0; more < 8; more++) builder.add(one(i + more).key, one(i + more).value)
    }
    const built = new MemoryBlocks(blockBytes)
    built.take(writer, builder.finish())
    expect(share(grown)).toBeLessThan(1.03)
    expect(share(built)).toBeLessThan(1.03)
  })

  test('when nine of ten are removed again, at random', () => {
    const random = new Random(9)
    const blocks = new MemoryBlocks(blockBytes)
    blocks.commit(ordered(Array.from({ length: 20_000 }, (_, n) => one(n))))
    for (let n = 0; n < 20_000; n += 100) {
      const gone = Array.from({ length: 100 }, (_, i) => n + i).filter(() => random.chance(0.9))
      blocks.commit(gone.map((each) => ({ key: one(each).key, value: undefined })))
    }
    blocks.check()
    expect(share(blocks)).toBeLessThan(1.5)
    blocks.commit(ordered(Array.from({ length: 20_000 }, (_, n) => ({ ...one(n), value: undefined }))))
    expect(blocks.check()).toBe(0)
  })
})
