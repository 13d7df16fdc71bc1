import { describe, expect, test } from '@jest/globals'
import { MAX_KEY_BYTES } from '../../src/state-machine/binary-key.js'
import { defineStateMachine } from '../../src/state-machine/contract.js'
import { MachineSet } from '../../src/state-machine/machine-set.js'
import { OutcomeStatus } from '../../src/state-machine/outcome.js'
import { Reject } from '../../src/state-machine/reject.js'
import type { StateView } from '../../src/state-machine/stored.js'
import { MAX_VALUE_BYTES, valueCodec } from '../../src/state-machine/value-codec.js'
import { MAX_STATE_KEY_BYTES, MAX_STATE_VALUE_BYTES } from '../../src/store/state-store.js'
import { payloadTools } from '../../src/worker/payload-tools.js'
import { MapReads } from './support/map-reads.js'
import { ask, payload, plain, run } from './support/payload.js'

const accounts = defineStateMachine({
  kind: 'stored',
  id: 5,
  execute(state: StateView<string, number>, transfer: { from: string; to: string; amount: number }) {
    const { from, to, amount } = transfer
    state.put(to, (state.get(to) ?? 0) + amount)
    state.put(from, (state.get(from) ?? 0) - amount)
    if (state.get(from)! < 0) throw new Reject(`${from} has not enough`)
    if (amount === 13) throw new Error('superstition')
    return state.get(to)
  },
  query: (state, limit: number) => [...state.range({ limit })],
})

const home = (reads: MapReads) => ({ group: 7, reads, externalDirectory: () => 'none' })

function hosting(machine: Parameters<typeof setWith>[1], reads = new MapReads()) {
  return { reads, set: setWith(reads, machine) }
}

function setWith(reads: MapReads, machine: ConstructorParameters<typeof MachineSet>[0][number]): MachineSet {
  return new MachineSet([machine], payloadTools, 1000, home(reads))
}

const transfer = (from: string, to: string, amount: number) => ({ from, to, amount })
/** Rich enough. */
const wealthy = () => {
  const { set, reads } = hosting(accounts)
  run(set, 5, transfer('bank', 'a', 0))
  reads.commit(new Map([[5, [{ key: Buffer.from('bank'), value: payloadTools.encodePlain(100, 100) }]]]))
  set.committed()
  return { set, reads }
}

describe('a stored machine', () => {
  test('finds what it put, before and after it is committed, and after a restart', () => {
    const { set, reads } = wealthy()
    expect(run(set, 5, transfer('bank', 'ann', 30)).result).toBe(30)
    expect(run(set, 5, transfer('bank', 'ann', 30)).result).toBe(60)
    const state = [
      ['ann', 60],
      ['bank', 40],
    ]
    expect(ask(set, 5, 10).result).toEqual(state)
    expect(set.changedBytes).toBeGreaterThan(0)
    reads.commit(set.changes())
    set.committed()
    expect([...set.changes()]).toEqual([])
    expect(set.changedBytes).toBe(0)
    expect(ask(set, 5, 10).result).toEqual(state)
    expect(ask(setWith(reads, accounts), 5, 10).result).toEqual(state)
  })

  test('a rejected command has changed nothing, also not what it changed earlier since the last commit', () => {
    const { set } = wealthy()
    run(set, 5, transfer('bank', 'ann', 30))
    const before = ask(set, 5, 10)
    const changed = [...set.changes()]
    expect(run(set, 5, transfer('ann', 'bob', 31))).toEqual({
      status: OutcomeStatus.rejected,
      result: 'ann has not enough',
    })
    expect(ask(set, 5, 10)).toEqual(before)
    expect([...set.changes()]).toEqual(changed)
  })

  test('any other throw is an ExecuteFailure, and the next set begins with the last commit', () => {
    const { set, reads } = wealthy()
    run(set, 5, transfer('bank', 'ann', 30))
    expect(() => run(set, 5, transfer('bank', 'ann', 13))).toThrow(expect.objectContaining({ code: 'EXECUTE_FAILED' }))
    expect(ask(setWith(reads, accounts), 5, 10).result).toEqual([['bank', 100]])
  })

  test('a command that took effect keeps it, although its result is nothing that can leave', () => {
    const { set } = hosting(
      defineStateMachine({
        kind: 'stored',
        id: 1,
        execute(state, key: string) {
          state.put(key, true)
          return () => 0
        },
        query: (state, key: string) => state.has(key),
      }),
    )
    expect(run(set, 1, 'a').status).toBe(OutcomeStatus.notEncodable)
    expect(ask(set, 1, 'a').result).toBe(true)
  })

  test('a query that tries to change something fails alone', () => {
    const { set } = hosting({
      ...accounts,
      query: (state: unknown) => (state as StateView<string, number>).put('a', 1),
    })
    expect(ask(set, 5, 0)).toEqual({
      status: OutcomeStatus.queryFailed,
      result: 'a query must not change the state of machine 5',
    })
    expect([...set.changes()]).toEqual([])
  })

  test('a failed read of the store comes out as it is, although the machine caught it', () => {
    const careless = defineStateMachine({
      kind: 'stored',
      id: 1,
      execute(state, key: string) {
        try {
          return state.get(key) ?? 'none'
        } catch {
          return 'none'
        }
      },
      query(state) {
        try {
          return [...state.range()]
        } catch {
          return []
        }
      },
    })
    const plainMachine = defineStateMachine({
      kind: 'stored',
      id: 1,
      execute: (state, key: string) => state.get(key),
      query: (state) => [...state.range()],
    })
    const damaged = Object.assign(new Error('damaged'), { code: 'STATE_DAMAGED' })
    for (const use of [(set: MachineSet) => run(set, 1, 'a'), (set: MachineSet) => ask(set, 1, 'a')]) {
      for (const machine of [careless, plainMachine]) {
        const { set, reads } = hosting(machine)
        reads.failure = damaged
        let thrown: unknown
        try {
          use(set)
        } catch (error) {
          thrown = error
        }
        expect(thrown).toBe(damaged)
      }
    }
  })

  test('several machines of one group share no key', () => {
    const reads = new MapReads()
    const set = new MachineSet([accounts, { ...accounts, id: 6 }], payloadTools, 1000, home(reads))
    run(set, 5, transfer('a', 'b', 0))
    expect(ask(set, 6, 10).result).toEqual([])
    run(set, 6, transfer('c', 'd', 0))
    expect([...set.changes().keys()]).toEqual([5, 6])
    reads.commit(set.changes())
    set.committed()
    expect(ask(set, 5, 10).result).toEqual([
      ['a', 0],
      ['b', 0],
    ])
    expect(set.storedIds).toEqual([5, 6])
  })
})

