import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { binaryOf } from '../../src/state-machine/binary-key.js'
import { WriteSet } from '../../src/state-machine/write-set.js'
import { MapReads } from './support/map-reads.js'

const MACHINE = 3
const bytes = (...values: number[]) => Uint8Array.from(values)

function started() {
  const reads = new MapReads()
  const set = new WriteSet(MACHINE, reads)
  const commit = () => {
    reads.commit(new Map([[MACHINE, set.changes()]]))
    set.committed()
  }
  return { reads, set, commit }
}

/** One command that is kept. */
function command(set: WriteSet, work: () => void): void {
  set.beginCommand()
  work()
  set.keepCommand()
}

function entriesOf(set: WriteSet, from = '', end?: string, reverse = false): [string, number[]][] {
  set.beginQuery()
  const entries = [...set.range(from, end, reverse)].map(([key, value]): [string, number[]] => [key, [...value]])
  set.endQuery()
  return entries
}

describe('a write set', () => {
  test('shows what was changed over what was committed, and forgets it once that is committed', () => {
    const { set, commit } = started()
    command(set, () => {
      set.put('a', bytes(1))
      set.put('b', bytes(2))
    })
    commit()
    expect(set.isEmpty).toBe(true)
    expect(entriesOf(set)).toEqual([
      ['a', [1]],
      ['b', [2]],
    ])
    command(set, () => {
      set.remove('a')
      set.put('c', bytes(3))
      expect(set.get('a')).toBeUndefined()
      expect(set.get('b')).toEqual(bytes(2))
    })
    expect(set.changes()).toEqual([
      { key: bytes(0x61), value: undefined },
      { key: bytes(0x63), value: bytes(3) },
    ])
  })

  test('changes are ascending by the bytes of their keys, each there once', () => {
    const { set } = started()
    const keys = ['\xff', 'b', '', 'ab', 'a', '\0', 'a\0']
    command(set, () => {
      for (const key of [...keys, ...keys]) set.put(key, bytes(1))
    })
    const given = set.changes().map(({ key }) => key)
    expect(given).toEqual([...given].sort(Buffer.compare))
    expect(given).toHaveLength(keys.length)
  })

  test('an undone command leaves nothing, whatever it did to one key, and nor do its bytes', () => {
    const { set, commit } = started()
    command(set, () => set.put('old', bytes(1)))
    commit()
    command(set, () => set.put('new', bytes(2, 2)))
    const before = set.bytes
    set.beginCommand()
    for (const key of ['old', 'new', 'none']) {
      set.put(key, bytes(9, 9, 9))
      set.remove(key)
      set.put(key, bytes(8))
    }
    set.undoCommand()
    expect(set.bytes).toBe(before)
    expect(set.changes()).toEqual(
      [{ key: Buffer.from('new'), value: bytes(2, 2) }].map((c) => ({ ...c, key: bytes(...c.key) })),
    )
    expect(entriesOf(set)).toEqual([
      ['new', [2, 2]],
      ['old', [1]],
    ])
  })

  test('a read of a changed key does not go to the committed state', () => {
    const { reads, set } = started()
    command(set, () => {
      set.put('a', bytes(1))
      set.remove('b')
      set.get('a')
      set.get('b')
    })
    expect(reads.reads).toBe(0)
  })

  test('an iteration shows the state as of its start, however much it changes itself', () => {
    const { set, commit } = started()
    const keys = ['a', 'b', 'c', 'd', 'e', 'f']
    command(set, () => {
      for (const key of ['a', 'c', 'e']) set.put(key, bytes(1))
    })
    commit()
    command(set, () => {
      for (const key of ['b', 'd', 'f']) set.put(key, bytes(2))
    })
    for (const reverse of [false, true]) {
      set.beginCommand()
      const seen: string[] = []
      for (const [key, value] of set.range('', undefined, reverse)) {
        seen.push(key)
        expect(value[0]).toBe(['a', 'c', 'e'].includes(key) ? 1 : 2)
        for (const other of keys) {
          set.remove(other)
          set.put(`${other}${other}`, bytes(3))
          // Another iteration brings the keys up to date under the running one.
          set.range('', undefined, false).next()
        }
      }
      expect(seen).toEqual(reverse ? [...keys].reverse() : keys)
      set.undoCommand()
    }
  })

  test('it cannot be used outside of a call, nor an iteration in the next call, nor changed by a query', () => {
    const { set } = started()
    command(set, () => set.put('a', bytes(1)))
    for (const use of [() => set.get('a'), () => set.put('a', bytes(1)), () => set.range('', undefined, false)])
      expect(use).toThrow('the state of machine 3 is there while execute or query runs')
    set.beginQuery()
    const kept = set.range('', undefined, false)
    expect(() => set.put('a', bytes(2))).toThrow('a query must not change the state of machine 3')
    expect(() => set.remove('a')).toThrow('a query must not change')
    set.endQuery()
    set.beginQuery()
    expect(() => kept.next()).toThrow('what was kept of an earlier call is void')
    set.endQuery()
  })

  test('a read that fails is remembered, whether or not its caller cared', () => {
    for (const read of [(set: WriteSet) => set.get('a'), (set: WriteSet) => [...set.range('', undefined, false)]]) {
      const { reads, set } = started()
      reads.failure = new Error('damaged')
      set.beginQuery()
      expect(() => read(set)).toThrow('damaged')
      expect(set.failedRead).toEqual({ error: reads.failure })
    }
  })

  test('an iteration that is left ends the one below it', () => {
    const { reads, set, commit } = started()
    command(set, () => {
      for (const key of ['a', 'b', 'c']) set.put(key, bytes(1))
    })
    commit()
    let ended = 0
    const { range } = reads
    reads.range = function* (...given) {
      try {
        yield* range.apply(reads, given)
      } finally {
        ended++
      }
    }
    set.beginQuery()
    for (const _ of set.range('', undefined, false)) break
    expect(ended).toBe(1)
  })
})

