import { describe, expect, test } from '@jest/globals'
import { DEFAULT_TUNING, type GroupTuning } from '../../src/core/config.js'
import type { Offer } from '../../src/core/messages.js'
import { GroupAlone } from '../support/core-alone.js'

const { learnMs } = DEFAULT_TUNING
const TUNING: Partial<GroupTuning> = { fetchWindow: 3, fetchBytesPerSecond: 1000 }
const REF = { instance: 50, id: 7, manifestBytes: 100, dataBytes: 1000 }
const OFFER: Offer = { kind: 'offer', session: 4, ...REF }

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** A node that knows nothing, and takes a checkpoint of node 2. */
class Taker extends GroupAlone {
  session = 0

  constructor(tuning: Partial<GroupTuning> = { ...TUNING, fetchBytesPerSecond: Number.POSITIVE_INFINITY }) {
    super({}, undefined, tuning)
    for (const peer of [2, 3]) this.link(peer)
    this.begins(2)
  }

  begins(peer: number, offer = OFFER): void {
    const [transfer] = this.hears(peer, offer).transfers
    if (transfer?.kind !== 'begin') throw new Error('the offer is not taken')
    expect(transfer).toEqual({ kind: 'begin', session: expect.any(Number), ...REF })
    this.session = transfer.session
  }

  /** The disk has it up to `next`; the parts that are asked for then. */
  stored(next: number, known = 10, state: 'open' | 'complete' | 'refused' = 'open', sharers = 1): number[] {
    this.step({ kind: 'part-stored', session: this.session, next, known, state, sharers })
    return this.sent('fetch').map(({ part }) => part)
  }

  /** A part comes; those that go to the disk. */
  comes(part: number, text = `part ${part}`, from = 2): number[] {
    const { transfers } = this.hears(from, { kind: 'part', session: this.session, part, bytes: bytes(text) })
    return transfers.map((transfer) => {
      if (transfer.kind !== 'store') throw new Error(`a part leads to ${transfer.kind}`)
      expect(transfer.session).toBe(this.session)
      expect(transfer.bytes).toEqual(bytes(`part ${transfer.part}`))
      return transfer.part
    })
  }

  get loads(): boolean {
    return this.effects.transfers.some(({ kind }) => kind === 'load')
  }
}

describe('an offer', () => {
  test('is taken where it is ahead: the manifest first, then a window of parts, as the disk stores them', () => {
    const taker = new Taker()
    expect(taker.stored(0, 1)).toEqual([0])
    expect(taker.sent('fetch')).toMatchObject([{ to: [2], session: taker.session, instance: 50, id: 7 }])
    expect(taker.comes(0)).toEqual([0])
    expect(taker.stored(1)).toEqual([1, 2, 3])
    expect(taker.comes(1)).toEqual([1])
    expect(taker.stored(2)).toEqual([4])
  })

  test('of what is known chosen is left alone, and so is any other while one is taken', () => {
    const group = new GroupAlone({ chosenUpTo: 50, lastAccepted: 50 })
    group.link(2)
    expect(group.hears(2, OFFER).transfers).toEqual([])
    expect(new Taker().hears(3, { ...OFFER, instance: 60 }).transfers).toEqual([])
  })

  test('of what is partly here already goes on where that ends', () => {
    const taker = new Taker()
    expect(taker.stored(6)).toEqual([6, 7, 8])
    expect(taker.comes(6)).toEqual([6])
  })
})

