import { afterEach, expect, test } from '@jest/globals'
import type { NodeId } from '../../src/base/numbers.js'
import { Random } from '../../src/base/random.js'
import { GroupHost } from '../../src/worker/group-host.js'
import { Outbox } from '../../src/worker/outbox.js'
import { Round } from '../../src/worker/round.js'
import { counterMachine } from './support/counter-machine.js'
import { OrderingWatch } from './support/ordering-watch.js'
import { NODES, TestCluster } from './support/test-cluster.js'

const { write } = GroupHost.prototype
const { publish } = Outbox.prototype
const { run } = Round.prototype

afterEach(() => {
  GroupHost.prototype.write = write
  Outbox.prototype.publish = publish
  Round.prototype.run = run
})

/** A busy run with three groups in two stores, with leaders cut off and nodes restarted in between. */
function busyRun(seed: number): OrderingWatch {
  const watch = new OrderingWatch()
  const random = new Random(seed)
  let cluster: TestCluster | undefined
  const look = (node: NodeId) => {
    const host = cluster?.nodes.get(node)?.host
    if (host === undefined || cluster === undefined) return
    const before = host.sent.length
    host.pump(cluster.nowMs)
    for (const sent of host.sent.slice(before)) watch.check(node, sent)
  }
  cluster = new TestCluster({
    machines: [counterMachine],
    stores: [[0, 1], [2]],
    openLog: (node, store, nodes) => watch.wrap(node, nodes.memoryLog(store.path), () => look(node)),
  })
  for (let step = 0; step < 400; step++) {
    for (const node of NODES) {
      if (random.chance(0.7)) cluster.host(node).propose(random.below(3), { add: 1 })
    }
    if (random.chance(0.01)) cluster.cut.add(NODES[random.below(3)] as NodeId)
    if (random.chance(0.03)) cluster.cut.clear()
    if (random.chance(0.01)) cluster.start(NODES[random.below(3)] as NodeId)
    cluster.turnAll(look)
    cluster.nowMs += random.chance(0.1) ? 200 : 1
  }
  return watch
}

test('no PREPARE, PROMISE or ACCEPTED leaves a worker before the commit it relies on has returned', () => {
  let checked = 0
  for (let seed = 1; seed <= 3; seed++) {
    const watch = busyRun(seed)
    expect(watch.violations).toEqual([])
    // Disk and network overlap: accepts are on their way while the leader's own record is being written.
    expect(watch.overlapping).toBeGreaterThan(10)
    checked += watch.checked
  }
  expect(checked).toBeGreaterThan(600)
})

test('planted bug: a round that tells the core `persisted` before its commit is caught', () => {
  GroupHost.prototype.write = function (this: GroupHost) {
    const due = write.call(this)
    if (due === undefined) return undefined
    const copy = { ...due, records: [...due.records] }
    this.persisted(1_000_000)
    this.place.outbox.publish()
    return copy
  }
  expect(busyRun(1).violations.length).toBeGreaterThan(0)
})

test('planted bug: a round that publishes only after its commit no longer overlaps with it', () => {
  let first = false
  Round.prototype.run = function (this: Round) {
    first = true
    return run.call(this)
  }
  Outbox.prototype.publish = function (this: Outbox) {
    if (!first) publish.call(this)
    first = false
  }
  expect(busyRun(1).overlapping).toBe(0)
})
