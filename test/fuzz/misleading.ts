import fc from 'fast-check'
import type { Message } from '../../src/core/messages.js'
import { message } from '../codec/arbitraries.js'
import { counterMachine } from '../worker/support/counter-machine.js'
import { NODES, TestCluster, voterOf } from '../worker/support/test-cluster.js'
import { encoded } from './corpus.js'

/** A message that a voter could send and did not: sound bytes, and no word of it is true. */
export interface Misleading {
  readonly from: number
  readonly to: number
  readonly message: Message
}

const LAST_ROUND = 2 ** 36 - 1
const node = fc.constantFrom(...NODES)
const ballot = fc.oneof(
  fc.constantFrom(0, 2 ** 52 - 1, 2 ** 52, 2 ** 53 - 1),
  fc
    .tuple(fc.constantFrom(1, 2, 3, 100, LAST_ROUND - 1, LAST_ROUND, 2 * LAST_ROUND), node)
    .map(([round, of]) => round * 65536 + of),
)
const instance = fc.constantFrom(
  0,
  1,
  2,
  3,
  4,
  5,
  100,
  2 ** 31,
  2 ** 32,
  2 ** 48 - 2,
  2 ** 48 - 1,
  2 ** 53 - 2,
  2 ** 53 - 1,
)
const BALLOTS = ['ballot', 'promised', 'leader']
const KEPT = ['kind', 'chain', 'id', 'done', 'want', 'hops']

/** Its numbers are those at which something happens: near to what the group holds, and the extremes. */
const nearMessage: fc.Arbitrary<Message> = fc
  .record({
    one: message,
    ballots: fc.array(ballot, { minLength: 4, maxLength: 4 }),
    instances: fc.array(instance, { minLength: 6, maxLength: 6 }),
  })
  .map(({ one, ballots, instances }) => {
    const changed: Record<string, unknown> = { ...one }
    let used = 0
    for (const [name, value] of Object.entries(one)) {
      if (typeof value !== 'number' || KEPT.includes(name)) continue
      if (name === 'version') changed[name] = 0
      else changed[name] = BALLOTS.includes(name) ? ballots[used++ % 4] : instances[used++ % 6]
    }
    if (one.kind === 'promise') {
      changed.records = one.records.map((record, i) => ({ ...record, instance: i + 2, ballot: ballots[i % 4] }))
    }
    return changed as unknown as Message
  })

export const misleading: fc.Arbitrary<readonly Misleading[]> = fc.array(
  fc.record({ from: node, to: node, message: nearMessage }),
  { minLength: 1, maxLength: 4 },
)

/**
 * A cluster at work hears what was never said, has to elect another leader, and is started again from its disks. A lie
 * may cost a group (nothing here is meant to stand against liars), but it must not end a worker, reach another group, or
 * leave a disk that cannot be read: that throws. Returns the alarms there were.
 */
export function mislead(lies: readonly Misleading[]): string[] {
  const cluster = new TestCluster({ machines: [counterMachine], stores: [[0, 1]] })
  const answers = (node: number, group: number) =>
    cluster.host(node).replies.filter((one) => one.group === group).length
  for (const group of [0, 1]) cluster.host(1).propose(group, { add: 1 })
  cluster.run(() => answers(1, 0) === 1 && answers(1, 1) === 1)
  for (const { from, to, message } of lies) {
    if (from === to) continue
    cluster.host(to).message(0, from, encoded(message))
    cluster.runFor(10)
  }
  setLink(cluster, false)
  for (const other of [2, 3]) cluster.host(other).propose(0, { add: 1 })
  cluster.runFor(5000)
  setLink(cluster, true)
  for (const one of NODES) cluster.host(one).propose(1, { add: 1 })
  cluster.run(() => answers(1, 1) === 2 && answers(2, 1) === 1 && answers(3, 1) === 1)
  const alarms = NODES.flatMap((one) => cluster.host(one).events).flatMap(({ event }) =>
    event.kind === 'alarm' ? [event.code] : [],
  )
  for (const one of NODES) cluster.start(one)
  cluster.host(1).propose(1, { add: 1 })
  cluster.run(() => answers(1, 1) === 1)
  for (const one of NODES) {
    for (const { event } of cluster.host(one).events) {
      if (event.kind === 'alarm' && /DAMAGED|STORAGE/.test(event.code)) throw new Error(`node ${one}: ${event.code}`)
    }
  }
  return alarms
}

/** Node 1, which led, is cut off from the others, or back. */
function setLink(cluster: TestCluster, up: boolean): void {
  if (up) cluster.cut.delete(1)
  else cluster.cut.add(1)
  for (const other of [2, 3]) {
    cluster.host(other).link({ peer: 1, voterId: voterOf(1), up })
    cluster.host(1).link({ peer: other, voterId: voterOf(other), up })
  }
}
