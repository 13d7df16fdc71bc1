import type { NodeId } from '../../src/base/numbers.js'
import type { Value } from '../../src/core/command-run.js'
import { DEFAULT_TUNING, type GroupTuning } from '../../src/core/config.js'
import { type Base, EMPTY_BASE, EMPTY_HEAD, type Head, type LogRecord } from '../../src/core/durable.js'
import { createEffects, type Effects } from '../../src/core/effects.js'
import { Group } from '../../src/core/group.js'
import type { Input } from '../../src/core/input.js'
import { Membership } from '../../src/core/membership.js'
import type { Message, MessageKind } from '../../src/core/messages.js'
import type { TimerKind } from '../../src/core/timers.js'
import { testValues, textBody } from './core-values.js'

export type Sent<K extends MessageKind> = Extract<Message, { readonly kind: K }> & { readonly to: readonly NodeId[] }

/** One group by itself, from any state of its disk, and exactly what each input makes it ask for. Its commits are at once. */
export class GroupAlone {
  readonly group: Group
  now = 10_000
  /** What the latest input has asked for. */
  effects: Effects = createEffects()

  /** Node 1 of three. */
  constructor(
    head: Partial<Head> = {},
    base: Base = EMPTY_BASE,
    tuning: Partial<GroupTuning> = {},
    tail: readonly LogRecord[] = [],
  ) {
    const voters = [1, 2, 3].map((nodeId) => ({ nodeId, voterId: `v${nodeId}` }))
    this.group = new Group(
      {
        nodeId: 1,
        voterId: 'v1',
        incarnation: 'i1',
        membership: new Membership(0, voters),
        values: testValues,
        seed: 1,
        proposeOn: 'leader',
        tuning: { ...DEFAULT_TUNING, ...tuning },
      },
      { head: { ...EMPTY_HEAD, ...head }, tail },
      base,
    )
    this.group.start(this.now, this.effects)
  }

  /** Its effects, those of the commit it asked for included. */
  step(input: Input): Effects {
    this.effects = createEffects()
    this.group.step(input, this.now, this.effects)
    const { records, head } = this.effects
    if (records.length > 0 || head !== undefined) this.group.step({ kind: 'persisted' }, this.now, this.effects)
    return this.effects
  }

  hears(from: NodeId, message: Message): Effects {
    return this.step({ kind: 'message', from, message })
  }

  link(peer: NodeId, up = true): Effects {
    return this.step({ kind: 'link', peer, voterId: `v${peer}`, up })
  }

  fire(timer: TimerKind, atMs = this.now): Effects {
    this.now = atMs
    return this.step({ kind: 'timer', timer })
  }

  /** What the latest input has sent of a kind. */
  sent<K extends MessageKind>(kind: K): Sent<K>[] {
    return this.effects.sends.flatMap(({ to, message }) =>
      message.kind === kind ? [{ ...message, to } as Sent<K>] : [],
    )
  }

  /** In how many milliseconds the timer is due, as the latest input has asked; undefined: it has not. */
  delayOf(timer: TimerKind): number | undefined {
    return this.effects.timers.findLast((request) => request.timer === timer)?.delayMs
  }
}

/** A value of one command. */
export function valueWith(text: string): Value {
  const run = { origin: 9, incarnation: 'i9', session: 1, sequence: 1, count: 1, floor: 0, body: textBody(text) }
  return testValues.encode([run])
}

/** The chains of values one after the other, from instance 0 on. */
export function chainsOf(values: readonly Value[]): number[] {
  const chains = [0]
  for (const value of values) chains.push(testValues.checksum(value, chains.at(-1) as number))
  return chains
}
