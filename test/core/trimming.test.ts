import { describe, expect, test } from '@jest/globals'
import { ballotOf } from '../../src/core/ballot.js'
import { GroupAlone } from '../support/core-alone.js'

const PROMISED = ballotOf(3, 2)
const REF = { instance: 80, id: 7, manifestBytes: 100, dataBytes: 1000 }

/** 100 instances are chosen, 90 executed, and a checkpoint covers 80. */
function group(): GroupAlone {
  const base = { executedUpTo: 90, chain: 1, sessions: [] }
  const one = new GroupAlone({ promised: PROMISED, chosenUpTo: 100, lastAccepted: 100, chain: 3 }, base)
  one.step({ kind: 'checkpoint', checkpoint: REF, paysFrom: Number.POSITIVE_INFINITY })
  return one
}

describe('a trim', () => {
  test('moves the first kept instance, and nothing else of the head', () => {
    const one = group()
    const { head, records } = one.step({ kind: 'trim', firstKept: 81 })
    expect(head).toEqual({ promised: PROMISED, chosenUpTo: 100, chain: 3, lastAccepted: 100, firstKept: 81 })
    expect(records).toEqual([])
    expect(one.group.firstKept).toBe(81)
    expect(one.group.isStranded).toBe(false)
  })

  test('of what no checkpoint covers is refused', () => {
    expect(() => group().step({ kind: 'trim', firstKept: 82 })).toThrow('only what a checkpoint covers')
    const without = group()
    without.step({ kind: 'checkpoint', checkpoint: undefined, paysFrom: 0 })
    expect(() => without.step({ kind: 'trim', firstKept: 2 })).toThrow('only what a checkpoint covers')
  })

  test('of what is not executed here is refused, whatever the checkpoint covers', () => {
    const one = group()
    one.step({ kind: 'checkpoint', checkpoint: { ...REF, instance: 95 }, paysFrom: 0 })
    expect(() => one.step({ kind: 'trim', firstKept: 92 })).toThrow('only what a checkpoint covers')
    expect(one.step({ kind: 'trim', firstKept: 91 }).head).toMatchObject({ firstKept: 91 })
  })

  test('that is behind an earlier one does nothing', () => {
    const one = group()
    one.step({ kind: 'trim', firstKept: 81 })
    expect(one.step({ kind: 'trim', firstKept: 70 }).head).toBeUndefined()
    expect(one.group.firstKept).toBe(81)
  })

  test('leaves the promise and the votes as they are', () => {
    const one = group()
    one.link(2)
    one.step({ kind: 'trim', firstKept: 81 })
    one.hears(2, { kind: 'prepare', version: 0, ballot: ballotOf(2, 2), from: 101 })
    expect(one.sent('nack')).toMatchObject([{ promised: PROMISED }])
  })
})

describe('a lost record', () => {
  test('that is trimmed is not learned again', () => {
    const one = group()
    one.link(2)
    one.step({ kind: 'unreadable', instance: 75 })
    one.step({ kind: 'unreadable', instance: 85 })
    expect(one.step({ kind: 'trim', firstKept: 81 }).sends).toMatchObject([{ message: { from: 85, want: 'once' } }])
    one.step({ kind: 'unreadable', instance: 60 })
    one.fire('repair')
    expect(one.sent('learn').map(({ from }) => from)).toEqual([85])
  })

  test('that is executed here, and trimmed where it is asked for, is given up: a checkpoint makes up for it', () => {
    const one = group()
    one.link(2)
    one.step({ kind: 'unreadable', instance: 85 })
    const [asked] = one.sent('learn')
    expect(asked).toMatchObject({ from: 85, want: 'once' })
    const offer = { kind: 'offer', session: asked?.session ?? 0, ...REF, instance: 88 } as const
    expect(one.hears(2, offer).transfers).toEqual([{ kind: 'make' }])
    one.fire('repair')
    expect(one.sent('learn')).toEqual([])
  })

  test('that waits for execution is made up for by the checkpoint that is offered in its place', () => {
    const one = group()
    one.link(2)
    one.step({ kind: 'unreadable', instance: 91 })
    const [asked] = one.sent('learn')
    const offer = { kind: 'offer', session: asked?.session ?? 0, ...REF, instance: 95 } as const
    expect(one.hears(2, offer).transfers).toMatchObject([{ kind: 'begin', instance: 95 }])
  })
})