describe('parts', () => {
  test('go to the disk in order: one that overtakes another waits for it, and it is asked for again, once', () => {
    const taker = new Taker()
    taker.stored(0)
    expect(taker.comes(1)).toEqual([])
    expect(taker.sent('fetch')).toMatchObject([{ part: 0 }])
    expect(taker.comes(2)).toEqual([])
    expect(taker.sent('fetch')).toEqual([])
    expect(taker.comes(0)).toEqual([0, 1, 2])
    expect(taker.comes(0)).toEqual([])
    expect(taker.stored(3)).toEqual([3, 4, 5])
  })

  test('of an earlier transfer, of another node, and those that were not asked for are not taken', () => {
    const taker = new Taker()
    taker.stored(0)
    const current = taker.session
    taker.session = current - 1
    expect(taker.comes(0, 'of another checkpoint')).toEqual([])
    taker.session = current
    expect(taker.comes(0, 'part 0', 3)).toEqual([])
    expect(taker.comes(3)).toEqual([])
    expect(taker.sent('fetch')).toEqual([])
    expect([0, 1, 2].map((part) => taker.comes(part))).toEqual([[0], [1], [2]])
  })

  test('are asked for when what came before is paid for, not when the watch over silence looks', () => {
    const taker = new Taker(TUNING)
    taker.stored(0)
    for (const part of [0, 1, 2]) taker.comes(part)
    // 18 bytes, at 1000 a second.
    expect(taker.stored(3)).toEqual([])
    expect(taker.delayOf('fetch')).toBe(18)
    taker.fire('fetch', taker.now + 18)
    expect(taker.sent('fetch').map(({ part }) => part)).toEqual([3, 4, 5])
    expect(taker.delayOf('fetch')).toBe(learnMs)
  })

  test('are paid for with a share of what the node may take, as many groups as take checkpoints', () => {
    const taker = new Taker(TUNING)
    taker.stored(0, 10, 'open', 4)
    for (const part of [0, 1, 2]) taker.comes(part)
    expect(taker.stored(3, 10, 'open', 2)).toEqual([])
    expect(taker.delayOf('fetch')).toBe(72)
    taker.fire('fetch', taker.now + 72)
    for (const part of [3, 4, 5]) taker.comes(part)
    taker.stored(6, 10, 'open', 1)
    expect(taker.delayOf('fetch')).toBe(36)
  })
})

describe('a transfer that does not go on', () => {
  test('is asked for again after each silence, twice as long, and given up after the third', () => {
    const taker = new Taker()
    taker.stored(0)
    taker.comes(0)
    expect(taker.stored(1)).toEqual([3])
    const began = taker.now
    let [at, patience] = [began, learnMs]
    for (let silence = 1; silence <= 3; silence++) {
      taker.fire('fetch', at + patience - 1)
      expect(taker.sent('fetch')).toEqual([])
      expect(taker.delayOf('fetch')).toBe(1)
      at += patience
      patience *= 2
      taker.fire('fetch', at)
      expect(taker.sent('fetch').map(({ part }) => part)).toEqual([1, 2, 3])
      expect(taker.delayOf('fetch')).toBe(patience)
    }
    taker.fire('fetch', at + patience)
    expect(taker.sent('fetch')).toEqual([])
    taker.begins(3)
  })

  test('does not ask again for what has overtaken the missing part', () => {
    const taker = new Taker()
    taker.stored(0)
    taker.comes(1)
    taker.fire('fetch', taker.now + learnMs)
    expect(taker.sent('fetch').map(({ part }) => part)).toEqual([0, 2])
  })

  const ends: [string, (taker: Taker) => void][] = [
    ['its source has nothing any more', (taker) => taker.comes(0, '')],
    ['its link breaks', (taker) => taker.link(2, false)],
    ['the disk refuses a part', (taker) => taker.stored(0, 0, 'refused')],
  ]
  test.each(ends)('ends when %s, and whoever knows more is asked', (_what, end) => {
    const taker = new Taker()
    taker.stored(0)
    taker.hears(3, { kind: 'status', chosenUpTo: 60, lastAccepted: 60, chain: 1, leader: 0 })
    expect(taker.sent('learn')).toEqual([])
    end(taker)
    expect(taker.sent('learn')).toMatchObject([{ to: [3], from: 1, want: 'stream' }])
  })
})

describe('a checkpoint that is complete', () => {
  function complete(): Taker {
    const taker = new Taker()
    expect(taker.stored(10, 10, 'complete')).toEqual([])
    return taker
  }

  test('is loaded, and nothing else is learned meanwhile', () => {
    const taker = complete()
    expect(taker.effects.transfers).toEqual([{ kind: 'load', instance: 50, id: 7 }])
    expect(taker.hears(3, { ...OFFER, instance: 60 }).transfers).toEqual([])
    taker.hears(3, { kind: 'status', chosenUpTo: 60, lastAccepted: 60, chain: 1, leader: 0 })
    expect(taker.sent('learn')).toEqual([])
  })

  test('that cannot be loaded is done with: the next one is taken', () => {
    const taker = complete()
    taker.step({ kind: 'load-failed' })
    taker.begins(3)
  })

  test('that cannot be loaded gives way to another one of the own disk', () => {
    const taker = complete()
    const other = { ...REF, instance: 55, id: 8 }
    expect(taker.step({ kind: 'checkpoint', checkpoint: other, paysFrom: 1 }).transfers).toEqual([])
    expect(taker.step({ kind: 'load-failed' }).transfers).toEqual([{ kind: 'load', instance: 55, id: 8 }])
    expect(taker.step({ kind: 'load-failed' }).transfers).toEqual([])
  })

  test('is not loaded where the log has come further meanwhile', () => {
    const taker = new Taker()
    taker.stored(0)
    const values = Array.from({ length: 50 }, () => Uint8Array.of(1))
    taker.hears(3, { kind: 'learned', session: 1, from: 1, values, chosenUpTo: 50, done: true })
    expect(taker.group.chosenUpTo).toBe(50)
    taker.stored(10, 10, 'complete')
    expect(taker.loads).toBe(false)
  })
})

