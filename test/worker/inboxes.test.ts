import { beforeEach, describe, expect, test } from '@jest/globals'
import type { PortChange } from '../../src/codec/port-news.js'
import { COMMAND_HEAD_BYTES, RECORD_KIND, type WorkerEvent, writeCommand } from '../../src/codec/worker-records.js'
import { allocateDoorbell } from '../../src/ring/doorbell.js'
import { FragmentWriter } from '../../src/ring/fragments.js'
import { allocateRing, PRODUCER_WORD, RING_HEADER_BYTES } from '../../src/ring/layout.js'
import { allocatePortMemory, openPortEnd, type PortMemory } from '../../src/ring/port-memory.js'
import { RingConsumer } from '../../src/ring/ring-consumer.js'
import { RingProducer } from '../../src/ring/ring-producer.js'
import type { InboxTarget } from '../../src/worker/inbox.js'
import { Inboxes } from '../../src/worker/inboxes.js'
import type { Workplace } from '../../src/worker/workplace.js'

const RING_BYTES = 4096
const PORTS = [1, 2, 3]
const HOST = 0

/** Who speaks (`HOST` or a port), and the ring that it writes its commands to. */
const writers = new Map<number, RingProducer>()
const memories = new Map<number, PortMemory>()
let changes: PortChange<PortMemory>[]
let events: WorkerEvent[]
let read: number[]
let inboxes: Inboxes

beforeEach(() => {
  changes = []
  events = []
  read = []
  const host = { control: allocateRing(RING_BYTES), command: allocateRing(RING_BYTES) }
  writers.set(HOST, new RingProducer(host.command))
  inboxes = new Inboxes(
    { control: new RingConsumer(host.control), command: new RingConsumer(host.command) },
    workplace(),
    target(),
    () => changes.shift(),
  )
  for (const port of PORTS) open(port)
})

/** What a command says is who has written it: that is enough to see whose were read. */
function target(): InboxTarget {
  const group = { isClogged: false, callers: { runs: { add: (_: unknown, sequence: number) => read.push(sequence) } } }
  const parts = { hosts: [], host: () => group, touch: () => {}, stop: () => {}, portsChanged: () => {} }
  return parts as unknown as InboxTarget
}

function workplace(): Workplace {
  const outbox = { isClogged: false, event: (_: number, event: WorkerEvent) => events.push(event) }
  const parts = { outbox, limits: { maxMessageBytes: RING_BYTES }, meter: { add: () => {} } }
  return parts as unknown as Workplace
}

function open(port: number): void {
  const memory = allocatePortMemory(RING_BYTES, { workerBell: allocateDoorbell(), portBell: allocateDoorbell() })
  memories.set(port, memory)
  writers.set(port, openPortEnd(memory).command)
  changes.push({ kind: 'open', port, memory })
  inboxes.portsChanged()
}

/** A command of everybody. */
function speak(): void {
  const head = new Uint8Array(COMMAND_HEAD_BYTES)
  for (const [who, ring] of writers) {
    writeCommand(new DataView(head.buffer), 0, 0, 1, 0, who, Number.POSITIVE_INFINITY)
    write(ring, head)
  }
}

function write(ring: RingProducer, record: Uint8Array): void {
  expect(new FragmentWriter(ring, RECORD_KIND.command, record).pump()).toBe(true)
  ring.publish()
}

/** What one round of the worker reads: the sources of its commands, in ascending order. */
function round(): number[] {
  read = []
  inboxes.snapshot()
  inboxes.drainControl(1)
  inboxes.drainCommands()
  inboxes.publish()
  return read.sort((a, b) => a - b)
}

/** Of what its producer has written: as if there were more. */
const move = (ring: SharedArrayBuffer, bytes: number) => Atomics.add(new Int32Array(ring), PRODUCER_WORD, bytes)

/** What somebody else may have written into the rings of a port, and where it is found. */
const DAMAGE: readonly (readonly [string, (memory: PortMemory) => unknown])[] = [
  ['the position of its commands', ({ command }) => move(command, 4)],
  ['the position of its queries', ({ control }) => move(control, 4)],
  ['the head of a command', ({ command }) => new Uint8Array(command, RING_HEADER_BYTES).fill(0xff)],
  ['the head of a query', ({ control }) => move(control, 64)],
]

const cutOff = (port: number) =>
  expect.objectContaining({ kind: 'alarm', code: 'RING_CORRUPT', fields: expect.objectContaining({ port }) })

describe.each(DAMAGE)('damaged is %s:', (_, damage) => {
  test.each(PORTS)('port %d of three is cut off, and all others are read in the same round and after it', (damaged) => {
    speak()
    expect(round()).toEqual([HOST, ...PORTS])
    // The turn goes round: whoever is read first, nobody misses one.
    for (let turns = 0; turns < damaged; turns++) round()
    speak()
    damage(memories.get(damaged)!)
    const others = [HOST, ...PORTS.filter((port) => port !== damaged)]
    expect(round()).toEqual(others)
    expect(events).toEqual([cutOff(damaged)])
    for (let turns = 0; turns < 5; turns++) {
      speak()
      expect(round()).toEqual(others)
    }
    expect(events).toHaveLength(1)
    expect(inboxes.isEmpty).toBe(true)
  })
})

test('a record that is too short for a command is damage too', () => {
  round()
  write(writers.get(2)!, new Uint8Array(COMMAND_HEAD_BYTES - 1))
  speak()
  expect(round()).toEqual([HOST, 1, 3])
  expect(events).toEqual([cutOff(2)])
})

test('all ports damaged at one time: the host is read', () => {
  round()
  speak()
  for (const port of PORTS) move(memories.get(port)!.command, 4)
  expect(round()).toEqual([HOST])
  expect(events).toEqual(PORTS.map(cutOff))
})
