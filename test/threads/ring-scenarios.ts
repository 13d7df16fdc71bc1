import { Random } from '../../src/base/random.js'
import { echoScenario, hostScenario } from './ring-host-scenario.js'
import { hung, spaceOrHung, spin } from './ring-patience.js'
import { dueScenario, gateScenario } from './ring-word-scenarios.js'

/** The compiled ring that a scenario runs on: the real one, or a copy with a planted bug. */
export type RingModules = typeof import('../../src/ring/doorbell.js') &
  typeof import('../../src/ring/due-bits.js') &
  typeof import('../../src/ring/gate-word.js') &
  typeof import('../../src/ring/spsc-ring.js')

export interface ScenarioData {
  readonly scenario: 'stream' | 'ping-pong' | 'overload' | 'host' | 'gate' | 'due'
  readonly role: 0 | 1
  readonly ringUrl: string
  /** Stream and overload use the first ring, ping-pong and host one for each direction, gate and due the bare memory. */
  readonly rings: readonly [SharedArrayBuffer, SharedArrayBuffer]
  readonly bells: readonly [SharedArrayBuffer, SharedArrayBuffer]
  /** Both threads begin when the count in its first word has reached two. The other words are the scenario's. */
  readonly shared: SharedArrayBuffer
  readonly count: number
  readonly seed: number
  /** A sleep that takes longer is a lost wake-up. */
  readonly hangMs: number
}

export type ScenarioResult = Record<string, number>

const TURNED_SLOW = 1
const TURNED_FAST = 2

/** Writes `count` records whose sizes, kinds and contents follow from the seed; waits for space when the ring is full. */
function produceStream(m: RingModules, data: ScenarioData): ScenarioResult {
  const producer = new m.RingProducer(data.rings[0], new m.Doorbell(data.bells[0]))
  const words = new Int32Array(producer.bytes.buffer, producer.bytes.byteOffset)
  const random = new Random(data.seed)
  const pace = new Random(data.seed + 1)
  const most = producer.maxRecordBytes >> 2
  let waits = 0
  for (let i = 0; i < data.count; i++) {
    const dice = random.uint32()
    const length = ((dice & 0x3f) === 0 ? (dice >>> 8) % (most + 1) : (dice >>> 8) % 9) * 4
    const kind = dice & 0xffff
    let at = producer.tryClaim(kind, length)
    while (at < 0) {
      waits++
      spaceOrHung(producer, length, data.hangMs)
      at = producer.tryClaim(kind, length)
    }
    // Now and then a pause between claim and payload: a record visible too early would be read half written.
    if ((dice & 0xfff) === 7) spin(pace.below(2000))
    let value = dice
    for (let word = at >> 2, end = (at + length) >> 2; word < end; word++) {
      value = Math.imul(value ^ i, 0x9e3779b1) + 1
      words[word] = value
    }
    producer.commit()
    if ((dice & 0x700) === 0) producer.publish()
  }
  producer.publish()
  return { waits }
}

function consumeStream(m: RingModules, data: ScenarioData): ScenarioResult {
  const consumer = new m.RingConsumer(data.rings[0])
  const bell = new m.Doorbell(data.bells[0])
  const words = new Int32Array(consumer.bytes.buffer, consumer.bytes.byteOffset)
  const random = new Random(data.seed)
  const pace = new Random(data.seed + 2)
  const most = (consumer.capacity / 4 - 8) >> 2
  const isEmpty = (): boolean => consumer.isEmpty()
  let parks = 0
  let bytes = 0
  for (let i = 0; i < data.count; i++) {
    while (!consumer.next()) {
      consumer.release()
      parks++
      if (bell.park(data.hangMs, isEmpty) === 'timed-out') hung('consumer parked')
    }
    const dice = random.uint32()
    const length = ((dice & 0x3f) === 0 ? (dice >>> 8) % (most + 1) : (dice >>> 8) % 9) * 4
    if (consumer.kind !== (dice & 0xffff) || consumer.length !== length) {
      throw new Error(`record ${i}: kind ${consumer.kind} length ${consumer.length}, expected length ${length}`)
    }
    // A pause before reading: space given back too early would be written over.
    if ((dice & 0xfff) === 9) spin(pace.below(20_000))
    let value = dice
    for (let word = consumer.offset >> 2, end = (consumer.offset + length) >> 2; word < end; word++) {
      value = Math.imul(value ^ i, 0x9e3779b1) + 1
      if (words[word] !== (value | 0)) throw new Error(`record ${i}: wrong content`)
    }
    bytes += length
    if ((dice & 0x7000) === 0) consumer.release()
  }
  consumer.release()
  if (!consumer.isEmpty()) throw new Error('more records than were written')
  return { parks, bytes }
}

/**
 * Each thread waits for the other's record, parks when there is none, and answers. Random pauses before parking and
 * before answering, from nanoseconds to the time of a wake-up, move the publish of one side over every point of the
 * other's park.
 */
