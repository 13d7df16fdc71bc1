import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  decodeCommand,
  decodeReply,
  encodeCommand,
  encodeKey,
  MAX_VALUE_BYTES,
  Operation,
  type Operation as OperationCode,
  Status,
} from '../../examples/kv/kv-codec.js'
import storedMachine from '../../examples/kv/kv-machine.js'
import memoryMachine from '../../examples/kv/kv-memory-machine.js'
import { type EncodedPayload, MachineSet } from '../../src/state-machine/machine-set.js'
import { OutcomeStatus } from '../../src/state-machine/outcome.js'
import { payloadTools } from '../../src/worker/payload-tools.js'
import { MapReads } from '../state-machine/support/map-reads.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (value: Uint8Array) => new TextDecoder().decode(value)
const machines = { stored: storedMachine, memory: memoryMachine }
type State = keyof typeof machines

const asBody = (machineId: number, body: Uint8Array): EncodedPayload => ({
  machineId,
  flags: payloadTools.rawFlags,
  body,
  offset: 0,
  length: body.length,
})

/** A machine in its host, with the means to make its state last. */
function started(state: State) {
  const machine = machines[state]
  const reads = new MapReads()
  const newSet = () =>
    new MachineSet([machine], payloadTools, 2 * MAX_VALUE_BYTES, { group: 0, reads, externalDirectory: () => '' })
  let set = newSet()
  const outcomeOf = (command: Uint8Array) => {
    const outcome = set.execute(asBody(machine.id, command), 1, 0)
    return { status: outcome.status, bytes: Uint8Array.from(outcome.bytes) }
  }
  const commit = () => {
    reads.commit(set.changes())
    set.committed()
  }
  return {
    run: (operation: OperationCode, key: string, value = '', ifVersion = 0) =>
      decodeReply(outcomeOf(encodeCommand(operation, key, bytes(value), ifVersion)).bytes),
    get: (key: string) => decodeReply(Uint8Array.from(set.query(asBody(machine.id, encodeKey(key))).bytes)),
    outcomeOf,
    ask: (key: Uint8Array) => set.query(asBody(machine.id, key)).status,
    commit,
    /** As a restart does, from the last commit or from a checkpoint. */
    restart() {
      const saved = state === 'memory' ? set.snapshot(machine.id) : undefined
      commit()
      set = newSet()
      if (saved !== undefined) set.restore(machine.id, saved)
    },
  }
}

