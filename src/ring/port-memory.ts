import { Doorbell } from './doorbell.js'
import { allocateRing } from './layout.js'
import { RingConsumer } from './ring-consumer.js'
import { RingProducer } from './ring-producer.js'

/**
 * What one thread of the application shares with one life of a worker: plain data, sent to both of them. As between the
 * host and the worker, but for what only those two have to say; and nobody waits for room here: an application's thread
 * may stand still for as long as it likes.
 */
export interface PortMemory {
  readonly control: SharedArrayBuffer
  readonly command: SharedArrayBuffer
  readonly outbox: SharedArrayBuffer
  readonly workerBell: SharedArrayBuffer
  readonly portBell: SharedArrayBuffer
}

export interface PortBells {
  readonly workerBell: SharedArrayBuffer
  /** The port's one doorbell, the same for all workers. */
  readonly portBell: SharedArrayBuffer
}

/** Queries are few and small: their ring is a quarter of the others. */
const CONTROL_SHARE = 4

/** How many rings full of answers a worker keeps for a port that does not read. */
export const KEPT_RINGS = 4

export function allocatePortMemory(ringBytes: number, { workerBell, portBell }: PortBells): PortMemory {
  return {
    control: allocateRing(ringBytes / CONTROL_SHARE),
    command: allocateRing(ringBytes),
    outbox: allocateRing(ringBytes),
    workerBell,
    portBell,
  }
}

/** Bytes of the rings that `allocatePortMemory` makes. */
export function portMemoryBytes(ringBytes: number): number {
  return ringBytes / CONTROL_SHARE + 2 * ringBytes
}

export interface PortEnd {
  readonly control: RingProducer
  readonly command: RingProducer
  readonly outbox: RingConsumer
}

/** The objects of the application's thread; once. */
export function openPortEnd(memory: PortMemory): PortEnd {
  const bell = new Doorbell(memory.workerBell)
  return {
    control: new RingProducer(memory.control, bell),
    command: new RingProducer(memory.command, bell),
    outbox: new RingConsumer(memory.outbox, bell),
  }
}

export interface PortSourceEnd {
  readonly control: RingConsumer
  readonly command: RingConsumer
  readonly outbox: RingProducer
}

/** The worker's objects; once. */
export function openPortSourceEnd(memory: PortMemory): PortSourceEnd {
  const bell = new Doorbell(memory.portBell)
  return {
    control: new RingConsumer(memory.control, bell),
    command: new RingConsumer(memory.command, bell),
    outbox: new RingProducer(memory.outbox, bell),
  }
}