describe('the view of a stored machine', () => {
  /** Runs `work` as a command. */
  function inCommand<Keys extends 'text' | 'bytes' | 'ordered', Values extends 'cbor' | 'bytes'>(
    kinds: { keys: Keys; values: Values },
    work: (state: StateView<never, never>) => void,
  ) {
    const { set, reads } = hosting(
      defineStateMachine({ kind: 'stored', id: 1, ...kinds, execute: (state) => work(state as never) }),
    )
    const outcome = set.execute(payload(1, 0), 1, 0)
    expect(plain(outcome)).toEqual({ status: OutcomeStatus.ok, result: undefined })
    return { set, reads }
  }

  test('values are copies: neither what was given nor what was handed out can change the state', () => {
    inCommand({ keys: 'text', values: 'bytes' }, (state: StateView<string, Uint8Array>) => {
      for (const length of [3, 5000]) {
        // A view of shared memory, as the bytes of a command may be, and a Buffer, whose slice is no copy.
        for (const given of [new Uint8Array(new SharedArrayBuffer(length + 8), 8, length), Buffer.alloc(length)]) {
          state.put('a', given)
          given.fill(9)
          const handedOut = state.get('a')!
          expect(handedOut).toEqual(new Uint8Array(length))
          handedOut.fill(8)
          for (const [, value] of state.range()) value.fill(7)
          expect(state.get('a')).toEqual(new Uint8Array(length))
        }
      }
    })
    inCommand({ keys: 'ordered', values: 'cbor' }, (state: StateView<number, { list: number[] }>) => {
      const given = { list: [1] }
      state.put(1, given)
      given.list.push(2)
      state.get(1)!.list.push(3)
      expect(state.get(1)).toEqual({ list: [1] })
    })
  })

  test('cbor values come back as they were: undefined, bytes, maps, dates', () => {
    inCommand({ keys: 'text', values: 'cbor' }, (state: StateView<string, unknown>) => {
      const values = [undefined, null, 0, 'text', Uint8Array.of(1), new Map([[1, { a: 2n }]]), new Date(5), [[]]]
      values.forEach((value, i) => {
        state.put(`k${i}`, value)
      })
      expect([...state.range()].map(([, value]) => value)).toEqual(values)
      expect(state.has('k0')).toBe(true)
      expect(state.has('none')).toBe(false)
    })
  })

  test('ranges have bounds, both directions, and a limit', () => {
    const { set, reads } = inCommand({ keys: 'ordered', values: 'cbor' }, (state: StateView<number, string>) => {
      for (const key of [3, -1, 20, 10]) state.put(key, `${key}`)
    })
    reads.commit(set.changes())
    set.committed()
    const keysOf = (options?: object) => {
      let keys: unknown[] = []
      const asking = defineStateMachine({
        kind: 'stored',
        id: 1,
        keys: 'ordered',
        execute(state) {
          state.put(5, '5')
          state.remove(10)
          keys = [...state.range(options)].map(([key]) => key)
          throw new Reject('only looked')
        },
      })
      run(setWith(reads, asking), 1, 0)
      return keys
    }
    expect(keysOf()).toEqual([-1, 3, 5, 20])
    expect(keysOf({ reverse: true })).toEqual([20, 5, 3, -1])
    expect(keysOf({ from: 3, end: 20 })).toEqual([3, 5])
    expect(keysOf({ from: 3, end: 20, reverse: true, limit: 1 })).toEqual([5])
    expect(keysOf({ limit: 2 })).toEqual([-1, 3])
    expect(keysOf({ limit: 0 })).toEqual([])
    expect(keysOf({ from: 20, end: 3 })).toEqual([])
  })

  test.each<[string, (state: StateView<unknown, unknown>) => void, string]>([
    ['a key that is none', (state) => state.put(7, 1), 'a text key is a string, got number'],
    ['a value that is none', (state) => state.put('a', () => 0), 'a value must be plain data'],
    [
      'a limit that is none',
      (state) => state.range({ limit: Number.NaN }),
      'the limit of a range is a number from 0 up, got NaN',
    ],
    ['a bound that is none', (state) => state.range({ from: {} }), 'a text key is a string, got object'],
  ])('%s stops the group, and says why', (_, work, why) => {
    const { set } = hosting(defineStateMachine({ kind: 'stored', id: 1, execute: (state) => work(state as never) }))
    expect(() => run(set, 1, 0)).toThrow(
      expect.objectContaining({ code: 'EXECUTE_FAILED', message: expect.stringContaining(why) }),
    )
  })

  test('values of bytes are bytes', () => {
    const { set } = hosting(
      defineStateMachine({
        kind: 'stored',
        id: 1,
        values: 'bytes',
        execute: (state) => state.put('a', 'text' as never),
      }),
    )
    expect(() => run(set, 1, 0)).toThrow('a value of bytes is a Uint8Array, got string')
  })
})

