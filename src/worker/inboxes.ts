import type { Millis } from '../base/numbers.js'
import type { PortChange } from '../codec/port-news.js'
import { ALL_GROUPS } from '../codec/record-kinds.js'
import { openPortSourceEnd, type PortMemory } from '../ring/port-memory.js'
import { alarm } from './events.js'
import { Inbox, type InboxSource, type InboxTarget } from './inbox.js'
import { PortOutbox } from './port-outbox.js'
import type { Workplace } from './workplace.js'

/** One port of the application, as this worker has it. */
interface Port {
  readonly id: number
  readonly inbox: Inbox
  readonly outbox: PortOutbox
}

/** All who may speak to a worker: its host, and the ports of the application. */
export class Inboxes {
  readonly #host: Inbox
  readonly #place: Workplace
  readonly #target: InboxTarget
  readonly #nextChange: () => PortChange<PortMemory> | undefined
  #ports: readonly Port[] = []
  /** Whose commands are read first: a group that has enough of them leaves the others' unread. */
  #turn = 0
  #isChanged = false

  constructor(
    host: InboxSource,
    place: Workplace,
    target: InboxTarget,
    nextChange: () => PortChange<PortMemory> | undefined,
  ) {
    this.#place = place
    this.#target = target
    this.#nextChange = nextChange
    this.#host = new Inbox(host, place.outbox, place, target)
  }

  /** Nothing is to be read, and what waits to be written waits for somebody who will ring: the question before a park. */
  get isEmpty(): boolean {
    return (
      !this.#isChanged &&
      this.#host.isEmpty &&
      this.#ports.every(({ inbox, outbox }) => inbox.isEmpty && outbox.mayRest)
    )
  }

  /** At the next snapshot they are here, or gone: what a new one holds may be later than the clock of this round. */
  portsChanged(): void {
    this.#isChanged = true
  }

  /** Fixes what this round reads: what is visible before its clock is read. */
  snapshot(): void {
    if (this.#isChanged) this.#change()
    this.#host.snapshot()
    for (const { id, inbox } of this.#ports) this.#read(id, () => inbox.snapshot())
  }

  drainControl(now: Millis): void {
    this.#host.drainControl(now)
    for (const { id, inbox } of this.#ports) this.#read(id, () => inbox.drainControl(now))
  }

  drainCommands(): void {
    // As they are now: one may be cut off on the way.
    const ports = this.#ports
    if (ports.length === 0) {
      this.#host.drainCommands()
      return
    }
    this.#turn++
    for (let k = 0; k <= ports.length; k++) {
      const at = (this.#turn + k) % (ports.length + 1)
      if (at === 0) this.#host.drainCommands()
      else {
        const { id, inbox } = ports[at - 1] as Port
        this.#read(id, () => inbox.drainCommands())
      }
    }
  }

  /** To the ports; the host's outbox is published by the round. */
  publish(): void {
    for (const { outbox } of this.#ports) outbox.publish()
  }

  #change(): void {
    this.#isChanged = false
    for (let change = this.#nextChange(); change !== undefined; change = this.#nextChange()) {
      if (change.kind === 'close') this.#drop(change.port)
      else this.#add(change.port, change.memory)
    }
  }

  #add(id: number, memory: PortMemory): void {
    const end = openPortSourceEnd(memory)
    const outbox = new PortOutbox(end.outbox)
    this.#ports = [...this.#ports, { id, inbox: new Inbox(end, outbox, this.#place, this.#target), outbox }]
  }

  /** What was read of it goes on; what was not never will be. */
  #drop(id: number): void {
    this.#ports.find((port) => port.id === id)?.outbox.close()
    this.#ports = this.#ports.filter((port) => port.id !== id)
  }

  /** A port whose rings cannot be read is cut off; nobody else has to suffer for it. */
  #read(id: number, read: () => void): void {
    try {
      read()
    } catch (error) {
      const { code, name, message } = error as { code?: unknown; name?: unknown; message?: unknown }
      // A record that is not what it says it is comes of the same: somebody else has written there.
      if (code !== 'RING_CORRUPT' && name !== 'CodecError') throw error
      this.#drop(id)
      this.#place.outbox.event(
        ALL_GROUPS,
        alarm('RING_CORRUPT', { message: `port ${id} of the application: ${message}`, port: id }),
      )
    }
  }
}
