import { expect, test } from '@jest/globals'
import { DEFAULT_TUNING } from '../../src/core/config.js'
import type { Learn, Message } from '../../src/core/messages.js'
import { NodeModel, type Outgoing } from '../support/core-node.js'

/** Node 3 of three, which hears of five instances that it does not have. */
class Behind {
  readonly node = new NodeModel(3, [1, 2, 3], { tuning: DEFAULT_TUNING, proposeOn: 'leader' })
  private out: Outgoing[] = []

  constructor() {
    this.node.start([])
    this.node.now = 10_000
    for (const from of [1, 2]) this.hears(from, { kind: 'status', chosenUpTo: 5, lastAccepted: 5, chain: 1, leader: 0 })
  }

  hears(from: number, message: Message): void {
    this.node.input({ kind: 'message', from, message }, this.out)
  }

  waits(): void {
    this.node.now += DEFAULT_TUNING.learnMs
    this.node.fire('learn', this.out)
  }

  /** The request that was sent since the last call. */
  asked(): { to: number; learn: Learn } {
    const [request] = this.out.flatMap(({ to, message }) => (message.kind === 'learn' ? [{ to, learn: message }] : []))
    if (request === undefined) throw new Error('nobody was asked')
    this.out = []
    return request
  }
}

test('a source that has nothing to give is not asked again before the others', () => {
  const behind = new Behind()
  const first = behind.asked()
  const { session, from } = first.learn
  behind.hears(first.to, { kind: 'learned', session, from, values: [], chosenUpTo: 5, done: true })
  behind.waits()
  expect(behind.asked().to).not.toBe(first.to)
})
