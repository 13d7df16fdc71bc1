import { expect, test } from '@jest/globals'
import { type AnyStateMachine, defineStateMachine } from '../../src/state-machine/contract.js'
import type { ExecuteContext } from '../../src/state-machine/machine-common.js'
import { MachineSet } from '../../src/state-machine/machine-set.js'
import { OutcomeStatus } from '../../src/state-machine/outcome.js'
import { Reject } from '../../src/state-machine/reject.js'
import { payloadTools } from '../../src/worker/payload-tools.js'
import { payload, plain, run } from './support/payload.js'

const LIMIT = 1000

function setOf(...machines: AnyStateMachine[]): MachineSet {
  return new MachineSet(machines, payloadTools, LIMIT)
}

const echo = defineStateMachine({
  id: 1,
  create: () => ({ seen: 0 }),
  execute(state, command) {
    state.seen++
    return command
  },
  query: (state) => state.seen,
})

test('values, bytes, and nothing at all pass through a cbor machine unchanged', () => {
  const set = setOf(echo)
  for (const value of [null, 7, 'text', [1, { a: 2n }], Uint8Array.of(1, 2), new Map([['k', 1]])]) {
    expect(run(set, 1, value)).toEqual({ status: OutcomeStatus.ok, result: value })
  }
})

test('a machine sees its log position, and no master', () => {
  const seen: ExecuteContext[] = []
  const set = setOf({ ...echo, execute: (_: unknown, __: unknown, at: ExecuteContext) => void seen.push({ ...at }) })
  set.execute(payload(1, 0), 41, 3)
  expect(seen).toEqual([{ instance: 41, index: 3, master: { nodeId: 0, version: 0 } }])
})

test('Reject is known by its brand: a copy of the class in another realm counts too', () => {
  const foreign = Object.assign(new Error('from elsewhere'), { [Symbol.for('shardpaxos.reject')]: true })
  for (const thrown of [new Reject('from elsewhere'), foreign]) {
    const set = setOf({
      ...echo,
      execute: () => {
        throw thrown
      },
    })
    expect(run(set, 1, 0)).toEqual({ status: OutcomeStatus.rejected, result: 'from elsewhere' })
  }
})

test('any other throw is an ExecuteFailure that says where, with the stack of the machine', () => {
  const set = setOf({
    ...echo,
    execute: function inTheMachine() {
      throw new TypeError('a defect')
    },
  })
  const message = 'state machine 1 threw at instance 5, command 2: a defect'
  let failure: unknown
  try {
    set.execute(payload(1, 0), 5, 2)
  } catch (error) {
    failure = error
  }
  expect(failure).toMatchObject({ code: 'EXECUTE_FAILED', machine: 1, instance: 5, index: 2, message })
  expect((failure as Error).stack).toContain('inTheMachine')
})

test('an unknown machine and bytes that do not decode are outcomes, alike on every replica', () => {
  const set = setOf(echo)
  expect(run(set, 2, 0)).toEqual({ status: OutcomeStatus.rejected, result: 'no state machine 2' })
  const broken = { machineId: 1, flags: 1, body: Uint8Array.of(0x5b, 1), offset: 0, length: 2 }
  expect(set.execute(broken, 1, 0).status).toBe(OutcomeStatus.rejected)
})

test('a result that cannot leave is its caller’s loss alone: the state has changed, the log goes on', () => {
  const set = setOf({
    ...echo,
    execute(state: { seen: number }, command: string) {
      state.seen++
      if (command === 'function') return () => 0
      if (command === 'promise') return Promise.resolve(1)
      return 'x'.repeat(LIMIT)
    },
  })
  expect(run(set, 1, 'function').status).toBe(OutcomeStatus.notEncodable)
  expect(run(set, 1, 'promise').status).toBe(OutcomeStatus.notEncodable)
  expect(run(set, 1, 'large').status).toBe(OutcomeStatus.tooLarge)
  const { flags, bytes } = set.query(payload(1, 0))
  expect(payloadTools.decode(flags, bytes, 0, bytes.length)).toBe(3)
})

test('a bytes machine gets a view and nothing but bytes; a codec of its own gets its say', () => {
  let given: Uint8Array | undefined
  const bytes = defineStateMachine({
    id: 1,
    codec: 'bytes',
    create: () => ({}),
    execute(_, command: Uint8Array) {
      given = command
      return command
    },
  })
  const own = defineStateMachine({
    id: 2,
    codec: {
      decode: (raw) => {
        if (raw.length !== 1) throw new Reject('one byte, please')
        return raw[0] as number
      },
      encode: (result: number) => Uint8Array.of(result, result),
    },
    create: () => ({}),
    execute: (_, command: number) => command + 1,
  })
  const set = setOf(bytes, own)
  const sent = payload(1, Uint8Array.of(9, 8))
  set.execute(sent, 1, 0)
  expect(given?.buffer).toBe(sent.body.buffer)
  expect(run(set, 1, { not: 'bytes' }).status).toBe(OutcomeStatus.rejected)
  expect(run(set, 2, Uint8Array.of(4))).toEqual({ status: OutcomeStatus.ok, result: Uint8Array.of(5, 5) })
  expect(run(set, 2, Uint8Array.of(4, 4))).toEqual({ status: OutcomeStatus.rejected, result: 'one byte, please' })
})