describe.each<State>(['stored', 'memory'])('the %s key-value machine', (state) => {
  test('a write gives the next version, and a read shows it', () => {
    const { run, get } = started(state)
    expect(run(Operation.put, 'a', 'one')).toMatchObject({ status: Status.done, version: 1 })
    expect(run(Operation.put, 'a', 'two')).toMatchObject({ status: Status.done, version: 2 })
    expect(run(Operation.put, 'b', 'other')).toMatchObject({ status: Status.done, version: 1 })
    expect(text(get('a').value)).toBe('two')
    expect(get('c')).toMatchObject({ status: Status.absent, version: 0 })
  })

  test('compare and set writes at the expected version only, and 0 means absent', () => {
    const { run, get } = started(state)
    expect(run(Operation.compareAndSet, 'a', 'x', 1)).toMatchObject({ status: Status.conflict, version: 0 })
    expect(run(Operation.compareAndSet, 'a', 'one', 0)).toMatchObject({ status: Status.done, version: 1 })
    expect(run(Operation.compareAndSet, 'a', 'x', 0)).toMatchObject({ status: Status.conflict, version: 1 })
    expect(run(Operation.compareAndSet, 'a', 'two', 1)).toMatchObject({ status: Status.done, version: 2 })
    expect(text(get('a').value)).toBe('two')
  })

  test('a key that comes back starts above every version that was ever removed', () => {
    const { run, restart } = started(state)
    for (const value of ['1', '2', '3']) run(Operation.put, 'a', value)
    run(Operation.put, 'b', '1')
    expect(run(Operation.remove, 'a')).toMatchObject({ status: Status.done, version: 3 })
    expect(run(Operation.remove, 'b')).toMatchObject({ status: Status.done, version: 1 })
    expect(run(Operation.remove, 'a')).toMatchObject({ status: Status.absent })
    expect(run(Operation.put, 'a', '4').version).toBe(4)
    restart()
    expect(run(Operation.put, 'b', '2').version).toBe(4)
  })

  test('what it keeps is its own: the bytes of a command are void after the call', () => {
    const { outcomeOf, get } = started(state)
    for (const copy of [(command: Uint8Array) => command, (command: Uint8Array) => Buffer.from(command)]) {
      const command = copy(encodeCommand(Operation.put, 'a', bytes('kept')))
      outcomeOf(command)
      command.fill(0)
      expect(text(get('a').value)).toBe('kept')
    }
  })

  test.each([
    ['no bytes', new Uint8Array(0)],
    ['a cut header', new Uint8Array(11)],
    ['a key longer than the command', Uint8Array.of(1, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 65)],
    ['no key', encodeCommand(Operation.put, '', bytes('value'))],
    ['a key of 1025 bytes', encodeCommand(Operation.put, 'x'.repeat(1025))],
    ['a key that is no text', Uint8Array.of(1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255)],
    ['too large a value', encodeCommand(Operation.put, 'a', new Uint8Array(MAX_VALUE_BYTES + 1))],
  ])('%s is refused, not executed', (_, command) => {
    const { outcomeOf } = started(state)
    expect(decodeCommand(command)).toBeUndefined()
    expect(outcomeOf(command)).toEqual({
      status: OutcomeStatus.rejected,
      bytes: bytes('not a command of this machine'),
    })
  })

  test('an unknown operation is refused, and so is a query that is no key', () => {
    const { outcomeOf, ask } = started(state)
    const command = encodeCommand(Operation.put, 'a')
    command[0] = 9
    expect(text(outcomeOf(command).bytes)).toBe('no operation 9')
    for (const key of [new Uint8Array(0), new Uint8Array(1025), Uint8Array.of(0xc0)])
      expect(ask(key)).toBe(OutcomeStatus.rejected)
  })

  test('the longest key and the largest value are taken', () => {
    const { outcomeOf, get } = started(state)
    const key = 'ü'.repeat(512)
    const outcome = outcomeOf(encodeCommand(Operation.put, key, new Uint8Array(MAX_VALUE_BYTES).fill(7)))
    expect(outcome.status).toBe(OutcomeStatus.ok)
    expect(decodeReply(outcome.bytes).version).toBe(1)
    const { version, value } = get(key)
    expect({ version, length: value.length, ends: [value[0], value.at(-1)] }).toEqual({
      version: 1,
      length: MAX_VALUE_BYTES,
      ends: [7, 7],
    })
  })

  // The last one begins with a byte order mark, which is a part of the key.
  const key = fc.constantFrom('a', 'b', '\0', 'ü', '\ufeffa')
  const step = fc.oneof(
    fc.record({ do: fc.constant('put' as const), key, value: fc.string({ maxLength: 3 }) }),
    fc.record({ do: fc.constant('set' as const), key, value: fc.string({ maxLength: 3 }), version: fc.nat(4) }),
    fc.record({ do: fc.constant('remove' as const), key }),
    fc.record({ do: fc.constant('commit' as const) }),
    fc.record({ do: fc.constant('restart' as const) }),
  )

  test('it does what a map does, whenever it is committed or started again', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { run, get, commit, restart } = started(state)
        const model = new Map<string, { version: number; value: string }>()
        let removed = 0
        for (const next of steps) {
          if (next.do === 'commit') commit()
          else if (next.do === 'restart') restart()
          else {
            const present = model.get(next.key)
            if (next.do === 'remove') {
              expect(run(Operation.remove, next.key)).toMatchObject({ version: present?.version ?? 0 })
              model.delete(next.key)
              removed = Math.max(removed, present?.version ?? 0)
            } else {
              const writes = next.do === 'put' || next.version === (present?.version ?? 0)
              const version = writes ? (present?.version ?? removed) + 1 : (present?.version ?? 0)
              const reply =
                next.do === 'put'
                  ? run(Operation.put, next.key, next.value)
                  : run(Operation.compareAndSet, next.key, next.value, next.version)
              expect(reply).toMatchObject({ status: writes ? Status.done : Status.conflict, version })
              if (writes) model.set(next.key, { version, value: next.value })
            }
          }
          for (const name of ['a', 'b', '\0', 'ü', '\ufeffa']) {
            const { version, value } = get(name)
            expect({ version, value: text(value) }).toEqual(model.get(name) ?? { version: 0, value: '' })
          }
        }
      }),
      { numRuns: 150 },
    )
  })
})
