import { beforeEach, expect, test } from '@jest/globals'
import { forEachCommand } from '../../src/codec/command-body.js'
import { CommandRecord, CommandsRecord, RECORD_KIND } from '../../src/codec/worker-records.js'
import type { WorkerPort } from '../../src/host/worker-port.js'
import { MessageReader } from '../../src/ring/fragments.js'
import { smallPort } from './small-port.js'

let port: WorkerPort
let reader: MessageReader

beforeEach(() => {
  const small = smallPort()
  port = small.port
  reader = new MessageReader(small.worker.command, { maxMessageBytes: 1 << 20 })
})

const textOf = (bytes: Uint8Array, offset: number, length: number) =>
  Buffer.from(bytes.slice(offset, offset + length)).toString()

/** Every record that is visible: its group, deadline, and the commands in it as `sequence:machine:payload`. */
function read(): { group: number; deadline: number; commands: string[] }[] {
  const found = []
  while (reader.next()) {
    const { kind, view, bytes, offset, length } = reader
    if (kind === RECORD_KIND.command) {
      const one = new CommandRecord()
      one.read(view, offset, length)
      const payload = textOf(bytes, one.offset, one.length)
      found.push({ ...one, commands: [`${one.sequence}:${one.machineId}:${payload.length}`] })
    } else {
      const many = new CommandsRecord()
      many.read(view, offset, length)
      const body = bytes.slice(many.offset, many.offset + many.length)
      const commands: string[] = []
      forEachCommand(body, (machine, _, at, size, i) => {
        commands.push(`${many.sequence + i}:${machine}:${textOf(body, at, size)}`)
      })
      expect(commands).toHaveLength(many.count)
      found.push({ ...many, commands })
    }
  }
  reader.release()
  return found.map(({ group, deadline, commands }) => ({ group, deadline, commands }))
}

function propose(group: number, sequence: number, text: string, deadline = 1_000, machine = 1): boolean {
  return port.command(group, sequence, deadline, machine, 0, Buffer.from(text))
}

test('commands that follow one another are one record, with the latest deadline', () => {
  expect(propose(0, 1, 'a', 10) && propose(0, 2, '', 30, 7) && propose(0, 3, 'ccc', 20)).toBe(true)
  expect(read()).toEqual([])
  port.publish()
  expect(read()).toEqual([{ group: 0, deadline: 30, commands: ['1:1:a', '2:7:', '3:1:ccc'] }])
})

test('another group, a gap in the sequences, and what is published begin another record', () => {
  propose(0, 1, 'a')
  propose(1, 1, 'b')
  propose(0, 2, 'c')
  propose(0, 4, 'd')
  port.publish()
  propose(0, 5, 'e')
  port.publish()
  port.publish()
  expect(read().map(({ group, commands }) => [group, ...commands])).toEqual([
    [0, '1:1:a'],
    [1, '1:1:b'],
    [0, '2:1:c'],
    [0, '4:1:d'],
    [0, '5:1:e'],
  ])
})

test('single calls, calls of many and large ones stay in their order', () => {
  propose(0, 1, 'a')
  const payloads = ['b', 'c'].map((text) => ({ flags: 0, bytes: Buffer.from(text) }))
  expect(port.commands(0, 2, 1_000, 1, payloads, 0)).toBe(2)
  propose(0, 4, 'd')
  // More than a record of this ring holds: in fragments, and nothing of its group before the last of them.
  expect(propose(0, 5, 'x'.repeat(2_000))).toBe(true)
  propose(0, 6, 'f')
  port.publish()
  expect(read().flatMap(({ commands }) => commands)).toEqual(['1:1:a', '2:1:b', '3:1:c', '4:1:d', '5:1:2000', '6:1:f'])
})

test('a ring that fills up takes what fits, and says when it is full', () => {
  let taken = 0
  while (propose(0, taken + 1, 'x'.repeat(40))) taken++
  expect(port.isFull).toBe(true)
  port.publish()
  const commands = read().flatMap((record) => record.commands)
  expect(commands).toHaveLength(taken)
  // The space of a record that became shorter than it was claimed is not lost.
  expect(taken * 48).toBeGreaterThan(2_500)
  port.beginTurn()
  expect(port.isFull).toBe(false)
  for (let round = 0, next = taken + 1; round < 50; round++, next += 10) {
    for (let i = 0; i < 10; i++) expect(propose(0, next + i, `${round}`)).toBe(true)
    port.publish()
    const sequences = read().flatMap((record) => record.commands.map((command) => Number(command.split(':')[0])))
    expect(sequences).toEqual(Array.from({ length: 10 }, (_, i) => next + i))
  }
})

test('a record at hand is in the ring before the host asks for space or sleeps', () => {
  propose(0, 1, 'a')
  expect(port.mayRest()).toBe(true)
  port.publish()
  expect(read()).toHaveLength(1)
})
