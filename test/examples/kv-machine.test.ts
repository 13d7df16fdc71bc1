import { describe, expect, test } from '@jest/globals'
import {
  decodeCommand,
  decodeReply,
  encodeCommand,
  encodeKey,
  Operation,
  type Operation as OperationCode,
  Status,
} from '../../examples/kv/kv-codec.js'
import machine from '../../examples/kv/kv-machine.js'

const context = { instance: 1, index: 0, master: { nodeId: 0, version: 0 } }
const bytes = (text: string) => new TextEncoder().encode(text)
const text = (value: Uint8Array) => new TextDecoder().decode(value)

function started() {
  const state = machine.create()
  const run = (operation: OperationCode, key: string, value = '', ifVersion = 0) =>
    decodeReply(machine.execute(state, encodeCommand(operation, key, bytes(value), ifVersion), context))
  const get = (key: string) => decodeReply(machine.query!(state, encodeKey(key)))
  return { state, run, get }
}

describe('the key-value machine', () => {
  test('a write gives the next version, and a read shows it', () => {
    const { run, get } = started()
    expect(run(Operation.put, 'a', 'one')).toMatchObject({ status: Status.done, version: 1 })
    expect(run(Operation.put, 'a', 'two')).toMatchObject({ status: Status.done, version: 2 })
    expect(run(Operation.put, 'b', 'other')).toMatchObject({ status: Status.done, version: 1 })
    expect(text(get('a').value)).toBe('two')
    expect(get('c')).toMatchObject({ status: Status.absent, version: 0 })
  })

  test('compare and set writes at the expected version only, and 0 means absent', () => {
    const { run, get } = started()
    expect(run(Operation.compareAndSet, 'a', 'x', 1)).toMatchObject({ status: Status.conflict, version: 0 })
    expect(run(Operation.compareAndSet, 'a', 'one', 0)).toMatchObject({ status: Status.done, version: 1 })
    expect(run(Operation.compareAndSet, 'a', 'x', 0)).toMatchObject({ status: Status.conflict, version: 1 })
    expect(run(Operation.compareAndSet, 'a', 'two', 1)).toMatchObject({ status: Status.done, version: 2 })
    expect(text(get('a').value)).toBe('two')
  })

  test('a key that comes back starts above every version that was ever removed', () => {
    const { run } = started()
    for (const value of ['1', '2', '3']) run(Operation.put, 'a', value)
    run(Operation.put, 'b', '1')
    expect(run(Operation.remove, 'a')).toMatchObject({ status: Status.done, version: 3 })
    expect(run(Operation.remove, 'b')).toMatchObject({ status: Status.done, version: 1 })
    expect(run(Operation.remove, 'a')).toMatchObject({ status: Status.absent })
    expect(run(Operation.put, 'a', '4').version).toBe(4)
    expect(run(Operation.put, 'b', '2').version).toBe(4)
  })

  test('what it keeps is its own: the bytes of a command are void after the call', () => {
    const { state, get } = started()
    const command = encodeCommand(Operation.put, 'a', bytes('kept'))
    machine.execute(state, command, context)
    command.fill(0)
    expect(text(get('a').value)).toBe('kept')
  })

  test('a restored snapshot goes on as the original does', () => {
    const { state, run } = started()
    run(Operation.put, 'a', 'one')
    run(Operation.put, 'b', 'one')
    run(Operation.put, 'b', 'two')
    run(Operation.remove, 'b')
    const restored = machine.restore!(machine.snapshot!(state))
    expect(restored).toEqual(state)
    const next = encodeCommand(Operation.put, 'b', bytes('back'))
    expect(decodeReply(machine.execute(restored, next, context)).version).toBe(run(Operation.put, 'b', 'back').version)
  })

  test.each([
    ['no bytes', new Uint8Array(0)],
    ['a cut header', new Uint8Array(11)],
    ['a key longer than the command', Uint8Array.of(1, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 65)],
  ])('%s is refused, not executed', (_, command) => {
    expect(decodeCommand(command)).toBeUndefined()
    expect(() => machine.execute(machine.create(), command, context)).toThrow('not a command')
  })

  test('an unknown operation is refused', () => {
    const command = encodeCommand(Operation.put, 'a')
    command[0] = 9
    expect(() => machine.execute(machine.create(), command, context)).toThrow('no operation 9')
  })
})
