import type { GroupIndex, NodeId } from '../../src/base/numbers.js'
import type { Input } from '../../src/core/input.js'
import type { Message } from '../../src/core/messages.js'
import { messageName } from '../support/core-names.js'

/** What a line of the trace keeps; words are made of it only when a seed has failed. */
export type TraceNote =
  | { readonly kind: 'step'; readonly input: Input }
  | { readonly kind: 'send'; readonly to: readonly NodeId[]; readonly message: Message }
  | { readonly kind: 'note'; readonly text: string }

interface Entry {
  readonly at: number
  readonly node: NodeId
  readonly group: GroupIndex
  readonly note: TraceNote
}

/** The last steps of a run, in a ring. */
export class Trace {
  private readonly entries: Entry[] = []
  private next = 0
  private readonly size: number

  constructor(size: number) {
    this.size = size
  }

  add(at: number, node: NodeId, group: GroupIndex, note: TraceNote): void {
    this.entries[this.next++ % this.size] = { at, node, group, note }
  }

  lines(): string[] {
    const count = Math.min(this.next, this.size)
    const lines: string[] = []
    for (let i = this.next - count; i < this.next; i++) {
      const entry = this.entries[i % this.size]
      if (entry) lines.push(line(entry))
    }
    return lines
  }
}

function line({ at, node, group, note }: Entry): string {
  const where = `${at.toFixed(3).padStart(11)}  ${node}/${group}`
  switch (note.kind) {
    case 'note':
      return `${where}  ${note.text}`
    case 'send':
      return `${where} → ${note.to.join(',')}  ${messageName(note.message)}`
    case 'step':
      return `${where}  ${inputName(note.input)}`
  }
}

function inputName(input: Input): string {
  switch (input.kind) {
    case 'message':
      return `← ${input.from}  ${messageName(input.message)}`
    case 'link':
      return `link to ${input.peer} ${input.up ? 'up' : 'down'}`
    case 'propose':
      return `propose #${input.run.sequence} x${input.run.count}`
    case 'read':
      return `read ${input.token}`
    case 'timer':
      return `timer ${input.timer}`
    case 'served':
      return `served ${input.values.length} values from ${input.from} for ${input.peer}`
    case 'executed':
    case 'unreadable':
      return `${input.kind} ${input.instance}`
    case 'drained':
    case 'persisted':
    case 'load-failed':
    case 'save':
      return input.kind
    case 'checkpoint':
      return `checkpoint ${input.checkpoint?.instance ?? 'none'}`
    case 'trim':
      return `trim below ${input.firstKept}`
    case 'part-read':
      return `part ${input.part} of ${input.bytes.length} bytes read for ${input.peer}`
    case 'part-stored':
      return `part stored, ${input.state}, next ${input.next} of ${input.known}`
  }
}