test('the largest value is taken and one byte more is not, and the store takes whatever the view does', () => {
  expect(MAX_KEY_BYTES).toBeLessThanOrEqual(MAX_STATE_KEY_BYTES)
  expect(MAX_VALUE_BYTES).toBeLessThanOrEqual(MAX_STATE_VALUE_BYTES)
  const largest = new Uint8Array(MAX_VALUE_BYTES)
  const bytes = valueCodec('bytes', payloadTools)
  expect(bytes.encode(largest)).toHaveLength(MAX_VALUE_BYTES)
  expect(() => bytes.encode(new Uint8Array(MAX_VALUE_BYTES + 1))).toThrow(
    'a value of 67108865 bytes; it has at most 67108864',
  )
  // As cbor it has a head of five bytes besides.
  expect(() => valueCodec('cbor', payloadTools).encode(largest)).toThrow(TypeError)
})

test('keys and values have the types that the machine chose: the compiler looks, nothing of this runs', () => {
  const bytes = defineStateMachine({
    kind: 'stored',
    id: 1,
    keys: 'bytes',
    values: 'bytes',
    execute(state) {
      state.put(new Uint8Array(1), new Uint8Array(1))
      // @ts-expect-error: keys are bytes
      state.get('a')
      // @ts-expect-error: values are bytes
      state.put(new Uint8Array(1), 'a')
    },
    query(state) {
      // @ts-expect-error: a query changes nothing
      state.put(new Uint8Array(1), new Uint8Array(1))
      return state.get(new Uint8Array(1))?.length
    },
  })
  const text = defineStateMachine({
    kind: 'stored',
    id: 1,
    execute(state) {
      state.put('a', { any: 'thing' })
      // @ts-expect-error: keys are text by default
      state.put(1, 1)
    },
  })
  const ordered = defineStateMachine({
    kind: 'stored',
    id: 1,
    keys: 'ordered',
    execute: (state) => state.put(['a', 1, [true]], 1),
  })
  const narrowed = defineStateMachine({
    kind: 'stored',
    id: 2,
    keys: 'ordered',
    execute(state: StateView<[string, number], { price: number }>, { shop, number }: { shop: string; number: number }) {
      // @ts-expect-error: the machine says itself what its keys and values are
      state.put([shop, number], { prize: 1 })
      return state.get([shop, number])?.price
    },
    query: (state, shop: string) => [...state.range({ from: [shop], end: [`${shop}\0`], reverse: true, limit: 20 })],
  })
  expect([bytes.keys, text.keys, ordered.keys, narrowed.keys]).toEqual(['bytes', undefined, 'ordered', 'ordered'])
})
