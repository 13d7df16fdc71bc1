import type { MessageKind } from '../../src/core/messages.js'

/** What can become of a message besides arriving once, soon and in order. */
export const MESSAGE_FAULTS = [
  'lost',
  'duplicated',
  'slow',
  'reordered',
  'one-way',
  'partition',
  'broken link',
  'unsent',
  'undelivered',
] as const
export type MessageFault = (typeof MESSAGE_FAULTS)[number]

const FAULT_INDEX = Object.fromEntries(MESSAGE_FAULTS.map((fault, index) => [fault, index])) as Readonly<
  Record<MessageFault, number>
>

/** Every kind, by its place in all tables. The record makes the compiler miss a kind that is not here. */
export const KIND_INDEX: Readonly<Record<MessageKind, number>> = {
  probe: 0,
  free: 1,
  busy: 2,
  prepare: 3,
  promise: 4,
  behind: 5,
  nack: 6,
  accept: 7,
  accepted: 8,
  gap: 9,
  chosen: 10,
  learn: 11,
  learned: 12,
  'learn-ack': 13,
  forward: 14,
  redirect: 15,
  'ask-read-point': 16,
  'read-point': 17,
  status: 18,
  offer: 19,
  fetch: 20,
  part: 21,
}
export const MESSAGE_KINDS = Object.keys(KIND_INDEX) as readonly MessageKind[]

/** Faults of nodes, disks and links, whatever message they meet. */
export const NODE_FAULTS = [
  'crash at input',
  'crash at commit',
  'crash at committed',
  'crash at send',
  'crash at execution',
  'crash after a trim',
  'crash before a state commit',
  'crash after a state commit',
  'crash while a checkpoint is taken',
  'crash after a checkpoint is taken',
  'crash while a part is read',
  'crash while a part is stored',
  'crash at load: received',
  'crash at load: staged',
  'crash at load: log moved',
  'crash at load: state moved',
  'crash at random',
  'crash of all',
  'slow commit',
  'disk error, written',
  'disk error, not written',
  'disk lost',
  'machine fails',
  'record damaged',
  'state damaged',
  'checkpoint damaged',
  'state and checkpoints damaged',
  'part refused',
  'load fails',
  'slow node',
  'link breaks',
  'partition',
] as const
export type NodeFault = (typeof NODE_FAULTS)[number]

/** What has to happen in good order, or there was nothing for the faults to strike. */
export const STATE_EVENTS = [
  'log trimmed',
  'state committed',
  'checkpoint taken',
  'checkpoint made for a peer',
  'checkpoint loaded',
  'own checkpoint loaded',
  'transfer resumed',
  'begun at a saved state',
  'begun at a checkpoint',
  'begun stranded',
] as const
export type StateEvent = (typeof STATE_EVENTS)[number]

/** From this many on, a pair counts as tried. */
const ENOUGH = 100

/** How often each fault met each kind of message, and each fault a node, in one run or in many. */
export class Coverage {
  private readonly sent = new Float64Array(MESSAGE_KINDS.length)
  private readonly hits = new Float64Array(MESSAGE_KINDS.length * MESSAGE_FAULTS.length)
  private readonly nodeHits = new Map<NodeFault | StateEvent, number>()

  noteSent(kind: MessageKind): void {
    increase(this.sent, KIND_INDEX[kind], 1)
  }

  hit(kind: MessageKind, fault: MessageFault): void {
    increase(this.hits, KIND_INDEX[kind] * MESSAGE_FAULTS.length + FAULT_INDEX[fault], 1)
  }

  hitNode(fault: NodeFault | StateEvent): void {
    this.nodeHits.set(fault, this.nodeCount(fault) + 1)
  }

  add(other: Coverage): void {
    for (let i = 0; i < this.sent.length; i++) increase(this.sent, i, other.sent[i] as number)
    for (let i = 0; i < this.hits.length; i++) increase(this.hits, i, other.hits[i] as number)
    for (const [fault, count] of other.nodeHits) this.nodeHits.set(fault, this.nodeCount(fault) + count)
  }

  /** What was met fewer than `ENOUGH` times. */
  missing(): string[] {
    const missing: string[] = []
    for (const kind of MESSAGE_KINDS) {
      for (const fault of MESSAGE_FAULTS) {
        const count = this.count(kind, fault)
        if (count < ENOUGH) missing.push(`${kind} ${fault}: ${count}`)
      }
    }
    for (const fault of [...NODE_FAULTS, ...STATE_EVENTS]) {
      const count = this.nodeCount(fault)
      if (count < ENOUGH) missing.push(`${fault}: ${count}`)
    }
    return missing
  }

  /** The table as lines; `!` marks what was met too rarely. */
  lines(): string[] {
    const cell = (count: number) => `${count}${count < ENOUGH ? '!' : ' '}`.padStart(13)
    const lines = [
      `${'message'.padEnd(15)}${'sent'.padStart(12)} ${MESSAGE_FAULTS.map((f) => f.padStart(12)).join(' ')}`,
    ]
    for (const kind of MESSAGE_KINDS) {
      const cells = MESSAGE_FAULTS.map((fault) => cell(this.count(kind, fault)))
      lines.push(`${kind.padEnd(15)}${String(this.sent[KIND_INDEX[kind]]).padStart(12)}${cells.join('')}`)
    }
    for (const fault of [...NODE_FAULTS, ...STATE_EVENTS]) {
      lines.push(`${fault.padEnd(36)}${cell(this.nodeCount(fault))}`)
    }
    return lines
  }

  private count(kind: MessageKind, fault: MessageFault): number {
    return this.hits[KIND_INDEX[kind] * MESSAGE_FAULTS.length + FAULT_INDEX[fault]] as number
  }

  private nodeCount(fault: NodeFault | StateEvent): number {
    return this.nodeHits.get(fault) ?? 0
  }
}

function increase(counts: Float64Array, index: number, by: number): void {
  counts[index] = (counts[index] as number) + by
}