describe('a node whose log does not go on where its state stands', () => {
  const head = { chosenUpTo: 50, lastAccepted: 50, firstKept: 41, chain: 3 }

  function stranded(): GroupAlone {
    const group = new GroupAlone(head)
    expect(group.group.isStranded).toBe(true)
    group.link(2)
    return group
  }

  test('asks for a checkpoint, one peer after another', () => {
    const group = stranded()
    expect(group.sent('learn')).toMatchObject([{ to: [2], from: 41, want: 'checkpoint' }])
    group.link(3)
    group.fire('fetch', group.now + learnMs)
    expect(group.sent('learn')).toMatchObject([{ to: [2] }])
    group.fire('fetch', group.now + learnMs)
    expect(group.sent('learn')).toMatchObject([{ to: [3] }])
  })

  test('takes one that its log goes on behind, and no other', () => {
    const group = stranded()
    expect(group.hears(2, { ...OFFER, instance: 39 }).transfers).toEqual([])
    expect(group.hears(2, { ...OFFER, instance: 40 }).transfers).toMatchObject([{ kind: 'begin', instance: 40 }])
  })

  test('loads one of its own disk', () => {
    const group = stranded()
    const told = (instance: number) =>
      group.step({ kind: 'checkpoint', checkpoint: { ...REF, instance }, paysFrom: 1 }).transfers
    expect(told(39)).toEqual([])
    expect(told(45)).toEqual([{ kind: 'load', instance: 45, id: 7 }])
  })

  test('asks nobody when it stands where the log begins', () => {
    const group = new GroupAlone(head, { executedUpTo: 40, chain: 1, sessions: [] })
    group.link(2)
    expect(group.sent('learn')).toEqual([])
    expect(group.step({ kind: 'checkpoint', checkpoint: { ...REF, instance: 45 }, paysFrom: 1 }).transfers).toEqual([])
  })
})

test('a record that execution waits for and nobody has: a checkpoint that covers it helps', () => {
  const group = new GroupAlone(
    { chosenUpTo: 50, lastAccepted: 50, chain: 3 },
    { executedUpTo: 44, chain: 1, sessions: [] },
  )
  for (const peer of [2, 3]) group.link(peer)
  group.step({ kind: 'unreadable', instance: 45 })
  const checkpoints = () => group.sent('learn').filter(({ want }) => want === 'checkpoint')
  group.fire('repair')
  expect(checkpoints()).toEqual([])
  group.fire('repair')
  expect(checkpoints()).toMatchObject([{ from: 46 }])
  expect(group.hears(2, { ...OFFER, instance: 44 }).transfers).toEqual([])
  expect(group.hears(2, { ...OFFER, instance: 45 }).transfers).toMatchObject([{ kind: 'begin', instance: 45 }])
})

test('a node that has just loaded a checkpoint asks for the log, and no other checkpoint, until it has caught up', () => {
  const base = { executedUpTo: 50, chain: 3, sessions: [] }
  const group = new GroupAlone({ chosenUpTo: 50, lastAccepted: 50, firstKept: 51, chain: 3 }, base)
  group.link(2)
  const asks = (chosenUpTo: number) => {
    group.hears(2, { kind: 'status', chosenUpTo, lastAccepted: chosenUpTo, chain: 1, leader: 0 })
    return group.sent('learn')
  }
  const [first] = asks(60)
  expect(first).toMatchObject({ from: 51, want: 'log' })
  const values = Array.from({ length: 10 }, () => Uint8Array.of(1))
  group.hears(2, { kind: 'learned', session: first?.session ?? 0, from: 51, values, chosenUpTo: 60, done: true })
  expect(asks(70)).toMatchObject([{ from: 61, want: 'stream' }])
})
