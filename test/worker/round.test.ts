import { expect, test } from '@jest/globals'
import { counterMachine } from './support/counter-machine.js'
import { TestCluster } from './support/test-cluster.js'

test('a command is chosen by three workers, executed by all, and answered to its caller alone', () => {
  const cluster = new TestCluster({ machines: [counterMachine] })
  const sequence = cluster.host(1).propose(0, { add: 5 })
  cluster.run(() => cluster.host(1).replies.length > 0)
  expect(cluster.host(1).replies).toEqual([{ group: 0, sequence, instance: 2, index: 0, status: 0, result: 5 }])
  cluster.runFor(300)
  const executed = [1, 2, 3].map((node) => cluster.host(node).statuses.get(0)?.executedUpTo)
  expect(executed).toEqual([2, 2, 2])
  const digests = new Set([1, 2, 3].map((node) => cluster.host(node).statuses.get(0)?.digest))
  expect(digests.size).toBe(1)
  expect(cluster.host(2).replies).toEqual([])
})

test('many commands from all nodes are executed once each and in the same order', () => {
  const cluster = new TestCluster({ machines: [counterMachine] })
  for (let k = 1; k <= 200; k++) for (const node of [1, 2, 3]) cluster.host(node).propose(0, { add: 1 })
  cluster.run(() => [1, 2, 3].every((node) => cluster.host(node).replies.length === 200))
  const totals = [1, 2, 3].flatMap((node) => cluster.host(node).replies.map((reply) => reply.result as number))
  expect(totals.sort((a, b) => a - b)).toEqual(Array.from({ length: 600 }, (_, k) => k + 1))
})