function pingPong(m: RingModules, data: ScenarioData): ScenarioResult {
  const mine = data.role
  const theirs = 1 - mine
  const inbox = new m.RingConsumer(data.rings[mine] as SharedArrayBuffer)
  const outbox = new m.RingProducer(
    data.rings[theirs] as SharedArrayBuffer,
    new m.Doorbell(data.bells[theirs] as SharedArrayBuffer),
  )
  const bell = new m.Doorbell(data.bells[mine] as SharedArrayBuffer)
  const pace = new Random(data.seed + mine)
  const isEmpty = (): boolean => inbox.isEmpty()
  const outcomes = { ready: 0, woken: 0, 'timed-out': 0 }
  // `count` is parks of both sides; every round trip is at least one announced park on each.
  const send = (value: number): void => {
    const at = outbox.tryClaim(1, 8)
    outbox.view.setInt32(at, value)
    outbox.commit()
    outbox.publish()
  }
  if (mine === 0) send(0)
  let announced = 0
  for (let expected = mine === 0 ? 1 : 0; announced < data.count / 2; expected += 2) {
    while (!inbox.next()) {
      if (pace.chance(0.5)) spin(pace.below(1 << pace.below(16)))
      announced++
      const outcome = bell.park(data.hangMs, isEmpty)
      outcomes[outcome]++
      if (outcome === 'timed-out') hung(`parked at message ${expected}`)
    }
    const got = inbox.view.getInt32(inbox.offset)
    inbox.release()
    if (got === -1) return outcomes
    if (got !== expected) throw new Error(`message ${got} instead of ${expected}`)
    if (pace.chance(0.5)) spin(pace.below(1 << pace.below(12)))
    send(expected + 1)
  }
  // The other side may still be in its loop: -1 ends it.
  send(-1)
  return outcomes
}

/**
 * Fast, then a consumer that takes one record a time and sleeps while the ring stays full, then fast again. The
 * producer's records are numbered; the consumer says how many it got per millisecond before and after.
 */
function overloadProducer(m: RingModules, data: ScenarioData): ScenarioResult {
  const producer = new m.RingProducer(data.rings[0], new m.Doorbell(data.bells[0]))
  let waits = 0
  const flags = new Int32Array(data.shared)
  for (let i = 0; Atomics.load(flags, TURNED_FAST) < 2; i++) {
    let at = producer.tryClaim(1, 16)
    while (at < 0) {
      waits++
      spaceOrHung(producer, 16, data.hangMs)
      at = producer.tryClaim(1, 16)
    }
    producer.view.setInt32(at, i)
    producer.commit()
    if ((i & 63) === 63) producer.publish()
  }
  producer.tryClaim(2, 0)
  producer.commit()
  producer.publish()
  return { waits }
}

function overloadConsumer(m: RingModules, data: ScenarioData): ScenarioResult {
  const consumer = new m.RingConsumer(data.rings[0])
  const bell = new m.Doorbell(data.bells[0])
  const flags = new Int32Array(data.shared)
  const isEmpty = (): boolean => consumer.isEmpty()
  let next = 0
  const take = (): void => {
    while (!consumer.next()) {
      consumer.release()
      if (bell.park(data.hangMs, isEmpty) === 'timed-out') hung('consumer parked')
    }
    const got = consumer.view.getInt32(consumer.offset)
    if (got !== next) throw new Error(`record ${got} instead of ${next}`)
    next++
    if ((next & 63) === 0) consumer.release()
  }
  // The best of many slices: the figure of the ring, not of what else the machine did meanwhile.
  const fastest = (): number => {
    let best = 0
    for (let slice = 0; slice < 20; slice++) {
      const begin = performance.now()
      for (let i = 0; i < data.count / 20; i++) take()
      best = Math.max(best, data.count / 20 / (performance.now() - begin))
    }
    return best
  }
  fastest()
  const before = fastest()
  Atomics.store(flags, TURNED_SLOW, 1)
  let slow = 0
  let fullSeen = 0
  for (const end = performance.now() + 3000; performance.now() < end; slow++) {
    take()
    consumer.release()
    if (consumer.snapshot() > consumer.capacity * 0.9) fullSeen++
    consumer.follow()
    // Nothing notifies this word: a sleep of a millisecond is what makes the consumer slow.
    Atomics.wait(flags, TURNED_SLOW, 1, 1)
  }
  Atomics.store(flags, TURNED_FAST, 1)
  const after = fastest()
  Atomics.store(flags, TURNED_FAST, 2)
  for (;;) {
    while (!consumer.next()) {
      consumer.release()
      if (bell.park(data.hangMs, isEmpty) === 'timed-out') hung('consumer parked')
    }
    if (consumer.kind === 2) break
    if (consumer.view.getInt32(consumer.offset) !== next++) throw new Error('records lost at the end')
  }
  consumer.release()
  return { before, after, slow, fullSeen, records: next }
}

export function runScenario(modules: RingModules, data: ScenarioData): ScenarioResult | Promise<ScenarioResult> {
  const gate = new Int32Array(data.shared)
  Atomics.add(gate, 0, 1)
  Atomics.notify(gate, 0)
  while (Atomics.load(gate, 0) < 2) Atomics.wait(gate, 0, 1)
  if (data.scenario === 'ping-pong') return pingPong(modules, data)
  if (data.scenario === 'host') return data.role === 0 ? hostScenario(modules, data) : echoScenario(modules, data)
  if (data.scenario === 'gate') return gateScenario(modules, data)
  if (data.scenario === 'due') return dueScenario(modules, data)
  if (data.scenario === 'stream') return data.role === 0 ? produceStream(modules, data) : consumeStream(modules, data)
  return data.role === 0 ? overloadProducer(modules, data) : overloadConsumer(modules, data)
}
