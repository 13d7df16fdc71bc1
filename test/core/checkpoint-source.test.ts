import { describe, expect, test } from '@jest/globals'
import { DEFAULT_TUNING } from '../../src/core/config.js'
import type { Effects } from '../../src/core/effects.js'
import type { Learn } from '../../src/core/messages.js'
import { GroupAlone } from '../support/core-alone.js'

const REF = { instance: 80, id: 7, manifestBytes: 100, dataBytes: 1000 }

/** A node that has chosen 100 instances, executed 90, and keeps its log from 61 on; node 3 asks. */
class Source extends GroupAlone {
  constructor(checkpointAt?: number, paysFrom = Number.POSITIVE_INFINITY) {
    const base = { executedUpTo: 90, chain: 1, sessions: [] }
    super({ chosenUpTo: 100, lastAccepted: 100, firstKept: 61, chain: 3 }, base)
    this.link(3)
    if (checkpointAt !== undefined) this.has(checkpointAt, paysFrom)
  }

  has(instance: number, paysFrom = Number.POSITIVE_INFINITY): void {
    this.step({ kind: 'checkpoint', checkpoint: { ...REF, instance }, paysFrom })
  }

  asked(from: number, want: Learn['want'] = 'stream', session = 5): Effects {
    return this.hears(3, { kind: 'learn', session, from, want })
  }

  get offered(): number | undefined {
    return this.sent('offer')[0]?.instance
  }
}

describe('a peer that needs what is trimmed', () => {
  test('is offered the checkpoint', () => {
    const source = new Source(80)
    source.asked(60)
    expect(source.sent('offer')).toMatchObject([{ to: [3], session: 5, ...REF }])
    expect(source.effects.reads).toEqual([])
  })

  test('waits where there is none: one is made', () => {
    const source = new Source()
    expect(source.asked(60).transfers).toEqual([{ kind: 'make' }])
    expect(source.sent('learned')).toMatchObject([{ session: 5, values: [], done: true, chosenUpTo: 100 }])
  })

  test('is not offered one that ends where it is', () => {
    const source = new Source(59)
    expect(source.asked(60).transfers).toEqual([{ kind: 'make' }])
    expect(source.offered).toBeUndefined()
    source.has(60)
    source.asked(60)
    expect(source.offered).toBe(60)
  })

  test('is not offered one behind which the log does not go on: the one that it was trimmed behind is lost', () => {
    const source = new Source(59)
    expect(source.asked(40).transfers).toEqual([{ kind: 'make' }])
    expect(source.offered).toBeUndefined()
  })

  test('is offered the checkpoint for one lost record, too', () => {
    const source = new Source(80)
    source.asked(60, 'once')
    expect(source.offered).toBe(80)
  })
})

describe('a peer whose log would do', () => {
  test('is offered the checkpoint where that saves enough', () => {
    const source = new Source(80, 10)
    source.asked(70)
    expect(source.offered).toBe(80)
    expect(source.asked(71).reads).toMatchObject([{ peer: 3, from: 71 }])
    expect(source.offered).toBeUndefined()
  })

  test('gets the log when it has just loaded a checkpoint, as long as there is one', () => {
    const source = new Source(80, 10)
    expect(source.asked(65, 'log').reads).toMatchObject([{ from: 65 }])
    source.asked(60, 'log')
    expect(source.offered).toBe(80)
  })

  test('is offered the checkpoint when the log is trimmed before it', () => {
    const source = new Source(80)
    source.asked(61)
    source.step({ kind: 'trim', firstKept: 71 })
    const values = [Uint8Array.of(1)]
    source.step({ kind: 'served', peer: 3, session: 5, from: 61, once: false, values })
    source.hears(3, { kind: 'learn-ack', session: 5, upTo: 61 })
    expect(source.offered).toBe(80)
  })
})

describe('a peer that has lost its state', () => {
  test('is offered a checkpoint that covers what it lacks', () => {
    const source = new Source(80)
    source.asked(81, 'checkpoint')
    expect(source.offered).toBe(80)
  })

  test('has one made for it where what there is is too old', () => {
    const source = new Source(80)
    expect(source.asked(82, 'checkpoint').transfers).toEqual([{ kind: 'make' }])
    expect(source.effects.sends).toEqual([])
  })
})

test('parts are read for whoever fetches them, and sent as they are; nothing is sent as nothing', () => {
  const source = new Source(80)
  const { transfers } = source.hears(3, { kind: 'fetch', session: 9, instance: 80, id: 7, part: 2 })
  expect(transfers).toEqual([{ kind: 'read', peer: 3, session: 9, instance: 80, id: 7, part: 2 }])
  for (const bytes of [Uint8Array.of(1, 2), new Uint8Array(0)]) {
    source.step({ kind: 'part-read', peer: 3, session: 9, part: 2, bytes })
    expect(source.sent('part')).toEqual([{ kind: 'part', to: [3], session: 9, part: 2, bytes }])
  }
})

describe('of the log is needed', () => {
  test('what follows a checkpoint that a peer takes, until it is not heard of for a while', () => {
    const source = new Source(70)
    expect(source.group.neededFrom(source.now)).toBe(Number.POSITIVE_INFINITY)
    source.asked(60)
    expect(source.group.neededFrom(source.now)).toBe(71)
    source.now += DEFAULT_TUNING.fetchHoldMs
    source.hears(3, { kind: 'fetch', session: 9, instance: 70, id: 7, part: 2 })
    source.now += DEFAULT_TUNING.fetchHoldMs
    expect(source.group.neededFrom(source.now)).toBe(71)
    source.now++
    expect(source.group.neededFrom(source.now)).toBe(Number.POSITIVE_INFINITY)
  })

  test('where a stream stands, as long as its link does', () => {
    const source = new Source(70)
    source.asked(64)
    expect(source.group.neededFrom(source.now)).toBe(64)
    source.step({ kind: 'served', peer: 3, session: 5, from: 64, once: false, values: [Uint8Array.of(1)] })
    expect(source.group.neededFrom(source.now)).toBe(65)
    source.link(3, false)
    expect(source.group.neededFrom(source.now)).toBe(Number.POSITIVE_INFINITY)
  })
})
