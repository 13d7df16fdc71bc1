import { expect, test } from '@jest/globals'
import { counterMachine } from './support/counter-machine.js'
import { NODES, TestCluster } from './support/test-cluster.js'

function counted(): TestCluster {
  const cluster = new TestCluster({ machines: [counterMachine] })
  cluster.host(1).propose(0, { add: 7 })
  cluster.run(() => cluster.host(1).replies.length === 1)
  return cluster
}

test('a linearizable read sees every acknowledged command, from any node', () => {
  const cluster = counted()
  for (const node of NODES) cluster.host(node).read(0, 40 + node, null)
  cluster.run(() => NODES.every((node) => cluster.host(node).reads.length === 1))
  for (const node of NODES) {
    expect(cluster.host(node).reads).toEqual([{ token: 40 + node, outcome: 'answered', status: 0, result: 7 }])
  }
})

test('a local read on the node that was answered sees the command at once, and needs nobody', () => {
  const cluster = counted()
  for (const node of [2, 3]) cluster.cut.add(node)
  cluster.host(1).read(0, 1, null, 'local')
  cluster.turn(1)
  expect(cluster.host(1).reads).toEqual([{ token: 1, outcome: 'answered', status: 0, result: 7 }])
})

test('a linearizable read without a majority ends at its deadline', () => {
  const cluster = counted()
  for (const node of [2, 3]) cluster.cut.add(node)
  cluster.host(1).read(0, 9, null, 'quorum', 1, cluster.nowMs + 700)
  cluster.run(() => cluster.host(1).reads.length === 1, 3000)
  expect(cluster.host(1).reads).toEqual([{ token: 9, outcome: 'no-quorum', status: 0, result: undefined }])
})

test('a read of a machine that is not there is refused, and says so', () => {
  const cluster = counted()
  cluster.host(1).read(0, 2, null, 'local', 77)
  cluster.turn(1)
  expect(cluster.host(1).reads).toEqual([{ token: 2, outcome: 'answered', status: 1, result: 'no state machine 77' }])
})
