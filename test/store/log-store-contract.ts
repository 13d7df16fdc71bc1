import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { EMPTY_HEAD } from '../../src/core/durable.js'
import type { LogStore } from '../../src/store/log-store.js'
import { accepted, head, learned, range } from './support/records.js'

/** One implementation, with a place to store in and ways to harm it. The store is open while a test runs. */
export interface LogStoreHarness {
  store: LogStore
  /** Closes the store and opens what it left. */
  reopen(): void
  /** Each closes the store, does the damage, and opens it again. */
  damageHead(group: number, copies: 1 | 2): void
  damageRecord(group: number, instance: number): void
  loseRecord(group: number, instance: number): void
  dispose(): void
}

const big = 1 << 20

/** What every log store must do. Exported so that whoever writes one can run it. */
export function logStoreContract(name: string, make: () => LogStoreHarness): void {
  describe(`${name} keeps the log store contract`, () => {
    let harness: LogStoreHarness
    beforeEach(() => {
      harness = make()
    })
    afterEach(() => {
      harness.dispose()
    })
    const tailOf = (group: number) => harness.store.load(group)?.tail.map(({ instance }) => instance)
    const instances = (from: number, upTo: number, maxBytes = big) =>
      harness.store.read(0, from, upTo, maxBytes).map(({ instance }) => instance)
    /** Chosen up to `chosen`, accepted up to `last`, with ballot 65537. */
    const fill = (chosen: number, last: number, bytes = 100) => {
      harness.store.create([0])
      const records = range(1, last).map((i) => accepted(i, 65537, bytes))
      const to = head({ promised: 65537, chosenUpTo: chosen, lastAccepted: last })
      harness.store.commit([{ group: 0, records, head: to }])
    }

    describe('birth', () => {
      test('a group that was never created is undefined, a created one is empty, also after opening again', () => {
        expect(harness.store.load(0)).toBeUndefined()
        harness.store.create([0, 3])
        harness.reopen()
        expect(harness.store.load(0)).toEqual({ head: EMPTY_HEAD, tail: [] })
        expect(harness.store.load(3)).toEqual({ head: EMPTY_HEAD, tail: [] })
        expect(harness.store.load(1)).toBeUndefined()
      })

      test('creating again leaves what is there', () => {
        fill(2, 3)
        harness.store.create([0, 1])
        expect(harness.store.load(0)?.head.chosenUpTo).toBe(2)
        expect(harness.store.load(1)?.head).toEqual(EMPTY_HEAD)
      })

      test('a group must be loaded or created before it is written', () => {
        harness.store.create([0])
        harness.reopen()
        expect(() => harness.store.commit([{ group: 0, records: [], head: EMPTY_HEAD }])).toThrow(/neither loaded/)
      })
    })

    describe('commit', () => {
      test('head and accepted tail come back whole', () => {
        fill(4, 7)
        harness.reopen()
        const state = harness.store.load(0)
        expect(state?.head).toEqual(head({ promised: 65537, chosenUpTo: 4, lastAccepted: 7 }))
        expect(state?.tail).toEqual([5, 6, 7].map((i) => accepted(i)))
      })

      test('every field survives up to the largest safe integers', () => {
        harness.store.create([0])
        const most = Number.MAX_SAFE_INTEGER
        const at = 2 ** 48 - 3
        const record = {
          instance: at + 1,
          ballot: most,
          recoveredTo: most - 1,
          version: most - 2,
          value: new Uint8Array(0),
        }
        const to = { promised: most, chosenUpTo: at, chain: 0xffffffff, lastAccepted: at + 1, firstKept: at + 1 }
        harness.store.commit([{ group: 0, records: [record], head: to }])
        harness.reopen()
        expect(harness.store.load(0)).toEqual({ head: to, tail: [record] })
      })

      test('several groups in one commit, and an empty one', () => {
        harness.store.create([0, 1, 2])
        const write = (group: number) => ({
          group,
          records: [accepted(1)],
          head: head({ promised: 65537, lastAccepted: 1 }),
        })
        harness.store.commit([write(0), write(2)])
        harness.store.commit([])
        harness.reopen()
        expect([0, 1, 2].map(tailOf)).toEqual([[1], [], [1]])
      })

      test('a promise alone', () => {
        fill(1, 2)
        harness.store.commit([
          { group: 0, records: [], head: head({ promised: 131073, chosenUpTo: 1, lastAccepted: 2 }) },
        ])
        harness.reopen()
        expect(harness.store.load(0)?.head.promised).toBe(131073)
        expect(tailOf(0)).toEqual([2])
      })

      test('an accepted record is replaced by one of a higher ballot, also twice in one commit', () => {
        fill(0, 3)
        const records = [accepted(2, 131073, 50), accepted(2, 196609, 5), accepted(3, 196609)]
        harness.store.commit([{ group: 0, records, head: head({ promised: 196609, lastAccepted: 3 }) }])
        harness.reopen()
        expect(harness.store.load(0)?.tail).toEqual([accepted(1), accepted(2, 196609, 5), accepted(3, 196609)])
      })

      test('learned records carry no ballot and are covered by chosenUpTo', () => {
        fill(0, 2)
        const records = [learned(1), learned(2), learned(3)]
        harness.store.commit([{ group: 0, records, head: head({ promised: 65537, chosenUpTo: 3 }) }])
        harness.reopen()
        expect(tailOf(0)).toEqual([])
        expect(harness.store.read(0, 1, 3, big)).toEqual(records)
      })

      test('a change of membership voids the tail, and it may be written anew', () => {
        fill(1, 4)
        harness.store.commit([{ group: 0, records: [], head: head({ promised: 65537, chosenUpTo: 2 }) }])
        harness.reopen()
        expect(tailOf(0)).toEqual([])
        const to = head({ promised: 131073, chosenUpTo: 2, lastAccepted: 3 })
        harness.store.commit([{ group: 0, records: [accepted(3, 131073)], head: to }])
        harness.reopen()
        expect(harness.store.load(0)?.tail).toEqual([accepted(3, 131073)])
      })

      test('a checkpoint jumps over instances that were never stored', () => {
        fill(1, 3)
        const to = head({ promised: 65537, chosenUpTo: 5000, firstKept: 5001, lastAccepted: 5001 })
        harness.store.commit([{ group: 0, records: [accepted(5001)], head: to }])
        harness.reopen()
        expect(tailOf(0)).toEqual([5001])
        expect(instances(1, 3)).toEqual([])
      })

      test('a long tail', () => {
        fill(0, 300, 10)
        harness.store.commit([
          { group: 0, records: [], head: head({ promised: 65537, chosenUpTo: 150, lastAccepted: 300 }) },
        ])
        harness.reopen()
        expect(tailOf(0)).toEqual(range(151, 300))
      })

      test('values of 0 bytes to 3 MB', () => {
        harness.store.create([0])
        const sizes = [0, 1, 2000, 4096, 65536, 3 << 20]
        const records = sizes.map((bytes, i) => accepted(i + 1, 65537, bytes))
        harness.store.commit([{ group: 0, records, head: head({ promised: 65537, lastAccepted: 6 }) }])
        harness.reopen()
        // Not toEqual: it takes seconds over megabytes.
        const tail = harness.store.load(0)?.tail ?? []
        expect(tail.map(({ value }, i) => Buffer.compare(value, records[i]?.value ?? Buffer.of()))).toEqual([
          0, 0, 0, 0, 0, 0,
        ])
      })

      test('the memory of a value may be reused after the commit, and what read gives belongs to the caller', () => {
        harness.store.create([0])
        const record = accepted(1)
        harness.store.commit([{ group: 0, records: [record], head: head({ promised: 65537, chosenUpTo: 1 }) }])
        record.value.fill(0)
        const [first] = harness.store.read(0, 1, 1, big)
        harness.store.read(0, 1, 1, big)[0]?.value.fill(0)
        expect(first).toEqual(accepted(1))
        expect(harness.store.read(0, 1, 1, big)).toEqual([accepted(1)])
      })

      test('a value that is part of a larger buffer', () => {
        harness.store.create([0])
        const value = Buffer.from('xxxxpayloadxxxx').subarray(4, 11)
        harness.store.commit([{ group: 0, records: [{ ...accepted(1), value }], head: head({ chosenUpTo: 1 }) }])
        expect(Buffer.from(harness.store.read(0, 1, 1, big)[0]?.value ?? []).toString()).toBe('payload')
      })
    })

    describe('what a caller may not do leaves the store as it was', () => {
      const bad = (what: string, pattern: RegExp, write: () => void) =>
        test(what, () => {
          fill(2, 4)
          expect(write).toThrow(pattern)
          expect(tailOf(0)).toEqual([3, 4])
        })
      const commit = (records: ReturnType<typeof accepted>[], to: Parameters<typeof head>[0]) =>
        harness.store.commit([
          { group: 0, records, head: head({ promised: 65537, chosenUpTo: 2, lastAccepted: 4, ...to }) },
        ])
      bad('promised goes back', /promised may not/, () => commit([], { promised: 1 }))
      bad('chosenUpTo goes back', /chosenUpTo may not/, () => commit([], { chosenUpTo: 1 }))
      bad('firstKept beyond what is chosen', /cut what is not chosen/, () => commit([], { firstKept: 4 }))
      bad('a gap', /leaves a gap/, () => commit([accepted(6)], { lastAccepted: 6 }))
      bad('lastAccepted without records', /records end at 4/, () => commit([], { lastAccepted: 5 }))
      bad('a chosen record above chosenUpTo', /stored as chosen/, () => commit([learned(5)], { lastAccepted: 5 }))
      bad('a group twice', /twice/, () => {
        const write = { group: 0, records: [], head: head({ promised: 65537, chosenUpTo: 2, lastAccepted: 4 }) }
        harness.store.commit([write, write])
      })
      bad('a value in shared memory', /threads share/, () => {
        const value = new Uint8Array(new SharedArrayBuffer(8))
        commit([{ ...accepted(5), value }], { lastAccepted: 5 })
      })
    })

    describe('read', () => {
      test('a range, up to what is there', () => {
        fill(9, 10)
        expect(instances(3, 6)).toEqual([3, 4, 5, 6])
        expect(instances(8, 20)).toEqual([8, 9, 10])
        expect(instances(11, 20)).toEqual([])
        expect(harness.store.read(7, 1, 5, big)).toEqual([])
      })

      test('the byte bound, and always one', () => {
        fill(9, 10)
        expect(instances(1, 10, 299)).toEqual([1, 2])
        expect(instances(1, 10, 300)).toEqual([1, 2, 3])
        expect(instances(5, 10, 1)).toEqual([5])
      })

      test('a snapshot does not outlive the round', () => {
        fill(1, 1)
        expect(instances(1, 5)).toEqual([1])
        harness.store.endRound()
        const to = head({ promised: 65537, chosenUpTo: 1, lastAccepted: 2 })
        harness.store.commit([{ group: 0, records: [accepted(2)], head: to }])
        harness.store.endRound()
        expect(instances(1, 5)).toEqual([1, 2])
      })
    })

    describe('trim', () => {
      test('records below firstKept go, over the following commits', () => {
        fill(2000, 2000, 10)
        const to = head({ promised: 65537, chosenUpTo: 2000, firstKept: 1900 })
        for (let i = 0; i < 10; i++) harness.store.commit([{ group: 0, records: [], head: to }])
        harness.reopen()
        expect(harness.store.load(0)?.head.firstKept).toBe(1900)
        expect([1, 1000, 1899].flatMap((i) => instances(i, i))).toEqual([])
        expect(instances(1900, 2000)).toEqual(range(1900, 2000))
      })

      test('a trim that was cut off goes on after opening, across a gap left by a checkpoint', () => {
        fill(700, 700, 10)
        const [first, last] = [9_000_001, 9_000_100]
        const jump = head({ promised: 65537, chosenUpTo: first - 1, firstKept: first, lastAccepted: last })
        const records = range(first, last).map((i) => accepted(i, 65537, 10))
        harness.store.commit([{ group: 0, records, head: jump }])
        harness.reopen()
        harness.store.load(0)
        const on = head({ promised: 65537, chosenUpTo: last, firstKept: last + 1, lastAccepted: last })
        for (let i = 0; i < 8; i++) harness.store.commit([{ group: 0, records: [], head: on }])
        harness.reopen()
        expect([1, 600, 700, first, last].flatMap((i) => instances(i, i))).toEqual([])
      })
    })

    describe('damage', () => {
      test('one copy of a head is enough', () => {
        fill(2, 4)
        harness.damageHead(0, 1)
        expect(tailOf(0)).toEqual([3, 4])
      })

      test('without a head the group is damaged, never empty', () => {
        fill(2, 4)
        harness.damageHead(0, 2)
        expect(() => harness.store.load(0)).toThrow(expect.objectContaining({ code: 'GROUP_DAMAGED', group: 0 }))
      })

      test('a lost or damaged record of the tail is a damaged group', () => {
        fill(2, 4)
        harness.loseRecord(0, 4)
        expect(() => harness.store.load(0)).toThrow(expect.objectContaining({ code: 'GROUP_DAMAGED' }))
      })

      test('a flipped bit in the tail is a damaged group', () => {
        fill(2, 4)
        harness.damageRecord(0, 3)
        expect(() => harness.store.load(0)).toThrow(expect.objectContaining({ code: 'GROUP_DAMAGED' }))
      })

      test('a damaged chosen record is named, others are read, and learning it again heals it', () => {
        fill(8, 9)
        harness.damageRecord(0, 5)
        expect(tailOf(0)).toEqual([9])
        expect(instances(3, 9)).toEqual([3, 4])
        expect(() => harness.store.read(0, 5, 9, big)).toThrow(
          expect.objectContaining({ code: 'RECORD_DAMAGED', group: 0, instance: 5 }),
        )
        const to = head({ promised: 65537, chosenUpTo: 8, lastAccepted: 9 })
        harness.store.commit([{ group: 0, records: [learned(5)], head: to }])
        expect(instances(3, 9)).toEqual([3, 4, 5, 6, 7, 8, 9])
      })
    })

    test('nothing works after close', () => {
      harness.store.create([0])
      harness.store.close()
      expect(() => harness.store.load(0)).toThrow(/closed/)
      expect(() => harness.store.commit([])).toThrow(/closed/)
    })
  })
}
