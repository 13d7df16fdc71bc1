import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { ScrubCursor, StateStore } from '../../src/store/state-store.js'
import { at, bytes, changesOf, contents, entriesOf, patterned, text, write } from './support/state-values.js'

/** One implementation, with a place to store in and ways to harm it. The store is open while a test runs. */
export interface StateStoreHarness {
  store: StateStore
  /** Closes the store and opens what it left. */
  reopen(): void
  /** Each closes the store, does the damage, and opens it again. */
  damageHead(group: number, copies: 1 | 2): void
  /** Harms whatever holds this value, which stands nowhere else. */
  damageEntry(group: number, machine: number, key: Uint8Array, value: Uint8Array): void
  dispose(): void
}

const damaged = (group: number) => expect.objectContaining({ code: 'STATE_DAMAGED', group })

/** What every state store must do. Exported so that whoever writes one can run it. */
export function stateStoreContract(name: string, make: () => StateStoreHarness): void {
  describe(`${name} keeps the state store contract`, () => {
    let harness: StateStoreHarness
    beforeEach(() => {
      harness = make()
      for (const group of [0, 1, 2]) harness.store.load(group)
    })
    afterEach(() => {
      harness.dispose()
    })
    const reopen = () => {
      harness.reopen()
      return [0, 1, 2].map((group) => harness.store.load(group)?.executedUpTo)
    }
    const get = (group: number, key: string, machine = 1) => text(harness.store.get(group, machine, bytes(key)))
    const keys = (from: string, end?: string, reverse?: boolean) => {
      const found = harness.store.range(0, 1, bytes(from), end === undefined ? undefined : bytes(end), reverse)
      return [...found].map(({ key }) => text(key))
    }
    const scrubbed = (group: number, maxBytes: number) => {
      let slices = 0
      for (let cursor: ScrubCursor | undefined; ; ) {
        cursor = harness.store.scrub(group, cursor, maxBytes)
        slices++
        if (cursor === undefined) return slices
      }
    }
    const collected = () => {
      let slices = 0
      while (harness.store.collect(4096)) slices++
      return slices
    }
    const many = (from: number, upTo: number, bytesEach = 60) => {
      const edits: Record<string, string> = {}
      for (let i = from; i <= upTo; i++)
        edits[`key-${String(i).padStart(5, '0')}`] = text(patterned(bytesEach, i)) ?? ''
      return edits
    }

    describe('positions', () => {
      test('a group that nothing was committed for has none, and no entries', () => {
        expect(reopen()).toEqual([undefined, undefined, undefined])
        expect(get(0, 'a')).toBeUndefined()
        expect(keys('')).toEqual([])
        expect(harness.store.scrub(0, undefined, 1000)).toBeUndefined()
      })

      test.each([0, 1, 1000, 300_000])('comes back whole, with a built-in state of %i bytes', (builtInBytes) => {
        const most = { executedUpTo: Number.MAX_SAFE_INTEGER, chain: 0xffffffff, digest: 0xfffffffe }
        const position = { ...most, builtIn: patterned(builtInBytes, 3) }
        harness.store.commit([{ group: 0, position: at(4, 70_000), changes: new Map() }])
        harness.store.commit([{ group: 0, position, changes: new Map() }])
        harness.reopen()
        const found = harness.store.load(0)
        expect({ ...found, builtIn: [] }).toEqual({ ...most, builtIn: [] })
        expect(Buffer.compare(found?.builtIn ?? bytes('?'), position.builtIn)).toBe(0)
      })

      test('of several groups in one commit, and of an empty commit', () => {
        harness.store.commit([write(0, 7, { a: '1' }), write(2, 9, { a: '3' })])
        harness.store.commit([])
        expect(reopen()).toEqual([7, undefined, 9])
        expect([get(0, 'a'), get(1, 'a'), get(2, 'a')]).toEqual(['1', undefined, '3'])
      })

      test('the position alone moves on, and the entries stay', () => {
        harness.store.commit([write(0, 7, { a: '1' })])
        harness.store.commit([{ group: 0, position: at(8), changes: new Map([[1, []]]) }])
        expect(reopen()[0]).toBe(8)
        expect(get(0, 'a')).toBe('1')
      })
    })

    describe('what a caller may not', () => {
      test.each<[string, () => void]>([
        ['go back', () => harness.store.commit([write(0, 6, {})])],
        ['write a group twice in one commit', () => harness.store.commit([write(1, 1, {}), write(1, 2, {})])],
        ['write a group that was not loaded', () => harness.store.commit([write(3, 1, {})])],
        ['read a group that was not loaded', () => harness.store.get(3, 1, bytes('a'))],
        [
          'give keys out of order',
          () =>
            harness.store.commit([
              { ...write(0, 8, {}), changes: new Map([[1, changesOf({ a: '', b: '' }).reverse()]]) },
            ]),
        ],
        [
          'give a key twice',
          () =>
            harness.store.commit([
              { ...write(0, 8, {}), changes: new Map([[1, [...changesOf({ a: '' }), ...changesOf({ a: 'b' })]]]) },
            ]),
        ],
        ['use a key that is too long', () => harness.store.commit([write(0, 8, { ['k'.repeat(1025)]: '' })])],
        ['use a machine id that is too large', () => harness.store.commit([write(0, 8, { a: '' }, 65536)])],
        [
          'give memory that threads share',
          () =>
            harness.store.commit([
              {
                ...write(0, 8, {}),
                changes: new Map([[1, [{ key: bytes('k'), value: new Uint8Array(new SharedArrayBuffer(4)) }]]]),
              },
            ]),
        ],
      ])('%s: it is refused, nothing is stored, and the store goes on', (_name, misuse) => {
        harness.store.commit([write(0, 7, { a: '1' })])
        expect(misuse).toThrow(expect.objectContaining({ name: 'InvariantBroken' }))
        expect(contents(harness.store, 0)).toEqual({ a: '1' })
        harness.store.commit([write(0, 8, { b: '2' })])
        expect(reopen()).toEqual([8, undefined, undefined])
        expect(contents(harness.store, 0)).toEqual({ a: '1', b: '2' })
      })
    })

    describe('entries', () => {
      test.each([0, 1, 127, 128, 3000, 70_000, 1_000_000])(
        'a value of %i bytes comes back, also replaced',
        (length) => {
          for (const [round, seed] of [11, 12].entries()) {
            const value = patterned(length, seed)
            const changes = new Map([[1, [{ key: bytes('k'), value }]]])
            harness.store.commit([{ group: 0, position: at(round + 1), changes }])
            expect(Buffer.compare(harness.store.get(0, 1, bytes('k')) ?? bytes('?'), value)).toBe(0)
            reopen()
            expect(Buffer.compare(harness.store.get(0, 1, bytes('k')) ?? bytes('?'), value)).toBe(0)
          }
        },
      )

      test('any bytes are a key, from none to 1024 of them', () => {
        const edits = { '': '0', '\0': '1', '\0\0': '2', a: '3', 'a\xff': '4', ab: '5', ['\xff'.repeat(1024)]: '6' }
        harness.store.commit([write(0, 1, edits)])
        reopen()
        expect(contents(harness.store, 0)).toEqual(edits)
        for (const [key, value] of Object.entries(edits)) expect(get(0, key)).toBe(value)
        expect(get(0, 'a\xfe')).toBeUndefined()
        expect(get(0, '\xff'.repeat(1023))).toBeUndefined()
      })

      test('are replaced and removed; what is not there may be removed too', () => {
        harness.store.commit([write(0, 1, { a: '1', b: '2', c: '3' })])
        harness.store.commit([write(0, 2, { a: 'new', b: undefined, x: undefined })])
        reopen()
        expect(contents(harness.store, 0)).toEqual({ a: 'new', c: '3' })
        harness.store.commit([write(0, 3, { a: undefined, c: undefined })])
        expect(contents(harness.store, 0)).toEqual({})
        expect(reopen()[0]).toBe(3)
        expect(keys('')).toEqual([])
      })

      test('of machines and of groups are apart', () => {
        harness.store.commit([write(0, 1, { a: 'g0 m1' }), write(1, 1, { a: 'g1 m1' })])
        harness.store.commit([write(0, 2, { a: 'g0 m0', z: '' }, 0), write(1, 2, { a: 'last' }, 65535)])
        harness.store.commit([write(0, 3, { a: 'g0 m2' }, 2), write(1, 3, { '': 'g1 m256' }, 256)])
        reopen()
        expect([0, 1, 2].map((machine) => contents(harness.store, 0, machine))).toEqual([
          { a: 'g0 m0', z: '' },
          { a: 'g0 m1' },
          { a: 'g0 m2' },
        ])
        expect([1, 256, 65535, 3].map((machine) => contents(harness.store, 1, machine))).toEqual([
          { a: 'g1 m1' },
          { '': 'g1 m256' },
          { a: 'last' },
          {},
        ])
      })

      test('are copies of what was handed in, and what was handed out stays as it was', () => {
        const value = bytes('value')
        const key = bytes('key')
        const builtIn = bytes('sessions')
        harness.store.commit([{ group: 0, position: { ...at(1), builtIn }, changes: new Map([[1, [{ key, value }]]]) }])
        for (const given of [value, key, builtIn]) given.fill(0)
        const found = harness.store.get(0, 1, bytes('key'))
        expect(text(found)).toBe('value')
        const [entry] = harness.store.range(0, 1, bytes(''))
        harness.store.commit([write(0, 2, { key: 'other', more: 'x' })])
        expect([text(found), text(entry?.key), text(entry?.value)]).toEqual(['value', 'key', 'value'])
        reopen()
        expect(get(0, 'key')).toBe('other')
      })

      test('by the thousand, changed here and there', () => {
        const expected: Record<string, string> = many(1, 3000)
        harness.store.commit([write(0, 1, expected)])
        const edits: Record<string, string | undefined> = {}
        for (let i = 1; i <= 3000; i += 7) {
          const key = `key-${String(i).padStart(5, '0')}`
          edits[key] = i % 2 === 0 ? undefined : 'changed'
          edits[`${key}+`] = 'between'
        }
        harness.store.commit([write(0, 2, edits)])
        for (const [key, value] of Object.entries(edits)) {
          if (value === undefined) delete expected[key]
          else expected[key] = value
        }
        expect(contents(harness.store, 0)).toEqual(expected)
        reopen()
        expect(contents(harness.store, 0)).toEqual(expected)
      })
    })

    describe('ranges', () => {
      beforeEach(() => harness.store.commit([write(0, 1, { a: '1', b: '2', bb: '3', c: '4', d: '5' })]))

      test('begin with their first key and end before their last, both ways', () => {
        expect(keys('b', 'c')).toEqual(['b', 'bb'])
        expect(keys('b', 'c', true)).toEqual(['bb', 'b'])
        expect(keys('b\0', 'cc')).toEqual(['bb', 'c'])
        expect(keys('b\0', 'cc', true)).toEqual(['c', 'bb'])
        expect(keys('c')).toEqual(['c', 'd'])
        expect(keys('c', undefined, true)).toEqual(['d', 'c'])
        expect(keys('', 'a')).toEqual([])
        expect(keys('e')).toEqual([])
        expect(keys('c', 'c')).toEqual([])
        expect(keys('d', 'b')).toEqual([])
        expect(keys('d', 'b', true)).toEqual([])
      })

      test('over many entries', () => {
        harness.store.commit([write(0, 2, many(1, 2000))])
        const wanted = Object.keys(many(500, 1499))
        expect(keys('key-00500', 'key-01500')).toEqual(wanted)
        expect(keys('key-00500', 'key-01500', true)).toEqual(wanted.toReversed())
      })

      test('end at the end of their machine', () => {
        harness.store.commit([write(0, 2, { x: '' }, 0), write(1, 1, { y: '' })])
        harness.store.commit([write(0, 3, { x: '' }, 2)])
        expect(keys('')).toEqual(['a', 'b', 'bb', 'c', 'd'])
        expect(keys('', undefined, true)).toEqual(['d', 'c', 'bb', 'b', 'a'])
      })

      test('a commit of the group in between ends one with an error, one of another group does not', () => {
        const range = harness.store.range(0, 1, bytes(''))
        range.next()
        harness.store.commit([write(1, 1, { z: '' })])
        expect(text(range.next().value?.key)).toBe('b')
        harness.store.commit([write(0, 2, { z: '' })])
        expect(() => range.next()).toThrow(/after a commit/)
      })
    })

    describe('a load', () => {
      const old = { a: 'old', b: 'old' }
      beforeEach(() => harness.store.commit([write(0, 7, old)]))

      test('replaces everything at its end, and nothing before; commits go on meanwhile', () => {
        const load = harness.store.beginLoad(0)
        load.add(1, entriesOf({ b: 'new', c: 'new' }))
        expect(contents(harness.store, 0)).toEqual(old)
        harness.store.commit([write(0, 8, { d: 'late' }), write(1, 3, { x: '1' })])
        load.add(1, entriesOf({ d: 'new' }))
        load.add(4, entriesOf(many(1, 3000)))
        expect(contents(harness.store, 0)).toEqual({ ...old, d: 'late' })
        load.finish(at(900, 100_000))
        for (let again = 0; again < 2; again++) {
          expect(harness.store.load(0)).toEqual(at(900, 100_000))
          expect(contents(harness.store, 0)).toEqual({ b: 'new', c: 'new', d: 'new' })
          expect(contents(harness.store, 0, 4)).toEqual(many(1, 3000))
          expect(contents(harness.store, 1)).toEqual({ x: '1' })
          reopen()
        }
        harness.store.commit([write(0, 901, { e: 'more' })])
        expect(contents(harness.store, 0)).toEqual({ b: 'new', c: 'new', d: 'new', e: 'more' })
      })

      test('may go back, and may be of nothing', () => {
        const load = harness.store.beginLoad(0)
        load.finish(at(3))
        expect(contents(harness.store, 0)).toEqual({})
        expect(reopen()[0]).toBe(3)
        expect(contents(harness.store, 0)).toEqual({})
        harness.store.commit([write(0, 4, { a: '' })])
      })

      test('of a group that has nothing, with a big value', () => {
        const load = harness.store.beginLoad(1)
        const value = patterned(500_000, 5)
        load.add(1, [{ key: bytes('big'), value }])
        load.finish(at(2))
        reopen()
        expect(Buffer.compare(harness.store.get(1, 1, bytes('big')) ?? bytes('?'), value)).toBe(0)
      })

      test.each<[string, (load: { abort(): void }) => void]>([
        ['broken off', (load) => load.abort()],
        ['ended by a crash', () => reopen()],
      ])('%s leaves the group as it was, and can be begun again', (_name, end) => {
        const load = harness.store.beginLoad(0)
        load.add(1, entriesOf({ ...many(1, 2000), zzz: 'new' }))
        end(load)
        expect(contents(harness.store, 0)).toEqual(old)
        const again = harness.store.beginLoad(0)
        again.add(1, entriesOf({ fresh: 'x' }))
        again.finish(at(20))
        expect(reopen()[0]).toBe(20)
        expect(contents(harness.store, 0)).toEqual({ fresh: 'x' })
        expect(collected()).toBeGreaterThan(0)
        expect(contents(harness.store, 0)).toEqual({ fresh: 'x' })
      })

      test('is one at a time, takes entries in order, and takes none after its end', () => {
        const load = harness.store.beginLoad(0)
        expect(() => harness.store.beginLoad(0)).toThrow(/being loaded/)
        load.add(2, entriesOf({ b: '' }))
        expect(() => load.add(2, entriesOf({ a: '' }))).toThrow(/ascending/)
        expect(() => load.add(1, entriesOf({ a: '' }))).toThrow(/behind machine/)
        load.abort()
        load.abort()
        expect(() => load.add(3, [])).toThrow(/ended/)
        expect(() => load.finish(at(9))).toThrow(/ended/)
        const other = harness.store.beginLoad(0)
        other.finish(at(9))
        expect(() => other.finish(at(9))).toThrow(/ended/)
      })
    })

    describe('dropping and collecting', () => {
      test('a dropped group has nothing, and can be written anew', () => {
        harness.store.commit([write(0, 7, many(1, 2000)), write(1, 1, { a: '1' })])
        harness.store.drop(0)
        for (let again = 0; again < 2; again++) {
          expect(harness.store.load(0)).toBeUndefined()
          expect(contents(harness.store, 0)).toEqual({})
          reopen()
        }
        harness.store.commit([write(0, 2, { b: '2' })])
        expect(collected()).toBeGreaterThan(1)
        expect(harness.store.collect(1000)).toBe(false)
        expect(reopen()).toEqual([2, 1, undefined])
        expect([contents(harness.store, 0), contents(harness.store, 1)]).toEqual([{ b: '2' }, { a: '1' }])
        harness.store.drop(2)
      })

      test('nothing is left to collect where nothing was replaced', () => {
        expect(harness.store.collect(1000)).toBe(false)
        harness.store.commit([write(0, 7, many(1, 2000))])
        harness.store.commit([write(0, 8, { 'key-00005': undefined })])
        expect(harness.store.collect(1000)).toBe(false)
        reopen()
        expect(harness.store.collect(1000)).toBe(false)
      })

      test('a load under way is not collected, what it replaced is', () => {
        harness.store.commit([write(0, 7, many(1, 2000))])
        const load = harness.store.beginLoad(0)
        load.add(1, entriesOf(many(1000, 3000)))
        expect(harness.store.collect(1000)).toBe(false)
        load.add(1, entriesOf(many(3001, 3500)))
        load.finish(at(9))
        expect(collected()).toBeGreaterThan(1)
        expect(contents(harness.store, 0)).toEqual(many(1000, 3500))
        reopen()
        expect(harness.store.collect(1000)).toBe(false)
        expect(contents(harness.store, 0)).toEqual(many(1000, 3500))
      })
    })

    describe('damage', () => {
      const harmed = () => {
        harness.store.commit([
          { ...write(0, 7, { ...many(1, 900), n: 'the needle of group 0' }), position: at(7, 3000) },
          write(1, 3, { a: '1' }),
        ])
        harness.damageEntry(0, 1, bytes('n'), bytes('the needle of group 0'))
        reopen()
      }

      test('of one copy of a head harms nothing, and the next commit heals it', () => {
        harness.store.commit([write(0, 7, { a: '1' })])
        harness.damageHead(0, 1)
        expect(reopen()[0]).toBe(7)
        harness.store.commit([write(0, 8, { b: '2' })])
        expect(reopen()[0]).toBe(8)
        expect(contents(harness.store, 0)).toEqual({ a: '1', b: '2' })
      })

      test('of both is told, of that group; it can be dropped', () => {
        harness.store.commit([write(0, 7, { a: '1' }), write(1, 3, { a: '1' })])
        harness.damageHead(0, 2)
        expect(() => harness.store.load(0)).toThrow(damaged(0))
        expect(harness.store.load(1)?.executedUpTo).toBe(3)
        expect(() => harness.store.get(0, 1, bytes('a'))).toThrow(/not loaded/)
        harness.store.drop(0)
        expect(reopen()).toEqual([undefined, 3, undefined])
        harness.store.commit([write(0, 1, { z: '' })])
        expect(reopen()[0]).toBe(1)
        expect(contents(harness.store, 0)).toEqual({ z: '' })
      })

      test('of both, and a load over it', () => {
        harness.store.commit([write(0, 7, { a: '1' })])
        harness.damageHead(0, 2)
        expect(() => harness.store.load(0)).toThrow(damaged(0))
        const load = harness.store.beginLoad(0)
        load.add(1, entriesOf({ b: '2' }))
        load.finish(at(8))
        expect(reopen()[0]).toBe(8)
        expect(contents(harness.store, 0)).toEqual({ b: '2' })
      })

      test('of an entry: whatever has to read it throws, and nothing else', () => {
        harmed()
        expect(() => harness.store.get(0, 1, bytes('n'))).toThrow(damaged(0))
        expect(() => keys('m', 'o')).toThrow(damaged(0))
        expect(() => keys('', undefined, true)).toThrow(damaged(0))
        expect(() => scrubbed(0, 1000)).toThrow(damaged(0))
        expect(get(0, 'key-00001')).toBe(many(1, 1)['key-00001'])
        expect(scrubbed(1, 1000)).toBeGreaterThan(0)
        expect(contents(harness.store, 1)).toEqual({ a: '1' })
      })

      test('met by a commit: nothing is stored, and without that group it can be', () => {
        harmed()
        const other = write(1, 4, { b: '2' })
        expect(() => harness.store.commit([other, write(0, 8, { n: 'replaced' })])).toThrow(damaged(0))
        expect(contents(harness.store, 1)).toEqual({ a: '1' })
        harness.store.commit([other])
        harness.store.commit([write(0, 8, { 'key-00001': 'elsewhere' })])
        expect(reopen()).toEqual([8, 4, undefined])
      })

      test('is healed by dropping, and by loading', () => {
        harmed()
        const load = harness.store.beginLoad(0)
        load.add(1, entriesOf({ n: 'again' }))
        load.finish(at(9))
        expect(contents(harness.store, 0)).toEqual({ n: 'again' })
        while (harness.store.collect(10_000));
        expect(reopen()[0]).toBe(9)
        expect(scrubbed(0, 1000)).toBeGreaterThan(0)
        expect(contents(harness.store, 0)).toEqual({ n: 'again' })
      })
    })

    describe('a scrub', () => {
      test('goes through everything in slices, and goes on through commits', () => {
        harness.store.commit([write(0, 7, many(1, 3000))])
        expect(scrubbed(0, 20_000)).toBeGreaterThan(5)
        expect(scrubbed(0, 1e9)).toBe(1)
        const first = harness.store.scrub(0, undefined, 50_000)
        harness.store.commit([write(0, 8, { ...many(1000, 2000, 200), 'key-00800': undefined })])
        const second = harness.store.scrub(0, first, 50_000)
        expect(Buffer.compare(first ?? bytes(''), second ?? bytes(''))).toBe(-1)
        expect(harness.store.scrub(0, second, 1e9)).toBeUndefined()
      })
    })

    test('what is closed answers nothing', () => {
      harness.store.close()
      expect(() => harness.store.load(0)).toThrow(expect.objectContaining({ code: 'STORAGE_FAILED' }))
      expect(() => harness.store.get(0, 1, bytes('a'))).toThrow(expect.objectContaining({ code: 'STORAGE_FAILED' }))
      expect(() => harness.store.commit([])).toThrow(expect.objectContaining({ code: 'STORAGE_FAILED' }))
      harness.store.close()
    })
  })
}
