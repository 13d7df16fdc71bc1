import { beforeEach, expect, test } from '@jest/globals'
import {
  decodeDetail,
  GROUP_HEAD_BYTES,
  type GroupCommand,
  RECORD_KIND,
  readGroupHead,
} from '../../src/codec/worker-records.js'
import type { WorkerPort } from '../../src/host/worker-port.js'
import { MessageReader } from '../../src/ring/fragments.js'
import type { WorkerEnd } from '../../src/ring/worker-memory.js'
import { smallPort } from './small-port.js'

let port: WorkerPort
let worker: WorkerEnd
let reader: MessageReader

beforeEach(() => {
  ;({ port, worker } = smallPort())
  reader = new MessageReader(worker.control, { maxMessageBytes: 1 << 20 })
})

/** What the worker reads now, in order. */
function read(): (readonly [number, GroupCommand] | string)[] {
  port.publish()
  const found: (readonly [number, GroupCommand] | string)[] = []
  while (reader.next()) {
    const { kind, view, bytes, offset, length } = reader
    if (kind !== RECORD_KIND.tune) found.push('other')
    else {
      const command = decodeDetail(bytes, offset + GROUP_HEAD_BYTES, length - GROUP_HEAD_BYTES) as GroupCommand
      found.push([readGroupHead(view, offset, length), command])
    }
  }
  reader.release()
  return found
}

function fillRing(): void {
  const message = new Uint8Array(64)
  while (port.message(0, 1, message, 0, message.length));
}

const ended = (instance: number): GroupCommand => ({
  kind: 'take-ended',
  instance,
  snapshotMs: 1.5,
  code: 'DISK_FULL',
  error: 'kein Platz, nichts übrig',
})

test('a group is told what is told to it, in order', () => {
  port.tune(0, { kind: 'take', asked: 1 })
  port.tune(1, { kind: 'trimming', paused: true })
  port.tune(1, { kind: 'hold', hold: { instances: 10, bytes: Number.POSITIVE_INFINITY } })
  port.tune(0, ended(9))
  expect(read()).toEqual([
    [0, { kind: 'take', asked: 1 }],
    [1, { kind: 'trimming', paused: true }],
    [1, { kind: 'hold', hold: { instances: 10, bytes: Number.POSITIVE_INFINITY } }],
    [0, ended(9)],
  ])
})

test('nothing is lost where the ring is full: it is told when there is room, and of each kind the latest', () => {
  fillRing()
  port.tune(0, { kind: 'take-opened', instance: 3 })
  port.tune(0, { kind: 'take', asked: 1 })
  port.tune(1, { kind: 'take', asked: 5 })
  port.tune(0, ended(3))
  port.tune(0, { kind: 'take', asked: 2 })
  expect(port.isFull).toBe(true)
  // The host may not sleep without having asked for the room.
  expect(port.mayRest()).toBe(true)
  expect(worker.control.isEmpty()).toBe(false)
  expect(new Set(read())).toEqual(new Set(['other']))
  expect(port.mayRest()).toBe(false)
  port.beginTurn()
  expect(read()).toEqual([
    [0, { kind: 'take-opened', instance: 3 }],
    [1, { kind: 'take', asked: 5 }],
    [0, ended(3)],
    [0, { kind: 'take', asked: 2 }],
  ])
  port.beginTurn()
  expect(port.isFull).toBe(false)
  expect(read()).toEqual([])
})

test('links and tunes that wait do not get in the way of one another', () => {
  fillRing()
  port.tune(0, { kind: 'take', asked: 1 })
  port.link({ peer: 2, up: true, voterId: '0000000000000002' })
  read()
  port.beginTurn()
  expect(read()).toEqual(['other', [0, { kind: 'take', asked: 1 }]])
})
