import type { Doorbell } from '../ring/doorbell.js'
import type { MainMeter } from './main-meter.js'
import type { StageSampler } from './stage-sampler.js'
import type { WorkerPort } from './worker-port.js'

/** One worker as the loop sees it. */
export interface LoopSlot {
  /** Its present life. */
  readonly port: Pick<WorkerPort, 'beginTurn' | 'publish' | 'isFull' | 'mayRest'> | undefined
  /** Reads its outbox; true if there was anything. Throws `RingCorrupt`. */
  drain(): boolean
}

interface Flushed {
  flush(): void
}

/**
 * The turns of the host. A turn reads all outboxes, refills the inboxes, and sends what was gathered: one frame per
 * peer. While turns find work they follow one another by `setImmediate`, so that sockets and the application come in
 * between; then the host sleeps on its doorbell. Nothing here blocks.
 */
export class TurnLoop<Slot extends LoopSlot> {
  readonly #slots: readonly Slot[]
  readonly #groups: readonly Flushed[]
  readonly #router: Flushed
  readonly #meter: MainMeter
  readonly #bell: Doorbell
  readonly #corrupt: (slot: Slot, error: unknown) => void
  #running = false
  #publishing = false
  #turning = false
  #resting = false
  readonly #turn = () => this.#run()
  readonly #publish = () => this.#publishAll()
  readonly #mayRest = () => this.#slots.every((slot) => slot.port?.mayRest() ?? true)
  /** Only while stages are sampled. */
  sampler: StageSampler | undefined

  constructor(
    slots: readonly Slot[],
    groups: readonly Flushed[],
    router: Flushed,
    meter: MainMeter,
    bell: Doorbell,
    corrupt: (slot: Slot, error: unknown) => void,
  ) {
    this.#slots = slots
    this.#groups = groups
    this.#router = router
    this.#meter = meter
    this.#bell = bell
    this.#corrupt = corrupt
  }

  start(): void {
    this.#running = true
    this.soon()
  }

  stop(): void {
    this.#running = false
    this.#bell.wake()
  }

  /**
   * Something was written into a ring. It is published when the present call and everything that it made runnable have
   * run: a thousand callers that go on in one turn are one store and one bell.
   */
  readonly wrote = (): void => {
    if (this.#publishing) return
    this.#publishing = true
    process.nextTick(this.#publish)
  }

  /** A turn is wanted although no outbox says so. */
  soon(): void {
    if (this.#turning || !this.#running) return
    this.#turning = true
    setImmediate(this.#turn)
  }

  #publishAll(): void {
    this.#publishing = false
    const meter = this.#meter
    meter.callersWent()
    const began = meter.now()
    let full = false
    for (const { port } of this.#slots) {
      if (port === undefined) continue
      port.publish()
      full ||= port.isFull
    }
    const ended = meter.now()
    meter.times.flushMs += ended - began
    this.sampler?.published(began)
    // What did not fit waits for a turn, which asks for the space before it rests.
    if (full) this.soon()
  }

  #run(): void {
    this.#turning = false
    if (!this.#running) return
    const { times, now } = this.#meter
    times.turns++
    const began = now()
    const routedBefore = times.routeMs
    let worked = false
    for (const slot of this.#slots) {
      try {
        if (slot.drain()) worked = true
      } catch (error) {
        this.#corrupt(slot, error)
      }
    }
    const drained = now()
    times.repliesMs += drained - began - (times.routeMs - routedBefore)
    for (const { port } of this.#slots) port?.beginTurn()
    for (const group of this.#groups) group.flush()
    for (const { port } of this.#slots) port?.publish()
    const flushed = now()
    times.flushMs += flushed - drained
    this.#router.flush()
    const ended = now()
    times.linkMs += ended - flushed
    this.sampler?.published(drained)
    this.sampler?.turned(ended)
    if (worked) this.soon()
    else this.#rest()
    this.#meter.turnEnded()
  }

  #rest(): void {
    // What this turn found full is asked for, whether or not the sleep has begun already.
    if (this.#resting) {
      if (!this.#mayRest()) this.soon()
      return
    }
    const wait = this.#bell.waitAsync(this.#mayRest)
    if (wait === undefined) {
      this.soon()
      return
    }
    this.#resting = true
    wait.then(() => {
      this.#resting = false
      this.soon()
    })
  }
}