// Few keys, so that they meet; some bytes are special to strings, and one key is a prefix of another.
const aKey = fc.constantFrom('', '\0', 'a', 'a\0', 'a\xff', 'ab', 'b', '\x7f', '\x80', '\xff', '\xff\xff')
const aValue = fc.uint8Array({ maxLength: 3 })
const aBound = fc.option(aKey, { nil: undefined })
const aChange = fc.record({ key: aKey, value: fc.option(aValue, { nil: undefined }) })
const aRange = fc.record({
  from: aKey,
  end: aBound,
  reverse: fc.boolean(),
  changes: fc.array(aChange, { maxLength: 4 }),
})
const aCommand = fc.record({
  steps: fc.array(fc.oneof(aChange, aRange), { maxLength: 8 }),
  end: fc.constantFrom('keep', 'keep', 'undo', 'commit'),
})

test('it does what a sorted map does that is copied before each command', () => {
  fc.assert(
    fc.property(fc.array(aCommand, { maxLength: 20 }), (commands) => {
      const { set, commit } = started()
      let model = new Map<string, number[]>()
      for (const { steps, end } of commands) {
        const before = new Map(model)
        const change = ({ key, value }: { key: string; value: Uint8Array | undefined }) => {
          if (value === undefined) {
            set.remove(key)
            model.delete(key)
          } else {
            set.put(key, value)
            model.set(key, [...value])
          }
        }
        set.beginCommand()
        for (const step of steps) {
          if (!('from' in step)) {
            change(step)
            continue
          }
          const expected = within(model, step.from, step.end, step.reverse)
          const seen: [string, number[]][] = []
          const changes = [...step.changes]
          for (const [key, value] of set.range(step.from, step.end, step.reverse)) {
            seen.push([key, [...value]])
            const next = changes.pop()
            if (next !== undefined) change(next)
          }
          expect(seen).toEqual(expected)
        }
        if (end === 'undo') {
          set.undoCommand()
          model = before
        } else {
          set.keepCommand()
          if (end === 'commit') commit()
        }
        expect(entriesOf(set)).toEqual(within(model, '', undefined, false))
        const changed = set.changes()
        expect(set.bytes).toBe(changed.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0))
        set.beginQuery()
        for (const { key, value } of changed) expect(set.get(binaryOf(key))).toEqual(value)
        set.endQuery()
      }
    }),
    { numRuns: 500 },
  )
})

function within(model: Map<string, number[]>, from: string, end: string | undefined, reverse: boolean) {
  const entries = [...model].filter(([key]) => key >= from && (end === undefined || key < end))
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return reverse ? entries.reverse() : entries
}