test('the digest depends on the outcomes and on nothing else: not on queries, nor on this node’s own limit', () => {
  const generous = new MachineSet([echo], payloadTools, 1_000_000)
  const strict = new MachineSet([echo], payloadTools, 4)
  const other = setOf(echo)
  for (const set of [generous, strict]) {
    for (const value of ['a long result', 2, null]) set.execute(payload(1, value), 1, 0)
  }
  strict.query(payload(1, 0))
  for (const value of ['a long result', 3, null]) other.execute(payload(1, value), 1, 0)
  expect(strict.digest).toBe(generous.digest)
  expect(other.digest).not.toBe(generous.digest)
})

test('a query that throws, or has no answer, fails alone', () => {
  const set = setOf(
    {
      ...echo,
      query: () => {
        throw new Error('in the query')
      },
    },
    defineStateMachine({ id: 2, create: () => 0, execute: () => 0 }),
  )
  expect(set.query(payload(1, 0))).toMatchObject({ status: OutcomeStatus.queryFailed })
  expect(Buffer.from(set.outcome.bytes).toString()).toBe('in the query')
  expect(set.query(payload(2, 0))).toMatchObject({ status: OutcomeStatus.queryFailed })
})

test('a create that throws is an ExecuteFailure before the first instance', () => {
  const broken = {
    ...echo,
    create: () => {
      throw new Error('no')
    },
  }
  expect(() => setOf(broken)).toThrow(expect.objectContaining({ code: 'EXECUTE_FAILED', instance: 0 }))
})

test('a machine in memory is saved and loaded, and goes on as the original does', () => {
  const saving = defineStateMachine({
    id: 4,
    create: () => new Map<string, number>(),
    execute(state, name: string) {
      state.set(name, (state.get(name) ?? 0) + 1)
      return state.get(name)
    },
    snapshot: (state) => state,
    restore: (saved) => saved as Map<string, number>,
  })
  const [first, second] = [setOf(saving), setOf(saving)]
  for (const name of ['a', 'b', 'a']) run(first, 4, name)
  const saved = first.snapshot(4)
  run(first, 4, 'c')
  second.restore(4, saved)
  expect(run(second, 4, 'a')).toEqual(run(first, 4, 'a'))
  expect(run(second, 4, 'c').result).toBe(1)
})

test('a snapshot may have more items than a command, and what it cannot hold is a failure of the machine', () => {
  let state: unknown = new Array(5_000_000).fill(1)
  const holder = defineStateMachine({
    id: 1,
    create: () => 0,
    execute: () => 0,
    query: () => (state as unknown[]).length,
    snapshot: () => state,
    restore: (saved) => {
      state = saved
      return 0
    },
  })
  const set = setOf(holder)
  const saved = set.snapshot(1)
  state = undefined
  set.restore(1, saved)
  expect((state as unknown[]).length).toBe(5_000_000)
  state = () => 0
  expect(() => set.snapshot(1)).toThrow(
    expect.objectContaining({ code: 'EXECUTE_FAILED', message: expect.stringContaining('threw in snapshot: ') }),
  )
  expect(() => set.restore(1, Uint8Array.of(0xff))).toThrow('state machine 1 threw in restore: ')
})

test('it says which kinds it holds, and whether all of its memory can be saved', () => {
  const saving = { ...echo, id: 2, snapshot: () => 0, restore: () => ({ seen: 0 }) }
  expect(setOf(saving, { ...echo, id: 9 })).toMatchObject({ memoryIds: [2, 9], storedIds: [], canSnapshot: false })
  expect(setOf(saving).canSnapshot).toBe(true)
  expect(setOf({ ...saving, restore: undefined }).canSnapshot).toBe(false)
})

test('commands at or before its position are left out, and their outcomes are in no digest', () => {
  const [all, rest] = [setOf(echo), setOf(echo)]
  rest.setPosition(1, 5, Number.POSITIVE_INFINITY)
  for (const [instance, index] of [
    [4, 0],
    [5, 0],
    [5, 9],
    [6, 0],
  ] as const) {
    all.execute(payload(1, instance), instance, index)
    if (instance === 6) rest.startDigest(all.digest, 5)
    rest.execute(payload(1, instance), instance, index)
  }
  expect(run(all, 1, 0).status).toBe(OutcomeStatus.ok)
  expect(plain(rest.query(payload(1, 0)))).toEqual({ status: OutcomeStatus.ok, result: 1 })
  expect(rest.positionOf(1)).toEqual({ instance: 5, index: Number.POSITIVE_INFINITY })
})

test('a digest that is known already is not continued until the replay has reached it', () => {
  const commands = [1, 2, 3, 4].map((instance) => [payload(1, `command ${instance}`), instance, 0] as const)
  const first = setOf(echo)
  const digests = commands.map((command) => {
    first.execute(...command)
    return first.digest
  })
  const again = setOf(echo)
  again.startDigest(digests[2]!, 3)
  const seen = commands.map((command) => {
    again.execute(...command)
    return again.digest
  })
  expect(seen).toEqual([digests[2], digests[2], digests[2], digests[3]])
  expect(again.digestUpTo).toBe(3)
})
